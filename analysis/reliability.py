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
from scipy.special import expit

from analysis.counts import NOT_SURE, Counts
from analysis.votes import Floats, Ints

ROUNDS = 2000
NEWTONS = 30
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
    key, row = np.unique((people * offset + better) * offset + worse, return_inverse=True)
    wins = np.bincount(row, often, len(key)).astype(float)
    participant, who = np.unique(key // offset**2, return_inverse=True)
    sizes = tuple(len(counts.items) for counts in scales)
    return Crowd(participant, who, key // offset % offset, key % offset, wins, sizes, virtual)


def reliability(scales: Sequence[Counts], virtual: float = 1.0) -> Reliability:
    """Fit scores and reliabilities by turns: all reliabilities given the scores, then scores that raise the likelihood.

    Each turn climbs, so the end is a local maximum: the one in which most participants follow. `virtual` is positive.
    """
    votes = crowd(scales, virtual)
    s, eta = np.zeros(votes.items), np.full(len(votes.participant), FIRST_ETA)
    finished = False
    for _ in range(ROUNDS):
        scores = _scores(votes, s, eta)
        reliabilities = _reliabilities(votes, scores)
        moved = max(np.abs(scores - s).max(initial=0), np.abs(reliabilities - eta).max(initial=0))
        s, eta = scores, reliabilities
        if finished := bool(moved < TOLERANCE):
            break
    decided = np.bincount(votes.who, votes.wins, len(eta)).astype(np.int64)
    parts = tuple(np.split(s, np.cumsum(votes.sizes)[:-1]))
    return Reliability(votes.participant, eta, decided, parts, votes.value(s, eta), finished)


def _reliabilities(votes: Crowd, s: Floats) -> Floats:
    """Return the best eta (p,) in [0, 1] for the scores: each one's log-likelihood is concave, so bisect its slope."""
    follows = expit(s[votes.better] - s[votes.worse])
    slope_of_row = 2 * follows - 1
    low, high = np.zeros(len(votes.participant)), np.ones(len(votes.participant))
    for _ in range(50):
        middle = (low + high) / 2
        chance = (1 - follows) + slope_of_row * middle[votes.who]
        rises = np.bincount(votes.who, votes.wins * slope_of_row / chance, len(low)) > 0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return (low + high) / 2


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
