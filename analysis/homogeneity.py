"""Are the ratings the same in all parts of the votes: on every image, for every group of people, early and late?

Rao's score test of ratings of their own for each part against common ones; what a part's votes would change is the sum
s_k of the scores of its votes at the common maximum, with expected information H_k:

    T = sum_k s_k' H_k^- s_k,  on sum_k rank(H_k) - (n - 1) degrees of freedom

(Rao 1948, "Large sample tests of statistical hypotheses concerning several parameters"), with the parameters of ties
and of a side in common. No part has to be fitted, so parts that would separate do no harm. Its p comes from votes that
the common model makes itself, as many on each pair of each part as there were, with the refit in one step (a parametric
bootstrap). That takes votes as independent, and one person's are not: beside it stands the same test with the scores
summed by participant, and their own covariance in place of the information (Boos 1992, "On generalized score tests"),
by Hotelling's T-squared, where there are participants enough for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence
from scipy.sparse import csr_array
from scipy.special import fdtrc

from analysis.codes import numbered
from analysis.counts import Counts
from analysis.models import Fit
from analysis.outcomes import outcomes
from analysis.votes import Floats, Ints, Mask

ROUNDS = 999
HELD = 2**22  # cells that are drawn at a time
MOST = 2**20  # pairs of parts x rounds that are drawn at all; with more of them there are fewer rounds
LEAST = 1e-9  # an eigenvalue below this share of the largest is none


@dataclass(frozen=True)
class Division:
    """Votes divided `by` something into parts of these `names`; `small` (parts,) tells those that are left out."""

    by: str
    names: Sequence[str]
    small: Mask


@dataclass(frozen=True)
class Homogeneity:
    """Whether `parts` of the votes agree on the ratings; the names of `small` ones that were left out.

    `statistic` on `degrees` has the p of `rounds` made by the common model, which takes votes as independent.
    `f` on `degrees` and `participants - degrees` has the p of the test by participant, both None where participants are
    too few for it. All are None where fewer than two parts are left, or where they share nothing to compare.
    """

    by: str
    parts: tuple[str, ...]
    small: tuple[str, ...]
    statistic: float | None = None
    degrees: int = 0
    p: float | None = None
    rounds: int = 0
    f: float | None = None
    participants: int = 0
    participants_p: float | None = None


@dataclass(frozen=True)
class _Field:
    """Scores and expected information, one row a pair (or a pair by side): of one vote, d parameters, n of them theta.

    `chance` (rows, 3) are the outcomes' chances and `scores` (3 * rows, d) their scores. The information of one vote is
    that of a row's distance and tie parameter, `curvature` (rows, 2, 2), of which `design` (rows, 2, d) says what they
    are made of.
    """

    n: int
    chance: Floats
    scores: Floats
    design: Floats
    curvature: Floats

    def information(self, votes: Floats) -> Floats:
        """Return the expected information (k, d, d) of votes (k, rows)."""
        d = self.design.shape[2]
        weighted = np.einsum("rab,rbd->rad", self.curvature, self.design)
        flat = self.design.reshape(-1, d)
        return np.array([flat.T @ (part[:, None, None] * weighted).reshape(-1, d) for part in votes])


def homogeneity(counts: Counts, fit: Fit, division: Division, seed: int | SeedSequence = 1) -> Homogeneity:
    """Test the parts of a scale's votes, which stand in the place of `counts.source`: a code of the names, -1 for none.

    `counts` are otherwise those that were fitted.
    """
    if fit.model.side_bias:
        counts = counts.by_side()[0]
    if fit.model.ties == "dropped":
        counts = counts.decided()
    keep = (counts.source >= 0) & ~division.small[counts.source]
    codes, part = numbered(counts.source[keep])
    left_out = tuple(division.names[code] for code in np.flatnonzero(division.small))
    found = Homogeneity(division.by, tuple(division.names[code] for code in codes), left_out)
    if len(codes) < 2:
        return found
    field, cell = _field(counts, fit), counts.cell[keep]
    weight = counts.cell_votes[keep].astype(float)
    rows = len(counts.first)
    votes = np.zeros((len(codes), rows))
    np.add.at(votes, (part, cell // 3), weight)
    test = _Test(field, votes)
    if test.degrees < 1:
        return found
    shape = (len(codes), 3 * rows)
    scores = csr_array((weight, (part, cell)), shape=shape) @ field.scores
    statistic = float(test.statistics(scores[:, None])[0])
    rounds = int(min(ROUNDS, max(99, MOST // (votes > 0).sum())))
    drawn = _drawn(test, rounds, Generator(SFC64(seed)))
    far = int((drawn >= statistic * (1 - 1e-9)).sum())
    found = replace(found, statistic=statistic, degrees=test.degrees, p=(1 + far) / (1 + rounds), rounds=rounds)
    return _by_participant(found, test, (counts.participant[keep], part, cell), weight)


def _field(counts: Counts, fit: Fit) -> _Field:
    """Return the field of a fit at its maximum; half a win each for a tie is taken as it is counted."""
    n, d = len(fit.theta), fit.scores.shape[1]
    distance = fit.theta[counts.first] - fit.theta[counts.second]
    rows = np.arange(len(distance))
    design = np.zeros((len(rows), 2, d))
    design[rows, 0, counts.first], design[rows, 0, counts.second] = 1, -1
    if fit.tie is not None:
        design[:, 1, n] = 1
    if fit.side is not None:
        side = np.repeat([1, -1], len(rows) // 2)
        distance, design[:, 0, -1] = distance + side * fit.side, side
    found = outcomes(fit.model.link, fit.model.ties, distance, fit.tie)
    chance = np.exp(found.log)
    if fit.tie is None:
        chance[:, 2] = 0
    by = np.stack([found.by_d, found.by_t], axis=1)
    return _Field(n, chance, fit.scores.toarray(), design, np.einsum("rao,rbo,ro->rab", by, by, chance))


class _Test:
    """The quadratic form of the test for parts with `votes` (k, rows); see the module."""

    def __init__(self, field: _Field, votes: Floats) -> None:
        self.field, self.votes = field, votes
        n, information = field.n, field.information(votes)
        self.information, self.whole = information, _pseudo(information.sum(axis=0)[None])[0]
        self.own = _pseudo(information[:, :n, :n])
        ranks = (np.linalg.eigvalsh(information[:, :n, :n]) > LEAST * information.max()).sum(axis=1)
        self.degrees = int(ranks.sum()) - (n - 1)
        self.shared = information[:, :n, n:]  # with the parameters in common
        solved = self.own @ self.shared
        common = information[:, n:, n:].sum(axis=0) - np.einsum("kna,knb->ab", self.shared, solved)
        self.common = np.linalg.pinv(common, hermitian=True)
        self.solved = solved

    def effective(self, scores: Floats) -> Floats:
        """Return scores (k, b, d) at the maximum that they would have in common: the refit in one step."""
        return np.asarray(scores - (scores.sum(axis=0) @ self.whole) @ self.information)

    def statistics(self, scores: Floats) -> Floats:
        """Return T (b,) of scores (k, b, d)."""
        own = self.effective(scores)[:, :, : self.field.n]
        plain = ((own @ self.own) * own).sum(axis=(0, 2))
        shared = (own @ self.solved).sum(axis=0)
        return np.asarray(plain + ((shared @ self.common) * shared).sum(axis=1))


def _pseudo(matrices: Floats) -> Floats:
    return np.asarray(np.linalg.pinv(matrices, rcond=LEAST, hermitian=True))


def _drawn(test: _Test, rounds: int, rng: Generator) -> Floats:
    """Return T (rounds,) of votes that the common model makes."""
    found, field, (parts, d) = [], test.field, test.information.shape[:2]
    cells = 3 * int((test.votes > 0).sum())
    for begin in range(0, rounds, size := max(1, HELD // max(cells, parts * d))):
        b = min(size, rounds - begin)
        found.append(test.statistics(np.stack([_made(field, votes, b, rng) for votes in test.votes])))
    return np.concatenate(found)


def _made(field: _Field, votes: Floats, rounds: int, rng: Generator) -> Floats:
    """Return the scores (rounds, d) of one part's votes (rows,), made by the common model."""
    (row,) = np.nonzero(votes)
    chance = field.chance[row] / field.chance[row].sum(axis=1, keepdims=True)
    tables = rng.multinomial(votes[row].astype(np.int64), chance, (rounds, len(row))).reshape(rounds, -1)
    return np.asarray(tables.astype(float) @ field.scores[(3 * row[:, None] + np.arange(3)).ravel()])


def _by_participant(found: Homogeneity, test: _Test, at: tuple[Ints, Ints, Ints], weight: Floats) -> Homogeneity:
    """Add the test with the scores summed by participant, where there are at least twice as many as degrees.

    `weight` votes of a participant on a part fell into a cell; these three are `at`.
    """
    participant, part, cell = at
    people, person = numbered(participant)
    k, q, n = len(test.votes), test.degrees, test.field.n
    if len(people) < 2 * q:
        return found
    shape = (len(people) * k, test.field.chance.size)
    summed = csr_array((weight, (part * len(people) + person, cell)), shape=shape) @ test.field.scores
    own = test.effective(summed.reshape(k, len(people), -1))[:, :, :n]
    own = np.moveaxis(own, 0, 1).reshape(len(people), -1)
    mean, spread = own.mean(axis=0), np.cov(own, rowvar=False)
    values, vectors = np.linalg.eigh(spread)
    if values[-q] <= LEAST * values[-1]:  # some participants agree so well that their scores span too little
        return found
    squared = len(people) * float((((vectors[:, -q:].T @ mean) ** 2) / values[-q:]).sum())
    f = squared * (len(people) - q) / (q * (len(people) - 1))
    p = float(fdtrc(q, len(people) - q, f))
    return replace(found, f=f, participants=len(people), participants_p=p)
