"""Sufficient statistics: votes become counts once; everything after works on the counts.

The likelihoods of paired comparison see the votes only through the number of each outcome of each pair (with a side
bias: of each pair as it stood), and clustered variances only through the same numbers by participant and by source.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from analysis.codes import distinct, how_many, numbered, tallied
from analysis.votes import Floats, Ints, Item, Votes

FIRST_WON, SECOND_WON, NOT_SURE = 0, 1, 2


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
        return how_many(self.participant)

    @property
    def sources(self) -> int:
        """How many sources were voted on; 0 where the votes name none."""
        return how_many(self.source[self.source >= 0])

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
        codes, column = numbered(self.source)
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
    scales = np.unique(scale_of_item[scale_of_item >= 0])
    scale = scale_of_item[votes.left] if len(scales) > 1 else scales
    found = [
        _count(votes.take(scale == index) if len(scales) > 1 else votes, np.flatnonzero(scale_of_item == index))
        for index in scales
    ]
    return tuple(sorted(found, key=lambda counts: _rate_order(counts.items[0].rate)))


def _scales(votes: Votes) -> Ints:
    """Return the scale of each item that is voted on, -1 for the others: connected components of the rates."""
    rates, n = sorted({item.rate for item in votes.items}, key=_rate_order), len(votes.items)
    rate = np.array([rates.index(item.rate) for item in votes.items])
    key = votes.left * n
    key += votes.right
    left, right = np.divmod(distinct(key), n)
    links = csr_array((np.ones(len(left)), (rate[left], rate[right])), shape=(len(rates), len(rates)))
    scale = np.full(n, -1)
    used = np.union1d(left, right)
    scale[used] = connected_components(links, directed=False)[1][rate[used]]
    return scale


def _rate_order(rate: float | None) -> tuple[bool, float]:
    return rate is None, rate or 0.0


def _count(votes: Votes, used: Ints) -> Counts:
    """Count in one pass: a vote is one number (who, on what, left, right, who won), and only numbers are counted."""
    n, images = len(used), len(votes.sources) + 1
    place = np.zeros(len(votes.items), np.int64)
    place[used] = np.arange(n)
    key = votes.participant * images
    key += votes.source
    for item in (votes.left, votes.right):
        key *= n
        key += item if n == len(votes.items) else place[item]
    key *= 3
    key += votes.outcome
    key += 3 * n * n + 1  # no source is -1, and so is a win of the right side
    keys, often = tallied(key)
    whose, left, right, won = np.unravel_index(keys, (len(votes.participants) * images, n, n, 3))
    straight, low, high = left < right, np.minimum(left, right), np.maximum(left, right)
    pairs, pair = numbered(low * n + high)
    cells = 3 * len(pairs)
    outcome = np.where(won == 1, NOT_SURE, np.where((won == 2) == straight, FIRST_WON, SECOND_WON))
    found, row = numbered(whose * cells + 3 * pair + outcome)
    whose, cell = np.divmod(found, cells)
    participant, source = np.divmod(whose, images)
    cell_votes, first_left = (
        np.bincount(row, weights, len(found)).astype(np.int64) for weights in (often, often * straight)
    )
    return Counts(
        items=tuple(votes.items[item] for item in used),
        first=pairs // n,
        second=pairs % n,
        table=np.bincount(cell, cell_votes, cells).astype(np.int64).reshape(-1, 3),
        participant=participant,
        source=source - 1,
        cell=cell,
        cell_votes=cell_votes,
        first_left=first_left,
    )


def _distinct(item: Ints, label: Ints, n: int) -> Ints:
    """Return how many different labels each of n items has."""
    width = int(label.max(initial=0)) + 1
    return np.bincount(distinct(item * width + label) // width, minlength=n)
