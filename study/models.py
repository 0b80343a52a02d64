"""The tables of studies and participants. Votes are only ever added: a correction is a row that names the old one."""

import secrets
from datetime import UTC, datetime
from typing import Any, NoReturn

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    DateTime,
    Dialect,
    Double,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    event,
    select,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, ORMExecuteState, mapped_column, relationship
from sqlalchemy.orm import Session as OrmSession

SHA256 = String(64)
NAME = String(255)
CHOICES = ("left", "right", "not_sure")
ASKS_FOR = ("prefer", "closer", "more_different")


def now() -> datetime:
    """The server's clock, in UTC, to the millisecond that files carry."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def random_pseudonym() -> str:
    """Nobody's but its participant's; the leading letter keeps spreadsheets from reading it as a number."""
    return f"p{secrets.token_hex(8)}"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; both databases store it without a zone and give it back with one."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse a moment without a zone: nobody knows when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Name the zone again."""
        return None if value is None else value.replace(tzinfo=UTC)


def one_of(*values: str, name: str) -> Enum:
    """A text column that a named CHECK holds to its values."""
    return Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


class Base(DeclarativeBase):
    """Every constraint has a name, so that migrations can speak of it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Study(Base):
    """One experiment; `design` is the frozen study.toml with every default written out, `config` its SHA-256.

    A design that changes after it was opened is another study, whose `follows_id` names the one before and whose
    `version` counts on. `uncovered_at` says since when the dashboard shows ratings although the study is not closed;
    `priorities_sha256` names the file that an adaptive study's priorities came from.
    """

    __tablename__ = "study"
    __table_args__ = (UniqueConstraint("follows_id"), CheckConstraint("version > 0", name="version"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[str] = mapped_column(one_of("draft", "open", "paused", "closed", name="state"))
    simulated: Mapped[bool]
    design: Mapped[str] = mapped_column(Text)
    config: Mapped[str] = mapped_column(SHA256)
    stimuli_sha256: Mapped[str] = mapped_column(SHA256)
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # since when, while it is paused
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    uncovered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("study.id"))
    priorities_sha256: Mapped[str | None] = mapped_column(SHA256)


class Source(Base):
    """An uncompressed original image."""

    __tablename__ = "source"
    __table_args__ = (UniqueConstraint("study_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    name: Mapped[str] = mapped_column(NAME)
    sha256: Mapped[str] = mapped_column(SHA256)
    width: Mapped[int]
    height: Mapped[int]


class Crop(Base):
    """A rectangle of a source, in its pixels."""

    __tablename__ = "crop"
    __table_args__ = (
        UniqueConstraint("source_id", "x", "y", "width", "height"),
        CheckConstraint("x >= 0 AND y >= 0 AND width > 0 AND height > 0", name="rectangle"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    tag: Mapped[str] = mapped_column(NAME)
    x: Mapped[int]
    y: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    # The larger window that may be shown around it, in the source's pixels too.
    context_x: Mapped[int | None]
    context_y: Mapped[int | None]
    context_width: Mapped[int | None]
    context_height: Mapped[int | None]

    source: Mapped[Source] = relationship()


class Condition(Base):
    """A codec at an operating point; `codec` and `rate` (bits per pixel, as written in stimuli.csv) may be empty."""

    __tablename__ = "condition"
    __table_args__ = (UniqueConstraint("study_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    name: Mapped[str] = mapped_column(NAME)
    codec: Mapped[str] = mapped_column(NAME)
    rate: Mapped[str] = mapped_column(String(32))


class Stimulus(Base):
    """One condition applied to one crop: one PNG, addressed by its SHA-256, and that of its larger window, if any."""

    __tablename__ = "stimulus"
    __table_args__ = (UniqueConstraint("crop_id", "condition_id"), Index(None, "condition_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    crop_id: Mapped[int] = mapped_column(ForeignKey("crop.id"))
    condition_id: Mapped[int] = mapped_column(ForeignKey("condition.id"))
    sha256: Mapped[str] = mapped_column(SHA256)
    context_sha256: Mapped[str | None] = mapped_column(SHA256)
    bpp: Mapped[str] = mapped_column(String(32))

    crop: Mapped[Crop] = relationship()
    condition: Mapped[Condition] = relationship()


class Pair(Base):
    """Two stimuli of one crop. A `catch` pair is the reference (a) against the strongly degraded crop (b)."""

    __tablename__ = "pair"
    __table_args__ = (
        UniqueConstraint("a_id", "b_id"),
        CheckConstraint("a_id <> b_id", name="two_stimuli"),
        Index(None, "study_id"),
        Index(None, "b_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    kind: Mapped[str] = mapped_column(one_of("rating", "catch", name="kind"))
    a_id: Mapped[int] = mapped_column(ForeignKey("stimulus.id"))
    b_id: Mapped[int] = mapped_column(ForeignKey("stimulus.id"))

    a: Mapped[Stimulus] = relationship(foreign_keys=[a_id])
    b: Mapped[Stimulus] = relationship(foreign_keys=[b_id])


class Priority(Base):
    """How much an adaptive study wants the next vote of a rating pair, from priorities.csv; no row is a weight of 0."""

    __tablename__ = "priority"
    __table_args__ = (CheckConstraint("weight > 0", name="weight"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pair.id"), unique=True)
    weight: Mapped[float] = mapped_column(Double)


class Participant(Base):
    """A person, or a simulated one, in one study. The token stands in the cookie, the pseudonym in files.

    `preview`: a researcher who looks at the study as participants will; in no count, quota, plan or file.
    """

    __tablename__ = "participant"
    __table_args__ = (UniqueConstraint("study_id", "pseudonym"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    token: Mapped[str] = mapped_column(String(64), unique=True)
    pseudonym: Mapped[str] = mapped_column(String(64))
    simulated: Mapped[bool]
    preview: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    study: Mapped[Study] = relationship()


class PlatformIdentity(Base):
    """What a recruiting platform's link said of a participant; apart, so that votes can be given away without it."""

    __tablename__ = "platform_identity"
    __table_args__ = (UniqueConstraint("participant_id", "parameter"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"))
    parameter: Mapped[str] = mapped_column(NAME)
    value: Mapped[str] = mapped_column(Text)


class Session(Base):
    """One sitting: begun by agreeing, or recorded as declined.

    `turn` grows with every write to the row, so that what was judged on an older one is noticed.
    `prepared` counts the steps before the first trial that are done, `block` is the last block that was begun,
    `practised` says that no further round of practice comes, `warned_at` how many catch trials had been missed when
    the participant was warned. `asks_for` is the question of this session where the study draws one for everybody.
    """

    __tablename__ = "session"
    __table_args__ = (
        UniqueConstraint("participant_id"),
        UniqueConstraint("study_id", "ordinal"),
        CheckConstraint("(outcome = 'open') = (ended_at IS NULL)", name="ended"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    participant_id: Mapped[int] = mapped_column(ForeignKey("participant.id"))
    ordinal: Mapped[int | None]  # its plan follows from the study's seed and this number; none of declined and previews
    outcome: Mapped[str] = mapped_column(
        one_of("open", "complete", "declined", "screened_out", "withdrawn", name="outcome")
    )
    turn: Mapped[int] = mapped_column(default=0, onupdate=text("turn + 1"))
    prepared: Mapped[int]
    practised: Mapped[bool]
    warned_at: Mapped[int | None]
    block: Mapped[int]
    asks_for: Mapped[str | None] = mapped_column(one_of(*ASKS_FOR, name="asks_for"))
    language: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    active_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    participant: Mapped[Participant] = relationship()
    study: Mapped[Study] = relationship()


def taking_part(study: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Which sessions stand in the counts, quotas, plans and files of the study with this number: none of its previews.

    Every query that counts or lists sessions or votes has it among its conditions.
    """
    previews = select(Participant.id).where(Participant.study_id == study, Participant.preview)
    return and_(Session.study_id == study, Session.participant_id.not_in(previews))


class Fact(Base):
    """What a participant chose to say, or the browser told, of a session: `name` is a column of sessions.csv."""

    __tablename__ = "fact"
    __table_args__ = (UniqueConstraint("session_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("session.id"))
    name: Mapped[str] = mapped_column(String(64))
    value: Mapped[str] = mapped_column(String(64))


class Trial(Base):
    """One showing of a pair to one participant; `flipped` puts the pair's b on the left.

    An `identical` trial has the pair's a on both sides; flipped, its b. `key` is the vote's idempotency key,
    `correction_key` that of the one correction it may have.
    """

    __tablename__ = "trial"
    __table_args__ = (
        UniqueConstraint("session_id", "position"),
        Index(None, "pair_id", "session_id"),
        CheckConstraint("position > 0 AND block > 0", name="from_one"),
        CheckConstraint("probability > 0 AND probability <= 1", name="chance"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("session.id"))
    pair_id: Mapped[int] = mapped_column(ForeignKey("pair.id"))
    public: Mapped[str] = mapped_column(String(64), unique=True)  # how the page names it
    key: Mapped[str] = mapped_column(String(64), unique=True)
    correction_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(
        one_of("rating", "catch", "identical", "repeat", "practice", "preview", name="kind")
    )
    block: Mapped[int]
    position: Mapped[int]
    flipped: Mapped[bool]
    expected: Mapped[str | None] = mapped_column(one_of(*CHOICES, name="expected"))
    strategy: Mapped[str | None] = mapped_column(one_of("balanced", "full", "adaptive", "random", name="strategy"))
    probability: Mapped[float | None] = mapped_column(Double)
    shown_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reloads: Mapped[int] = mapped_column(default=0)

    session: Mapped[Session] = relationship()
    pair: Mapped[Pair] = relationship()


class Vote(Base):
    """The recorded choice with its circumstances, as in votes.csv."""

    __tablename__ = "vote"
    __table_args__ = (
        Index("uq_vote_one_a_trial", "trial_id", unique=True, sqlite_where=text("corrects IS NULL"),
              postgresql_where=text("corrects IS NULL")),
        # No constraint over all votes: to PostgreSQL its index would look like the way to votes that correct none.
        Index("uq_vote_one_correction", "corrects", unique=True, sqlite_where=text("corrects IS NOT NULL"),
              postgresql_where=text("corrects IS NOT NULL")),
        Index(None, "trial_id"),
        UniqueConstraint("key"),
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id"))
    key: Mapped[str] = mapped_column(String(64))
    choice: Mapped[str] = mapped_column(one_of(*CHOICES, name="choice"))
    simulated: Mapped[bool]
    voted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    response_ms: Mapped[int | None]
    flips: Mapped[int | None]
    left_ms: Mapped[int | None]
    right_ms: Mapped[int | None]
    reference_ms: Mapped[int | None]
    zoomed: Mapped[bool | None]
    hidden_ms: Mapped[int | None]
    viewport_width: Mapped[int | None]
    viewport_height: Mapped[int | None]
    device_pixel_ratio: Mapped[float | None] = mapped_column(Double)
    device_pixels_per_pixel: Mapped[float | None] = mapped_column(Double)
    pixel_exact: Mapped[bool | None]
    bytes_verified: Mapped[bool | None]
    left_x: Mapped[float | None] = mapped_column(Double)
    left_y: Mapped[float | None] = mapped_column(Double)
    right_x: Mapped[float | None] = mapped_column(Double)
    right_y: Mapped[float | None] = mapped_column(Double)
    region_x: Mapped[int | None]
    region_y: Mapped[int | None]
    region_width: Mapped[int | None]
    region_height: Mapped[int | None]
    geometry_changes: Mapped[int | None]
    corrects: Mapped[int | None] = mapped_column(ForeignKey("vote.id"))

    trial: Mapped[Trial] = relationship()


@event.listens_for(Vote, "before_update")
@event.listens_for(Vote, "before_delete")
def _votes_stay(_mapper: Any, _connection: Any, vote: Vote) -> NoReturn:
    raise TypeError(f"vote {vote.id} stays as it was cast: add a row that corrects it")


@event.listens_for(OrmSession, "do_orm_execute")
def _votes_are_only_added(state: ORMExecuteState) -> None:
    if (state.is_update or state.is_delete) and state.bind_mapper is Vote.__mapper__:
        raise TypeError("votes are only ever added: add a row that corrects another")
