"""How alike votes of one participant, and votes on one source, are: intraclass correlations from the votes themselves.

Of a pair of conditions take two votes y, y' (1, 0, or 1/2 for not sure): half the mean of (y - y')^2 is the variance
of votes that share nothing, and less where they share a participant or a source, by just what these contribute. Such
symmetric sums need no means, weights or normality, and are unbiased for crossed and unbalanced designs (Koch 1968,
"Some further remarks concerning A general approach to the estimation of variance components"). Pairs of conditions are
pooled, each with the weight of its pairs of votes that share the cluster.
"""

from dataclasses import dataclass

import numpy as np

from analysis.counts import Counts
from analysis.votes import Floats, Ints

FEWEST = 30  # pairs of votes that share a cluster; from fewer nothing is estimated
MOST = 0.9


@dataclass(frozen=True)
class Alikeness:
    """The intraclass correlations of votes on a pair of conditions; None where too few votes share a cluster.

    Estimates below 0 are 0. `participant_pairs` and `source_pairs` are the pairs of votes that they rest on.
    """

    participants: float | None
    sources: float | None
    participant_pairs: int
    source_pairs: int


def alikeness(*scales: Counts) -> Alikeness:
    """Return how alike votes are, over all scales together."""
    parts = [sums(counts) for counts in scales]
    total = {name: np.concatenate([part[name] for part in parts], axis=1) for name in ("participant", "source", "none")}
    found = {name: _correlation(total[name], total["none"]) for name in ("participant", "source")}
    many = {name: round(float(total[name][1].sum())) for name in ("participant", "source")}
    return Alikeness(found["participant"], found["source"], many["participant"], many["source"])


def _correlation(shared: Floats, none: Floats) -> float | None:
    """Return 1 - (half mean squared difference sharing a cluster) / (the same sharing nothing), pooled over pairs."""
    known = (shared[1] > 0) & (none[1] > 0)
    if shared[1, known].sum() < FEWEST:
        return None
    apart = float((none[0, known] / none[1, known]) @ shared[1, known])
    if apart <= 0:
        return None
    return float(np.clip(1 - shared[0, known].sum() / apart, 0.0, MOST))


def sums(counts: Counts) -> dict[str, Floats]:
    """Return for each pair of conditions the sum of (y - y')^2 over pairs of its votes, and their number (2, pairs).

    Of votes that share the participant alone, the source alone, and neither; those that share both count in none.
    Votes on no named source share none.
    """
    pair, outcome = np.divmod(counts.cell, 3)
    y, many, pairs = np.array([1.0, 0.0, 0.5])[outcome], counts.cell_votes, len(counts.first)
    named = counts.source >= 0
    people, images = counts.participant[named], counts.source[named]
    pair_on, y_on, many_on = pair[named], y[named], many[named]
    both = _within([pair_on, people, images], pair_on, y_on, many_on, pairs)
    participant = _within([pair, counts.participant], pair, y, many, pairs) - both
    source = _within([pair_on, images], pair_on, y_on, many_on, pairs) - both
    whole = _within([pair], pair, y, many, pairs)
    return {"participant": participant, "source": source, "none": whole - participant - source - both}


def _within(labels: list[Ints], pair: Ints, y: Floats, many: Ints, pairs: int) -> Floats:
    """Return the sum of (y - y')^2 over pairs of votes within clusters, and their number (2, pairs)."""
    key = np.zeros(len(pair), np.int64)
    for label in labels:
        key = key * (int(label.max(initial=0)) + 1) + label
    _, first, cluster = np.unique(key, return_index=True, return_inverse=True)
    m, s, ss = (np.bincount(cluster, many * value, len(first)) for value in (np.ones(len(y)), y, y**2))
    of = pair[first]
    return np.stack([np.bincount(of, m * ss - s**2, pairs), np.bincount(of, m * (m - 1) / 2, pairs)])
