"""Resampled counts: each round a table of how many votes fell into each cell, drawn whole, never vote by vote in rows.

A resample of N votes is one multinomial draw of the counts of the cells (Efron 1979, "Bootstrap methods: another look
at the jackknife"); a resample of clusters (participants or sources) adds up the tables of those drawn, with their
multiplicity.

The multinomial comes from independent Poisson counts with the means (N - 3 sqrt N) p: given their sum T they are
multinomial of T votes, and the N - T votes left are drawn in the same way until they are few for their cells, and then
singly; a draw with T > N is made again. That is exact, and its time hardly depends on N.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_array

from analysis.counts import Counts
from analysis.votes import Floats, Ints

Unit = Literal["votes", "participants", "sources"]
Sampler = Callable[[int, Generator], Floats]

SPARSE = 4  # votes for each cell that has any; below that votes are drawn singly
FEW = 64  # votes that are drawn singly, whatever the cells
SHORT = 3.0  # standard deviations by which the Poisson counts aim below the number of votes
HELD = 2**20  # votes drawn singly at a time


def sampler(counts: Counts, over: Unit) -> Sampler:
    """Return a function of a number of rounds and a generator that gives resampled tables (3 * pairs, rounds)."""
    if over == "votes":
        return vote_sampler(counts.table.ravel())
    return cluster_sampler(counts, counts.participant if over == "participants" else counts.source)


def vote_sampler(cells: Ints) -> Sampler:
    """Return the sampler of votes, which fell into `cells` (cells,) as counted."""
    votes, used = int(cells.sum()), np.flatnonzero(cells)
    share = (cells[used] / votes)[:, None]
    cell_of_vote = np.repeat(np.arange(len(cells)), cells)

    def drawn(rounds: int, rng: Generator) -> Floats:
        tables, left = np.zeros((len(cells), rounds)), np.full(rounds, votes)
        while left.mean() >= max(SPARSE * len(used), FEW):
            some = _at_most(left, share, rng)
            tables[used] += some
            left = left - some.sum(axis=0)
        return tables + _singly(cell_of_vote, len(cells), left, rng)

    return drawn


def _at_most(votes: Ints, share: Floats, rng: Generator) -> Ints:
    """Return Poisson counts (cells, rounds) that fall short of `votes` (rounds,), given that they do."""
    mean = np.maximum(votes - SHORT * np.sqrt(votes), 0)
    tables = rng.poisson(mean * share)
    while len(again := np.flatnonzero(tables.sum(axis=0) > votes)):
        tables[:, again] = rng.poisson(mean[again] * share)
    return tables


def _singly(cell_of_vote: Ints, cells: int, votes: Ints, rng: Generator) -> Floats:
    """Return tables (cells, rounds) of `votes` (rounds,) single draws each."""
    tables = np.zeros(cells * len(votes))
    round_of_draw = np.repeat(np.arange(len(votes)), votes)
    for begin in range(0, len(round_of_draw), HELD):
        of_round = round_of_draw[begin : begin + HELD]
        cell = cell_of_vote.take(rng.integers(0, len(cell_of_vote), len(of_round)))
        tables += np.bincount(cell * len(votes) + of_round, minlength=len(tables))
    return tables.reshape(cells, len(votes))


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
