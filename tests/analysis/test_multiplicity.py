"""Adjusted p-values: textbook procedures step by step, and what no adjustment may do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control

from analysis.multiplicity import benjamini_hochberg, holm
from analysis.votes import Floats

PS = arrays(float, st.integers(1, 12), elements=st.floats(0, 1))


def rejected_by_holm(p: Floats, alpha: float) -> set[int]:
    """Holm's procedure as it is written: from the smallest p up, stop at the first that is above alpha / (m - k)."""
    found: set[int] = set()
    for k, index in enumerate(np.argsort(p)):
        if p[index] > alpha / (len(p) - k):
            break
        found.add(int(index))
    return found


@given(PS, st.floats(0.001, 0.5))
def test_holm_rejects_what_the_procedure_rejects(p: Floats, alpha: float) -> None:
    adjusted = holm(p)
    near = np.isclose(adjusted, alpha, rtol=1e-9)
    if not near.any():
        assert set(np.flatnonzero(adjusted <= alpha).tolist()) == rejected_by_holm(p, alpha)


@given(PS)
def test_benjamini_and_hochberg_as_scipy_has_it(p: Floats) -> None:
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p), abs=1e-12)


@given(PS)
def test_no_p_becomes_smaller_and_their_order_stays(p: Floats) -> None:
    for adjusted in (holm(p), benjamini_hochberg(p)):
        assert (adjusted >= p - 1e-15).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert (benjamini_hochberg(p) <= holm(p) + 1e-15).all()


def test_what_was_not_tested_is_no_member() -> None:
    p = np.array([0.01, np.nan, 0.04])
    assert holm(p)[[0, 2]] == pytest.approx([0.02, 0.04])
    assert benjamini_hochberg(p)[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan([holm(p)[1], benjamini_hochberg(p)[1]]).all()
    assert holm(np.empty(0)).size == benjamini_hochberg(np.empty(0)).size == 0
