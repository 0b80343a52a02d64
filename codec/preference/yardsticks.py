"""How well anything could predict votes on crops: three yardsticks, from how far people agree on the same crop.

On a crop the hallucinated side wins with chance p, and p ~ Beta(m M, (1-m) M) over crops; votes on a crop are then
beta-binomial (Skellam 1948). m is the share of votes that it won, half a vote added either way, M maximises the
likelihood of the crops with two votes or more that decide. From the Beta:

- another participant's vote agrees with a vote in E[p^2 + (1-p)^2] of cases;
- the best possible prediction of a vote is right in E[max(p, 1-p)];
- the least possible log-loss is E[-p log p - (1-p) log(1-p)].

The first two are for votes with a share of those that are not sure, which count half; the third is for votes that
decide, plus log 2 for each that is not sure. Labels do not say who voted: a participant's two votes on one crop count
as those of two. Intervals resample groups of sources.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from codec.preference.labels import Floats, Ints
from codec.preference.measures import FEWEST_GROUPS, LEVEL, Estimate

YARDSTICKS = ("two_participants", "best_prediction", "least_log_loss")
FEWEST_CROPS = 10
ROUNDS = 400
LOG_PRECISION = (-4.0, 10.0)
GOLDEN = (math.sqrt(5) - 1) / 2
HALVINGS = 45


@dataclass(frozen=True)
class Counts:
    """Votes on crops (crops,) and each crop's group of sources."""

    hallucinated: Ints
    faithful: Ints
    not_sure: Ints
    group: Ints


@dataclass(frozen=True)
class Found:
    """The yardsticks by name, the fitted precision M, and why there are none, or no intervals; empty where there are.

    `telling` crops have two votes or more that decide.
    """

    values: dict[str, Estimate]
    precision: float
    telling: int
    reason: str = ""


def yardsticks(counts: Counts, seed: int, rounds: int = ROUNDS) -> Found:
    """All three with intervals, or why there are none."""
    telling = int((counts.hallucinated + counts.faithful > 1).sum())
    if telling < FEWEST_CROPS:
        nothing = dict.fromkeys(YARDSTICKS, Estimate(np.nan))
        reason = (
            f"{telling} crops have two votes or more that decide, which alone tell how far people agree; told from"
            f" {FEWEST_CROPS} on"
        )
        return Found(nothing, np.nan, telling, reason)
    groups = int(counts.group.max()) + 1
    rng = np.random.default_rng(seed)
    times = rng.multinomial(groups, np.full(groups, 1 / groups), size=rounds).astype(float)
    values, precision = _fit(counts, np.vstack([np.ones(groups), times]))
    if groups < FEWEST_GROUPS:
        reason = f"{groups} sources are too few for an interval (at least {FEWEST_GROUPS})"
        return Found(_estimates(values[:, :1]), float(precision[0]), telling, reason)
    return Found(_estimates(values), float(precision[0]), telling)


def agreement_of_two(a: Floats, b: Floats) -> Floats:
    """Return E[p^2 + (1-p)^2] of p ~ Beta(a, b)."""
    return np.asarray(1 - 2 * a * b / ((a + b) * (a + b + 1)))


def best_prediction(a: float, b: float) -> float:
    """Return E[max(p, 1-p)] of p ~ Beta(a, b), by E[p; p > 1/2] = a / (a+b) P(Beta(a+1, b) > 1/2)."""
    mean = a / (a + b)
    return mean * (1 - beta_below_half(a + 1, b)) + (1 - mean) * beta_below_half(a, b + 1)


def least_log_loss(a: Floats, b: Floats) -> Floats:
    """Return E[-p log p - (1-p) log(1-p)] of p ~ Beta(a, b), by E[p log p] = a / (a+b) (psi(a+1) - psi(a+b+1))."""
    whole = _digamma(a + b + 1)
    return np.asarray(whole - (a * _digamma(a + 1) + b * _digamma(b + 1)) / (a + b))


def beta_below_half(a: float, b: float) -> float:
    """P(Beta(a, b) < 1/2), by the continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz."""
    if a < b:  # there the fraction is slow
        return 1 - beta_below_half(b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) - (a + b) * math.log(2)) / a
    over, under, product = 1.0, 1 / (1 - (a + b) / (a + 1) / 2), 1 / (1 - (a + b) / (a + 1) / 2)
    for m in range(1, 20_000):
        even = m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m)) / 2
        odd = -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1)) / 2
        before = product
        for term in (even, odd):
            under, over = 1 / (1 + term * under), 1 + term / over
            product *= under * over
        if abs(product - before) < 1e-14 * abs(product):
            break
    return front * product


def _fit(counts: Counts, times: Floats) -> tuple[Floats, Floats]:
    """Yardsticks (3, rounds) and precision (rounds,), where a row of times (rounds, groups) says how often one counts.

    The precision is found by golden section on its logarithm, all rounds at once.
    """
    kinds, row = _kinds(counts)
    often = np.zeros((len(times), len(kinds)))
    np.add.at(often.T, row, times[:, counts.group].T)
    first, decided, not_sure = kinds[:, 0], kinds[:, 0] + kinds[:, 1], kinds[:, 2]
    many = often @ decided
    mean = (often @ first + 0.5) / (many + 1)
    tells = decided > 1
    weight, k, n = (torch.from_numpy(values) for values in (often[:, tells], first[tells], decided[tells]))
    mu = torch.from_numpy(mean)[:, None]

    def likelihood(log_precision: Floats) -> Floats:
        precision = torch.from_numpy(np.exp(log_precision))[:, None]
        a, b = mu * precision, (1 - mu) * precision
        return np.asarray((weight * (_log_beta(a + k, b + n - k) - _log_beta(a, b))).sum(1).numpy())

    precision = np.exp(_highest(likelihood, len(times)))
    a, b = mean * precision, (1 - mean) * precision
    sure = many / (many + often @ not_sure)
    agree = sure**2 * agreement_of_two(a, b) + (1 - sure**2) / 2
    best = np.array([best_prediction(*each) for each in zip(a.tolist(), b.tolist(), strict=True)])
    best = sure * best + (1 - sure) / 2
    return np.stack([agree, best, sure * least_log_loss(a, b) + (1 - sure) * math.log(2)]), precision


def _highest(function: Callable[[Floats], Floats], count: int) -> Floats:
    """Where a function of (count,) numbers, each on its own, is highest within `LOG_PRECISION`."""
    low, high = (np.full(count, end) for end in LOG_PRECISION)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(HALVINGS):
        lower = at_left > at_right  # the highest place is below `right`
        low, high = np.where(lower, low, left), np.where(lower, right, high)
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left, at_right = function(left), function(right)
    return np.asarray((low + high) / 2)


def _kinds(counts: Counts) -> tuple[Floats, Ints]:
    """Crops with equal votes as one row (hallucinated, faithful, not sure), and each crop's row."""
    table = np.stack([counts.hallucinated, counts.faithful, counts.not_sure], axis=1)
    kinds, row = np.unique(table, axis=0, return_inverse=True)
    return kinds.astype(float), row.ravel()


def _estimates(values: Floats) -> dict[str, Estimate]:
    found = {}
    for name, row in zip(YARDSTICKS, values, strict=True):
        rounds = row[1:]
        ends = np.quantile(rounds, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist() if len(rounds) else []
        found[name] = Estimate(float(row[0]), *ends)
    return found


def _log_beta(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


def _digamma(values: Floats) -> Floats:
    return np.asarray(torch.digamma(torch.as_tensor(values, dtype=torch.float64)).numpy())
