"""How far the ratings can be trusted: covariances clustered by participant, by source, or by both.

Votes of one participant go together, and so do votes on one source. The score (derivative of the log-likelihood) of
all votes of a cluster is summed first; with H the information, s_c the summed scores and k clusters,

    V = k / (k - 1) * H^-1 (sum_c s_c s_c') H^-1

(Liang and Zeger 1986). For both ways at once V = V_participants + V_sources - V_participant-and-source (Cameron,
Gelbach and Miller 2011, "Robust inference with multiway clustering"), never below either one-way variance of the
number at hand, with Student's t on min(participants, sources) - 1 degrees of freedom. What is estimated is the
difference that a Bradley-Terry fit to the whole population of participants and sources would give.

No variance goes below that of independent votes either, H^-1: at the maximum the scores of all votes add up to zero,
so where clusters agree by chance, or a number rests on one of them, the sums vanish and their noise with them. The
information does not. A number that rests on one participant (or one source) alone gets no interval: see `rests_on_one`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.special import stdtrit

from analysis.bradley_terry import ELO, Fit, components
from analysis.counts import Counts
from analysis.votes import Floats, Ints, Mask

Over = Literal["both", "participants", "sources", "votes", "none"]
OVERS: tuple[Over, ...] = ("both", "participants", "sources", "votes")
LEVEL = 0.95
FEWEST_SOURCES = 5
FEW_DEGREES = 4  # below this Student's t is so wide that the report says so

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

    `covariance` is the estimate before the floor, `floors` the covariances that no variance goes below: of independent
    votes, and one-way ones. `lone[i, j]`: the difference of i and j rests on one cluster alone; `lone[i, i]`: so does
    the rating of i. `behind` (n,) holds the degrees of freedom of each item alone, from the clusters that saw it: with
    two of them a number has one degree of freedom, however many clusters the others have.
    """

    covariance: Floats
    floors: tuple[Floats, ...]
    degrees: int
    lone: Mask
    behind: Ints

    @property
    def uneven(self) -> bool:
        """Whether some interval has fewer degrees of freedom than the others."""
        return bool(((self.behind < self.degrees) & ~self.lone.diagonal()).any())

    def variance(self, contrast: Floats) -> float:
        """Return the variance of `contrast @ ratings`; a contrast's weights sum to zero, or it is of one rating."""
        return float(max(contrast @ matrix @ contrast for matrix in (self.covariance, *self.floors)))

    def margin(self, contrast: Floats, degrees: int | None = None) -> float:
        """Return half the width of the 95% interval of `contrast @ ratings`."""
        quantile = float(stdtrit(self.degrees if degrees is None else degrees, (1 + LEVEL) / 2))
        return quantile * float(np.sqrt(self.variance(contrast)))

    def between(self, item: int, other: int | None = None) -> float | None:
        """Return the margin of a rating, or of the difference of two; None where it rests on one cluster alone."""
        n, second = len(self.covariance), item if other is None else other
        if self.lone[item, second]:
            return None
        contrast = np.eye(n)[item] - (np.full(n, 1 / n) if other is None else np.eye(n)[other])
        return self.margin(contrast, int(min(self.degrees, self.behind[item], self.behind[second])))


def possible(over: Over, participants: int, sources: int) -> tuple[Over, str]:
    """Return what intervals can generalise over, and why that is less than was asked for (empty where it is not).

    Under `FEWEST_SOURCES` sources no interval speaks of other images: the default falls back to participants and
    speaks of these images only.
    """
    lone = "one participant alone says nothing about other participants" if participants < 2 else ""
    images = "the votes name no source" if not sources else "one image alone says nothing about other images"
    few = f"{sources} images are too few to speak for others (at least {FEWEST_SOURCES})" if sources > 1 else images
    if over == "participants" and lone:
        return "none", lone
    if over == "sources" and sources < FEWEST_SOURCES:
        return "none", few
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
    model = _by_model(fit)
    seen = np.array([counts.about(item) for item in range(n)]) - 1
    if over == "votes":
        never = np.zeros((n, n), bool)
        return Uncertainty(_by_vote(counts, fit)[:n, :n], (model,), counts.votes - 1, never, seen[:, 0])
    if over == "participants":
        lone = rests_on_one(counts, counts.participant)
        return Uncertainty(clustered(counts.participant), (model,), people - 1, lone, seen[:, 1])
    if over == "sources":
        lone = rests_on_one(counts, counts.source)
        return Uncertainty(clustered(counts.source), (model,), images - 1, lone, seen[:, 2])
    one_way = clustered(counts.participant), clustered(counts.source)
    both = one_way[0] + one_way[1] - clustered(counts.participant, counts.source)
    lone = rests_on_one(counts, counts.participant) | rests_on_one(counts, counts.source)
    return Uncertainty(both, (model, *one_way), min(people, images) - 1, lone, seen[:, 1:].min(axis=1))


def rests_on_one(counts: Counts, cluster: Ints) -> Mask:
    """Return which differences (n, n) rest on one cluster alone; on the diagonal, which ratings do.

    A difference does where leaving out one cluster (of `cluster`, one label a row of the counts) cuts the last link of
    votes between the two items; a rating does where it cuts the item off from half of all items or more. So a condition
    that one participant alone saw has no interval, whatever its number of votes.
    """
    n, pair = len(counts.items), counts.cell // 3
    pairs, clusters = np.unique(np.stack([pair, cluster]), axis=1)
    shared = np.flatnonzero(np.bincount(pairs, minlength=len(counts.first)) > 1)
    if components(n, counts.first[shared], counts.second[shared]).max() == 0:
        return np.zeros((n, n), bool)
    cut = np.zeros((n, n), bool)
    for one in np.unique(clusters):
        left = pairs[clusters != one]
        part = components(n, counts.first[left], counts.second[left])
        apart = part[:, None] != part
        np.fill_diagonal(apart, 2 * apart.sum(axis=1) >= n)
        cut |= apart
    return cut


def _by_model(fit: Fit) -> Floats:
    """Return the covariance (n, n) of ratings with mean 0 if all votes were independent: the inverse information."""
    n = len(fit.theta)
    centre = np.eye(n) - 1 / n
    return np.asarray(ELO**2 * centre @ fit.inverse_information[:n, :n] @ centre)


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
