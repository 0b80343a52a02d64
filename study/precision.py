"""How many votes a pair of conditions needs, before there are any. Pure.

A difference of D Elo points is a share p = 1 / (1 + 10^(-D / 400)) of votes. To tell it from 1/2, two-sided at level a
and with power 1 - b, takes n = ((z_{a/2} / 2 + z_b sqrt(p (1 - p))) / (p - 1/2))^2 independent votes (Fleiss, Levin and
Paik, "Statistical Methods for Rates and Proportions", 3rd edition, 2003, section 2.5, without continuity correction).
Votes of one participant are alike, and so are votes on one source: N votes in K equal clusters with intraclass
correlation r vary 1 + (N / K - 1) r times as much (Kish, "Survey Sampling", 1965); the surpluses of both ways add up.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

from study.choosing import LOGITS_PER_POINT

POWER = 0.8
SPREAD = 80.0
"""Elo points: how far a condition's rating is taken to vary from person to person, and from image to image."""
MOST = 10_000_000
"""Participants beyond which nothing is looked for."""
_STEP, _REACH = 0.25, 9.0


class Clusters(NamedTuple):
    """How many participants or sources share the votes of a pair, and how alike the votes of one are."""

    number: int
    correlation: float


def independent_votes(difference: float, level: float, power: float = POWER) -> float:
    """How many independent votes of a pair tell a difference in Elo points, not rounded."""
    p = 1 / (1 + 10 ** (-difference / 400))
    z, z_power = NormalDist().inv_cdf(1 - level / 2), NormalDist().inv_cdf(power)
    return ((z / 2 + z_power * math.sqrt(p * (1 - p))) / (p - 0.5)) ** 2


def worth(votes: float, ways: Sequence[Clusters]) -> float:
    """How many independent votes so many clustered ones are worth; a cluster has one of them at least."""
    return votes / (1 + sum((max(votes / way.number, 1.0) - 1) * way.correlation for way in ways))


def most_worth(ways: Sequence[Clusters]) -> float:
    """What no number of votes is worth more than; infinite without clusters."""
    floor = sum(way.correlation / way.number for way in ways)
    return 1 / floor if floor > 0 else math.inf


def participants_needed(independent: float, each: float, sources: Clusters, alike: float) -> int | None:
    """The fewest participants with `each` votes of the pair, on these sources, that do; None where no number does.

    Args:
        independent: votes that are wished for.
        each: votes that one participant gives the pair, on average.
        sources: the sources; without correlation where they are not generalised over.
        alike: the intraclass correlation of the votes of one participant; 0 where people are not generalised over.
    """
    return _least(lambda people: worth(people * each, [Clusters(people, alike), sources]) >= independent)


def told(votes: float, level: float, power: float = POWER) -> float:
    """The smallest difference, in Elo points, that so many independent votes tell; infinite for too few."""
    low, high = 1e-6, 4000.0
    if independent_votes(high, level, power) > votes:
        return math.inf
    for _ in range(100):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if independent_votes(middle, level, power) > votes else (low, middle)
    return high


@lru_cache
def correlation(spread: float = SPREAD, beside: float = SPREAD) -> float:
    """The intraclass correlation of votes on a pair of equals, from how ratings spread (Elo points).

    `spread` is that from cluster to cluster, `beside` that of the other way, which drowns some of it; a difference of
    two ratings varies by sqrt(2) as much. It is the variance from cluster to cluster of the chance of a vote, averaged
    over the other way, over the variance of a vote (Goldstein, Browne and Rasbash, Understanding Statistics 1, 2002),
    by the trapezoidal rule, as in `choosing.population_chances`.
    """
    grid = [_STEP * at for at in range(round(-_REACH / _STEP), round(_REACH / _STEP) + 1)]
    weights = [math.exp(-z * z / 2) for z in grid]
    total = math.fsum(weights)
    own, other = (math.sqrt(2) * size * LOGITS_PER_POINT for size in (spread, beside))

    def mean(values: Sequence[float]) -> float:
        return math.fsum(w * value for w, value in zip(weights, values, strict=True)) / total

    chances = [mean([1 / (1 + math.exp(-(own * y + other * z))) for z in grid]) for y in grid]
    return max(0.0, 4 * mean([(chance - 0.5) ** 2 for chance in chances]))


def _least(enough: Callable[[int], bool]) -> int | None:
    """The least whole number that is enough, where every larger one is as well."""
    high = 1
    while not enough(high):
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
