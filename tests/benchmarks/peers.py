"""What other tools do with the same votes, each by its own interface. Imports nothing of this project.

Every function takes `Made` votes and a number of rounds, prepares what its tool wants (not measured) and returns the
work to measure. Two methods are written anew from their description, as peers and not as the tools' own code: Arena's
multinomial bootstrap with L-BFGS, and its Elo replayed for all rounds at once.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

Work = Callable[[], object]
LEFT, RIGHT, TIE = 1, -1, 0


@dataclass(frozen=True)
class Made:
    """Votes between `n` systems: `left`, `right` (votes,), `outcome` 1, -1 or 0; each by a `person` on an `image`."""

    n: int
    left: np.ndarray
    right: np.ndarray
    outcome: np.ndarray
    person: np.ndarray
    image: np.ndarray


def made(n: int, votes: int, seed: int = 1) -> Made:
    """Draw votes from known ratings, spread as those of a study; 9% are ties; 40 people and 30 images."""
    rng = np.random.default_rng(seed)
    truth = np.linspace(-150, 150, n)
    left = rng.integers(0, n, votes)
    right = (left + rng.integers(1, n, votes)) % n
    won = rng.random(votes) < 1 / (1 + 10 ** ((truth[right] - truth[left]) / 400))
    outcome = np.where(rng.random(votes) < 0.09, TIE, np.where(won, LEFT, RIGHT))
    return Made(n, left, right, outcome, rng.integers(0, 40, votes), rng.integers(0, 30, votes))


def names(votes: Made) -> tuple[list[str], list[str]]:
    """Return both sides as label strings, which is what the tools take."""
    label = [f"system-{index:03d}" for index in range(votes.n)]
    return [label[item] for item in votes.left], [label[item] for item in votes.right]


def _evalica(votes: Made) -> tuple[Any, tuple[list[str], list[str], list[Any]]]:
    import evalica

    winner = {LEFT: evalica.Winner.X, RIGHT: evalica.Winner.Y, TIE: evalica.Winner.Draw}
    return evalica, (*names(votes), [winner[outcome] for outcome in votes.outcome.tolist()])


def evalica_bootstrap(votes: Made, rounds: int) -> Work:
    """Percentile bootstrap of its Bradley-Terry."""
    tool, data = _evalica(votes)
    return lambda: tool.bootstrap(
        tool.bradley_terry, *data, n_resamples=rounds, bootstrap_method="percentile", random_state=1
    )


def evalica_fit(votes: Made, _rounds: int) -> Work:
    """One Bradley-Terry."""
    tool, data = _evalica(votes)
    return lambda: tool.bradley_terry(*data)


def evalica_elo(votes: Made, rounds: int) -> Work:
    """Percentile bootstrap of its Elo, K 32."""
    tool, data = _evalica(votes)
    return lambda: tool.bootstrap(
        tool.elo, *data, n_resamples=rounds, bootstrap_method="percentile", random_state=1, k=32.0
    )


def choix_fit(votes: Made, _rounds: int) -> Work:
    """I-LSR on the decided votes; it knows no ties."""
    import choix

    decided = votes.outcome != TIE
    won = np.where(votes.outcome == LEFT, votes.left, votes.right)[decided].tolist()
    lost = np.where(votes.outcome == LEFT, votes.right, votes.left)[decided].tolist()
    pairs = list(zip(won, lost, strict=True))
    return lambda: choix.ilsr_pairwise(votes.n, pairs)


def choix_bootstrap(votes: Made, rounds: int) -> Work:
    """I-LSR on matrices of wins (ties half), each a multinomial resample of the counted votes."""
    import choix

    def work() -> list[np.ndarray]:
        wins = np.zeros((votes.n, votes.n))
        for one, other, score in ((votes.left, votes.right, LEFT), (votes.right, votes.left, RIGHT)):
            np.add.at(wins, (one, other), np.where(votes.outcome == score, 1.0, np.where(votes.outcome == TIE, 0.5, 0)))
        share, rng = wins.ravel() / wins.sum(), np.random.default_rng(1)
        drawn = (rng.multinomial(len(votes.left), share).reshape(wins.shape) for _ in range(rounds))
        return [choix.ilsr_pairwise_dense(table.astype(float)) for table in drawn]

    return work


def _arena_rank(votes: Made) -> Callable[[], tuple[Any, Any]]:
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    winner = {LEFT: "model_a", RIGHT: "model_b", TIE: "tie"}
    left, right = names(votes)
    frame = pd.DataFrame({"model_a": left, "model_b": right, "winner": [winner[one] for one in votes.outcome.tolist()]})
    return lambda: (BradleyTerry(n_competitors=votes.n), PairDataset.from_pandas(frame))


def arena_rank_fit(votes: Made, _rounds: int) -> Work:
    """One fit with the sandwich over votes, compilation included as every run of it compiles."""
    parts = _arena_rank(votes)

    def work() -> object:
        model, data = parts()
        return model.compute_ratings_and_cis(data)

    return work


def arena_rank_bootstrap(votes: Made, rounds: int) -> Work:
    """Its own bootstrap, in its own processes."""
    parts = _arena_rank(votes)

    def work() -> object:
        model, data = parts()
        return model.compute_ratings_and_cis(data, ci_method="bootstrap", num_bootstrap=rounds)

    return work


def _fit_lbfgs(task: tuple[np.ndarray, np.ndarray, np.ndarray, int]) -> np.ndarray:
    from scipy.optimize import minimize
    from scipy.special import expit

    pairs, score, weight, n = task

    def cost(ratings: np.ndarray) -> tuple[float, np.ndarray]:
        ahead = ratings[pairs[:, 0]] - ratings[pairs[:, 1]]
        chance = expit(ahead)
        value = -(weight * (score * np.log(chance) + (1 - score) * np.log(expit(-ahead)))).sum()
        slope = weight * (chance - score)
        return value, np.bincount(pairs[:, 0], slope, n) - np.bincount(pairs[:, 1], slope, n)

    return minimize(cost, np.zeros(n), jac=True, method="L-BFGS-B", options={"gtol": 1e-6}).x


def _rows(left: list[str], right: list[str], outcome: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the different rows of labels and outcome with their counts, as that method begins."""
    import pandas as pd

    codes, _ = pd.factorize(np.array(left + right, object), sort=True)
    rows = np.stack([codes[: len(left)], codes[len(left) :], outcome], axis=1)
    rows, count = np.unique(rows, axis=0, return_counts=True)
    return rows[:, :2], (rows[:, 2] + 1) / 2, count


def lbfgs_bootstrap(votes: Made, rounds: int) -> Work:
    """Different rows counted, counts resampled by a multinomial, each round an L-BFGS; one process a processor."""
    left, right = names(votes)

    def work() -> list[np.ndarray]:
        pairs, score, count = _rows(left, right, votes.outcome)
        drawn = np.random.default_rng(1).multinomial(len(left), count / len(left), rounds).astype(float)
        tasks = [(pairs, score, weight, votes.n) for weight in drawn]
        processes = len(os.sched_getaffinity(0))
        if processes == 1:
            return list(map(_fit_lbfgs, tasks))
        with get_context("fork").Pool(processes) as pool:
            return pool.map(_fit_lbfgs, tasks, chunksize=max(1, rounds // 32))

    return work


def lbfgs_fit(votes: Made, _rounds: int) -> Work:
    """The same, once, on the counts themselves."""
    left, right = names(votes)

    def work() -> np.ndarray:
        pairs, score, count = _rows(left, right, votes.outcome)
        return _fit_lbfgs((pairs, score, count.astype(float), votes.n))

    return work


def vectorised_elo(votes: Made, rounds: int) -> Work:
    """Elo replayed vote by vote, all rounds side by side, from a matrix of indices (votes, rounds)."""
    score = (votes.outcome + 1) / 2

    def work() -> np.ndarray:
        chosen = np.random.default_rng(1).integers(0, len(score), (len(score), rounds))
        ratings, lane, slope = np.full((rounds, votes.n), 1000.0), np.arange(rounds), math.log(10) / 400
        for rows in chosen:
            one, other = votes.left[rows], votes.right[rows]
            chance = 1 / (1 + np.exp(slope * (ratings[lane, other] - ratings[lane, one])))
            change = 32 * (score[rows] - chance)
            ratings[lane, one] += change
            ratings[lane, other] -= change
        return np.quantile(ratings, [0.025, 0.975], axis=0)

    return work
