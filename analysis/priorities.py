"""`priorities.csv`: the pairs whose next votes are expected to say the most about the ratings.

The ratings have a Gaussian posterior: the maximum with a prior, and the inverse of the information there. A vote on a
pair depends on the ratings through their difference d ~ N(m, v) alone, so what it is expected to tell about all of
them, the mean Kullback-Leibler divergence of the posterior after it from the one before, is what it tells about d:

    gain = h(E F(d)) - E h(F(d)),   h(p) = -p log p - (1 - p) log(1 - p)

(Lindley 1956, "On a measure of the information provided by an experiment"), two integrals in one dimension. Asking
only about the best pairs leaves the others apart. ASAP (Mikhailiuk, Wilmot, Perez-Ortiz, Yue and Mantiuk 2020, "Active
sampling for pairwise comparisons via approximate message passing and information gain maximization") asks about the
minimum spanning tree of 1 / gain instead: n - 1 pairs that link all n items and gain the most of all such.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.special import entr, expit, ndtr, roots_hermitenorm

from analysis.counts import Counts
from analysis.files import csv_text, number
from analysis.models import Model, fit
from analysis.rating import Row
from analysis.scales import POINTS, Link
from analysis.selection import Selection
from analysis.votes import Floats, Ints

PRIORITIES_COLUMNS = tuple(
    """
    source crop_x crop_y crop_width crop_height condition_a condition_b priority rate votes simulated votes_sha256
    """.split()
)
PRIOR = 300.0  # Elo points: the standard deviation of a rating before any vote
NODES, _WEIGHTS = roots_hermitenorm(64)  # of the standard normal distribution
WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Gains:
    """What the next vote on each pair of a scale is expected to tell, in nats (n, n); 0 on the diagonal.

    `tree` (2, n - 1) are the pairs of the spanning tree, best first.
    """

    counts: Counts
    gain: Floats
    tree: Ints


def gains(counts: Counts, link: Link = "logistic", prior: float = PRIOR) -> Gains:
    """Return the gains of all pairs of a scale; `prior` is in Elo points.

    Votes that are not sure count half to each. Works for unlinked and for separated items as well: the prior bounds
    them, and pairs across have the largest gains.
    """
    model = Model(link, "half", ridge=float((POINTS[link] / prior) ** 2))
    fitted = fit(counts.first, counts.second, counts.table, model)
    covariance = np.linalg.inv(fitted.information)
    variance = covariance.diagonal()[:, None] + covariance.diagonal() - 2 * covariance
    found = gain(fitted.theta[:, None] - fitted.theta, variance, link)
    np.fill_diagonal(found, 0.0)
    found = (found + found.T) / 2  # alike but for rounding
    return Gains(counts, found, spanning_tree(found))


def gain(mean: Floats, variance: Floats, link: Link = "logistic") -> Floats:
    """Return what a vote is expected to tell, in nats, of differences of these means and variances in the link's unit.

    By Gauss-Hermite quadrature; of one shape with `mean`.
    """
    d = mean[..., None] + np.sqrt(np.maximum(variance, 0.0))[..., None] * NODES
    p = expit(d) if link == "logistic" else ndtr(d)
    q = expit(-d) if link == "logistic" else ndtr(-d)
    average, other = p @ WEIGHTS, q @ WEIGHTS
    found = entr(average) + entr(other) - (entr(p) + entr(q)) @ WEIGHTS
    return np.asarray(np.maximum(found, 0.0))


def spanning_tree(found: Floats) -> Ints:
    """Return the pairs (2, n - 1) of the minimum spanning tree of 1 / gain, best first, the smaller item above."""
    cost = 1 / np.maximum(found, np.finfo(float).tiny ** 0.5)
    first, second = minimum_spanning_tree(csr_array(np.triu(cost, 1))).nonzero()
    order = np.argsort(-found[first, second], kind="stable")
    return np.asarray(np.stack([np.minimum(first, second), np.maximum(first, second)])[:, order], np.int64)


def priority_rows(found: Sequence[Gains], *, every: bool = False) -> Iterator[Row]:
    """Give the pairs of the spanning trees, or `every` pair, best first in each scale; each stands for all crops."""
    for scale in found:
        items, n = scale.counts.items, len(scale.counts.items)
        votes = np.zeros((n, n), np.int64)
        votes[scale.counts.first, scale.counts.second] = scale.counts.table.sum(axis=1)
        first, second = scale.tree
        if every:
            first, second = np.triu_indices(n, 1)
            order = np.argsort(-scale.gain[first, second], kind="stable")
            first, second = first[order], second[order]
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            yield {
                **dict.fromkeys(("source", "crop_x", "crop_y", "crop_width", "crop_height"), ""),
                "condition_a": items[a].condition,
                "condition_b": items[b].condition,
                "priority": f"{scale.gain[a, b]:.6g}",
                "rate": number(items[a].rate) if items[a].rate == items[b].rate else "",
                "votes": int(votes[a, b]),
            }


def priorities_csv(found: Sequence[Gains], selection: Selection, *, every: bool = False) -> str:
    """Return `priorities.csv`."""
    made_from = {"simulated": selection.rated.simulated, "votes_sha256": selection.rated.sha256}
    return csv_text(PRIORITIES_COLUMNS, [{**row, **made_from} for row in priority_rows(found, every=every)])
