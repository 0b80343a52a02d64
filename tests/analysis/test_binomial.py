"""Exact chances of counts, against scipy's own tests and by enumeration."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from analysis.binomial import even_p, interval, of_unlike, share


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_and_p_are_those_of_scipy(counts: tuple[int, int]) -> None:
    hits, trials = counts
    test = binomtest(hits, trials)
    low, high = interval(np.array(hits), np.array(trials))
    exact = test.proportion_ci(method="exact")
    np.testing.assert_allclose([low, high], [exact.low, exact.high], atol=1e-10)
    np.testing.assert_allclose(even_p(np.array(hits), np.array(trials)), test.pvalue, rtol=1e-9)


def test_without_trials_there_is_nothing() -> None:
    none = np.zeros(2, np.int64)
    assert np.isnan([*interval(none, none), even_p(none, none), share(none, none)]).all()


@given(st.lists(st.floats(0, 1), max_size=6))
def test_unlike_chances_by_enumeration(chances: list[float]) -> None:
    expected = np.zeros(len(chances) + 1)
    for hits in product((0, 1), repeat=len(chances)):
        expected[sum(hits)] += np.prod([p if hit else 1 - p for p, hit in zip(chances, hits, strict=True)])
    np.testing.assert_allclose(of_unlike(np.array(chances)), expected, atol=1e-12)
