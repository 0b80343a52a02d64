"""The paper's score: Elo, bootstrapped over votes and averaged over their order ("paper-comparable").

Elo 1978, "The Rating of Chessplayers": E = 1 / (1 + 10^((R_b - R_a) / 400)), R_a += K (S - E), R_b -= K (S - E), with
S = 1, 1/2 or 0 for a win, not sure and a loss. A round is a resample of the votes in random order, which is as many
independent draws from the counted votes as there are votes; the rating is the mean over rounds. With a constant K the
spread of the rounds is mostly the noise of the last updates: it does not shrink with more votes, and it is no
confidence interval.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.counts import Counts
from analysis.votes import Floats, Ints

SCORES = np.array([1.0, 0.0, 0.5])
BLOCK = 1_000_000  # draws held at a time


@dataclass(frozen=True)
class EloSettings:
    """What the paper leaves open: where every condition begins, the update's size, the number of resamples."""

    start: float = 1000.0
    k: float = 32.0
    rounds: int = 1000
    seed: int = 1


@dataclass(frozen=True)
class EloResult:
    """Ratings (n,), mean 0, with the central 95% of the rounds: update noise."""

    rating: Floats
    low: Floats
    high: Floats


def play(ratings: Floats, first: Ints, second: Ints, score: Floats, k: float) -> None:
    """Update `ratings` (n, lanes) in place by the games `first` against `second` (steps, lanes), played step by step.

    `score` (steps, lanes) is what the first one got. Every lane is a history of its own.
    """
    n, lanes = ratings.shape
    flat, lane = ratings.reshape(n * lanes), np.arange(lanes)
    for one, other, result in zip(first * lanes + lane, second * lanes + lane, score, strict=True):
        ahead = flat[one] - flat[other]
        change = k * (result - 1 / (1 + 10 ** (ahead / -400)))
        flat[one] += change
        flat[other] -= change


def bootstrapped(counts: Counts, settings: EloSettings, progress: Callable[[int], None] = lambda _: None) -> EloResult:
    """Return the order-averaged, bootstrapped ratings of one scale; `progress` is told of votes just replayed."""
    rng = np.random.default_rng(settings.seed)
    cell_of_vote = np.repeat(np.arange(counts.table.size), counts.table.ravel())
    ratings = np.full((len(counts.items), settings.rounds), settings.start, float)
    steps = max(1, BLOCK // settings.rounds)
    for begin in range(0, counts.votes, steps):
        size = min(steps, counts.votes - begin)
        cell = cell_of_vote[rng.integers(0, counts.votes, (size, settings.rounds))]
        pair = cell // 3
        play(ratings, counts.first[pair], counts.second[pair], SCORES[cell % 3], settings.k)
        progress(size)
    ratings -= settings.start
    low, high = np.quantile(ratings, [0.025, 0.975], axis=1)
    return EloResult(ratings.mean(axis=1), low, high)
