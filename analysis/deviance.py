"""Do the votes look as the model says they should? Deviance, and the pairs that fit worst.

The deviance is twice the log-likelihood by which a free share of every outcome of every pair beats the model; where the
model holds and votes are independent it is about chi-squared, and with few votes a pair its distribution is found by
fitting the model to votes that it made itself (parametric bootstrap; Efron 1979). Votes of one participant, or on one
image, resemble one another, and where participants or images differ that alone can raise it: a rejection says that one
scale for all does not tell all, not which part of it is wrong.

A pair's residual is Rao's score test of one more parameter, that this pair's distance is its own, as a standard normal
number (Rao 1948); for pairs that decide it is Pearson's residual over the square root of 1 - leverage.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence
from scipy.special import chdtrc

from analysis.bootstrap import chord, own, pairs_of
from analysis.counts import Counts
from analysis.existence import never_lost, not_sure_unbounded
from analysis.models import Fit, Likelihood, Model, fit
from analysis.votes import Floats, Ints, Mask

ROUNDS = 999
SLOW_ROUNDS = 199  # of models that are fitted one round at a time
HELD = 2**17  # pairs x rounds at a time
LEAST = 1e-9  # information of a pair's own distance below which the model has no way to miss it


@dataclass(frozen=True)
class Deviance:
    """The deviance against the saturated model, with its degrees of freedom and two p-values.

    `chi_squared_p` is the limit for many votes a pair; `p` counts the `rounds` of the parametric bootstrap that were at
    least as far, (1 + far) / (1 + rounds). Among the far ones are `unsolved` rounds, whose votes had no finite maximum.
    """

    statistic: float
    degrees: int
    chi_squared_p: float
    p: float
    rounds: int
    unsolved: int


@dataclass(frozen=True)
class Residual:
    """A pair against the model: the observed and the expected share of the first item (not sure: half), and z.

    `z` is NaN where the model has no way to miss the pair, since nothing else says how far apart its items are.
    """

    first: int
    second: int
    votes: int
    share: float
    expected: float
    z: float


@dataclass(frozen=True)
class _Rows:
    """The rows that were fitted: pairs, or pairs by side; `table` as the likelihood takes it."""

    likelihood: Likelihood
    x: Floats
    pair: Ints

    @property
    def table(self) -> Floats:
        return np.asarray(self.likelihood.table, float)

    @property
    def chance(self) -> Floats:
        """The model's chances (rows, 3); what cannot happen, and what the model takes no notice of, has 0."""
        found = np.exp(self.likelihood.outcomes(self.x).log)
        if not self.likelihood.tied:
            found[:, 2] = 0
        return np.asarray(found)


def rows_of(counts: Counts, found: Fit) -> _Rows:
    """Return the rows of counts as they were fitted, with the likelihood and its maximum."""
    model, pairs = found.model, len(counts.first)
    side = None
    if model.side_bias:
        counts, side = counts.by_side()
    table = model.decisive(counts.table)
    plain = Model(model.link, "dropped" if model.ties == "half" else model.ties, model.side_bias, model.ridge)
    likelihood = Likelihood(plain, len(counts.items), counts.first, counts.second, table, side)
    x = np.array([*found.theta, *([] if found.tie is None else [found.tie]), *([] if side is None else [found.side])])
    return _Rows(likelihood, x, np.arange(len(table)) % pairs)


def saturated(table: Floats) -> Floats:
    """Return the log-likelihood (b,) of free shares in each row of the tables (rows, 3, b)."""
    total = table.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(table > 0, table * np.log(table / total), 0.0)
    return np.asarray(terms.sum(axis=(0, 1)))


def degrees(rows: _Rows) -> int:
    """Return the free shares of all rows with votes, less the free parameters of the model."""
    likelihood, used = rows.likelihood, (rows.table.sum(axis=1) > 0).sum()
    return int(used) * (2 if likelihood.tied else 1) - (likelihood.parameters - 1)


def deviance(counts: Counts, found: Fit, rounds: int | None = None, seed: int | SeedSequence = 1) -> Deviance | None:
    """Return the deviance of a fit; None where it has no degrees of freedom left, and under a ridge.

    With `ties` as half a win each the halves are taken as if they were votes.
    """
    rows = rows_of(counts, found)
    left = degrees(rows)
    if found.ridge or left < 1:
        return None
    log = np.log(np.where(rows.chance > 0, rows.chance, 1))
    statistic = max(0.0, 2 * float(saturated(rows.table[:, :, None])[0] - (rows.table * log).sum()))
    model = found.model
    fast = model.link == "logistic" and model.ties != "rao-kupper" and not model.side_bias
    drawn = rounds or (ROUNDS if fast else SLOW_ROUNDS)
    far, unsolved = _further(rows, statistic, drawn, Generator(SFC64(seed)), together=fast)
    return Deviance(statistic, left, float(chdtrc(left, statistic)), (1 + far) / (1 + drawn), drawn, unsolved)


def _further(rows: _Rows, statistic: float, rounds: int, rng: Generator, *, together: bool) -> tuple[int, int]:
    """Return how many rounds are at least as far as a statistic, and how many of these were not solved."""
    far, unsolved, size = 0, 0, max(16, HELD // len(rows.table))
    for begin in range(0, rounds, size):
        tables = _made(rows, min(size, rounds - begin), rng)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # rounds that run away are not solved
            made, solved = (_refitted_together if together else _refitted)(rows, tables)
        unsolved += int((~solved).sum())
        far += int((made[solved] >= statistic * (1 - 1e-9)).sum())
    return far + unsolved, unsolved


def _made(rows: _Rows, rounds: int, rng: Generator) -> Floats:
    """Return tables (rows, 3, rounds) that the model made: as many votes on each pair as there were."""
    votes = np.rint(rows.table.sum(axis=1)).astype(np.int64)
    chance = rows.chance / rows.chance.sum(axis=1, keepdims=True)
    return np.moveaxis(rng.multinomial(votes, chance, (rounds, len(votes))), 0, 2).astype(float)


def _refitted_together(rows: _Rows, tables: Floats) -> tuple[Floats, Mask]:
    """Return the deviance (rounds,) of each table under its own fit, and which have one; see `bootstrap`."""
    likelihood, (count, _, rounds) = rows.likelihood, tables.shape
    pairs = pairs_of(likelihood.n, likelihood.first, likelihood.second, likelihood.tied)
    start = rows.x[:, None].copy()
    pin = np.zeros((len(rows.x), len(rows.x)))
    pin[: likelihood.n, : likelihood.n] = 1 / likelihood.n
    inverse = np.linalg.inv(likelihood.derivatives(rows.x)[2] + pin)
    flat = tables.reshape(3 * count, rounds)
    x, solved = chord(pairs, flat, start, inverse)
    late = np.flatnonzero(~solved)
    if len(late):
        x[:, late], solved[late] = own(pairs, flat[:, late], np.repeat(start, len(late), axis=1))
    half = (x[likelihood.first] - x[likelihood.second]) / 2
    parts = [half, -half, x[likelihood.n :] + 0 * half] if likelihood.tied else [half, -half]
    logits = np.stack(parts, axis=1)
    total = np.logaddexp.reduce(logits, axis=1)
    seen = tables[:, : logits.shape[1]]
    value = np.where(seen > 0, seen * (logits - total[:, None]), 0.0).sum(axis=(0, 1))
    return 2 * (saturated(tables) - value), solved


def _refitted(rows: _Rows, tables: Floats) -> tuple[Floats, Mask]:
    """Return the same for models whose rounds are fitted one by one."""
    likelihood, rounds = rows.likelihood, tables.shape[2]
    values, solved = np.full(rounds, np.nan), np.zeros(rounds, bool)
    for at in range(rounds):
        if _endless(rows, tables[:, :, at]):
            continue
        try:
            found = fit(likelihood.first, likelihood.second, tables[:, :, at], likelihood.model, likelihood.side)
        except ArithmeticError:
            continue
        values[at], solved[at] = found.log_likelihood, True
    return 2 * (saturated(tables) - values), solved


def _endless(rows: _Rows, table: Floats) -> bool:
    """Return whether a made table has no finite maximum, the side bias aside: Newton's method tells of that itself."""
    likelihood = rows.likelihood
    seen = table.sum(axis=1) > 0
    first, second, table = likelihood.first[seen], likelihood.second[seen], table[seen]
    if len(never_lost(likelihood.n, first, second, table)):
        return True
    return not_sure_unbounded(likelihood.n, first, second, table)


def residuals(counts: Counts, found: Fit) -> tuple[Residual, ...]:
    """Return the residual of every pair with votes, worst first; those that the model cannot miss come last."""
    rows = rows_of(counts, found)
    table, pairs = rows.table, len(counts.first)
    z = score_tests(rows, pairs)
    votes = np.bincount(rows.pair, table.sum(axis=1), pairs)
    half = np.array([1.0, 0.0, 0.5])
    share = np.bincount(rows.pair, table @ half, pairs)
    expected = np.bincount(rows.pair, table.sum(axis=1) * (rows.chance @ half), pairs)
    kept = np.flatnonzero(votes > 0)
    worst = kept[np.argsort(-np.nan_to_num(np.abs(z[kept]), nan=-1.0), kind="stable")]
    return tuple(
        Residual(
            int(counts.first[at]),
            int(counts.second[at]),
            round(float(votes[at])),
            float(share[at] / votes[at]),
            float(expected[at] / votes[at]),
            float(z[at]),
        )
        for at in worst
    )


def score_tests(rows: _Rows, pairs: int) -> Floats:
    """Return the standardised score (pairs,) of each pair's own distance, by the expected information."""
    likelihood, chance, table = rows.likelihood, rows.chance, rows.table
    found, votes = likelihood.outcomes(rows.x), table.sum(axis=1)
    width = 3 if likelihood.tied else 2
    weight = (votes[:, None] * chance)[:, :width]
    by_d, by_t = found.by_d[:, :width], found.by_t[:, :width]
    own_d, own_t = (weight * by_d**2).sum(axis=1), (weight * by_d * by_t).sum(axis=1)
    across = np.zeros((len(votes), likelihood.parameters))
    at = np.arange(len(votes))
    across[at, likelihood.first], across[at, likelihood.second] = own_d, -own_d
    if likelihood.tied:
        across[:, likelihood.n] = own_t
    if likelihood.side is not None:
        across[:, -1] = likelihood.side * own_d
    by_pair = np.zeros((pairs, likelihood.parameters))
    np.add.at(by_pair, rows.pair, across)
    information = np.bincount(rows.pair, own_d, pairs)
    score = np.bincount(rows.pair, (table[:, :width] * by_d).sum(axis=1), pairs)
    inverse = np.linalg.pinv(_expected(rows, own_d, (weight * by_t**2).sum(axis=1), own_t), hermitian=True)
    variance = information - np.einsum("pd,de,pe->p", by_pair, inverse, by_pair)
    free = variance > LEAST * np.maximum(information, LEAST)
    return np.where(free, score / np.sqrt(np.where(free, variance, 1)), np.nan)


def _expected(rows: _Rows, dd: Floats, tt: Floats, dt: Floats) -> Floats:
    """Return the expected information (d, d) of the model's own parameters."""
    likelihood, at = rows.likelihood, np.arange(len(dd))
    design = np.zeros((len(dd), likelihood.parameters))
    design[at, likelihood.first], design[at, likelihood.second] = 1, -1
    if likelihood.side is not None:
        design[:, -1] = likelihood.side
    found = design.T @ (dd[:, None] * design)
    if likelihood.tied:
        place = likelihood.n
        found[place] = found[:, place] = design.T @ dt
        found[place, place] = tt.sum()
    return np.asarray(found)
