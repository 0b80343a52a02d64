"""The rating pairs of a study and how often each was asked about, so that a draw need not pass all of them. Pure.

A study of a hundred conditions on three hundred crops has over a million pairs. They are kept as what they are, runs
of numbers; only pairs that were asked about are counted one by one, and how many there are of a kind is known as well.
"""

import sys
from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from random import Random

Cell = tuple[int, int]
"""Pairs of one weight, by its class, that were asked about blindly equally often."""
Row = tuple[int, bool, int]
"""A pair, whether it was drawn without a look at priorities, and how often."""

HEAVIEST = 1 << 40
"""The greatest weight; one that is smaller by more than this factor counts as 1."""
NEVER = (0, 0)
LAYER = 1_000
"""From so many pairs on, what was counted last is put together with what was counted before."""
CLOSED = 255
"""The mark of a pair that may not be asked about any more."""


@dataclass(frozen=True)
class Pool:
    """The rating pairs of a study, by places from 0 in the order of their numbers.

    Args:
        runs: first number and length of each stretch of numbers without a gap.
        weights: of the classes, whole numbers; that of class 0, of pairs without a priority, is 0.
        classes: the class of each place; empty where no pair has a priority.
        members: the places of each class, in their order; nothing for class 0.
    """

    runs: tuple[tuple[int, int], ...]
    weights: tuple[int, ...] = (0,)
    classes: Sequence[int] = ()
    members: tuple[Sequence[int], ...] = ((),)

    @cached_property
    def starts(self) -> list[int]:
        """Where each run begins among the places, and the last one ends."""
        return [0, *accumulate(length for _, length in self.runs)]

    @cached_property
    def firsts(self) -> list[int]:
        """The first number of each run."""
        return [first for first, _ in self.runs]

    def __len__(self) -> int:
        return self.starts[-1]

    def pair(self, place: int) -> int:
        """The number of the pair at a place."""
        run = bisect_right(self.starts, place) - 1
        return self.firsts[run] + place - self.starts[run]

    def place(self, pair: int) -> int:
        """The place of the pair of this number."""
        run = bisect_right(self.firsts, pair) - 1
        return self.starts[run] + pair - self.firsts[run]

    def class_of(self, pair: int) -> int:
        """The class of the pair of this number."""
        return self.classes[self.place(pair)] if self.classes else 0

    def sizes(self) -> list[int]:
        """How many pairs each class has."""
        weighted = [len(places) for places in self.members[1:]]
        return [len(self) - sum(weighted), *weighted]


def runs(pairs: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """The stretches without a gap of numbers in rising order."""
    found: list[tuple[int, int]] = []
    for pair in pairs:
        if found and sum(found[-1]) == pair:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((pair, 1))
    return tuple(found)


def pooled(stretches: Sequence[tuple[int, int]], priorities: Iterable[tuple[int, float]] = ()) -> Pool:
    """The pool of these runs of pairs, with the priorities (above 0) of some of them.

    Priorities are rounded to two significant digits, which makes no difference to what is learned from a vote and puts
    all pairs into a few hundred classes at most; what the rounded ones draw is exact.
    """
    pool = Pool(tuple(stretches))
    given = [(pool.place(pair), float(f"{weight:.1e}")) for pair, weight in priorities]
    if not given:
        return pool
    top = max(weight for _, weight in given)
    whole = {weight: max(1, round(weight / top * HEAVIEST)) for weight in {weight for _, weight in given}}
    weights = sorted(set(whole.values()))
    class_of = {weight: weights.index(number) + 1 for weight, number in whole.items()}
    classes = array("H", bytes(2 * len(pool)))
    for place, weight in given:
        classes[place] = class_of[weight]
    members = [array("I") for _ in range(len(weights) + 1)]
    for place in sorted(place for place, _ in given):
        members[classes[place]].append(place)
    return Pool(pool.runs, (0, *weights), classes, tuple(members))


class Asked:
    """How often each pair of a pool was asked about, in all and blindly; a pair that was asked `limit` times is closed.

    What is counted lies in two layers, so that a little more can be counted without a copy of all that was before.

    Args:
        pool: the pairs.
        limit: how often a pair may be asked about, in all; 0 is without end.
    """

    def __init__(self, pool: Pool, limit: int = 0) -> None:
        self.pool = pool
        self.limit = limit
        self.cells = Counter({(at, 0): size for at, size in enumerate(pool.sizes()) if size})
        """How many open pairs each cell has."""
        self._new: dict[int, tuple[int, int]] = {}
        self._before: Mapping[int, tuple[int, int]] = {}
        self._marks = bytearray(len(pool))
        """Of each place: its level `_before`, modulo `CLOSED`; or `CLOSED`."""
        self._listed: dict[int, list[int]] = {}

    def times(self, pair: int) -> tuple[int, int]:
        """How often, in all and blindly, the pair was asked about."""
        return self._new.get(pair) or self._before.get(pair, NEVER)

    def totals(self) -> dict[int, int]:
        """How often each pair was asked about that was at all."""
        return {pair: times for pair, (times, _blind) in {**self._before, **self._new}.items() if times}

    def open(self) -> int:
        """How many pairs may still be asked about."""
        return self.cells.total()

    def plus(self, rows: Iterable[Row]) -> "Asked":
        """The same with more counted, or less where a row's number is below 0; this one stays as it is."""
        more = Asked.__new__(Asked)
        more.pool, more.limit, more.cells = self.pool, self.limit, self.cells.copy()
        more._new, more._before, more._marks, more._listed = self._new.copy(), self._before, self._marks, {}
        more._count(rows)
        more.cells = +more.cells  # without those that are empty now
        return more

    def settled(self) -> "Asked":
        """The same, ready for more to be counted: where much was, the two layers become one, which takes its time."""
        if len(self._new) < LAYER:
            return self
        one = Asked.__new__(Asked)
        one.pool, one.limit, one.cells = self.pool, self.limit, self.cells
        one._new, one._before, one._marks, one._listed = {}, {**self._before, **self._new}, self._marks.copy(), {}
        for pair, (times, level) in self._new.items():
            one._marks[self.pool.place(pair)] = CLOSED if 0 < self.limit <= times else level % CLOSED
        return one

    def sample(self, cell: Cell, number: int, random: Random) -> list[int]:
        """So many different open pairs of a cell, every set of them as likely.

        Which ones follows from the cell and the generator alone, not from the way in which the pairs were counted.
        """
        if not number:
            return []
        pool, (kind, level), size = self.pool, cell, self.cells[cell]
        places: Sequence[int] = pool.members[kind] if kind else range(len(pool))
        fits = self._fits(kind, level)
        if 4 * number > size or number * len(places) > size**2:  # to list what fits is less work than to try
            return [pool.pair(place) for place in random.sample(self._places(cell, places, fits), number)]
        return [pool.pair(place) for place in _first_different(filter(fits, _tried(places, random)), number)]

    def _places(self, cell: Cell, places: Sequence[int], fits: Callable[[int], bool]) -> list[int]:
        """All places of a cell in their order, found by their marks: in its class or in its level, which is smaller."""
        kind, level = cell
        mark, of_level = level % CLOSED, sum(size for (_, at), size in self.cells.items() if at == level)
        marked = self._marked(level) if len(places) > of_level else [at for at in places if self._marks[at] == mark]
        return sorted(filter(fits, {*marked, *self._changed[kind, level]}))

    def _marked(self, level: int) -> list[int]:
        """The places that are marked with a level; kept, for a draw asks for all classes of one."""
        if level not in self._listed:
            mark, at, found = level % CLOSED, -1, list[int]()
            while (at := self._marks.find(mark, at + 1)) >= 0:
                found.append(at)
            self._listed[level] = found
        return self._listed[level]

    @cached_property
    def _changed(self) -> defaultdict[Cell, list[int]]:
        """The places of each cell that have no mark of their own yet."""
        found = defaultdict[Cell, list[int]](list)
        for pair, (_, level) in self._new.items():
            found[self.pool.class_of(pair), level].append(self.pool.place(pair))
        return found

    def _fits(self, kind: int, level: int) -> Callable[[int], bool]:
        """Whether a place is open and of this class and level."""
        pool, limit, mixed = self.pool, self.limit, bool(self.pool.classes)

        def fits(place: int) -> bool:
            if mixed and pool.classes[place] != kind:
                return False
            times, blind = self.times(pool.pair(place))
            return blind == level and not 0 < limit <= times

        return fits

    def _count(self, rows: Iterable[Row]) -> None:
        """Move each pair from the cell that it was in to the one where it is now."""
        new, before, cells, limit = self._new, self._before, self.cells, self.limit or sys.maxsize
        class_of = self.pool.class_of if self.pool.classes else lambda _: 0
        for pair, blind, times in rows:
            had, level = new.get(pair) or before.get(pair, NEVER)
            kind, now, blindly = class_of(pair), had + times, level + times if blind else level
            new[pair] = now, blindly
            if had < limit:
                cells[kind, level] -= 1
            if now < limit:
                cells[kind, blindly] += 1


def _tried(places: Sequence[int], random: Random) -> Iterator[int]:
    """One of the places after the other, each time any of them."""
    while True:
        yield places[int(random.random() * len(places))]


def _first_different(places: Iterator[int], number: int) -> list[int]:
    """The first so many that differ, in their order."""
    found: dict[int, None] = {}
    while len(found) < number:
        found[next(places)] = None
    return list(found)
