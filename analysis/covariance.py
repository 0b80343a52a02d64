"""`covariance.csv`: how the ratings of a scale vary together, so that a reader can make any interval or test."""

from collections.abc import Iterator, Sequence

import numpy as np

from analysis.files import csv_text, number
from analysis.rating import Row, Scale
from analysis.scales import UNITS
from analysis.selection import Selection
from analysis.votes import Floats

COVARIANCE_COLUMNS = tuple(
    """
    rate_a condition_a rate_b condition_b covariance degrees_of_freedom interval scale anchor simulated votes_sha256
    """.split()
)


def covariance(scale: Scale) -> Floats:
    """Return the covariance (n, n) of the ratings of a scale, in its own unit squared; NaN where there is none.

    It is the one whose differences have the variances V_ij of the intervals, floors included: with an anchor r that is
    (V_ir + V_jr - V_ij) / 2, else, for ratings with mean 0, -1/2 J V J with J the centring matrix (Gower 1966, "Some
    distance properties of latent root and vector methods"). The floors make it larger than the sandwich, and two-way
    variances need not be those of one matrix, so it can have a slightly negative eigenvalue.
    """
    n = len(scale.counts.items)
    if scale.uncertainty is None:
        return np.full((n, n), np.nan)
    variances, lone, anchor = scale.uncertainty.variances(), scale.uncertainty.lone, scale.anchor
    if anchor is None:
        centre = np.eye(n) - 1 / n
        found, alone = -centre @ variances @ centre / 2, lone.diagonal()
    else:
        found = (variances[:, [anchor]] + variances[anchor] - variances) / 2
        alone = lone[anchor]
    found[lone | alone | alone[:, None]] = np.nan
    return np.asarray(found / UNITS[scale.settings.unit] ** 2)


def covariance_csv(scales: Sequence[Scale], selection: Selection) -> str:
    """Return `covariance.csv`: each pair of conditions of a scale once, and each with itself; an anchor has none."""
    rows = [row for scale in scales if scale.fit for row in _rows(scale, selection)]
    return csv_text(COVARIANCE_COLUMNS, rows)


def _rows(scale: Scale, selection: Selection) -> Iterator[Row]:
    found, items, uncertainty, anchor = covariance(scale), scale.counts.items, scale.uncertainty, scale.anchor
    kept = [item for item in range(len(items)) if item != anchor]
    for place, a in enumerate(kept):
        for b in kept[place:]:
            known = None if np.isnan(found[a, b]) else uncertainty
            yield {
                "rate_a": number(items[a].rate),
                "condition_a": items[a].condition,
                "rate_b": number(items[b].rate),
                "condition_b": items[b].condition,
                "covariance": format(found[a, b], ".10g") if known else "",
                "degrees_of_freedom": known.freedom_between(a, anchor if a == b else b) if known else "",
                "interval": scale.over if known else "none",
                "scale": scale.settings.unit,
                "anchor": "" if anchor is None else items[anchor].condition,
                "simulated": selection.rated.simulated,
                "votes_sha256": selection.rated.sha256,
            }
