"""Bootstrapped Bradley-Terry and Davidson ratings, on counts: all rounds are solved together.

The likelihood sees the votes only through the number of each outcome of each pair, so a round is a table of counts
(see `resampling`). Every round begins at the maximum of all votes and takes chord Newton steps with that maximum's
inverse information; the few that need more get their own. The default interval of a rating is not this one but that
of `intervals`.

In units of theta / 2 both models have closed means: with u = (theta_i - theta_j) / 2 and Davidson's nu, the statistic
s (1/2 for a win of i, -1/2 for one of j) has the mean sinh u / (2 cosh u + nu), and t (not sure) nu / (2 cosh u + nu).
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence
from scipy.sparse import csr_array

from analysis.bradley_terry import ELO
from analysis.counts import Counts
from analysis.existence import never_lost, not_sure_unbounded
from analysis.resampling import Sampler, Unit, sampler
from analysis.votes import Floats, Ints, Mask

Ties = Literal["davidson", "half"]

WORK = 2**17  # pairs x rounds solved at a time, so that they stay in the cache
CHORDS, NEWTONS = 24, 40
TOLERANCE = 1e-10  # of a step, natural-log units
LONGEST = 2.0  # a Newton step that moves a parameter further is shortened: far out the parabola misleads
FAR = 15.0  # natural-log units: nobody's strength, but the way to infinity
LEVEL = 0.95


@dataclass(frozen=True)
class Rounds:
    """Bootstrapped ratings (kept rounds, n) in Elo points, mean 0 each, and Davidson's log nu (kept rounds,).

    `log_nu` is None where votes that are not sure count half or there are none, and -inf in a round that drew none. Of
    the `drawn` rounds `separated` had no finite maximum and `unfinished` were not solved: both are left out of
    `rating`, and whoever shows it says how many they were.
    """

    rating: Floats
    log_nu: Floats | None
    drawn: int
    separated: int
    unfinished: int

    def interval(self, contrasts: Floats | None = None, level: float = LEVEL) -> tuple[Floats, Floats]:
        """Return the central `level` of the rounds of each rating, or of `contrasts` (k, n) @ ratings: low, high (k,).

        NaN where rounds were left out that could move an end: they may lie beyond either one, so with more of them
        than a tail holds there is no interval.
        """
        values = self.rating if contrasts is None else self.rating @ contrasts.T
        tail = (1 - level) / 2
        if len(values) < (1 - tail) * self.drawn:
            return np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
        low, high = np.quantile(values, [tail, 1 - tail], axis=0)
        return low, high


def bootstrap(
    counts: Counts,
    over: Unit,
    rounds: int = 1000,
    seed: int = 1,
    *,
    ties: Ties = "davidson",
    threads: int | None = None,
) -> Rounds:
    """Resample the votes, participants or sources of a scale and fit every round by maximum likelihood.

    `ties`: Davidson's model where a vote is not sure, or each such vote as half a win for both, which shrinks the
    scale but is what others do. The votes themselves must determine finite ratings. The same seed gives the same
    rounds whatever the number of `threads` (all processors where None). Raises ArithmeticError where the maximum of
    all votes is not found.
    """
    unsure = ties == "davidson" and bool(counts.table[:, 2].any())
    pairs = pairs_of(len(counts.items), counts.first, counts.second, unsure)
    start, inverse = _whole(pairs, counts.table.reshape(-1, 1).astype(float))
    size = min(rounds, max(16, WORK // len(counts.first)))
    sizes = [min(size, rounds - begin) for begin in range(0, rounds, size)]
    solve = partial(_chunk, pairs, sampler(counts, over), start, inverse)
    chunks = _mapped(solve, zip(sizes, SeedSequence(seed).spawn(len(sizes)), strict=True), threads)
    x = np.concatenate([found for found, _, _ in chunks], axis=1)
    theta = x[: pairs.n] - x[: pairs.n].mean(axis=0)
    return Rounds(
        rating=ELO * theta.T,
        log_nu=x[pairs.n] if unsure else None,
        drawn=rounds,
        separated=sum(apart for _, apart, _ in chunks),
        unfinished=sum(unfinished for _, _, unfinished in chunks),
    )


Chunk = tuple[Floats, int, int]


def _mapped(
    solve: Callable[[tuple[int, SeedSequence]], Chunk],
    chunks: Iterable[tuple[int, SeedSequence]],
    threads: int | None,
) -> list[Chunk]:
    waiting = list(chunks)
    workers = min(threads or os.cpu_count() or 1, len(waiting))
    if workers == 1:
        return [solve(chunk) for chunk in waiting]
    with ThreadPoolExecutor(workers) as pool:  # drawing and arithmetic on large arrays run beside one another
        return list(pool.map(solve, waiting))


def _chunk(pairs: "Pairs", draw: Sampler, start: Floats, inverse: Floats, task: tuple[int, SeedSequence]) -> Chunk:
    """Return the solved rounds (d, kept) of one chunk, and how many separated and how many were not solved."""
    rounds, stream = task
    tables = draw(rounds, Generator(SFC64(stream)))
    x, solved = chord(pairs, tables, start, inverse)
    doubtful = np.flatnonzero(~solved | ~pair_votes(tables).all(axis=0))
    if not len(doubtful):
        return x, 0, 0
    apart = np.zeros(rounds, bool)
    apart[doubtful] = [is_separated(pairs, tables[:, column].reshape(-1, 3)) for column in doubtful]
    late = np.flatnonzero(~solved & ~apart)
    if len(late):
        x[:, late], solved[late] = own(pairs, tables[:, late], np.repeat(start, len(late), axis=1))
    return x[:, solved & ~apart], int(apart.sum()), int((~solved & ~apart).sum())


@dataclass(frozen=True)
class Pairs:
    """Pairs of `n` items, as a signed incidence matrix (n, pairs) too; whether not sure has a parameter."""

    n: int
    first: Ints
    second: Ints
    sides: csr_array
    differences: csr_array
    tied: bool


def pairs_of(n: int, first: Ints, second: Ints, tied: bool) -> Pairs:
    """Return the pairs `first`, `second` (pairs,) as the solvers take them."""
    signs = np.repeat([1.0, -1.0], len(first))
    at = np.concatenate([first, second]), np.tile(np.arange(len(first)), 2)
    sides = csr_array((signs, at), shape=(n, len(first)))
    return Pairs(n, first, second, sides, csr_array(sides.T), tied)


def pair_votes(tables: Floats) -> Floats:
    """Return the votes (pairs, b) of tables (3 * pairs, b)."""
    return np.asarray(tables[0::3] + tables[1::3] + tables[2::3])


def is_separated(pairs: Pairs, table: Floats) -> bool:
    """Return whether a round's table (pairs, 3) has no finite maximum; unlinked items count among these."""
    met = table.any(axis=1)
    first, second, table = pairs.first[met], pairs.second[met], table[met]
    if len(never_lost(pairs.n, first, second, table)):
        return True
    return pairs.tied and not_sure_unbounded(pairs.n, first, second, table)


def _whole(pairs: Pairs, table: Floats) -> tuple[Floats, Floats]:
    """Return the maximum (d, 1) of all votes and the inverse of its information."""
    start = np.zeros((pairs.n + pairs.tied, 1))
    if pairs.tied:
        share = min(table[2::3].sum() / table.sum(), 0.9)
        start[pairs.n] = np.log(2 * share / (1 - share))  # what equal strengths and this share of not sure imply
    x, solved = own(pairs, table, start)
    if not solved.all():
        raise ArithmeticError("the maximum of all votes was not found")
    return x, np.linalg.inv(_information(pairs, x, _statistics(pairs, table)[0])[0])


def chord(pairs: Pairs, tables: Floats, start: Floats, inverse: Floats) -> tuple[Floats, Mask]:
    """Solve rounds `tables` (3 * pairs, b) from `start` (d, 1) with one `inverse` information (d, d) for all.

    Return x (d, b) and which rounds it solved.
    """
    b = tables.shape[1]
    x, solved, at, open_ = np.repeat(start, b, axis=1), np.zeros(b, bool), np.arange(b), np.ones(b, bool)
    here, (votes, wins, unsure) = x, _statistics(pairs, tables)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a round that runs away is solved later
        for _ in range(CHORDS):
            step = inverse @ _gradient(pairs, here, votes, wins, unsure)
            here += step
            open_ = ~(np.abs(step).max(axis=0) < TOLERANCE)
            if 2 * open_.sum() < len(at):
                x[:, at], solved[at[~open_]] = here, True
                at, here, votes, wins, unsure = (
                    at[open_],
                    here[:, open_],
                    votes[:, open_],
                    wins[:, open_],
                    unsure[open_],
                )
                open_ = np.ones(len(at), bool)
            if not len(at):
                break
    x[:, at], solved[at[~open_]] = here, True
    return x, solved


def own(pairs: Pairs, tables: Floats, start: Floats) -> tuple[Floats, Mask]:
    """Solve rounds by Newton's method, each with its own information, from `start` (d, b).

    Return x (d, b) and which rounds it solved. A round without any vote that is not sure has its maximum at nu = 0.
    """
    none = tables[2::3].sum(axis=0) == 0
    if not pairs.tied or not none.any():
        return _newton(pairs, tables, start)
    x, solved = start.copy(), np.zeros(tables.shape[1], bool)
    x[:, ~none], solved[~none] = _newton(pairs, tables[:, ~none], start[:, ~none])
    x[:-1, none], solved[none] = _newton(replace(pairs, tied=False), tables[:, none], start[:-1, none])
    x[-1, none] = -np.inf
    return x, solved


def _newton(pairs: Pairs, tables: Floats, start: Floats) -> tuple[Floats, Mask]:
    x, solved, at = start.copy(), np.zeros(tables.shape[1], bool), np.arange(tables.shape[1])
    votes, wins, unsure = _statistics(pairs, tables)
    for _ in range(NEWTONS):
        if not len(at):
            break
        gradient = _gradient(pairs, x[:, at], votes[:, at], wins[:, at], unsure[at])
        step = np.linalg.solve(_information(pairs, x[:, at], votes[:, at]), gradient.T[:, :, None])[:, :, 0].T
        longest = np.abs(step).max(axis=0)
        x[:, at] += step * np.minimum(1, LONGEST / np.maximum(longest, LONGEST))
        solved[at] = longest < TOLERANCE
        at = at[(longest >= TOLERANCE) & (np.abs(x[:, at]).max(axis=0) < FAR)]
    return x, solved


def _statistics(pairs: Pairs, tables: Floats) -> tuple[Floats, Floats, Floats]:
    """Return votes (pairs, b), half of wins less losses by item (n, b), and the votes that are not sure (b,)."""
    won, lost, unsure = tables[0::3], tables[1::3], tables[2::3]
    return pair_votes(tables), np.asarray(pairs.sides @ ((won - lost) / 2)), unsure.sum(axis=0)


def _means(pairs: Pairs, x: Floats) -> tuple[Floats, Floats | None]:
    """Return the means (pairs, b) of s and, where it has a parameter, of t; see the module."""
    half = np.asarray(pairs.differences @ (x[: pairs.n] / 2))
    if not pairs.tied:
        return np.multiply(np.tanh(half, out=half), 0.5, out=half), None
    up, nu = np.exp(half), np.exp(x[pairs.n])
    down = 1 / up
    total = up + down + nu
    return (up - down) / (2 * total), nu / total


def _gradient(pairs: Pairs, x: Floats, votes: Floats, wins: Floats, unsure: Floats) -> Floats:
    mean_s, mean_t = _means(pairs, x)
    by_item = wins - pairs.sides @ np.multiply(mean_s, votes, out=mean_s)
    if mean_t is None:
        return np.asarray(by_item)
    return np.vstack([by_item, unsure - (votes * mean_t).sum(axis=0)])


def _information(pairs: Pairs, x: Floats, votes: Floats) -> Floats:
    """Return the negative second derivatives (b, d, d), with the direction that adds a constant to all pinned."""
    n, (d, b) = pairs.n, x.shape
    mean_s, mean_t = _means(pairs, x)
    square = 0.25 if mean_t is None else (1 - mean_t) / 4  # the mean of s squared
    between = (votes * (square - mean_s**2)).T
    found = np.zeros((b, d, d))
    found[:, pairs.first, pairs.second] = found[:, pairs.second, pairs.first] = -between
    found[:, np.arange(n), np.arange(n)] = -found[:, :n, :n].sum(axis=2)
    found[:, :n, :n] += 1 / n
    if mean_t is not None:
        across = np.asarray(pairs.sides @ (-votes * mean_s * mean_t)).T
        found[:, :n, n] = found[:, n, :n] = across
        found[:, n, n] = (votes * mean_t * (1 - mean_t)).sum(axis=0)
    return found
