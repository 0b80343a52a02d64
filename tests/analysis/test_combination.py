"""The learned combination: its maximum against an independent one, its folds, and that it learns nothing of a fold."""

import numpy as np
import pytest
from scipy.optimize import minimize

from analysis.combination import FOLDS, folds, held_out, logistic


def made(seed: int, votes: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(votes, 3)) * [1, 20, 0.01]
    left = rng.random(votes) < 1 / (1 + np.exp(-(x @ [1, -0.1, 20])))
    share = np.where(rng.random(votes) < 0.1, 0.5, left)
    return x, share, rng.uniform(0.5, 2, votes), rng.integers(0, 23, votes)


@pytest.mark.parametrize("ridge", [0.01, 1.0, 50.0])
def test_the_maximum_is_that_of_an_independent_climb(ridge: float) -> None:
    x, share, votes, _ = made(1)
    z = x / np.sqrt(np.average(x**2, axis=0, weights=votes))

    def loss(w: np.ndarray) -> float:
        p = 1 / (1 + np.exp(-z @ w))
        return float(-(votes * (share * np.log(p) + (1 - share) * np.log(1 - p))).sum() + ridge / 2 * (w**2).sum())

    expected = minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).x
    assert logistic(x, share, votes, ridge).weight == pytest.approx(expected, abs=1e-5)


def test_votes_that_separate_have_a_finite_fit_and_constant_metrics_no_weight() -> None:
    x = np.stack([np.repeat([1e6, -1e6], 500), np.zeros(1000)], axis=1)
    found = logistic(x, np.repeat([1.0, 0.0], 500), np.ones(1000))
    assert 1 < found.weight[0] < 50
    assert found.weight[1] == 0


def test_swapped_sides_turn_the_prediction_round() -> None:
    x, share, votes, source = made(2)
    flip = np.random.default_rng(3).choice([-1, 1], len(x))
    swapped = np.where(flip < 0, 1 - share, share)
    straight, turned = held_out(x, share, votes, source), held_out(x * flip[:, None], swapped, votes, source)
    assert turned.logit == pytest.approx(straight.logit * flip, abs=1e-7)


def test_sources_alone_decide_folds_and_the_seed_shuffles_them() -> None:
    source = np.repeat(np.arange(23), 7)[np.random.default_rng(1).permutation(161)]
    fold = folds(source, 5)
    of_source = [set(fold[source == one]) for one in range(23)]
    assert all(len(found) == 1 for found in of_source)
    sizes = np.bincount([found.pop() for found in of_source])
    assert len(sizes) == FOLDS
    assert sizes.max() - sizes.min() <= 1
    assert (folds(source, 5) == fold).all()
    assert (folds(source, 6) != fold).any()
    assert len(np.unique(folds(source[source < 6], 1))) == 6


def test_votes_of_a_fold_do_not_reach_its_own_prediction() -> None:
    x, share, votes, source = made(4)
    before = held_out(x, share, votes, source, seed=2)
    fold = folds(source, 2)
    share = np.where(fold == 3, 1 - share, share)
    after = held_out(x, share, votes, source, seed=2)
    assert after.logit[fold == 3] == pytest.approx(before.logit[fold == 3], abs=1e-12)
    assert after.logit[fold != 3] != pytest.approx(before.logit[fold != 3], abs=1e-3)
