"""Measures against single votes counted one by one, their intervals, and what chance alone makes of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import mannwhitneyu

from codec.preference.measures import Outcome, bins, calibration_floor, difference, drawn, estimates

CROPS = st.lists(
    st.tuples(
        st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]), st.integers(0, 4), st.integers(0, 4), st.integers(0, 5)
    ).filter(lambda row: row[1] + row[2] > 0),
    min_size=3,
    max_size=30,
)


def outcome(rows: list[tuple[float, int, int, int]]) -> tuple[np.ndarray, Outcome]:
    chance, yes, no, group = (np.array(column) for column in zip(*rows, strict=True))
    return chance.astype(float), Outcome(yes * 1.0, no * 1.0, np.unique(group, return_inverse=True)[1])


@given(CROPS)
def test_measures_are_those_of_single_votes(rows: list[tuple[float, int, int, int]]) -> None:
    chance, seen = outcome(rows)
    single = [(p, 1) for p, yes, _, _ in rows for _ in range(yes)] + [(p, 0) for p, _, no, _ in rows for _ in range(no)]
    if len({answer for _, answer in single}) < 2:
        return
    values = {name: found[0] for name, found in drawn(chance, seen, 0, 2).items()}
    p, answer = np.array(single).T
    assert values["accuracy"] == pytest.approx(np.mean(np.where(p == 0.5, 0.5, (p > 0.5) == (answer == 1))))
    assert values["log_loss"] == pytest.approx(-np.mean(np.where(answer == 1, np.log(p), np.log(1 - p))))
    won, lost = p[answer == 1], p[answer == 0]
    assert values["auc"] == pytest.approx(mannwhitneyu(won, lost).statistic / len(won) / len(lost))


@given(CROPS, st.integers(0, 99))
def test_a_round_is_the_sources_that_were_drawn(rows: list[tuple[float, int, int, int]], seed: int) -> None:
    """A round's value is that of a file in which each source stands as often as it was drawn."""
    chance, seen = outcome([(p, yes + 1, no + 1, group) for p, yes, no, group in rows])
    count = int(seen.group.max()) + 1
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=1)[0]
    often = np.repeat(np.arange(len(chance)), times[seen.group])
    again = Outcome(seen.yes[often], seen.no[often], np.zeros(len(often), int))
    found, by_hand = drawn(chance, seen, seed, 1), drawn(chance[often], again, 0, 1)
    for name in ("accuracy", "log_loss", "auc"):
        assert found[name][1] == pytest.approx(by_hand[name][0])


def test_ranks_are_compared_within_one_head() -> None:
    """A constant tells nothing; over folds its shares run against the votes, and ranks would call that information."""
    chance = np.repeat([0.4, 0.6], 10)
    yes = np.repeat([6.0, 4.0], 10)
    whole = Outcome(yes, 10 - yes, np.arange(20))
    folded = Outcome(yes, 10 - yes, np.arange(20), np.repeat([0, 1], 10))
    assert drawn(chance, whole, 0, 1)["auc"][0] < 0.45
    assert drawn(chance, folded, 0, 1)["auc"][0] == 0.5


def simulated(seed: int, sources: int = 40) -> tuple[np.ndarray, Outcome]:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(sources), 2)
    logits = rng.normal(size=sources)[group]
    chance = expit(logits + rng.normal(size=sources)[group] * 0.8)  # the truth clusters by source
    yes = rng.binomial(6, chance).astype(float)
    return expit(logits), Outcome(yes, 6 - yes, group)


@pytest.mark.slow
def test_intervals_cover_about_as_often_as_they_say() -> None:
    """Against the mean over very many sources; a percentile interval of 40 sources covers a little less than 95%."""
    truth = drawn(*simulated(0, 40_000), seed=0, rounds=1)["accuracy"][0]
    covered = []
    for seed in range(1, 201):
        chance, seen = simulated(seed)
        one = estimates(drawn(chance, seen, seed, 200), 40)["accuracy"]
        covered.append(one.low <= truth <= one.high)
    assert 0.88 <= np.mean(covered) <= 0.99


def test_a_difference_is_paired() -> None:
    chance, seen = simulated(3)
    one, other = drawn(chance, seen, 1), drawn(np.clip(chance + 0.01, 0, 1), seen, 1)
    less, alone = difference(one, other, 40)["log_loss"], estimates(one, 40)["log_loss"]
    assert less.high - less.low < (alone.high - alone.low) / 5
    assert less.value == pytest.approx(one["log_loss"][0] - other["log_loss"][0])


def test_few_sources_have_no_interval() -> None:
    chance, seen = simulated(1, 4)
    assert np.isnan(estimates(drawn(chance, seen, 1, 100), 4)["accuracy"].low)


def test_a_right_model_shows_about_the_calibration_error_of_chance() -> None:
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.1, 0.9, 300)
    errors = []
    for _ in range(50):
        yes = rng.binomial(5, chance).astype(float)
        seen = Outcome(yes, 5 - yes, np.arange(300))
        errors.append(drawn(chance, seen, 0, 1)["calibration_error"][0])
    assert calibration_floor(chance, seen, 1) == pytest.approx(np.mean(errors), rel=0.1)
    wrong = drawn(chance**3, seen, 0, 1)["calibration_error"][0]
    assert wrong > 3 * np.mean(errors)


def test_bins_hold_about_as_many_votes_and_keep_equals_together() -> None:
    rng = np.random.default_rng(0)
    chance = np.round(rng.uniform(size=500), 2)
    seen = Outcome(rng.integers(0, 5, 500) * 1.0, np.ones(500), np.arange(500))
    place = bins(chance, seen)
    for value in np.unique(chance):
        assert len(set(place[chance == value])) == 1
    votes = np.bincount(place, seen.yes + seen.no)
    assert len(votes) == 10
    assert votes.max() < 1.6 * votes.min()
