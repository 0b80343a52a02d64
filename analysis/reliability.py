"""Crowd-BT: how far each participant follows the ratings that all imply, weighing participants by just that.

Participant k follows the ratings s with the chance eta_k and inverts them otherwise,

    P(k prefers i to j) = eta_k F(s_i - s_j) + (1 - eta_k) F(s_j - s_i),  F logistic

(Chen, Bennett, Collins-Thompson and Horvitz 2013, "Pairwise ranking aggregation in a crowdsourced setting"). 1 follows,
1/2 answers at random, below that inverts. As in the paper a virtual item that won and lost `virtual` votes against
each item keeps the scores finite; it stands at 0, which also pins their origin. Votes that are not sure have no place
in the model and are left out. Honest taste of a minority looks like unreliability here: report it, exclude by it
nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from analysis.codes import numbered
from analysis.counts import NOT_SURE, Counts
from analysis.votes import Floats, Ints

TURNS = 20
ROUNDS = 1000
SLOPE = 1e-4  # of the log-likelihood by a score, for each square root of a vote: flat
NEWTONS = 30
ETA_STEPS = 60
TINY = 1e-300
TOLERANCE = 1e-9
FIRST_ETA = 0.9  # most follow: of the two mirrored maxima, all scores and all participants turned round, this is ours


@dataclass(frozen=True)
class Reliability:
    """The fitted reliabilities `eta` (p,) of `participant` (p,), codes in order, and `scores` (n,) a scale, in logits.

    `votes` (p,) are those that decide. `log_likelihood` has the virtual item in it. `finished`: the climb ended.
    """

    participant: Ints
    eta: Floats
    votes: Ints
    scores: tuple[Floats, ...]
    log_likelihood: float
    finished: bool

    @property
    def random_share(self) -> Floats:
        """The share (p,) of answers as if by a fair coin, 2 (1 - eta); over 1 for who rather inverts."""
        return 2 * (1 - self.eta)


@dataclass(frozen=True)
class Crowd:
    """Votes of all scales as rows: `wins` votes of rater `who` for item `better` over item `worse`, all scales' items.

    The items of the scales stand one after the other; `sizes` has the number of each scale's.
    """

    participant: Ints
    who: Ints
    better: Ints
    worse: Ints
    wins: Floats
    sizes: tuple[int, ...]
    virtual: float

    @property
    def items(self) -> int:
        """The number of all items."""
        return sum(self.sizes)

    def value(self, s: Floats, eta: Floats) -> float:
        """Return the log-likelihood of scores (n,) and reliabilities (p,), the virtual item's votes included."""
        with np.errstate(divide="ignore"):
            found = np.log(self.chance(s, eta))
        return float(self.wins @ found - self.virtual * (np.logaddexp(0, s) + np.logaddexp(0, -s)).sum())

    def slope(self, s: Floats, eta: Floats) -> Floats:
        """Return the derivative (n,) of `value` by the scores."""
        follows, n = expit(s[self.better] - s[self.worse]), self.items
        by_d = self.wins * (2 * eta[self.who] - 1) * follows * (1 - follows) / self.chance(s, eta)
        own = self.virtual * (1 - 2 * expit(s))
        return np.asarray(np.bincount(self.better, by_d, n) - np.bincount(self.worse, by_d, n) + own)

    def chance(self, s: Floats, eta: Floats) -> Floats:
        """Return the chance (rows,) of each row's votes."""
        follows = expit(s[self.better] - s[self.worse])
        return np.asarray(eta[self.who] * follows + (1 - eta[self.who]) * (1 - follows))


def crowd(scales: Sequence[Counts], virtual: float = 1.0) -> Crowd:
    """Return the votes of the scales, in all of which a participant has the same reliability."""
    rows, offset = [], 0
    for counts in scales:
        pair, outcome = np.divmod(counts.cell, 3)
        first, second = counts.first[pair] + offset, counts.second[pair] + offset
        better, worse = np.where(outcome == 0, [first, second], [second, first])
        keep = outcome != NOT_SURE
        rows.append(np.stack([counts.participant, better, worse, counts.cell_votes])[:, keep])
        offset += len(counts.items)
    people, better, worse, often = np.concatenate(rows, axis=1)
    key, row = numbered((people * offset + better) * offset + worse)
    wins = np.bincount(row, often, len(key)).astype(float)
    participant, who = numbered(key // offset**2)
    sizes = tuple(len(counts.items) for counts in scales)
    return Crowd(participant, who, key // offset % offset, key % offset, wins, sizes, virtual)


def reliability(scales: Sequence[Counts], virtual: float = 1.0) -> Reliability:
    """Fit scores and reliabilities to the votes of all scales; `virtual` is positive.

    First by turns, all reliabilities given the scores, then scores that raise the likelihood: each turn climbs, so the
    maximum that is met is the one in which most participants follow. That is slow near the end, where the likelihood
    with every reliability at its best is climbed as a function of the scores alone (L-BFGS; its gradient is the partial
    one, since the reliabilities are at their best).
    """
    votes = crowd(scales, virtual)
    s, eta = np.zeros(votes.items), np.full(len(votes.participant), FIRST_ETA)
    for _ in range(TURNS):
        s = _scores(votes, s, eta)
        eta = _reliabilities(votes, s, eta)

    def cost(scores: Floats) -> tuple[float, Floats]:
        nonlocal eta
        eta = _reliabilities(votes, scores, eta)
        return -votes.value(scores, eta), -votes.slope(scores, eta)

    s = minimize(cost, s, jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-7, "maxiter": ROUNDS}).x
    eta = _reliabilities(votes, s, eta)
    finished = bool(np.abs(votes.slope(s, eta)).max() < SLOPE * max(1.0, votes.wins.sum() ** 0.5))
    decided = np.bincount(votes.who, votes.wins, len(eta)).astype(np.int64)
    parts = tuple(np.split(s, np.cumsum(votes.sizes)[:-1]))
    return Reliability(votes.participant, eta, decided, parts, votes.value(s, eta), finished)


def _reliabilities(votes: Crowd, s: Floats, eta: Floats) -> Floats:
    """Return the best reliabilities (p,) in [0, 1] for the scores, from `eta` on.

    The log-likelihood of each is concave, so its maximum lies between two ends whose slopes point inwards: steps of
    Newton's method where they stay between, halves where they do not.
    """
    follows = expit(s[votes.better] - s[votes.worse])
    by_eta, p = 2 * follows - 1, len(eta)
    low, high = np.full(p, -1.0), np.full(p, 2.0)  # 0 and 1 are inside until they are tried
    for _ in range(ETA_STEPS):
        ratio = by_eta / np.maximum((1 - follows) + by_eta * eta[votes.who], TINY)
        slope = np.bincount(votes.who, votes.wins * ratio, p)
        bend = np.bincount(votes.who, votes.wins * ratio**2, p)
        low, high = np.where(slope > 0, eta, low), np.where(slope > 0, high, eta)
        step = np.clip(eta + slope / np.maximum(bend, TINY), 0.0, 1.0)
        new = np.clip(np.where((step > low) & (step < high), step, (low + high) / 2), 0.0, 1.0)
        moved, eta = float(np.abs(new - eta).max(initial=0)), new
        if moved < TOLERANCE / 10:
            break
    return eta


def _scores(votes: Crowd, s: Floats, eta: Floats) -> Floats:
    """Return scores of no lower likelihood: the expectation-maximisation step (Dempster, Laird and Rubin 1977).

    Hidden is whether a vote follows the ratings; its chance given the vote divides the vote between its two readings,
    and what is then maximised is a Bradley-Terry likelihood, which is concave.
    """
    follows = expit(s[votes.better] - s[votes.worse])
    straight = eta[votes.who] * follows / votes.chance(s, eta)
    forward, back = votes.wins * straight, votes.wins * (1 - straight)
    for _ in range(NEWTONS):
        gradient, information = _derivatives(votes, s, forward, back)
        step = np.linalg.solve(information, gradient)
        step /= max(1.0, float(np.abs(step).max()))
        s = s + step
        if np.abs(step).max() < TOLERANCE / 10:
            break
    return s


def _derivatives(votes: Crowd, s: Floats, forward: Floats, back: Floats) -> tuple[Floats, Floats]:
    """Return gradient (n,) and negative Hessian (n, n) of votes (rows,) for the better item and for the worse one."""
    n, better, worse = len(s), votes.better, votes.worse
    p, at_virtual = expit(s[better] - s[worse]), expit(s)
    by_d, dd = forward * (1 - p) - back * p, (forward + back) * p * (1 - p)
    gradient = np.bincount(better, by_d, n) - np.bincount(worse, by_d, n) + votes.virtual * (1 - 2 * at_virtual)
    across = np.bincount(better * n + worse, dd, n * n).reshape(n, n)
    across += across.T
    own = across.sum(axis=0) + 2 * votes.virtual * at_virtual * (1 - at_virtual)
    return gradient, np.diag(own) - across
