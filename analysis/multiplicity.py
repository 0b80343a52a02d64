"""Many tests at once: p-values adjusted so that their family keeps its level.

Holm's (1979, "A simple sequentially rejective multiple test procedure") bounds the chance of any false verdict in the
family, whatever the tests have to do with one another. Benjamini and Hochberg's (1995, "Controlling the false discovery
rate") bounds the expected share of false verdicts among the verdicts, for tests that are independent or positively
dependent; differences of one scale share conditions, so there it is an approximation.
"""

import numpy as np

from analysis.votes import Floats


def holm(p: Floats) -> Floats:
    """Return p-values (m,) adjusted for the family-wise error rate; NaN stays NaN and is no member of the family."""
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    left = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * left), 1)
    return adjusted


def benjamini_hochberg(p: Floats) -> Floats:
    """Return p-values (m,) adjusted for the false discovery rate; NaN stays NaN and is no member of the family."""
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    m = len(order)
    scaled = p[order] * m / np.arange(1, m + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return adjusted
