"""Who may begin, and which trials a session gets: counted in SQL, planned and stored in one transaction.

One session begins at a time: the study's row is locked (PostgreSQL) or the database is (SQLite's BEGIN IMMEDIATE),
so that the counts a plan is made from hold until it is stored, and the number of participants is never overshot.
What is planned and answered is counted before the lock, which then covers only what changed since.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session as OrmSession

from study import demand, design, ordering, questions
from study.demand import NOTHING, Counted
from study.errors import Closed, Full, Paused, UnknownStudy
from study.models import Participant, Session, Study, Trial, taking_part
from study.pool import Asked
from study.spec import STUDY_NAME, Spec, parse

GRACE = timedelta(minutes=1)
"""How much later than its votes are refused an abandoned session gives its places back: a vote that was taken in time,
and is still on its way into the database, must not meet a place that has been given to somebody else."""
PLANNED = ("kind", "block", "position", "flipped", "expected", "strategy", "probability")
"""What a trial keeps of its plan, beside the pair."""


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


def check_room(db: OrmSession, study: Study, at: datetime, ahead: Counted = NOTHING) -> None:
    """Be silent where one more participant may begin at the moment `at`; `ahead` is what was counted before.

    Whoever declined, withdrew, abandoned a session or was screened out has given the place back.

    Raises:
        Full: as many take part as the study asked for, or every pair has the answers that it asked for.
    """
    _check_places(db, study, at)
    if spec_of(study).design.votes_per_pair:
        _check_wanted(counted(db, study, at, ahead).answers)


def _check_places(db: OrmSession, study: Study, at: datetime) -> None:
    limit = spec_of(study).design.participants
    placed = select(func.count()).where(taking_part(study.id), or_(Session.outcome == "complete", _alive(study, at)))
    if limit and (db.scalar(placed) or 0) >= limit:
        raise _full()


def _check_wanted(asked: Asked) -> None:
    if not asked.open():
        raise _full()


def _full() -> Full:
    return Full(
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
    ahead: Counted = NOTHING,
) -> Session:
    """The participant's session, planned whole; the one there is where it has begun already.

    Call it with the study locked (`find(..., lock=True)`) in a write transaction. `language` is that of the pages;
    where nothing is said, the study's first one. `ahead` is what was counted before the lock.

    Raises:
        Paused, Closed, Full: nobody may begin now.
    """
    session = db.scalar(_OF_PARTICIPANT, {"participant": participant.id})
    if session is not None:
        return session
    if participant.preview:
        return _begin_preview(db, study, participant, at, language, ahead=ahead)
    check_open(study)
    _check_places(db, study, at)
    found = counted(db, study, at, ahead)
    _check_wanted(found.answers)
    last = db.connection().scalar(_LAST, {"study": study.id}) or 0
    question = questions.drawn(spec_of(study), last + 1)
    session = _session(participant, at, ordinal=last + 1, outcome="open", language=language, asks_for=question)
    db.add(session)
    db.flush()
    _plan(db, session, found, last + 1)
    return session


def _begin_preview(
    db: OrmSession, study: Study, participant: Participant, at: datetime, language: str | None, *, ahead: Counted
) -> Session:
    """The session of a preview: planned as if nobody had answered, whatever the quotas, and numbered below all others.

    Raises:
        Closed: the study has ended.
    """
    check_open(study, preview=True)
    session = _session(participant, at, ordinal=None, outcome="open", language=language)
    db.add(session)
    db.flush()
    session.asks_for = questions.drawn(spec_of(study), -session.id)
    _plan(db, session, demand.known(db, study, spec_of(study).design, ahead).fresh(), -session.id)
    return session


def _plan(db: OrmSession, session: Session, found: Counted, ordinal: int) -> None:
    """Store every trial of a session; of a preview's, all that would be rated are of its own kind."""
    spec = spec_of(session.study)
    planned = design.plan(
        found.answers,
        lambda drawn: demand.sources(db, drawn),
        found.catches,
        design=spec.design,
        asks_for=questions.of(spec, session.asks_for),
        ordinal=ordinal,
    )
    if session.participant.preview:
        planned = [_previewed(trial) for trial in planned]
    db.flush()
    _store(db, [_trial(session.id, trial) for trial in planned])


def _store(db: OrmSession, trials: list[dict[str, Any]]) -> None:
    """Add these rows, not through the ORM, which would take three times as long, with the study locked.

    PostgreSQL gets them in one statement, for each one costs it a tenth of a millisecond.
    """
    connection = db.connection()
    if connection.dialect.name == "sqlite":
        connection.execute(insert(_TRIALS), trials)
    else:
        connection.execute(_AT_ONCE, {"rows": json.dumps(trials)})


def _previewed(trial: ordering.Planned) -> ordering.Planned:
    rated = trial.kind == "rating"
    return trial._replace(kind="preview", strategy=None, probability=None) if rated else trial


def decline(db: OrmSession, participant: Participant, at: datetime, language: str | None = None) -> Session:
    """Record that the participant did not agree; a session that has begun stays as it is."""
    session = db.scalar(select(Session).where(Session.participant_id == participant.id))
    if session is None:
        session = _session(participant, at, ordinal=None, outcome="declined", ended_at=at, language=language)
        db.add(session)
        db.flush()
    return session


def counts(db: OrmSession, study: Study, at: datetime, ahead: Counted = NOTHING) -> Mapping[int, int]:
    """How often each rating pair was answered, or is about to be: all trials of sessions alive at `at` count."""
    return counted(db, study, at, ahead).answers.totals()


def counted(db: OrmSession, study: Study, at: datetime, before: Counted = NOTHING) -> Counted:
    """How often each pair was answered, or is about to be, at the moment `at`: counted on from `before`."""
    return demand.counted(db, study, spec_of(study).design, _since(study, at), before)


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
    return and_(Session.outcome == "open", Session.active_at >= _since(study, at))


def _since(study: Study, at: datetime) -> datetime:
    """When a session that holds its place at the moment `at` must have given its last sign of life."""
    return clock(study, at) - timedelta(hours=spec_of(study).design.resume_hours) - GRACE


def trials_planned(
    db: OrmSession, study: Study, at: datetime, ahead: Counted = NOTHING, *, preview: bool = False
) -> tuple[int, int]:
    """How many trials a session that begins at the moment `at` has: in one round of practice, and after it.

    Answers are counted only where enough of them would make the session shorter.
    """
    ask = spec_of(study).design
    there = demand.known(db, study, ask, ahead)
    limited = ask.votes_per_pair and not preview
    wanted = counted(db, study, at, there).answers.open() if limited else len(there.answers.pool)
    rated = min(ask.trials, wanted)
    practice, *beside = design.numbers(ask, rated, known=bool(there.catches))
    return practice, rated + sum(beside)


def _session(
    participant: Participant,
    at: datetime,
    *,
    ordinal: int | None,
    outcome: str,
    language: str | None,
    ended_at: datetime | None = None,
    asks_for: str | None = None,
) -> Session:
    return Session(
        study_id=participant.study_id,
        participant_id=participant.id,
        ordinal=ordinal,
        outcome=outcome,
        prepared=0,
        practised=False,
        block=1,
        asks_for=asks_for,
        language=language or spec_of(participant.study).study.languages[0],
        started_at=at,
        active_at=at,
        ended_at=ended_at,
    )


def _trial(session: int, planned: ordering.Planned) -> dict[str, Any]:
    return {
        "session_id": session,
        "pair_id": planned.pair,
        "public": secrets.token_urlsafe(16),
        "key": secrets.token_urlsafe(16),
        "correction_key": secrets.token_urlsafe(16),
        **{name: getattr(planned, name) for name in PLANNED},
        "reloads": 0,
    }


_TRIALS: Any = Trial.__table__
_OF_PARTICIPANT = select(Session).where(Session.participant_id == bindparam("participant"))
_LAST: Any = select(func.max(Session.ordinal)).where(taking_part(bindparam("study", type_=Integer)))
_GIVEN = ("session_id", "pair_id", "public", "key", "correction_key", *PLANNED, "reloads")
_ROWS: Any = (
    func.json_to_recordset(cast(bindparam("rows", type_=Text), postgresql.JSON))
    .table_valued(*(column(name, _TRIALS.c[name].type) for name in _GIVEN))
    .render_derived(name="given", with_types=True)
)
_AT_ONCE: Any = insert(_TRIALS).from_select(_GIVEN, select(*(_ROWS.c[name] for name in _GIVEN)))
