"""Which pairs a study still asks about, and how often each was: read and counted in SQL, and kept from then on.

The pairs of a study that takes votes never change, nor does the plan of a session, nor what one that is over answered:
a process reads and counts them once, before anything is locked. From then on it asks, in one statement and so of one
moment, which sessions are alive and whether those that are over are still the ones that it counted, and reads only what
became different.

Why that cannot miss a change. A session that was counted as over is as it was, or its row was written to, which moves
its `turn`, or it is not over any more. Any other session that is over now was alive when it was counted, or has a
number above all that were: within a study numbers are given under its lock, and who declined, withdrew or was screened
out never comes back. So where as many are over as were, together with those that were alive then or came later, and
their turns have the same sum, each is as it was; otherwise all of them are looked through.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import (
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from study import design, ordering
from study.models import Crop, Pair, Priority, Session, Stimulus, Study, Trial, Vote, taking_part
from study.pool import Asked, Pool, Row, pooled
from study.spec import Design

AT_ONCE = 500
"""Sessions whose answers, or pairs whose sources, are read in one statement."""
MANY = 10_000
"""From so many sessions alive on all are looked through: a statement takes so many numbers and no more."""

Gave: TypeAlias = "array[int]"
"""The rating pairs that a session is asked about, or has answered; below 0 those that were not drawn blindly."""


@dataclass(frozen=True)
class Counted:
    """A study's pairs, and how often each was answered, or is about to be: all trials of sessions that are alive count.

    Args:
        of: the study with its priorities.
        catches: its pairs of known answer.
        alive: the sessions that are under way.
        over: those that are complete or abandoned, with their turns; `turns` is the sum of these.
        newest: the greatest number of a session of both.
        gave: what each of both counts for.
        answers: how often each rating pair was asked about, by all of these.
    """

    of: tuple[int, str, str | None] | None = None
    catches: tuple[ordering.Pair, ...] = ()
    alive: frozenset[int] = frozenset()
    over: Mapping[int, int] = field(default_factory=dict)
    turns: int = 0
    newest: int = 0
    gave: Mapping[int, Gave] = field(default_factory=dict)
    answers: Asked = field(default_factory=lambda: Asked(Pool(())))

    def fresh(self) -> "Counted":
        """The same pairs, as if nobody had begun."""
        return Counted(self.of, self.catches, answers=Asked(self.answers.pool, self.answers.limit))

    def settled(self) -> "Counted":
        """The same, ready to be counted on from; it may take its time, so call it where nothing is locked."""
        return replace(self, answers=self.answers.settled())


NOTHING = Counted()


def known(db: OrmSession, study: Study, ask: Design, before: Counted = NOTHING) -> Counted:
    """What was counted before, if its pairs and priorities are still the study's; else these, and nothing counted."""
    of = (study.id, study.config, study.priorities_sha256)
    if before.of == of:
        return before
    weights = select(Priority.pair_id, Priority.weight).join(Pair).where(Pair.study_id == study.id)
    priorities = ((pair, weight) for pair, weight in db.execute(weights)) if study.priorities_sha256 else ()
    answers = Asked(pooled(_runs(db, study), priorities), ask.votes_per_pair)
    return Counted(of, tuple(_catches(db, study)), answers=answers)


def counted(db: OrmSession, study: Study, ask: Design, since: datetime, before: Counted = NOTHING) -> Counted:
    """How often each pair is asked about, counted on from `before`; without a sign of life `since`, a session is over.

    Votes of a session that is over are never added any more, and taken away only together with its outcome.
    """
    before = known(db, study, ask, before)
    alive, over = _sessions(db, study, since, before)
    if alive == before.alive and over is before.over:
        return before
    gone, ended = before.alive - alive, list[int]()
    if over is not before.over:
        gone |= {session for session, turn in before.over.items() if over.get(session) != turn}
        ended = [session for session, turn in over.items() if before.over.get(session) != turn]
    new = _gave(db, ask, _PLANNED, alive - before.alive) | _gave(db, ask, _ANSWERED, ended)
    rows = [*_rows((before.gave[session] for session in gone), -1), *_rows(new.values(), 1)]
    gave = {**before.gave, **new}
    for session in gone - new.keys():
        del gave[session]
    newest = max(before.newest, *new) if new else before.newest
    return Counted(before.of, before.catches, alive, over, sum(over.values()), newest, gave, before.answers.plus(rows))


def sources(db: OrmSession, pairs: Collection[int]) -> Mapping[int, int]:
    """The source that each of these pairs lies in."""
    wanted, found = sorted(pairs), dict[int, int]()
    for start in range(0, len(wanted), AT_ONCE):
        rows = db.connection().execute(_SOURCES, {"pairs": wanted[start : start + AT_ONCE]})
        found.update(map(tuple, rows))
    return found


def _sessions(
    db: OrmSession, study: Study, since: datetime, before: Counted
) -> tuple[frozenset[int], Mapping[int, int]]:
    """The sessions that are alive, and those that are over with their turns."""
    said = {"study": study.id, "since": since}
    if before.gave and len(before.alive) < MANY:
        found = db.connection().execute(_CHANGED, said | {"newest": before.newest, "alive": list(before.alive)}).all()
        late = {session: turn for session, turn, how in found if how == "over"}
        if (len(before.over) + len(late), before.turns + sum(late.values()), "all") in found:
            alive = frozenset(session for session, _, how in found if how == "alive")
            return alive, {**before.over, **late} if late else before.over
    found = db.connection().execute(_EVERY, said).all()
    return (
        frozenset(session for session, _, how in found if how == "alive"),
        {session: turn for session, turn, how in found if how == "over"},
    )


def _gave(db: OrmSession, ask: Design, query: Select[Any], sessions: Collection[int]) -> dict[int, Gave]:
    """What each of these sessions counts for."""
    wanted, found = sorted(sessions), {session: array("q") for session in sessions}
    for start in range(0, len(wanted), AT_ONCE):
        some = {"sessions": wanted[start : start + AT_ONCE]}
        for session, pair, strategy in db.connection().execute(query, some):
            found[session].append(pair if design.blind(ask, strategy) else -pair)
    return found


def _rows(gave: Iterable[Gave], times: int) -> Iterator[Row]:
    return ((abs(pair), pair > 0, times) for pairs in gave for pair in pairs)


def _runs(db: OrmSession, study: Study) -> list[tuple[int, int]]:
    """First number and length of the stretches without a gap among the study's rating pairs; mostly it is one."""
    theirs = and_(Pair.study_id == study.id, Pair.kind == "rating")
    first, last, number = db.execute(select(func.min(Pair.id), func.max(Pair.id), func.count()).where(theirs)).one()
    if not number or last - first + 1 == number:
        return [(first, number)] if number else []
    run = (Pair.id - func.row_number().over(order_by=Pair.id)).label("run")
    numbered = select(Pair.id.label("pair"), run).where(theirs).subquery()
    ends = func.min(numbered.c.pair), func.count()
    return [(pair, length) for pair, length in db.execute(select(*ends).group_by(numbered.c.run).order_by(ends[0]))]


def _catches(db: OrmSession, study: Study) -> list[ordering.Pair]:
    """The study's pairs of known answer."""
    a = aliased(Stimulus)
    query = (
        select(Pair.id, Crop.id, Crop.source_id)
        .join(a, a.id == Pair.a_id)
        .join(Crop, Crop.id == a.crop_id)
        .where(Pair.study_id == study.id, Pair.kind == "catch")
        .order_by(Pair.id)
    )
    return [ordering.Pair(pair, crop, source) for pair, crop, source in db.execute(query)]


# Built once: to build a statement takes longer than to send it.
_ALIVE = and_(Session.outcome == "open", Session.active_at >= bindparam("since"))
_OVER = or_(Session.outcome == "complete", and_(Session.outcome == "open", Session.active_at < bindparam("since")))
_THEIRS = taking_part(bindparam("study", type_=Integer))
_EVERY: Any = select(Session.id, Session.turn, case((_ALIVE, "alive"), else_="over")).where(_THEIRS, or_(_ALIVE, _OVER))
_CHANGED: Any = union_all(
    _EVERY.where(or_(_ALIVE, Session.id > bindparam("newest"), Session.id.in_(bindparam("alive", expanding=True)))),
    select(func.count(), func.coalesce(func.sum(Session.turn), 0), literal("all")).where(_THEIRS, _OVER),
)
_PLANNED: Any = select(Trial.session_id, Trial.pair_id, type_coerce(Trial.strategy, String)).where(
    Trial.session_id.in_(bindparam("sessions", expanding=True)), Trial.kind == "rating"
)
_ANSWERED: Any = _PLANNED.join(Vote, and_(Vote.trial_id == Trial.id, Vote.corrects.is_(None)))
_SOURCES: Any = (
    select(Pair.id, Crop.source_id)
    .join(Stimulus, Stimulus.id == Pair.a_id)
    .join(Crop, Crop.id == Stimulus.crop_id)
    .where(Pair.id.in_(bindparam("pairs", expanding=True)))
)
