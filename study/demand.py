"""Which pairs a study still asks about, and how often each was: read and counted in SQL, and kept from then on.

The pairs of a study that takes votes never change, and what sessions that are over answered cannot grow: a process
reads and counts both once, before anything is locked, and from then on only what is new. Rows come straight from the
connection: through the ORM they would take twice as long.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from study import design, ordering
from study.models import Crop, Pair, Priority, Session, Stimulus, Study, Trial, Vote, taking_part
from study.pool import Asked, Pool, Row, pooled
from study.spec import Design

AT_ONCE = 500
"""Sessions whose answers, or pairs whose sources, are read in one statement."""


@dataclass(frozen=True)
class Settled:
    """A study's pairs, the sessions that are complete or abandoned, and how often these answered each rating pair."""

    of: tuple[int, str, str | None] | None = None
    catches: tuple[ordering.Pair, ...] = ()
    sessions: frozenset[int] = frozenset()
    answers: Asked = field(default_factory=lambda: Asked(Pool(())))


NOTHING = Settled()


def known(db: OrmSession, study: Study, ask: Design, before: Settled = NOTHING) -> Settled:
    """What was counted before, if its pairs and priorities are still the study's; else these, and nothing counted."""
    of = (study.id, study.config, study.priorities_sha256)
    if before.of == of:
        return before
    weights = select(Priority.pair_id, Priority.weight).join(Pair).where(Pair.study_id == study.id)
    priorities = ((pair, weight) for pair, weight in db.execute(weights)) if study.priorities_sha256 else ()
    answers = Asked(pooled(_runs(db, study), priorities), ask.votes_per_pair)
    return Settled(of, tuple(_catches(db, study)), answers=answers)


def settled(db: OrmSession, study: Study, ask: Design, over: ColumnElement[bool], before: Settled = NOTHING) -> Settled:
    """What the sessions answered that are over, by this condition on them, counted on from `before`.

    Votes of such a session are never added any more, and taken away only together with its outcome, by withdrawing:
    where all sessions of `before` are still among them, their count holds. Otherwise everything is counted anew.
    """
    before = known(db, study, ask, before)
    sessions = frozenset(db.connection().scalars(select(Session.id).where(taking_part(study.id), over)))
    if not before.sessions <= sessions:
        before = known(db, study, ask)
    new = sorted(sessions - before.sessions)
    if not new:
        return before
    rows = (row for start in range(0, len(new), AT_ONCE) for row in _answered(db, ask, new[start : start + AT_ONCE]))
    return Settled(before.of, before.catches, sessions, before.answers.plus(rows))


def asked(db: OrmSession, study: Study, ask: Design, alive: ColumnElement[bool], ended: Settled) -> Asked:
    """How often each rating pair was answered, or is about to be: all trials of the sessions that are alive count."""
    planned = (
        _counted()
        .join(Session, Session.id == Trial.session_id)
        .where(taking_part(study.id), Trial.kind == "rating", alive)
    )
    return ended.answers.plus(_rows(db, ask, planned), kept=False)


def sources(db: OrmSession, pairs: Collection[int]) -> Mapping[int, int]:
    """The source that each of these pairs lies in."""
    a = aliased(Stimulus)
    query = select(Pair.id, Crop.source_id).join(a, a.id == Pair.a_id).join(Crop, Crop.id == a.crop_id)
    wanted, found = sorted(pairs), dict[int, int]()
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        found.update((pair, source) for pair, source in db.execute(query.where(Pair.id.in_(some))))
    return found


def _answered(db: OrmSession, ask: Design, sessions: list[int]) -> Iterator[Row]:
    query = (
        _counted()
        .join(Vote, and_(Vote.trial_id == Trial.id, Vote.corrects.is_(None)))
        .where(Trial.session_id.in_(sessions), Trial.kind == "rating")
    )
    return _rows(db, ask, query)


def _counted() -> Select[int, str | None, int]:
    return select(Trial.pair_id, Trial.strategy, func.count()).group_by(Trial.pair_id, Trial.strategy)


def _rows(db: OrmSession, ask: Design, query: Select[int, str | None, int]) -> Iterator[Row]:
    return ((pair, design.blind(ask, strategy), times) for pair, strategy, times in db.connection().execute(query))


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
