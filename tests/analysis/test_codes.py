"""Codes are counted or sorted: both give what numpy's own `unique` does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis import codes
from analysis.codes import Ints, distinct, how_many, numbered, tallied


@given(arrays(np.int64, st.integers(0, 40), elements=st.integers(-1, 60)), st.sampled_from([0, 10, 1 << 20]))
def test_whatever_is_small_enough_to_count(code: Ints, room: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codes, "ROOM", room)
        patch.setattr(codes, "SPARSE", 1)
        found, place = np.unique(code, return_inverse=True)
        assert np.array_equal(distinct(code), found)
        assert how_many(code) == len(found)
        for ours, theirs in zip(tallied(code), np.unique(code, return_counts=True), strict=True):
            assert np.array_equal(ours, theirs)
        for ours, theirs in zip(numbered(code), (found, place), strict=True):
            assert np.array_equal(ours, theirs)


def test_codes_far_apart_take_no_room_of_their_own() -> None:
    code = np.array([10**15, -1, 10**15])
    assert distinct(code).tolist() == [-1, 10**15]
    assert numbered(code)[1].tolist() == [1, 0, 1]
    assert tallied(code)[1].tolist() == [1, 2]
