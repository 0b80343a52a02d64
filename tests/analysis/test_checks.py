"""Known answers and sides."""

from collections.abc import Callable

import pytest
from scipy.stats import binomtest

from analysis.checks import Proportion, catches, left_presses
from analysis.selection import Selection
from tests.analysis.made_votes import pair_rows

Selected = Callable[..., Selection]


@pytest.mark.parametrize(("hits", "total"), [(0, 5), (5, 5), (1, 1), (156, 354), (93, 100)])
def test_the_interval_is_the_exact_binomial_one(hits: int, total: int) -> None:
    expected = binomtest(hits, total).proportion_ci(method="exact")
    share = Proportion(hits, total)
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert share.share == hits / total


def test_catch_trials_are_counted(selected: Selected) -> None:
    rows = pair_rows(*[("catch", "reference", "right")] * 4, ("a", "b", "left"), expected="right", kind="catch")
    rows[1]["participant"] = rows[0]["participant"]
    rows[2]["choice"] = "left"
    rows[3]["expected"] = ""
    rows[4] |= {"kind": "rating", "expected": ""}
    found = catches(selected(rows))
    assert found is not None
    assert (found.passed.hits, found.passed.total) == (2, 3)
    assert (found.perfect, found.participants) == (1, 2)


def test_no_catch_trials_are_no_proportion(selected: Selected) -> None:
    assert catches(selected(pair_rows(("a", "b", "left")))) is None


def test_left_presses_are_presses_not_wins(selected: Selected) -> None:
    votes = [("a", "b", "left"), ("b", "a", "left"), ("a", "b", "not_sure"), ("a", "a", "right"), ("b", "b", "left")]
    rows = pair_rows(*votes, asks_for="more_different", kind="rating")
    rows[3]["kind"] = rows[4]["kind"] = "identical"
    found = left_presses(selected(rows))
    assert {name: (share.hits, share.total) for name, share in found.items()} == {
        "rating votes": (2, 2),
        "pairs of the same image": (1, 2),
    }


def test_sides_that_nobody_knows_are_not_counted(selected: Selected) -> None:
    assert left_presses(selected(pair_rows(("a", "b", "left"), layout="unknown"))) == {}
