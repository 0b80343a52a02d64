"""The coverage of a study: how many rating votes each two conditions have, and how evenly they fell on their pairs."""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from study import extent
from study.ledger import Tally
from study.models import Condition, Pair, Study
from study.scheduling import spec_of

LEVELS = 9
"""Steps of the ramp that a cell's colour is one of, beside that of no votes at all."""


class Cell(NamedTuple):
    """The pairs of two conditions: their votes, the votes of the pair with the fewest, how many there are, and the
    step of the ramp."""

    votes: int
    least: int
    pairs: int
    level: int


@dataclass(frozen=True)
class Map:
    """The conditions at one rate (or, where pairs link rates, of all of them) and the cell of each two that meet."""

    rate: str
    conditions: list[str]
    cells: dict[tuple[str, str], Cell]

    def cell(self, one: str, other: str) -> Cell | None:
        """The cell of two conditions, whichever is named first."""
        return self.cells.get((one, other)) or self.cells.get((other, one))


def maps(db: OrmSession, study: Study) -> list[Map]:
    """The maps of a study, by rising rate."""
    conditions = select(Condition.id, Condition.name, Condition.rate).where(Condition.study_id == study.id)
    named = {number: (name, rate) for number, name, rate in db.execute(conditions)}
    voted, rows = _voted(db, study), list[tuple[str, str, str, str, int, int, int]]()
    for (a, b), pairs in extent.cells(db, study).items():
        votes, least, with_votes = voted.get((a, b), (0, 0, 0))
        rows.append((*named[a], *named[b], votes, least if with_votes == pairs else 0, pairs))
    linked = any(rate_a != rate_b for _, rate_a, _, rate_b, *_ in rows)
    wished = spec_of(study).design.votes_per_pair
    most = max((votes_ / pairs for *_, votes_, _, pairs in rows), default=0)
    found: dict[str, Map] = {}
    rates: dict[str, str] = {}
    for one, rate_a, other, rate_b, votes_, least, pairs in rows:
        rate = "" if linked else rate_a
        rates |= {one: rate_a, other: rate_b}
        level = _level(votes_ / pairs, max(most, wished))
        found.setdefault(rate, Map(rate, [], {})).cells[one, other] = Cell(votes_, least, pairs, level)
    for here in found.values():
        here.conditions.extend(
            sorted({name for two in here.cells for name in two}, key=lambda n: (_number(rates[n]), n))
        )
    return sorted(found.values(), key=lambda here: _number(here.rate))


def _voted(db: OrmSession, study: Study) -> dict[extent.Two, tuple[int, int, int]]:
    """Of each two conditions the votes, the fewest of a pair that has any, and how many pairs have."""
    a, b = extent.a, extent.b
    query = (
        select(a.condition_id, b.condition_id, func.sum(Tally.votes), func.min(Tally.votes), func.count())
        .select_from(Tally)
        .join(Pair, Pair.id == Tally.key)
        .join(a, a.id == Pair.a_id)
        .join(b, b.id == Pair.b_id)
        .where(Tally.study_id == study.id, Tally.what == "pair", Tally.votes > 0)
        .group_by(a.condition_id, b.condition_id)
    )
    return {(one, other): (int(votes), least, pairs) for one, other, votes, least, pairs in db.execute(query)}


def _level(votes: float, most: float) -> int:
    """The step of the ramp: 0 for none, else by the share of the most that two conditions have, or ought to have."""
    return 0 if votes == 0 else max(1, min(LEVELS, -int(-LEVELS * votes / most // 1)))


def _number(rate: str) -> float:
    return float(rate or 0)
