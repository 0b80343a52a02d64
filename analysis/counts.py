"""Sufficient statistics: votes become counts once; everything after works on the counts.

The likelihoods of Bradley-Terry and Davidson see the votes only through the number of each outcome of each pair, and
clustered variances only through the same numbers by participant and by source.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from analysis.votes import Floats, Ints, Item, Votes

FIRST_WON, SECOND_WON, NOT_SURE = 0, 1, 2


@dataclass(frozen=True)
class Counts:
    """The votes of one scale: the conditions of a rate, or of several rates that votes link.

    Pair `p` is `items[first[p]]` against `items[second[p]]`, with first < second; only pairs with votes are there.
    Outcome `o` of pair `p` is cell `3 * p + o`. `table` (pairs, 3) holds the votes of each cell. The last four
    arrays, of one length, split the cells: `cell_votes[r]` votes of `participant[r]` on `source[r]` (-1: not named)
    fell into `cell[r]`.
    """

    items: tuple[Item, ...]
    first: Ints
    second: Ints
    table: Ints
    participant: Ints
    source: Ints
    cell: Ints
    cell_votes: Ints

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

    def about(self, item: int) -> tuple[int, int, int]:
        """Return the numbers of votes, participants and sources behind one item."""
        rows = (self.first[self.cell // 3] == item) | (self.second[self.cell // 3] == item)
        source = self.source[rows]
        sources = len(np.unique(source[source >= 0]))
        return int(self.cell_votes[rows].sum()), len(np.unique(self.participant[rows])), sources

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
    found = [_count(votes.take(scale == index), np.flatnonzero(scale_of_item == index)) for index in np.unique(scale)]
    return tuple(sorted(found, key=lambda counts: _rate_order(counts.items[0].rate)))


def _scales(votes: Votes) -> Ints:
    """Return the scale of each item that is voted on, -1 for the others: connected components of the rates."""
    rates = sorted({item.rate for item in votes.items}, key=_rate_order)
    rate = np.array([rates.index(item.rate) for item in votes.items])
    links = csr_array((np.ones(len(votes)), (rate[votes.left], rate[votes.right])), shape=(len(rates), len(rates)))
    scale = np.full(len(votes.items), -1)
    used = np.union1d(votes.left, votes.right)
    scale[used] = connected_components(links, directed=False)[1][rate[used]]
    return scale


def _rate_order(rate: float | None) -> tuple[bool, float]:
    return rate is None, rate or 0.0


def _count(votes: Votes, used: Ints) -> Counts:
    left, right = np.searchsorted(used, votes.left), np.searchsorted(used, votes.right)
    low, high = np.minimum(left, right), np.maximum(left, right)
    won = np.where(left < right, votes.outcome, -votes.outcome)
    outcome = np.select([won > 0, won < 0], [FIRST_WON, SECOND_WON], NOT_SURE)
    pairs, pair = np.unique(low * len(used) + high, return_inverse=True)
    keys = np.stack([votes.participant, votes.source, 3 * pair + outcome])
    (participant, source, cell), cell_votes = np.unique(keys, axis=1, return_counts=True)
    return Counts(
        items=tuple(votes.items[item] for item in used),
        first=pairs // len(used),
        second=pairs % len(used),
        table=np.bincount(cell, cell_votes, 3 * len(pairs)).astype(np.int64).reshape(-1, 3),
        participant=participant,
        source=source,
        cell=cell,
        cell_votes=cell_votes,
    )
