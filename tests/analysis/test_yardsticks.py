"""The two yardsticks: known values, numeric integrals, recovery from made votes, and where there are none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from analysis.selection import Selection
from analysis.yardsticks import Cells, agreement_of_two, best_prediction, cells, yardsticks
from tests.analysis.made_votes import pair_rows


def made(seed: int, a: float, b: float, *, many: int = 600, votes: int = 8, not_sure: float = 0.0) -> Cells:
    rng = np.random.default_rng(seed)
    p = rng.beta(a, b, many)
    unsure = rng.binomial(votes, not_sure, many)
    return Cells(np.zeros(many, int), np.arange(many) % 20, rng.binomial(votes - unsure, p), votes - unsure, unsure)


def test_beta_two_two_gives_the_known_values() -> None:
    assert agreement_of_two(np.float64(2), np.float64(2)) == pytest.approx(0.6)
    assert best_prediction(np.float64(2), np.float64(2)) == pytest.approx(0.6875)


@settings(max_examples=25)
@given(st.floats(0.3, 30), st.floats(0.3, 30))
def test_both_are_the_integrals(a: float, b: float) -> None:
    def mean(f: Callable[[float], float]) -> float:
        return sum(quad(lambda p: f(p) * beta.pdf(p, a, b), *ends, limit=200)[0] for ends in ((0, 0.5), (0.5, 1)))

    assert agreement_of_two(np.float64(a), np.float64(b)) == pytest.approx(
        mean(lambda p: p**2 + (1 - p) ** 2), abs=1e-6
    )
    assert best_prediction(np.float64(a), np.float64(b)) == pytest.approx(mean(lambda p: max(p, 1 - p)), abs=1e-6)


@pytest.mark.parametrize(("a", "b", "two", "best"), [(2, 2, 0.6, 0.6875), (8, 2, 0.7091, 0.8018)])
def test_votes_give_back_what_made_them(a: float, b: float, two: float, best: float) -> None:
    found = yardsticks(made(1, a, b), rounds=60)
    assert found.two_participants.value == pytest.approx(two, abs=0.015)
    assert found.best_prediction.value == pytest.approx(best, abs=0.015)
    assert found.precision == pytest.approx(a + b, rel=0.25)
    assert found.two_participants.low < two < found.two_participants.high
    assert found.best_prediction.low < best < found.best_prediction.high
    assert found == yardsticks(made(1, a, b), rounds=60)


def test_cells_that_are_all_alike_leave_only_their_mean() -> None:
    alike = Cells(np.zeros(100, int), np.arange(100) % 10, np.full(100, 7), np.full(100, 10), np.zeros(100, int))
    found = yardsticks(alike, rounds=20)
    assert found.best_prediction.value == pytest.approx(0.7, abs=0.002)
    assert found.two_participants.value == pytest.approx(0.58, abs=0.002)


def test_the_name_of_a_pair_says_nothing() -> None:
    straight = made(2, 6, 3, many=100)
    turned = replace(straight, first=straight.decided - straight.first)
    a, b = (yardsticks(each, rounds=10) for each in (straight, turned))
    assert a.two_participants.value == pytest.approx(b.two_participants.value, abs=1e-5)
    assert a.best_prediction.value == pytest.approx(b.best_prediction.value, abs=1e-5)


def test_votes_not_sure_count_half() -> None:
    found = yardsticks(made(3, 2, 2, votes=10, not_sure=0.3), rounds=10)
    assert found.best_prediction.value == pytest.approx(0.7 * 0.6875 + 0.15, abs=0.015)
    assert found.two_participants.value == pytest.approx(0.49 * 0.6 + 0.51 / 2, abs=0.015)


def test_one_vote_a_cell_and_few_sources_are_said() -> None:
    lonely = yardsticks(made(4, 2, 2, votes=1))
    assert np.isnan(lonely.best_prediction.value)
    assert "0 crops and pairs have votes of two participants" in lonely.reason
    few = yardsticks(replace(made(4, 2, 2, many=40), source=np.arange(40) % 4))
    assert few.best_prediction.value > 0.5
    assert np.isnan(few.best_prediction.low)
    assert "4 sources are too few" in few.reason


def test_cells_hold_one_vote_of_a_participant_whatever_side(selected: Callable[..., Selection]) -> None:
    rows = pair_rows(("a", "b", "left"), ("b", "a", "right"), ("b", "a", "left"), ("a", "c", "not_sure"), source="s")
    rows.append(rows[0] | {"vote": 9, "choice": "right"})
    rows.append(rows[0] | {"vote": 10, "participant": "p7", "crop_x": 5})
    found = cells(selected(rows).rated)
    assert sorted(zip(found.first.tolist(), found.decided.tolist(), found.not_sure.tolist(), strict=True)) == [
        (0, 0, 1),
        (1, 1, 0),
        (2, 3, 0),
    ]
