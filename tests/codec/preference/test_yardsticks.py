"""Yardsticks against known values, scipy and simulation; absent where nothing tells them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc
from scipy.stats import beta, entropy

from codec.preference.yardsticks import (
    Counts,
    agreement_of_two,
    best_prediction,
    beta_below_half,
    least_log_loss,
    yardsticks,
)

SHAPES = st.floats(0.02, 3000)


@given(SHAPES, SHAPES)
def test_the_incomplete_beta_function_is_scipys(a: float, b: float) -> None:
    assert beta_below_half(a, b) == pytest.approx(betainc(a, b, 0.5), abs=1e-9)


def test_beta_2_2_gives_the_published_pair() -> None:
    assert agreement_of_two(np.array(2.0), np.array(2.0)) == pytest.approx(0.6)
    assert best_prediction(2.0, 2.0) == pytest.approx(0.6875)


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.3), (0.5, 2.0), (2.0, 2.0), (7.0, 1.5), (40.0, 50.0)])
def test_the_least_log_loss_is_the_mean_entropy(a: float, b: float) -> None:
    by_hand = beta(a, b).expect(lambda p: entropy([p, 1 - p]) if 0 < p < 1 else 0.0)
    assert least_log_loss(np.array(a), np.array(b)) == pytest.approx(by_hand, abs=1e-4)


def simulated(precision: float, seed: int = 0, crops: int = 3000, not_sure: float = 0) -> tuple[Counts, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.6 * precision, 0.4 * precision, crops)
    decided = rng.binomial(8, 1 - not_sure, crops)
    won = rng.binomial(decided, chance)
    return Counts(won, decided - won, 8 - decided, np.arange(crops) // 3), chance


@pytest.mark.parametrize("precision", [0.5, 2.0, 10.0])
def test_they_are_those_of_the_chances_that_made_the_votes(precision: float) -> None:
    counts, chance = simulated(precision)
    found = yardsticks(counts, 1, rounds=50)
    assert found.precision == pytest.approx(precision, rel=0.1)
    truth = {
        "two_participants": np.mean(chance**2 + (1 - chance) ** 2),
        "best_prediction": np.mean(np.maximum(chance, 1 - chance)),
        "least_log_loss": np.mean(entropy(np.stack([chance, 1 - chance]))),
    }
    for name, value in truth.items():
        assert found.values[name].value == pytest.approx(value, abs=0.01)
        assert found.values[name].low < found.values[name].value < found.values[name].high


def test_votes_that_are_not_sure_pull_towards_half() -> None:
    sure, unsure = (yardsticks(simulated(2.0, not_sure=share)[0], 1, rounds=10).values for share in (0, 0.3))
    assert unsure["best_prediction"].value == pytest.approx(0.7 * sure["best_prediction"].value + 0.15, abs=0.01)
    assert unsure["least_log_loss"].value == pytest.approx(
        0.7 * sure["least_log_loss"].value + 0.3 * math.log(2), abs=0.01
    )


def test_one_vote_a_crop_tells_nothing_and_that_is_said() -> None:
    won = np.arange(100) % 2
    found = yardsticks(Counts(won, 1 - won, np.zeros(100, int), np.arange(100)), 1)
    assert "0 crops have two votes or more" in found.reason
    assert all(math.isnan(one.value) for one in found.values.values())


def test_few_sources_have_values_without_intervals() -> None:
    counts, _ = simulated(2.0, crops=12)
    found = yardsticks(counts, 1)
    assert "4 sources are too few" in found.reason
    assert math.isnan(found.values["best_prediction"].low)
    assert 0.5 < found.values["best_prediction"].value < 1
