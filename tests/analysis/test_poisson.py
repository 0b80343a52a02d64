"""Poisson counts through guide tables: their distribution, and that a table decides no more than it may."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SFC64, Generator
from scipy import stats

from analysis.poisson import BITS, LARGEST, poisson


@pytest.mark.parametrize("mean", [0.01, 0.7, 3.0, 24.0, 150.0, LARGEST])
def test_counts_are_poisson(mean: float) -> None:
    """Chi-squared over the counts that 200,000 draws should hold often enough, the rest together."""
    draws = 200_000
    found = poisson(np.array([5.0, mean])).drawn(np.ones(20, int), draws // 20, Generator(SFC64(4))).ravel()
    counts = np.arange(int(mean + 12 * np.sqrt(mean) + 20))
    expected = draws * stats.poisson.pmf(counts, mean)
    seen = np.bincount(found.astype(int), minlength=len(counts))
    assert len(seen) == len(counts)
    often = expected >= 10
    observed, chances = (np.append(values[often], draws - values[often].sum()) for values in (seen, expected))
    if chances[-1] < 1:
        observed, chances = observed[:-1], chances[:-1] * observed[:-1].sum() / chances[:-1].sum()
    assert stats.chisquare(observed, chances).pvalue > 1e-4


@given(st.lists(st.floats(1e-3, LARGEST), min_size=1, max_size=12))
def test_the_tables_are_those_of_the_distribution_functions(means: list[float]) -> None:
    """A bucket that decides lies within its count's step; the functions are scipy's."""
    found = poisson(np.array(means))
    buckets = np.arange(1 << BITS)
    for number, mean in enumerate(means):
        function = found.rising[number * found.width : (number + 1) * found.width] - number
        counts = found.least[number] + np.arange(found.width)
        assert function == pytest.approx(stats.poisson.cdf(counts, mean), abs=1e-11)
        guide = found.guide[number << BITS : (number + 1) << BITS]
        sure = guide >= 0
        below = np.concatenate([[0], function])[guide[sure]]
        assert (below * (1 << BITS) <= buckets[sure]).all()
        assert (function[guide[sure]] * (1 << BITS) >= buckets[sure] + 1).all()
    assert len(found.guide) == len(means) << BITS


def test_most_buckets_decide() -> None:
    assert (poisson(np.array([30.0])).guide >= 0).mean() > 0.97
    assert (poisson(np.array([LARGEST])).guide >= 0).mean() > 0.9


def test_rows_and_rounds_are_independent_and_a_seed_repeats_them() -> None:
    one, again = (poisson(np.array([9.0])).drawn(np.zeros(300, int), 400, Generator(SFC64(2))) for _ in range(2))
    assert np.array_equal(one, again)
    for values in (one, one.T):
        found = np.corrcoef(values)
        np.fill_diagonal(found, 0)
        assert np.abs(found).max() < 6 / np.sqrt(values.shape[1])
