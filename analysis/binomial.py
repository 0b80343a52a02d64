"""Exact chances of counts: intervals and tests that hold for three catch trials as for three hundred."""

import numpy as np
from scipy.special import bdtr, betaincinv

from analysis.votes import Floats, Ints

LEVEL = 0.95


def interval(hits: Ints, trials: Ints, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Return both ends of the exact interval of a share (Clopper and Pearson 1934); NaN without trials.

    `hits` and `trials` are alike in shape; so are the ends.
    """
    tail, misses = (1 - level) / 2, trials - hits
    with np.errstate(invalid="ignore"):
        low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), misses + 1, tail), 0.0)
        high = np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1), 1 - tail), 1.0)
    return np.where(trials > 0, low, np.nan), np.where(trials > 0, high, np.nan)


def even_p(hits: Ints, trials: Ints) -> Floats:
    """Return the exact two-sided p of `hits` where either way has the chance 1/2; NaN without trials.

    The chance is symmetric, so the two tails are alike and p is twice the smaller one, at most 1.
    """
    few = np.minimum(hits, trials - hits)
    return np.where(trials > 0, np.minimum(1.0, 2 * bdtr(few, np.maximum(trials, 1), 0.5)), np.nan)


def share(hits: Ints, trials: Ints) -> Floats:
    """Return hits / trials; NaN without trials."""
    return np.where(trials > 0, hits / np.maximum(trials, 1), np.nan)


def of_unlike(chances: Floats) -> Floats:
    """Return the chances (n + 1,) of 0 to n hits in independent trials with unlike `chances` (n,) of a hit."""
    found = np.ones(1)
    for chance in chances:
        found = np.append(found * (1 - chance), 0.0) + np.append(0.0, found * chance)
    return found
