"""How many rating pairs a study has, in all and of each two conditions: counted once a process, for they never change.

A large study has over a million of them, and a page that counted them each time would take seconds.
"""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from study.models import Pair, Stimulus, Study

Two = tuple[int, int]
"""The numbers of the conditions of a pair's a and b."""
a, b = aliased(Stimulus), aliased(Stimulus)

_pairs: WeakKeyDictionary[Any, dict[int, int]] = WeakKeyDictionary()
_cells: WeakKeyDictionary[Any, dict[int, Mapping[Two, int]]] = WeakKeyDictionary()
"""By the pool of connections, so by the database, and by the number of the study."""


def pairs(db: OrmSession, study: Study) -> int:
    """How many rating pairs the study has."""
    kept = _pairs.setdefault(db.connection().engine.pool, {})
    if study.id not in kept:
        theirs = select(func.count()).where(Pair.study_id == study.id, Pair.kind == "rating")
        kept[study.id] = db.scalar(theirs) or 0
    return kept[study.id]


def cells(db: OrmSession, study: Study) -> Mapping[Two, int]:
    """How many rating pairs there are of each two conditions."""
    kept = _cells.setdefault(db.connection().engine.pool, {})
    if study.id not in kept:
        query = (
            select(a.condition_id, b.condition_id, func.count())
            .select_from(Pair)
            .join(a, a.id == Pair.a_id)
            .join(b, b.id == Pair.b_id)
            .where(Pair.study_id == study.id, Pair.kind == "rating")
            .group_by(a.condition_id, b.condition_id)
        )
        kept[study.id] = {(one, other): number for one, other, number in db.execute(query)}
    return kept[study.id]
