"""Where a participant stands: worked out from what is stored, never kept beside it, so that it cannot disagree.

`look` reads a session's walk in one statement; `place` says, without the database, which step is open in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Connection, Integer, String, bindparam, case, select, type_coerce, update
from sqlalchemy.orm import Session as OrmSession

from study.models import Participant, Session, Trial, Vote
from study.scheduling import clock, spec_of
from study.spec import Spec

USUAL_TRIAL_S = 7.0
"""Seconds that a trial is taken to last before anything is known of the participant."""
USUAL_WEIGHT = 5
"""As how many trials of the participant's own the usual duration counts."""
LONGEST_TRIAL_S = 60.0
"""As how much a trial counts at most in what the rest is taken to last: whoever took longer was mostly away."""

Reader = OrmSession | Connection


class Standing(NamedTuple):
    """A trial as it stands: its plan, and what was answered. `choice` counts; `cast` was said before a correction."""

    id: int
    public: str
    key: str
    correction_key: str | None
    pair_id: int
    kind: str
    block: int
    flipped: bool
    expected: str | None
    shown: bool
    vote: int | None
    cast: str | None
    response_ms: int | None
    correction: int | None
    choice: str | None

    @property
    def right(self) -> bool:
        """Whether the answer that counts is the known one."""
        return self.choice == self.expected


@dataclass(frozen=True)
class Walk:
    """A session and its trials in their order, as they were at one moment."""

    outcome: str
    prepared: int
    practised: bool
    warned_at: int | None
    block: int
    active_at: datetime
    trials: tuple[Standing, ...]

    def ahead(self) -> list[Standing]:
        """The trials without a vote that will still be shown; practice that is not needed any more will not."""
        return [t for t in self.trials if t.vote is None and not (self.practised and t.kind == "practice")]

    def missed(self) -> list[Standing]:
        """The catch trials that were decided for the wrong side, by the answers that count; not sure is no miss."""
        return [t for t in self.trials if t.kind == "catch" and t.choice in {"left", "right"} and not t.right]


@dataclass(frozen=True)
class Progress:
    """Trials after practice: done, of so many, and about how many seconds the rest will take."""

    done: int
    of: int
    seconds_left: int


@dataclass(frozen=True)
class Place:
    """The open step; the open trial in it, the one after that where nothing stands between, and the one before it
    whose vote may still be corrected."""

    step: str
    trial: Standing | None
    following: Standing | None
    undo: Standing | None
    progress: Progress


def preparation(spec: Spec) -> tuple[str, ...]:
    """The steps between consent and the first trial, in their order; `session.prepared` counts those that are done."""
    ask = spec.ask
    asked = {
        "questions": ask.age or ask.vision or ask.display,
        "plates": ask.colour_plates > 0,
        "screen": ask.screen_size,
        "instructions": True,
    }
    return tuple(step for step, wanted in asked.items() if wanted)


def session_of(db: OrmSession, participant: Participant) -> Session | None:
    """The participant's session, if one has begun or was declined."""
    return db.scalar(select(Session).where(Session.participant_id == participant.id))


def here(db: OrmSession, session: Session, at: datetime) -> Place:
    """Where this session stands."""
    return place(look(db, session), spec_of(session.study), clock(session.study, at))


def look(db: Reader, session: Session) -> Walk:
    """The walk of this session; `session` may as well be a row with the same columns."""
    return _walk(session, _standings(db.execute(_TRIALS, {"session": session.id}).all()))


def looks(db: OrmSession, sessions: Sequence[Session]) -> list[Walk]:
    """The walks of these sessions, in their order, by one statement: keep them few, for all trials are held."""
    rows: dict[int, list[Sequence[Any]]] = {session.id: [] for session in sessions}
    for row in db.connection().execute(_TRIALS_OF_MANY, {"sessions": list(rows)}).all():
        rows[row[0]].append(row[1:])
    return [_walk(session, _standings(rows[session.id])) for session in sessions]


def _standings(rows: Iterable[Sequence[Any]]) -> list[Standing]:
    """The trials of a session, each from its row, or from two: a correction comes after the vote that it replaces."""
    found: list[Standing] = []
    for *plan, vote, choice, response_ms, corrects in rows:
        if corrects is None:
            found.append(Standing._make((*plan, vote, choice, response_ms, None, choice)))
        else:
            found[-1] = found[-1]._replace(correction=vote, choice=choice)
    return found


def _walk(session: Session, trials: Iterable[Standing]) -> Walk:
    return Walk(
        session.outcome,
        session.prepared,
        session.practised,
        session.warned_at,
        session.block,
        session.active_at,
        tuple(trials),
    )


def place(walk: Walk, spec: Spec, at: datetime) -> Place:
    """Where this walk stands at the moment `at`."""
    ahead = walk.ahead()
    step = _step(walk, ahead, spec, at)
    trial = ahead[0] if step == "trial" else None
    following = next((t for t in ahead[1:2] if trial and t.block == trial.block), None)
    return Place(step, trial, following, _correctable(walk, trial), _progress(walk))


def step_of(walk: Walk, spec: Spec, at: datetime) -> str:
    """The step alone that is open in this walk at the moment `at`."""
    return _step(walk, walk.ahead(), spec, at)


def _step(walk: Walk, ahead: Sequence[Standing], spec: Spec, at: datetime) -> str:
    if walk.outcome != "open":
        return "thanks" if walk.outcome == "complete" else walk.outcome
    if not ahead:
        return "thanks"
    if at - walk.active_at > timedelta(hours=spec.design.resume_hours):
        return "expired"
    before = preparation(spec)
    if walk.prepared < len(before):
        return before[walk.prepared]
    return _between(walk, spec) if ahead[0].block > walk.block else "trial"


def _between(walk: Walk, spec: Spec) -> str:
    """What stands between two blocks. Judged only there, so that nobody learns which trial was the catch.

    The last trial before the break is judged at the next one: its answer can no longer be taken back, so that a slip
    there would count at once. Whoever is warned is not blamed for it later, `warned_at` has it.
    """
    limit, last = spec.screening.catches_missed, [trial.id for trial in walk.trials if trial.vote is not None][-1:]
    missed = sum(trial.id not in last for trial in walk.missed())
    if not limit or missed < limit:
        return "break"
    if walk.warned_at is None:
        return "warning"
    return "screened_out" if missed > walk.warned_at else "break"


def _correctable(walk: Walk, trial: Standing | None) -> Standing | None:
    """The trial before the open one, where its vote may be corrected: in the same block, no practice, and only once."""
    voted = [t for t in walk.trials if t.vote is not None] if trial else []
    last = voted[-1] if voted else None
    if last is None or trial is None or last.correction is not None or last.correction_key is None:
        return None
    return last if last.kind != "practice" and last.block == trial.block else None


def _progress(walk: Walk) -> Progress:
    counted = [trial for trial in walk.trials if trial.kind != "practice"]
    done = [trial for trial in counted if trial.vote is not None]
    spent_s = sum(min((trial.response_ms or 0) / 1000, LONGEST_TRIAL_S) for trial in done)
    pace_s = (USUAL_TRIAL_S * USUAL_WEIGHT + spent_s) / (USUAL_WEIGHT + len(done))
    return Progress(len(done), len(counted), round((len(counted) - len(done)) * pace_s))


def practice_ends(walk: Walk, last: Standing, spec: Spec) -> bool:
    """Whether `last`, a practice trial with its vote, completes a round that was answered wholly right."""
    answers, ends, _ = _round(walk, last, spec)
    return ends and all(trial.right for trial in answers)


def practice_repeats(walk: Walk, last: Standing, spec: Spec) -> bool:
    """Whether another round of practice follows because `last` completes one that has a wrong answer."""
    answers, ends, more = _round(walk, last, spec)
    return ends and more and not all(trial.right for trial in answers)


def _round(walk: Walk, last: Standing, spec: Spec) -> tuple[list[Standing], bool, bool]:
    """The round of practice that `last` is in, whether it is the end of it, and whether another one is planned."""
    practice = [trial for trial in walk.trials if trial.kind == "practice"]
    at, size = [trial.id for trial in practice].index(last.id), spec.design.practice
    return practice[at - at % size :][:size], at % size == size - 1, at + 1 < len(practice)


def needed(walk: Walk, spec: Spec) -> int:
    """How many trials the walk has, without rounds of practice that were not needed, or are not needed so far."""
    practice = [trial for trial in walk.trials if trial.kind == "practice"]
    answered = sum(trial.vote is not None for trial in practice)
    if not walk.practised and answered < len(practice):
        answered = min(len(practice), (answered // spec.design.practice + 1) * spec.design.practice)
    return len(walk.trials) - len(practice) + answered


def go_on(db: OrmSession, session: Session, shown: str, at: datetime) -> bool:
    """Leave the step that the page showed, if it is the open one and can be left; whether that was so.

    A stale page changes nothing.
    """
    db.refresh(session, with_for_update=True)  # two tabs go on one after the other
    spec = spec_of(session.study)
    walk = look(db, session)
    if place(walk, spec, clock(session.study, at)).step != shown:
        return False
    if shown in preparation(spec):
        session.prepared += 1
    elif shown == "warning":
        session.warned_at = len(walk.missed())
    elif shown == "break":
        session.block += 1
    else:
        return False
    session.active_at = at
    db.flush()
    return True


def show(db: Reader, trial: Standing | None, at: datetime, *, fetched: bool) -> None:
    """Note that the trial is shown now; fetching one that was shown before is a reload."""
    if trial is not None and (fetched or not trial.shown):
        db.execute(_SHOWN, {"trial": trial.id, "at": at, "again": int(fetched)})


def _trials_query(*beside: Any) -> Any:
    """Trials with their votes; read often, so built once.

    Types are taken as the database gives them: to look each word up in its enumeration took half of the time. A vote
    is told from its correction here and not in the join: PostgreSQL, before its first ANALYZE, takes votes that
    correct none for rare, and would pass all of them once a trial.
    """
    columns = (
        *(Trial.id, Trial.public, Trial.key, Trial.correction_key, Trial.pair_id),
        *(type_coerce(Trial.kind, String), Trial.block, Trial.flipped, type_coerce(Trial.expected, String)),
        *(type_coerce(Trial.shown_at.is_not(None), Boolean), Vote.id, type_coerce(Vote.choice, String)),
        *(Vote.response_ms, Vote.corrects),
    )
    return select(*beside, *columns).outerjoin(Vote, Vote.trial_id == Trial.id)


_TRIALS = _trials_query().where(Trial.session_id == bindparam("session")).order_by(Trial.position, Vote.id)
_TRIALS_OF_MANY = (
    _trials_query(Trial.session_id)
    .where(Trial.session_id.in_(bindparam("sessions", expanding=True)))
    .order_by(Trial.session_id, Trial.position, Vote.id)
)
_TABLE: Any = Trial.__table__
_FIRST = _TABLE.c.shown_at.is_(None)
_SHOWN = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("trial"))
    .values(
        reloads=_TABLE.c.reloads + case((_FIRST, 0), else_=bindparam("again", type_=Integer)),
        shown_at=case((_FIRST, bindparam("at", type_=_TABLE.c.shown_at.type)), else_=_TABLE.c.shown_at),
    )
)
