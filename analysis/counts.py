"""Sufficient statistics: votes become counts once; everything after works on the counts.

The likelihoods of paired comparison see the votes only through the number of each outcome of each pair (with a side
bias: of each pair as it stood), and clustered variances only through the same numbers by participant and by source.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from analysis.votes import Floats, Ints, Item, Mask, Votes

FIRST_WON, SECOND_WON, NOT_SURE = 0, 1, 2
ROOM = 1 << 20  # so many counters cost less than sorting the votes


@dataclass(frozen=True)
class Counts:
    """The votes of one scale: the conditions of a rate, or of several rates that votes link.

    Pair `p` is `items[first[p]]` against `items[second[p]]`, with first < second; only pairs with votes are there.
    Outcome `o` of pair `p` is cell `3 * p + o`. `table` (pairs, 3) holds the votes of each cell. The other arrays, of
    one length, split the cells: `cell_votes[r]` votes of `participant[r]` on `source[r]` (-1: not named) fell into
    `cell[r]`; in `first_left[r]` of them the first item stood left (None: sides were not counted).
    """

    items: tuple[Item, ...]
    first: Ints
    second: Ints
    table: Ints
    participant: Ints
    source: Ints
    cell: Ints
    cell_votes: Ints
    first_left: Ints | None = None

    @property
    def rates(self) -> tuple[float | None, ...]:
        """The rates on this scale, in order."""
        return tuple(dict.fromkeys(item.rate for item in self.items))

    @property
    def votes(self) -> int:
        """How many votes there are."""
        return int(self.table.sum())

    @property
    def participants(self) -> int:
        """How many participants voted."""
        return len(np.unique(self.participant))

    @property
    def sources(self) -> int:
        """How many sources were voted on; 0 where the votes name none."""
        return len(np.unique(self.source[self.source >= 0]))

    @cached_property
    def behind(self) -> Ints:
        """The numbers of votes, participants and sources behind each item (items, 3)."""
        n, pair = len(self.items), self.cell // 3
        item = np.concatenate([self.first[pair], self.second[pair]])
        votes = np.bincount(item, np.tile(self.cell_votes, 2), n)
        named = np.tile(self.source >= 0, 2)
        people = _distinct(item, np.tile(self.participant, 2), n)
        sources = _distinct(item[named], np.tile(self.source, 2)[named], n)
        return np.stack([votes.astype(np.int64), people, sources], axis=1)

    def about(self, item: int) -> tuple[int, int, int]:
        """Return the numbers of votes, participants and sources behind one item."""
        votes, participants, sources = self.behind[item].tolist()
        return votes, participants, sources

    def by_side(self) -> tuple["Counts", Ints]:
        """Return the same votes with every pair twice, and the side of the first item of each (2 * pairs,).

        First come the pairs with the first item on the left (side 1), then those with it on the right (side -1). Raises
        ValueError where sides were not counted.
        """
        if self.first_left is None:
            raise ValueError("the sides of these votes were not counted")
        pairs, parts = len(self.first), (self.first_left, self.cell_votes - self.first_left)
        votes = np.concatenate(parts)
        cell = np.concatenate([self.cell, self.cell + 3 * pairs])
        split = replace(
            self,
            first=np.tile(self.first, 2),
            second=np.tile(self.second, 2),
            table=np.bincount(cell, votes, 6 * pairs).astype(np.int64).reshape(-1, 3),
            participant=np.tile(self.participant, 2)[votes > 0],
            source=np.tile(self.source, 2)[votes > 0],
            cell=cell[votes > 0],
            cell_votes=votes[votes > 0],
            first_left=None,
        )
        return split, np.repeat(np.array([1, -1]), pairs)

    def decided(self) -> "Counts":
        """Return the votes that decide, without those that are not sure; every item and pair keeps its number."""
        keep = self.cell % 3 != NOT_SURE
        rows = {name: getattr(self, name)[keep] for name in ("participant", "source", "cell", "cell_votes")}
        sides = None if self.first_left is None else self.first_left[keep]
        return replace(self, table=self.table * np.array([1, 1, 0]), first_left=sides, **rows)

    def won_by_source(self) -> tuple[Floats, Floats, Ints]:
        """Return the votes won (not sure: half) and all votes (items, sources), and the sources' codes in order."""
        codes, column = np.unique(self.source, return_inverse=True)
        won, votes = np.zeros((2, len(self.items), len(codes)))
        pair, outcome = np.divmod(self.cell, 3)
        gained = np.array([1.0, 0.0, 0.5])[outcome] * self.cell_votes
        for item, share in ((self.first[pair], gained), (self.second[pair], self.cell_votes - gained)):
            np.add.at(won, (item, column), share)
            np.add.at(votes, (item, column), self.cell_votes)
        return won, votes, codes


def count(votes: Votes) -> tuple[Counts, ...]:
    """Count rated votes, one `Counts` a scale, in order of rate. Rates that a vote compares across share a scale."""
    scale_of_item = _scales(votes)
    scale = scale_of_item[votes.left]
    scales = np.unique(scale_of_item[scale_of_item >= 0])
    found = [
        _count(votes.take(scale == index) if len(scales) > 1 else votes, np.flatnonzero(scale_of_item == index))
        for index in scales
    ]
    return tuple(sorted(found, key=lambda counts: _rate_order(counts.items[0].rate)))


def _scales(votes: Votes) -> Ints:
    """Return the scale of each item that is voted on, -1 for the others: connected components of the rates."""
    rates = sorted({item.rate for item in votes.items}, key=_rate_order)
    rate = np.array([rates.index(item.rate) for item in votes.items])
    met = np.bincount(rate[votes.left] * len(rates) + rate[votes.right], minlength=len(rates) ** 2)
    links = csr_array(met.reshape(len(rates), len(rates)))
    scale = np.full(len(votes.items), -1)
    used = np.flatnonzero(np.bincount(np.concatenate([votes.left, votes.right]), minlength=len(scale)))
    scale[used] = connected_components(links, directed=False)[1][rate[used]]
    return scale


def _rate_order(rate: float | None) -> tuple[bool, float]:
    return rate is None, rate or 0.0


def _count(votes: Votes, used: Ints) -> Counts:
    place = np.zeros(len(votes.items), np.int64)
    place[used] = np.arange(len(used))
    left, right = place[votes.left], place[votes.right]
    low, high = np.minimum(left, right), np.maximum(left, right)
    won = np.where(left < right, votes.outcome, -votes.outcome)
    outcome = np.select([won > 0, won < 0], [FIRST_WON, SECOND_WON], NOT_SURE)
    pairs, pair = _numbered(low * len(used) + high, len(used) ** 2)
    cells, people, images = 3 * len(pairs), len(votes.participants), len(votes.sources) + 1
    key = (votes.participant * images + votes.source + 1) * cells + 3 * pair + outcome
    keys, cell_votes, first_left = _tally(key, left < right, people * images * cells)
    whose, cell = np.divmod(keys, cells)
    participant, source = np.divmod(whose, images)
    return Counts(
        items=tuple(votes.items[item] for item in used),
        first=pairs // len(used),
        second=pairs % len(used),
        table=np.bincount(cell, cell_votes, cells).astype(np.int64).reshape(-1, 3),
        participant=participant,
        source=source - 1,
        cell=cell,
        cell_votes=cell_votes,
        first_left=first_left,
    )


def _numbered(key: Ints, size: int) -> tuple[Ints, Ints]:
    """Return the keys (below `size`) that occur, in order, and the number of each one's key among them."""
    if size > max(ROOM, 4 * len(key)):
        keys, place = np.unique(key, return_inverse=True)
        return keys, place
    there = np.bincount(key, minlength=size) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[key]


def _tally(key: Ints, mark: Mask, size: int) -> tuple[Ints, Ints, Ints]:
    """Return the keys (below `size`) that occur, in order, how often each does, and how often with the mark."""
    if size <= max(ROOM, 4 * len(key)):
        often, marked = np.bincount(key, minlength=size), np.bincount(key[mark], minlength=size)
        keys = np.flatnonzero(often)
        return keys, often[keys], marked[keys]
    keys, place, often = np.unique(key, return_inverse=True, return_counts=True)
    return keys, often, np.bincount(place[mark], minlength=len(keys))


def _distinct(item: Ints, label: Ints, n: int) -> Ints:
    """Return how many different labels each of n items has."""
    width = int(label.max(initial=0)) + 1
    return np.bincount(np.unique(item * width + label) // width, minlength=n)
