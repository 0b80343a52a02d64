"""Resampled counts: each round a table of how many votes fell into each cell, drawn whole, never vote by vote in rows.

A resample of N votes is one multinomial draw of the counts of the cells (Efron 1979, "Bootstrap methods: another look
at the jackknife"); a resample of clusters (participants or sources) adds up the tables of those drawn, with their
multiplicity.

The multinomial comes from independent Poisson counts with the means (N - 1.5 sqrt N) p: given their sum T they are
multinomial of T votes, and the N - T votes left are drawn in the same way until they are few for their cells, and then
singly; a draw with T > N is made again. That is exact, and its time hardly depends on N.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_array

from analysis.counts import Counts
from analysis.poisson import LARGEST, poisson
from analysis.votes import Floats, Ints

Unit = Literal["votes", "participants", "sources"]
Sampler = Callable[[int, Generator], Floats]

SPARSE = 4  # votes for each cell that has any; below that votes are drawn singly
FEW = 64  # votes that are drawn singly, whatever the cells
SHORT = 1.5  # standard deviations by which the Poisson counts aim below the number of votes
HELD = 2**20  # votes drawn singly at a time


def sampler(counts: Counts, over: Unit) -> Sampler:
    """Return a function of a number of rounds and a generator that gives resampled tables (3 * pairs, rounds)."""
    if over == "votes":
        return vote_sampler(counts.table.ravel())
    return cluster_sampler(counts, counts.participant if over == "participants" else counts.source)


def vote_sampler(cells: Ints) -> Sampler:
    """Return the sampler of votes, which fell into `cells` (cells,) as counted."""
    votes, used = int(cells.sum()), np.flatnonzero(cells)
    share, cell_of_vote = cells[used] / votes, np.repeat(np.arange(len(cells)), cells)
    enough = max(SPARSE * len(used), FEW)
    first = _many(cells[used], votes) if votes >= enough else None

    def drawn(rounds: int, rng: Generator) -> Floats:
        tables, left = np.zeros((len(cells), rounds)), np.full(rounds, votes)
        if first is not None:
            tables[used] = _at_most(left, first, rng)
            left = left - _sums(tables)
        while left.mean() >= enough:
            some = _at_most(left, lambda votes, rng: rng.poisson(_aim(votes) * share[:, None]), rng)
            tables[used] += some
            left = left - _sums(some)
        _singly(tables, cell_of_vote, left, rng)
        return tables

    return drawn


def _aim(votes: Ints | int) -> Floats:
    return np.maximum(votes - SHORT * np.sqrt(votes), 0)


def _sums(tables: Floats) -> Ints:
    return np.asarray(np.ones(len(tables)) @ tables, np.int64)


def _many(cells: Ints, votes: int) -> Callable[[Ints, Generator], Floats]:
    """Return a function that draws the Poisson counts (cells, rounds) for as many rounds as its argument is long."""
    counted, which = np.unique(cells, return_inverse=True)
    means = _aim(votes) * counted / votes
    tabled = np.flatnonzero(means[which] <= LARGEST)
    others = np.flatnonzero(means[which] > LARGEST)
    guided = poisson(means[means <= LARGEST]) if len(tabled) else None

    def drawn(votes: Ints, rng: Generator) -> Floats:
        found = np.empty((len(cells), len(votes)))
        if guided is not None:
            found[tabled] = guided.drawn(which[tabled], len(votes), rng)
        found[others] = rng.poisson(means[which[others], None], (len(others), len(votes)))
        return found

    return drawn


def _at_most(votes: Ints, draw: Callable[[Ints, Generator], Floats | Ints], rng: Generator) -> Floats:
    """Return drawn counts (cells, rounds) that fall short of `votes` (rounds,), given that they do."""
    tables = np.asarray(draw(votes, rng), float)
    again = np.flatnonzero(_sums(tables) > votes)
    while len(again):
        tables[:, again] = draw(votes[again], rng)
        again = again[_sums(tables[:, again]) > votes[again]]
    return tables


def _singly(tables: Floats, cell_of_vote: Ints, votes: Ints, rng: Generator) -> None:
    """Add single draws to tables (cells, rounds), as many `votes` (rounds,) to each round."""
    rounds = tables.shape[1]
    round_of_draw, flat = np.repeat(np.arange(rounds), votes), tables.reshape(-1)  # a view: tables lie in one piece
    for begin in range(0, len(round_of_draw), HELD):
        place = cell_of_vote.take(rng.integers(0, len(cell_of_vote), min(HELD, len(round_of_draw) - begin)))
        place *= rounds
        place += round_of_draw[begin : begin + HELD]
        np.add.at(flat, place, 1.0)


def cluster_sampler(counts: Counts, cluster: Ints) -> Sampler:
    """Return the sampler of whole clusters, one label of `cluster` a row of the counts."""
    labels, row = np.unique(cluster, return_inverse=True)
    k, shape = len(labels), (counts.table.size, len(labels))
    tables = csr_array((counts.cell_votes.astype(float), (counts.cell, row)), shape=shape)

    def drawn(rounds: int, rng: Generator) -> Floats:
        chosen = rng.integers(0, k, (k, rounds)) * rounds + np.arange(rounds)
        times = np.bincount(chosen.ravel(), minlength=k * rounds).reshape(k, rounds)
        return np.asarray(tables @ times.astype(float))

    return drawn
