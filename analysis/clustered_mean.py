"""The mean of a number that every vote has, with an interval clustered over participants and sources as everywhere.

With weights w, values a and mean m = sum w a / sum w, a vote moves the mean by w (a - m) / sum w. These are summed by
cluster; with k clusters each variance is k / (k - 1) times the sum of squares, both ways together are
V(participants) + V(sources) - V(participant and source), and nothing goes below either one-way variance or below that
of independent votes (Cameron, Gelbach and Miller 2011; docs/decisions/0005).

Where all values agree that last variance would be 0. A share of n votes is then as uncertain as Agresti and Coull
(1998, "Approximate is better than 'exact'") have it: as if two more votes had gone either way.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from analysis.intervals import LEVEL, Over, degrees_of, possible
from analysis.votes import Floats, Ints

ADDED = 4.0  # votes, half of them either way


@dataclass(frozen=True)
class Mean:
    """A mean share, both ends of its 95% interval (NaN: none), and what that generalises over.

    `reason` says why it is less than was asked for, `degrees` are Student's t's (0: no interval).
    """

    value: float
    low: float
    high: float
    over: Over
    reason: str
    degrees: int


def clustered_mean(values: Floats, weights: Floats, participant: Ints, source: Ints, over: Over = "both") -> Mean:
    """Return the weighted mean of `values` in [0, 1], one entry a vote in all arrays; at least one vote."""
    total = weights.sum()
    mean = float(weights @ values / total)
    people, images = _labels(participant), _labels(source)
    clusters = np.array([people.max() + 1, images.max() + 1])
    taken, reason = possible(over, int(clusters[0]), int(clusters[1]))
    if taken == "none" or len(values) < 2:
        return Mean(mean, np.nan, np.nan, "none", reason or "one vote has no interval", 0)
    moves = weights * (values - mean) / total
    alone = max(_sum_of_squares(moves, len(moves)), _of_share(mean, total**2 / float(weights @ weights)))
    ways = {"participants": people, "sources": images}
    if taken == "both":
        one_way = [_variance(moves, way) for way in ways.values()]
        both = sum(one_way) - _variance(moves, people * clusters[1] + images)
        variances, ends = np.array([both, alone, *one_way]), clusters - 1
    else:
        spread = _variance(moves, ways[taken]) if taken in ways else _sum_of_squares(moves, len(moves))
        variances, ends = np.array([spread, alone]), np.array([ways[taken].max() if taken in ways else len(moves) - 1])
    degrees = degrees_of(variances, ends)
    margin = float(stdtrit(degrees, (1 + LEVEL) / 2) * np.sqrt(variances.max()))
    return Mean(mean, max(mean - margin, 0.0), min(mean + margin, 1.0), taken, reason, degrees)


def _variance(moves: Floats, cluster: Ints) -> float:
    return _sum_of_squares(np.bincount(cluster, moves).astype(float), np.count_nonzero(np.bincount(cluster)))


def _sum_of_squares(sums: Floats, k: int) -> float:
    return float(k / max(k - 1, 1) * sums @ sums)


def _labels(code: Ints) -> Ints:
    """Return codes (-1 is one of them) numbered without gaps, in their order."""
    used = np.bincount(code + 1) > 0
    return np.asarray((np.cumsum(used) - 1)[code + 1], np.int64)


def _of_share(mean: float, votes: float) -> float:
    share = (mean * votes + ADDED / 2) / (votes + ADDED)
    return share * (1 - share) / (votes + ADDED)
