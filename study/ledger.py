"""The tables of researchers: who they are, what they did, what they loaded, what left, and what was counted for them.

The log of their deeds is only ever added to. What is counted follows from the votes and can be thrown away at any time.
"""

from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, event
from sqlalchemy.orm import Mapped, ORMExecuteState, mapped_column, relationship
from sqlalchemy.orm import Session as OrmSession

from study.models import NAME, SHA256, Base, UtcDateTime, one_of


class Researcher(Base):
    """Who may see the dashboard: an owner may change what a study does, a viewer may look.

    `stamp` is random and stands in the login's cookie: a new password, or locking the account, ends every login.
    """

    __tablename__ = "researcher"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(one_of("owner", "viewer", name="role"))
    password: Mapped[str] = mapped_column(NAME)  # hashed
    stamp: Mapped[str] = mapped_column(String(64))
    locked: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LoginFailure(Base):
    """A login that failed, under the name that was typed, whether there is such a researcher or not."""

    __tablename__ = "login_failure"
    __table_args__ = (Index(None, "name", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Result(Base):
    """A report that `study results` loaded: made from which votes, and when it came."""

    __tablename__ = "result"
    __table_args__ = (Index(None, "study_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    votes_sha256: Mapped[str] = mapped_column(SHA256)
    simulated: Mapped[bool]

    files: Mapped[list["ResultFile"]] = relationship()


class ResultFile(Base):
    """One file of a loaded report, by its path below the report's folder."""

    __tablename__ = "result_file"
    __table_args__ = (UniqueConstraint("result_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"))
    name: Mapped[str] = mapped_column(NAME)
    sha256: Mapped[str] = mapped_column(SHA256)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Export(Base):
    """A file of votes, or of participants, that left the database.

    It held what sessions up to the number `last_session_id` had given by then, votes up to `last_vote_id`; so after
    an erasure the exports that held the person can be named.
    """

    __tablename__ = "export"
    __table_args__ = (Index(None, "study_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    what: Mapped[str] = mapped_column(one_of("votes", "participants", "archive", "backup", name="what"))
    name: Mapped[str] = mapped_column(NAME)  # of the file; not its folder, which is a machine's affair
    sha256: Mapped[str] = mapped_column(SHA256)
    last_session_id: Mapped[int]
    last_vote_id: Mapped[int]


class Deed(Base):
    """A line of the log: which researcher (or the command line) did what, to which study. Never changed, never deleted.

    `detail` is a JSON object without anything that names a participant but the number of a session.
    """

    __tablename__ = "deed"
    __table_args__ = (Index(None, "study"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    who: Mapped[str] = mapped_column(String(64))
    did: Mapped[str] = mapped_column(String(64))
    study: Mapped[str] = mapped_column(String(64))  # its name, which outlives a draft; empty where none is meant
    detail: Mapped[str] = mapped_column(Text)


class Watch(Base):
    """How often what is counted of a study was brought up to date: who counted on an older number begins again."""

    __tablename__ = "watch"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), unique=True)
    turn: Mapped[int]


class Tally(Base):
    """Rating votes of a study: of a pair, in an hour, or by how long they took.

    `key` is the pair's number, the hours since 1970, or the tenths of a second of the answers that count.
    """

    __tablename__ = "tally"
    __table_args__ = (UniqueConstraint("study_id", "what", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    what: Mapped[str] = mapped_column(one_of("pair", "hour", "tenth", name="what"))
    key: Mapped[int]
    votes: Mapped[int]


class SessionTally(Base):
    """What one session has given, up to the vote `last_vote` of the trial at `position`, by the answers that count.

    `turn` is the session's when its votes were counted: where it is another one now, there may be more.
    """

    __tablename__ = "session_tally"

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("session.id"), unique=True)
    turn: Mapped[int]
    position: Mapped[int]
    last_vote: Mapped[int]
    practice: Mapped[int]
    answered: Mapped[int]  # after practice
    ratings: Mapped[int]
    not_sure: Mapped[int]
    left: Mapped[int]
    catches: Mapped[int]
    catches_right: Mapped[int]
    identical: Mapped[int]  # that name a side
    identical_left: Mapped[int]
    repeats: Mapped[int]
    repeats_same: Mapped[int]
    timed: Mapped[int]
    response_ms: Mapped[int] = mapped_column(BigInteger)  # in all, each for a minute at most


@event.listens_for(Deed, "before_update")
@event.listens_for(Deed, "before_delete")
def _deeds_stay(_mapper: Any, _connection: Any, deed: Deed) -> NoReturn:
    raise TypeError(f"line {deed.id} of the log stays as it was written")


@event.listens_for(OrmSession, "do_orm_execute")
def _deeds_are_only_added(state: ORMExecuteState) -> None:
    if (state.is_update or state.is_delete) and state.bind_mapper is Deed.__mapper__:
        raise TypeError("the log is only ever added to")
