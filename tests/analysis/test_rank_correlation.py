"""Rank correlations against scipy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from analysis.rank_correlation import kendall, spearman

PAIRS = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=30)


@given(PAIRS)
def test_both_are_scipys_ties_included(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, float).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert np.isnan(kendall(x, y))
        assert np.isnan(spearman(x, y))
        return
    assert kendall(x, y) == pytest.approx(kendalltau(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)


def test_an_infinite_value_is_just_the_largest() -> None:
    assert kendall(np.array([1, 2, np.inf]), np.array([1.0, 2, 3])) == 1
    assert spearman(np.array([1, 2, np.inf]), np.array([3.0, 2, 1])) == -1
