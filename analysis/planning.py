"""Planning: how many votes a pair needs, and how far votes of the same people on the same images count for less.

A difference of D Elo points means a share p = 1 / (1 + 10^(-D / 400)) of votes. To tell it from 1/2 at the two-sided
level a with the power 1 - b takes

    n = ((z_{a/2} / 2 + z_b sqrt(p (1 - p))) / (p - 1/2))^2

independent votes (Fleiss, Levin and Paik 2003, "Statistical Methods for Rates and Proportions", 3rd edition, section
2.5, without continuity correction). Votes of one participant resemble one another, and so do votes on one source: with
m of N votes of a pair in each cluster and intraclass correlation r the variance is 1 + (m - 1) r times as large (Kish
1965, "Survey Sampling"); for both ways at once the two surpluses add up. With m = N / K for K clusters the variance of
a share goes down to r / K of that of one vote and no further, however many are cast: beyond that only more
participants, or more sources, help.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit, ndtri, roots_hermitenorm

from analysis.scales import ELO

LEVEL = 0.05
POWER = 0.8
SPREAD = 80.0  # Elo points: the standard deviation of a condition's rating from person to person, image to image
NODES, _WEIGHTS = roots_hermitenorm(40)  # of the standard normal distribution
WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Clusters:
    """How many participants or sources share the votes of a pair, and how alike the votes of one are."""

    number: int
    correlation: float


@dataclass(frozen=True)
class Need:
    """What a pair needs. `independent` votes would do; `votes` is what it takes with the design effect, None: never.

    `effect` is the design effect at those votes. `reached` is the smallest difference, in Elo points, that any number
    of votes of these participants on these sources can tell; 0 where nothing clusters.
    """

    difference: float
    independent: int
    votes: int | None
    effect: float | None
    reached: float


def preferred(difference: float) -> float:
    """Return the share of votes for the better one that a difference in Elo points means."""
    return float(1 / (1 + 10 ** (-difference / 400)))


def exact_votes(difference: float, level: float = LEVEL, power: float = POWER) -> float:
    """Return the number of independent votes of a pair, not rounded, that tell a difference (Elo points, positive)."""
    p = preferred(difference)
    return float(((-ndtri(level / 2) / 2 + ndtri(power) * np.sqrt(p * (1 - p))) / (p - 0.5)) ** 2)


def votes_for(difference: float, level: float = LEVEL, power: float = POWER, tests: int = 1) -> int:
    """Return the number of independent votes of a pair; `tests` pairs share the level (Bonferroni)."""
    return int(np.ceil(exact_votes(difference, level / tests, power)))


def worth(votes: float, *ways: Clusters) -> float:
    """Return how many independent votes clustered `votes` of a pair are worth."""
    return votes / effect(votes, *ways)


def effect(votes: float, *ways: Clusters) -> float:
    """Return the design effect of `votes` of a pair; a cluster has one of them at least."""
    return 1 + sum((max(votes / way.number, 1.0) - 1) * way.correlation for way in ways)


def most(*ways: Clusters) -> float:
    """Return how many independent votes no number of clustered ones is worth more than; infinite without clusters."""
    floor = sum(way.correlation / way.number for way in ways)
    return 1 / floor if floor > 0 else np.inf


def votes_worth(independent: float, *ways: Clusters) -> float | None:
    """Return how many clustered votes are worth `independent` ones; None where no number is.

    1 / worth is x + sum of r max(1 / K - x, 0) in x = 1 / votes: straight between the numbers of clusters K, and
    rising, so the answer lies on the first stretch that reaches it.
    """
    if independent >= most(*ways):
        return None
    wanted = 1 / independent
    ends = [0.0, *sorted(1 / way.number for way in ways), np.inf]
    for low, high in pairwise(ends):
        active = [way for way in ways if 1 / way.number > low]
        slope = 1 - sum(way.correlation for way in active)
        floor = sum(way.correlation / way.number for way in active)
        if slope > 0 and (x := (wanted - floor) / slope) <= high:
            return 1 / x
    return None


def least_difference(independent: float, level: float = LEVEL, power: float = POWER) -> float:
    """Return the smallest difference in Elo points that so many independent votes tell; infinite for too few."""
    low, high = 1e-6, 4000.0
    if exact_votes(high, level, power) > independent:
        return np.inf
    for _ in range(100):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if exact_votes(middle, level, power) > independent else (low, middle)
    return float(high)


def need(difference: float, *ways: Clusters, level: float = LEVEL, power: float = POWER, tests: int = 1) -> Need:
    """Return what a pair needs so that a difference (Elo points) is told; `tests` pairs share the level."""
    exact = exact_votes(difference, level / tests, power)
    votes = votes_worth(exact, *ways)
    ceiling = most(*ways)
    reached = 0.0 if np.isinf(ceiling) else least_difference(ceiling, level / tests, power)
    found = None if votes is None else int(np.ceil(votes - 1e-9))
    return Need(difference, int(np.ceil(exact)), found, None if found is None else effect(found, *ways), reached)


def correlation(spread: float, beside: float = 0.0, difference: float = 0.0) -> float:
    """Return the intraclass correlation of votes on a pair from how ratings spread (standard deviations, Elo points).

    `spread` is that from cluster to cluster, `beside` that of the other way, which drowns some of it. A difference of
    two ratings varies by sqrt(2) as much, around `difference`. The correlation is the variance from cluster to cluster
    of the chance, averaged over the other way, over that of a vote: Goldstein, Browne and Rasbash 2002, "Partitioning
    variation in multilevel models", by Gauss-Hermite quadrature.
    """
    own, other = (np.sqrt(2) * size / ELO * NODES for size in (spread, beside))
    chance = expit(difference / ELO + own[:, None] + other) @ WEIGHTS
    mean = float(chance @ WEIGHTS)
    return float(max(0.0, chance**2 @ WEIGHTS - mean**2) / (mean * (1 - mean)))
