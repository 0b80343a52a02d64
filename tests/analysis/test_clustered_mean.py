"""The mean with its interval: against sums by hand, and whether it covers."""

import numpy as np
import pytest
from scipy.stats import t

from analysis.clustered_mean import clustered_mean


def test_both_ways_are_the_sum_less_the_cells() -> None:
    rng = np.random.default_rng(1)
    people, images = rng.integers(0, 12, 400), rng.integers(0, 9, 400)
    chance = np.clip(0.5 + rng.normal(0, 0.2, 12)[people] + rng.normal(0, 0.3, 9)[images], 0, 1)
    values, weights = (rng.random(400) < chance).astype(float), rng.uniform(0.5, 2, 400)
    found = clustered_mean(values, weights, people, images)
    mean = np.average(values, weights=weights)

    def variance(labels: list[object]) -> float:
        sums: dict[object, float] = {}
        for label, value, weight in zip(labels, values, weights, strict=True):
            sums[label] = sums.get(label, 0.0) + weight * (value - mean) / weights.sum()
        return len(sums) / (len(sums) - 1) * sum(each**2 for each in sums.values())

    by_person, by_image = variance(list(people)), variance(list(images))
    both = by_person + by_image - variance(list(zip(people, images, strict=True)))
    assert found.value == pytest.approx(mean)
    assert both > max(by_person, by_image)
    assert (found.degrees, found.over) == (8, "both")
    assert found.high - found.value == pytest.approx(t.ppf(0.975, 8) * np.sqrt(both))
    assert found.value - found.low == pytest.approx(t.ppf(0.975, 8) * np.sqrt(both))


def test_votes_that_all_agree_still_have_an_interval() -> None:
    found = clustered_mean(np.ones(20), np.ones(20), np.arange(20) % 5, np.arange(20) % 7)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.6 < found.low < 0.9


def test_few_sources_fall_back_and_one_participant_has_none() -> None:
    values = np.arange(60) % 2.0
    few = clustered_mean(values, np.ones(60), np.arange(60) % 7, np.arange(60) % 3)
    assert few.over == "participants"
    assert "3 images are too few" in few.reason
    none = clustered_mean(values, np.ones(60), np.zeros(60, int), np.arange(60) % 3)
    assert none.over == "none"
    assert np.isnan(none.low)


@pytest.mark.parametrize("spread", [0.0, 0.25])
def test_the_interval_covers(spread: float) -> None:
    rng, covered = np.random.default_rng(7), 0
    for _ in range(400):
        people, images = np.repeat(np.arange(15), 40), rng.integers(0, 12, 600)
        chance = 0.5 + spread * rng.choice([-1, 1], 15)[people] + spread * rng.choice([-1, 1], 12)[images]
        found = clustered_mean((rng.random(600) < chance).astype(float), np.ones(600), people, images)
        covered += found.low <= 0.5 <= found.high
    assert covered / 400 > 0.925
