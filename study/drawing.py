"""Which rating pairs a session holds, and with what chance each came in. Pure: all chance is the generator's.

Pairs are equal within a cell (one weight, asked about blindly equally often), so a draw has two steps. How many trials
each cell gives is drawn systematically (Madow 1949, "On the theory of systematic sampling, II"): cells of expected
numbers t lie end to end in random order on a line as long as the session has places, and a grid of step 1 with a random
start marks them. A cell so gives the whole number below t or above it, t in the mean, and all together as many as
there are places. Which pairs of a cell, is a simple random sample. So each pair's chance to be in the session is known,
t / size, and its inverse is the weight of an unbiased sum (Horvitz and Thompson 1952). All is counted in whole UNITs
of a place, so that no chance is rounded above 1 or below what was drawn.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from study.pool import Asked, Cell

UNIT = 1 << 53
"""Of these is a place."""


class Part(NamedTuple):
    """How much of the session a cell gets: without a look at priorities, and by them."""

    blind: int = 0
    adaptive: int = 0


class Drawn(NamedTuple):
    """A pair of a session, whether it was drawn blindly, and the chance that the session came to hold it at all."""

    pair: int
    blind: bool
    chance: float


def draw(asked: Asked, places: int, share: float, random: Random) -> list[Drawn]:
    """Draw so many pairs, or all that may be asked about where those are fewer.

    Args:
        asked: the pairs, and how often each was asked about.
        places: rating trials of the session.
        share: of the places, in the mean, are drawn blindly; all of them where no pair has a priority.
        random: whence all chance comes.
    """
    cells = dict(sorted(asked.cells.items()))  # so that a plan does not follow from the order of counting
    found = parts(cells, asked.pool.weights, min(places, asked.open()), share)
    numbers = _numbers(found, random)
    drawn: list[Drawn] = []
    for cell in sorted((cell for cell in found if sum(numbers[cell])), key=lambda cell: (cell[1], cell[0])):
        chance = sum(found[cell]) / (cells[cell] * UNIT)
        pairs = asked.sample(cell, sum(numbers[cell]), random)
        drawn += [Drawn(pair, at < numbers[cell].blind, chance) for at, pair in enumerate(pairs)]
    return drawn


def parts(cells: Mapping[Cell, int], weights: Sequence[int], places: int, share: float) -> dict[Cell, Part]:
    """How many units each cell gets of a session of so many places, at most as many as there are pairs.

    Blind places fill the levels from below: they hold every pair below the level at which they run out, and all pairs
    of that level with the same chance, whatever their weights. The others are in proportion to the weights, where no
    pair can be in a session more than once. Where too few pairs have a weight all of these come, and the rest is blind.
    """
    whole, blind_units = places * UNIT, round(share * places * UNIT)
    weighted = {cell: size for cell, size in cells.items() if weights[cell[0]]}
    others = {cell: size for cell, size in cells.items() if not weights[cell[0]]}
    blind = _level_by_level(cells, cells, blind_units)
    room = {cell: size * UNIT - blind[cell] for cell, size in weighted.items()}
    if sum(room.values()) <= whole - blind_units:
        more = _level_by_level(others, cells, whole - sum(weighted.values()) * UNIT)
        blind = more | {cell: max(blind[cell], more[cell]) for cell in weighted}
        by_weight = {cell: size * UNIT - blind[cell] for cell, size in weighted.items()}
    else:
        weight = {cell: size * weights[cell[0]] for cell, size in weighted.items()}
        by_weight = _in_proportion(room, weight, whole - blind_units)
    return {cell: Part(blind[cell], by_weight.get(cell, 0)) for cell in cells}


def _level_by_level(filled: Mapping[Cell, int], cells: Mapping[Cell, int], units: int) -> dict[Cell, int]:
    """What each of the cells gets at the rate at which so many units fill some of them, the least level first."""
    sizes: Counter[int] = Counter()
    for (_, level), size in filled.items():
        sizes[level] += size
    rates, left = {}, units
    for level in sorted(sizes):
        rates[level] = min(left, sizes[level] * UNIT), sizes[level]
        left -= rates[level][0]
    reached = max((level for level, (got, _) in rates.items() if got), default=-1)
    given = {}
    for cell, size in cells.items():
        got, of = rates.get(cell[1], (UNIT if cell[1] < reached else 0, 1))
        given[cell] = got * size // of
    room = {cell: size * UNIT for cell, size in filled.items() if given[cell]}
    return given | _topped({cell: given[cell] for cell in room}, room, units - left)


def _in_proportion(room: Mapping[Cell, int], weight: Mapping[Cell, int], units: int) -> dict[Cell, int]:
    """So many units, fewer than there is room for, in proportion to the weights; what is full leaves the rest more."""
    rest, left, given = sum(weight.values()), units, {}
    for cell in sorted(room, key=lambda cell: (room[cell] / weight[cell], cell)):
        given[cell] = min(room[cell], left * weight[cell] // rest)
        rest, left = rest - weight[cell], left - given[cell]
    return _topped(given, room, units)


def _topped(given: dict[Cell, int], room: Mapping[Cell, int], units: int) -> dict[Cell, int]:
    """The same with the few units that divisions left over, where there is room for them."""
    left, topped = units - sum(given.values()), {}
    for cell in sorted(given, key=lambda cell: given[cell] - room[cell]):
        more = min(left, room[cell] - given[cell])
        topped[cell], left = given[cell] + more, left - more
    return topped


def _numbers(found: Mapping[Cell, Part], random: Random) -> dict[Cell, Part]:
    """How many trials each cell gives, drawn systematically; what is certain takes no chance."""
    order, at = sorted(found), 0
    if any(units % UNIT for part in found.values() for units in part):
        random.shuffle(order)
        at = random.randrange(UNIT)
    numbers = {}
    for cell in order:
        blind, both = at + found[cell].blind, at + sum(found[cell])
        numbers[cell] = Part(blind // UNIT - at // UNIT, both // UNIT - blind // UNIT)
        at = both
    return numbers
