"""How far the ratings can be trusted: covariances clustered by participant, by source, or by both.

Votes of one participant go together, and so do votes on one source. The score (derivative of the log-likelihood) of
all votes of a cluster is summed first; with H the information, s_c the summed scores and k clusters,

    V = k / (k - 1) * H^-1 (sum_c s_c s_c') H^-1

(Liang and Zeger 1986). For both ways at once V = V_participants + V_sources - V_participant-and-source (Cameron,
Gelbach and Miller 2011, "Robust inference with multiway clustering"), never below either one-way variance of the
number at hand, with Student's t on min(participants, sources) - 1 degrees of freedom. What is estimated is the
difference that a Bradley-Terry fit to the whole population of participants and sources would give.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.special import stdtrit

from analysis.bradley_terry import ELO, Fit
from analysis.counts import Counts
from analysis.votes import Floats, Ints

Over = Literal["both", "participants", "sources", "votes", "none"]
OVERS: tuple[Over, ...] = ("both", "participants", "sources", "votes")
LEVEL = 0.95
FEWEST_SOURCES = 5

REACH: dict[Over, str] = {
    "both": "other participants and other images like these",
    "participants": "other participants, judging these images only",
    "sources": "other images like these, judged by these participants only",
    "votes": "more votes of these participants on these images only",
    "none": "nothing beyond these votes",
}


@dataclass(frozen=True)
class Uncertainty:
    """The covariance (n, n) of the ratings of one scale, in squared Elo points.

    `covariance` is the estimate before the floor, `floors` those one-way covariances that no variance goes below.
    """

    covariance: Floats
    floors: tuple[Floats, ...]
    degrees: int

    def variance(self, contrast: Floats) -> float:
        """Return the variance of `contrast @ ratings`; a contrast's weights sum to zero, or it is of one rating."""
        return float(max(contrast @ matrix @ contrast for matrix in (self.covariance, *self.floors)))

    def margin(self, contrast: Floats) -> float:
        """Return half the width of the 95% interval of `contrast @ ratings`."""
        return float(stdtrit(self.degrees, (1 + LEVEL) / 2)) * float(np.sqrt(self.variance(contrast)))


def possible(over: Over, participants: int, sources: int) -> tuple[Over, str]:
    """Return what intervals can generalise over, and why that is less than was asked for (empty where it is not).

    Under `FEWEST_SOURCES` sources the default falls back to participants and speaks of these images only.
    """
    lone = "one participant alone says nothing about other participants" if participants < 2 else ""
    images = "the votes name no source" if not sources else "one image alone says nothing about other images"
    few = f"{sources} images are too few to speak for others (at least {FEWEST_SOURCES})" if sources > 1 else images
    if over == "participants" and lone:
        return "none", lone
    if over == "sources" and sources < 2:
        return "none", images
    if over != "both" or (not lone and sources >= FEWEST_SOURCES):
        return over, ""
    if not lone:
        return "participants", few
    return ("sources", lone) if sources >= FEWEST_SOURCES else ("none", f"{lone}, and {few}")


def uncertainty(counts: Counts, fit: Fit, over: Over) -> Uncertainty | None:
    """Return the covariance of the fitted ratings over something that is `possible`; None over nothing."""
    n, people, images = len(fit.theta), counts.participants, counts.sources

    def clustered(*labels: Ints) -> Floats:
        return _clustered(counts, fit, np.unique(np.stack(labels), axis=1, return_inverse=True)[1])[:n, :n]

    if over == "none":
        return None
    if over == "votes":
        return Uncertainty(_by_vote(counts, fit)[:n, :n], (), counts.votes - 1)
    if over == "participants":
        return Uncertainty(clustered(counts.participant), (), people - 1)
    if over == "sources":
        return Uncertainty(clustered(counts.source), (), images - 1)
    one_way = clustered(counts.participant), clustered(counts.source)
    both = one_way[0] + one_way[1] - clustered(counts.participant, counts.source)
    return Uncertainty(both, one_way, min(people, images) - 1)


def _clustered(counts: Counts, fit: Fit, cluster: Ints) -> Floats:
    """Return the sandwich covariance, in squared Elo points, with the rows of the counts grouped by `cluster`."""
    cluster = cluster.ravel()
    k = int(cluster.max()) + 1
    shape = (k, fit.scores.shape[0])
    tables = csr_array((counts.cell_votes.astype(float), (cluster, counts.cell)), shape=shape)
    scores = (tables @ fit.scores).toarray()
    return _sandwich(fit, k, scores.T @ scores)


def _by_vote(counts: Counts, fit: Fit) -> Floats:
    """Return the sandwich covariance with every vote for itself."""
    weighted = fit.scores.multiply(counts.table.reshape(-1, 1)).tocsr()
    return _sandwich(fit, counts.votes, (fit.scores.T @ weighted).toarray())


def _sandwich(fit: Fit, k: int, meat: Floats) -> Floats:
    bread = fit.inverse_information
    return np.asarray(ELO**2 * k / (k - 1) * bread @ meat @ bread)
