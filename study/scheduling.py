"""Who may begin, and which trials a session gets: counted in SQL, planned and stored in one transaction.

One session begins at a time: the study's row is locked (PostgreSQL) or the database is (SQLite's BEGIN IMMEDIATE),
so that the counts a plan is made from hold until it is stored, and the number of participants is never overshot.
What sessions that are over answered cannot grow any more: it is counted before the lock, which then covers the rest.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from study import design, ordering
from study.errors import Closed, Full, Paused, UnknownStudy
from study.models import Crop, Pair, Participant, Session, Stimulus, Study, Trial, Vote, taking_part
from study.spec import STUDY_NAME, Spec, parse

GRACE = timedelta(minutes=1)
"""How much later than its votes are refused an abandoned session gives its places back: a vote that was taken in time,
and is still on its way into the database, must not meet a place that has been given to somebody else."""
AT_ONCE = 500
"""Sessions whose answers are counted in one statement."""


@dataclass(frozen=True)
class Settled:
    """Sessions that are complete or abandoned, and how often they answered each rating pair."""

    sessions: frozenset[int] = frozenset()
    answers: Mapping[int, int] = field(default_factory=dict)


NOTHING = Settled()


def find(db: OrmSession, name: str, *, lock: bool = False, preview: bool = False) -> Study:
    """The study of this name that participants may know of; a draft is there for nobody but its previews.

    Raises:
        UnknownStudy: there is none.
    """
    query = select(Study).where(Study.name == name, or_(Study.state != "draft", literal(preview)))
    study = db.scalar(query.with_for_update() if lock else query) if STUDY_NAME.fullmatch(name) else None
    if study is None:
        raise UnknownStudy("There is no open study at this address: check the link.")
    return study


def spec_of(study: Study) -> Spec:
    """The frozen spec."""
    return parse(study.design, f"the design of study {study.name}")


def check_open(study: Study, *, preview: bool = False) -> None:
    """Be silent where the study takes votes now; those of a preview always, until it is closed.

    Raises:
        Paused: it does not for the moment.
        Closed: it does not any more.
    """
    if preview and study.state != "closed":
        return
    if study.state == "paused":
        raise Paused("This study is paused for the moment. Your answers are kept: please come back later.")
    if study.state != "open":
        raise Closed("This study has ended and takes no more answers. Thank you for your interest.")


def check_room(db: OrmSession, study: Study, at: datetime, ahead: Settled = NOTHING) -> None:
    """Be silent where one more participant may begin at the moment `at`; `ahead` is what was counted before.

    Whoever declined, withdrew, abandoned a session or was screened out has given the place back.

    Raises:
        Full: as many take part as the study asked for, or every pair has the answers that it asked for.
    """
    ask = spec_of(study).design
    placed = select(func.count()).where(taking_part(study.id), or_(Session.outcome == "complete", _alive(study, at)))
    full = ask.participants and (db.scalar(placed) or 0) >= ask.participants
    if full or (ask.votes_per_pair and not _wanted(db, study, at, ahead)):
        raise Full(
            "Everybody whom this study needs has a place. If somebody leaves, a place comes free: "
            "you may try this link again later. Thank you for your interest."
        )


def begin(
    db: OrmSession,
    study: Study,
    participant: Participant,
    at: datetime,
    language: str | None = None,
    *,
    ahead: Settled = NOTHING,
) -> Session:
    """The participant's session, planned whole; the one there is where it has begun already.

    Call it with the study locked (`find(..., lock=True)`) in a write transaction. `language` is that of the pages;
    where nothing is said, the study's first one. `ahead` is what was counted before the lock.

    Raises:
        Paused, Closed, Full: nobody may begin now.
    """
    session = db.scalar(select(Session).where(Session.participant_id == participant.id))
    if session is not None:
        return session
    if participant.preview:
        return _begin_preview(db, study, participant, at, language)
    check_open(study)
    check_room(db, study, at, ahead)
    last = db.scalar(select(func.max(Session.ordinal)).where(taking_part(study.id)))
    session = _session(participant, at, ordinal=(last or 0) + 1, outcome="open", language=language)
    db.add(session)
    db.flush()
    spec = spec_of(study)
    planned = design.plan(
        pairs(db, study, "rating"), pairs(db, study, "catch"), counts(db, study, at, ahead),
        design=spec.design, asks_for=spec.study.asks_for, ordinal=session.ordinal or 0,
    )  # fmt: skip
    db.add_all(_trial(session, trial) for trial in planned)
    db.flush()
    return session


def _begin_preview(
    db: OrmSession, study: Study, participant: Participant, at: datetime, language: str | None
) -> Session:
    """The session of a preview: planned as if nobody had answered, whatever the quotas, and numbered below all others.

    Raises:
        Closed: the study has ended.
    """
    check_open(study, preview=True)
    session = _session(participant, at, ordinal=None, outcome="open", language=language)
    db.add(session)
    db.flush()
    spec = spec_of(study)
    planned = design.plan(
        pairs(db, study, "rating"), pairs(db, study, "catch"), {},
        design=spec.design, asks_for=spec.study.asks_for, ordinal=-session.id,
    )  # fmt: skip
    db.add_all(_trial(session, _previewed(trial)) for trial in planned)
    db.flush()
    return session


def _previewed(trial: ordering.Planned) -> ordering.Planned:
    rated = trial.kind == "rating"
    return replace(trial, kind="preview", strategy=None, probability=None) if rated else trial


def decline(db: OrmSession, participant: Participant, at: datetime, language: str | None = None) -> Session:
    """Record that the participant did not agree; a session that has begun stays as it is."""
    session = db.scalar(select(Session).where(Session.participant_id == participant.id))
    if session is None:
        session = _session(participant, at, ordinal=None, outcome="declined", ended_at=at, language=language)
        db.add(session)
        db.flush()
    return session


def counts(db: OrmSession, study: Study, at: datetime, ahead: Settled = NOTHING) -> Mapping[int, int]:
    """How often each rating pair was answered, or is about to be: all trials of sessions alive at `at` count."""
    planned = (
        select(Trial.pair_id, func.count())
        .join(Session, Session.id == Trial.session_id)
        .where(taking_part(study.id), Trial.kind == "rating", _alive(study, at))
        .group_by(Trial.pair_id)
    )
    return _added(settled(db, study, at, ahead).answers, db.execute(planned))


def settled(db: OrmSession, study: Study, at: datetime, before: Settled = NOTHING) -> Settled:
    """What the sessions answered that are complete or abandoned at the moment `at`, counted on from `before`.

    Votes of such a session are never added any more, and taken away only together with its outcome, by withdrawing:
    where all sessions of `before` are still among them, their count holds. Otherwise everything is counted anew.
    """
    over = or_(Session.outcome == "complete", and_(Session.outcome == "open", ~_alive(study, at)))
    sessions = frozenset(db.scalars(select(Session.id).where(taking_part(study.id), over)))
    if not before.sessions <= sessions:
        before = NOTHING
    answers, new = before.answers, sorted(sessions - before.sessions)
    for start in range(0, len(new), AT_ONCE):
        query = (
            select(Trial.pair_id, func.count())
            .join(Vote, and_(Vote.trial_id == Trial.id, Vote.corrects.is_(None)))
            .where(Trial.session_id.in_(new[start : start + AT_ONCE]), Trial.kind == "rating")
            .group_by(Trial.pair_id)
        )
        answers = _added(answers, db.execute(query))
    return Settled(sessions, answers)


def _added(counted: Mapping[int, int], more: Iterable[tuple[int, int]]) -> Mapping[int, int]:
    total = Counter(counted)
    for pair, number in more:
        total[pair] += number
    return total


def clock(study: Study, at: datetime) -> datetime:
    """The moment `at` by the clock that sessions expire by: it stands still while the study is paused."""
    return min(at, study.paused_at) if study.paused_at else at


def resume(db: OrmSession, study: Study, at: datetime) -> None:
    """Let that clock go on: whoever had a session when the pause began has as long as ever to come back."""
    kept = timedelta(hours=spec_of(study).design.resume_hours)
    had = and_(Session.outcome == "open", Session.active_at >= clock(study, at) - kept)
    moved = update(Session).where(Session.study_id == study.id, had).values(active_at=at)
    db.execute(moved.execution_options(synchronize_session=False))
    study.paused_at = None


def _alive(study: Study, at: datetime) -> ColumnElement[bool]:
    """Whether a session holds its place and its open trials at the moment `at`."""
    kept = timedelta(hours=spec_of(study).design.resume_hours) + GRACE
    return and_(Session.outcome == "open", Session.active_at >= clock(study, at) - kept)


def pairs(db: OrmSession, study: Study, kind: str) -> list[ordering.Pair]:
    """The study's pairs of one kind, as the design sees them."""
    a = aliased(Stimulus)
    query = (
        select(Pair.id, Crop.id, Crop.source_id)
        .join(a, a.id == Pair.a_id)
        .join(Crop, Crop.id == a.crop_id)
        .where(Pair.study_id == study.id, Pair.kind == kind)
        .order_by(Pair.id)
    )
    return [ordering.Pair(pair, crop, source) for pair, crop, source in db.execute(query)]


def trials_planned(
    db: OrmSession, study: Study, at: datetime, ahead: Settled = NOTHING, *, preview: bool = False
) -> tuple[int, int]:
    """How many trials a session that begins at the moment `at` has: in one round of practice, and after it.

    Answers are counted only where enough of them would make the session shorter.
    """
    ask = spec_of(study).design
    of_kind = select(Pair.kind, func.count()).where(Pair.study_id == study.id).group_by(Pair.kind)
    number = {row[0]: row[1] for row in db.execute(of_kind)}
    asked = len(_wanted(db, study, at, ahead)) if ask.votes_per_pair and not preview else number.get("rating", 0)
    rated = min(ask.trials, asked)
    practice, *beside = design.numbers(ask, rated, known=number.get("catch", 0) > 0)
    return practice, rated + sum(beside)


def _wanted(db: OrmSession, study: Study, at: datetime, ahead: Settled) -> list[ordering.Pair]:
    return design.wanted(pairs(db, study, "rating"), counts(db, study, at, ahead), spec_of(study).design)


def _session(
    participant: Participant,
    at: datetime,
    *,
    ordinal: int | None,
    outcome: str,
    language: str | None,
    ended_at: datetime | None = None,
) -> Session:
    return Session(
        study_id=participant.study_id,
        participant_id=participant.id,
        ordinal=ordinal,
        outcome=outcome,
        prepared=0,
        practised=False,
        block=1,
        language=language or spec_of(participant.study).study.languages[0],
        started_at=at,
        active_at=at,
        ended_at=ended_at,
    )


def _trial(session: Session, planned: ordering.Planned) -> Trial:
    return Trial(
        session_id=session.id,
        pair_id=planned.pair,
        public=secrets.token_urlsafe(16),
        key=secrets.token_urlsafe(16),
        correction_key=secrets.token_urlsafe(16),
        kind=planned.kind,
        block=planned.block,
        position=planned.position,
        flipped=planned.flipped,
        expected=planned.expected,
        strategy=planned.strategy,
        probability=planned.probability,
        reloads=0,
    )
