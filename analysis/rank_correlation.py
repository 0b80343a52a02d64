"""Whether two numbers put conditions into the same order: Kendall's tau-b and Spearman's rho."""

import numpy as np

from analysis.votes import Floats


def kendall(x: Floats, y: Floats) -> float:
    """Return Kendall's tau-b (Kendall 1945) of two numbers (n,) each; NaN where one of them never differs.

    Pairs in the same order less pairs in the opposite one, over the root of the pairs without ties in x times those
    without ties in y.
    """
    return _cosine(_order(x), _order(y))


def spearman(x: Floats, y: Floats) -> float:
    """Return Spearman's rho, the correlation of mean ranks, of two numbers (n,) each; NaN where one never differs."""
    return _cosine(_order(x).sum(axis=1), _order(y).sum(axis=1))  # ranks, less their mean, twice


def _order(values: Floats) -> Floats:
    """Return 1 where the row's value is the larger one, -1 where the column's is, 0 for a tie (n, n)."""
    larger = values[:, None] > values
    return larger.astype(float) - larger.T


def _cosine(a: Floats, b: Floats) -> float:
    size = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / size) if size > 0 else float("nan")
