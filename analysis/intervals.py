"""How far the ratings can be trusted: covariances clustered by participant, by source, or by both.

Votes of one participant go together, and so do votes on one source. The score (derivative of the log-likelihood) of
all votes of a cluster is summed first; with H the information, s_c the summed scores and k clusters,

    V = k / (k - 1) * H^-1 (sum_c s_c s_c') H^-1

(Liang and Zeger 1986). For both ways at once V = V_participants + V_sources - V_participant-and-source (Cameron,
Gelbach and Miller 2011, "Robust inference with multiway clustering"), never below either one-way variance of the
number at hand. What is estimated is the difference that a fit of the model to the whole population of participants and
sources would give.

No variance goes below that of independent votes either, H^-1: at the maximum the scores of all votes add up to zero, so
where clusters agree by chance, or a number rests on one of them, the sums vanish and their noise with them. The
information does not. (With half a win each for a tie it takes the tie for a whole vote, and is somewhat too wide.) A
number that rests on one participant (or one source) alone gets no interval: see `rests_on_one`.

Student's t has the degrees of freedom of the estimate that was taken: of both ways together the smaller number of
clusters less one; of one way alone that way's clusters less one; of independent votes, where no way shows more than
their noise, those of all ways together (docs/decisions/0005 has what else was tried).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.special import stdtrit

from analysis.codes import distinct, numbered
from analysis.counts import Counts
from analysis.existence import components
from analysis.models import Fit
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
    votes, then one-way ones. `lone[i, j]`: the difference of i and j rests on one cluster alone; `lone[i, i]`: so does
    the rating of i. `seen` (n, ways) holds the clusters of each way that saw each item, less one: with two of them a
    number has one degree of freedom, however many clusters the others have. `side_margin` is half the width of the
    interval of the side bias, in Elo points; None where that is no parameter.
    """

    covariance: Floats
    floors: tuple[Floats, ...]
    degrees: int
    lone: Mask
    seen: Ints
    side_margin: float | None = None

    @property
    def behind(self) -> Ints:
        """The fewest degrees of freedom (n,) that each item has by itself."""
        return np.asarray(self.seen.min(axis=1))

    @property
    def uneven(self) -> bool:
        """Whether some interval has fewer degrees of freedom than the others."""
        return bool(((self.behind < self.degrees) & ~self.lone.diagonal()).any())

    def variance(self, contrast: Floats) -> float:
        """Return the variance of `contrast @ ratings`; a contrast's weights sum to zero, or it is of one rating."""
        return float(self._variances(contrast).max())

    def freedom(self, contrast: Floats, items: Ints | None = None) -> int:
        """Return the degrees of freedom of that variance; `items` are those that it is about, else all with weight."""
        ways = self.seen[np.flatnonzero(contrast) if items is None else items].min(axis=0)
        return degrees_of(self._variances(contrast), ways)

    def margin(self, contrast: Floats, degrees: int | None = None) -> float:
        """Return half the width of the 95% interval of `contrast @ ratings`."""
        degrees = self.freedom(contrast) if degrees is None else degrees
        return _margin(self.variance(contrast), degrees)

    def contrast(self, item: int, other: int | None = None) -> Floats:
        """Return the weights (n,) of a difference, or of one rating against the mean of all."""
        n = len(self.covariance)
        return np.asarray(np.eye(n)[item] - (np.full(n, 1 / n) if other is None else np.eye(n)[other]))

    def freedom_between(self, item: int, other: int | None = None) -> int:
        """Return the degrees of freedom of a rating, or of the difference of two."""
        return self.freedom(self.contrast(item, other), np.array([item, item if other is None else other]))

    def between(self, item: int, other: int | None = None) -> float | None:
        """Return the margin of a rating, or of the difference of two; None where it rests on one cluster alone."""
        if self.lone[item, item if other is None else other]:
            return None
        return self.margin(self.contrast(item, other), self.freedom_between(item, other))

    def variances(self) -> Floats:
        """Return the variances (n, n) of all differences, each the largest that its floors allow."""
        every = []
        for matrix in (self.covariance, *self.floors):
            own = matrix.diagonal()
            every.append(own[:, None] + own - 2 * matrix)
        return np.asarray(np.maximum.reduce(every))

    def _variances(self, contrast: Floats) -> Floats:
        return np.array([contrast @ matrix @ contrast for matrix in (self.covariance, *self.floors)])


def degrees_of(variances: Floats, ways: Ints) -> int:
    """Return the degrees of freedom of the largest of the variances: the estimate, of independent votes, of each way.

    Where some way has few clusters, chance may hide what differs among them, so the smallest number counts whatever was
    taken.
    """
    fewest, taken = int(ways.min()), int(variances.argmax())
    if taken == 0 or fewest < FEW_DEGREES:
        return fewest
    return int(ways.sum()) if taken == 1 else int(ways[taken - 2])


def _margin(variance: float, degrees: int) -> float:
    return float(stdtrit(degrees, (1 + LEVEL) / 2) * np.sqrt(variance))


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
    """Return the covariance of the fitted ratings over something that is `possible`; None over nothing.

    Works for the fit of every model; one with side bias needs counts that know the sides.
    """
    if over == "none":
        return None
    if fit.model.ties == "dropped":
        counts = counts.decided()
    n, matrices = len(fit.theta), _matrices(counts, fit, over)
    totals = {"votes": counts.votes, "participants": counts.participants, "sources": counts.sources}
    ways = ["participants", "sources"] if over == "both" else [over]
    clusters = np.array([totals[way] for way in ways]) - 1
    lone = np.zeros((n, n), bool)
    for way in ways:
        if way != "votes":
            lone |= rests_on_one(counts, counts.participant if way == "participants" else counts.source)
    estimate, *floors = (matrix[:n, :n] for matrix in matrices)
    seen = counts.behind[:, [list(totals).index(way) for way in ways]] - 1
    side = None
    if fit.side is not None:
        variances = np.array([matrix[-1, -1] for matrix in matrices])
        side = _margin(float(variances.max()), degrees_of(variances, clusters))
    return Uncertainty(estimate, tuple(floors), int(clusters.min()), lone, seen, side)


def _matrices(counts: Counts, fit: Fit, over: Over) -> tuple[Floats, ...]:
    """Return the covariance (d, d) of all parameters, in squared Elo points, and its floors."""
    if fit.side is not None:
        counts = counts.by_side()[0]
    model = _by_model(fit)
    if over == "votes":
        return _by_vote(counts, fit), model
    if over != "both":
        return _clustered(counts, fit, counts.participant if over == "participants" else counts.source), model
    one_way = _clustered(counts, fit, counts.participant), _clustered(counts, fit, counts.source)
    cells = counts.participant * (int(counts.source.max()) + 2) + counts.source
    return one_way[0] + one_way[1] - _clustered(counts, fit, cells), model, *one_way


def rests_on_one(counts: Counts, cluster: Ints) -> Mask:
    """Return which differences (n, n) rest on one cluster alone; on the diagonal, which ratings do.

    A difference does where leaving out one cluster (of `cluster`, one label a row of the counts) cuts the last link of
    votes between the two items; a rating does where it cuts the item off from half of all items or more. So a condition
    that one participant alone saw has no interval, whatever its number of votes.
    """
    n, pair = len(counts.items), counts.cell // 3
    width = int(cluster.max()) + 2
    pairs, clusters = np.divmod(distinct(pair * width + cluster + 1), width)
    shared = np.flatnonzero(np.bincount(pairs, minlength=len(counts.first)) > 1)
    if components(n, counts.first[shared], counts.second[shared]).max() == 0:
        return np.zeros((n, n), bool)
    cut = np.zeros((n, n), bool)
    for one in distinct(clusters):
        left = pairs[clusters != one]
        part = components(n, counts.first[left], counts.second[left])
        apart = part[:, None] != part
        np.fill_diagonal(apart, 2 * apart.sum(axis=1) >= n)
        cut |= apart
    return cut


def _by_model(fit: Fit) -> Floats:
    """Return the covariance (d, d) if all votes were independent, ratings with mean 0: the inverse information."""
    n, centre = len(fit.theta), np.eye(len(fit.information))
    centre[:n, :n] -= 1 / n
    return np.asarray(fit.points**2 * centre @ fit.inverse_information @ centre)


def _clustered(counts: Counts, fit: Fit, cluster: Ints) -> Floats:
    """Return the sandwich covariance, in squared Elo points, with the rows of the counts grouped by `cluster`."""
    found, label = numbered(cluster)
    shape = (len(found), fit.scores.shape[0])
    tables = csr_array((counts.cell_votes.astype(float), (label, counts.cell)), shape=shape)
    scores = (tables @ fit.scores).toarray()
    return _sandwich(fit, len(found), scores.T @ scores)


def _by_vote(counts: Counts, fit: Fit) -> Floats:
    """Return the sandwich covariance with every vote for itself."""
    weighted = fit.scores.multiply(counts.table.reshape(-1, 1)).tocsr()
    return _sandwich(fit, counts.votes, (fit.scores.T @ weighted).toarray())


def _sandwich(fit: Fit, k: int, meat: Floats) -> Floats:
    bread = fit.inverse_information
    return np.asarray(fit.points**2 * k / (k - 1) * bread @ meat @ bread)
