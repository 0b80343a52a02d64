"""The search finds what is there, on scales that go up and down, with few encodes."""

import math
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.matching import Dial, match

TOLERANCE = 0.05


def halves(low: float, high: float) -> Sequence[float]:
    return [(low + high) / 2]


def nothing(_low: float, _high: float) -> Sequence[float]:
    return []


sizes = st.lists(st.floats(0.01, 20), min_size=2, max_size=120)
targets = st.floats(0.05, 10)


@given(sizes, targets)
def test_a_mark_within_the_tolerance_is_never_missed(scale: list[float], target: float) -> None:
    """Whatever the sizes are: this is why every mark is tried before a miss is declared."""
    asked: Counter[int] = Counter()

    def size_of(mark: int) -> float:
        asked[mark] += 1
        return scale[mark]

    found = match(Dial(range(len(scale)), nothing), size_of, target, TOLERANCE)
    reachable = any(abs(size / target - 1) <= TOLERANCE for size in scale)
    assert found.hit is reachable
    assert found.size == scale[found.setting]
    assert found.hit is (abs(found.size / target - 1) <= TOLERANCE)
    assert max(asked.values()) == 1
    if not reachable:
        assert len(asked) == len(scale)
        assert abs(found.size / target - 1) == min(abs(size / target - 1) for size in scale)


@given(sizes, targets)
def test_the_same_search_gives_the_same_result(scale: list[float], target: float) -> None:
    dial = Dial(range(len(scale)), nothing)
    assert match(dial, scale.__getitem__, target, TOLERANCE) == match(dial, scale.__getitem__, target, TOLERANCE)


@given(st.integers(3, 200), st.floats(1.01, 1.09), st.floats(0, 1))
def test_on_a_monotone_scale_the_nearest_mark_is_found_quickly(count: int, growth: float, where: float) -> None:
    scale = [0.05 * growth**index for index in range(count)]
    target = scale[0] * (scale[-1] / scale[0]) ** where
    asked = []
    found = match(Dial(range(count), nothing), lambda mark: asked.append(mark) or scale[mark], target, TOLERANCE)
    nearest = min(abs(size / target - 1) for size in scale)
    assert math.isclose(abs(found.size / target - 1), nearest, abs_tol=1e-9)
    assert len(asked) <= 2 * math.ceil(math.log2(count)) + 2


@given(st.floats(0.06, 3), st.floats(0.05, 0.3), st.integers(2, 15), st.floats(0, 6))
def test_scales_that_go_back_by_a_fifth(target: float, ripple: float, period: int, phase: float) -> None:
    """As WebP's and JPEG XL's do: an exponential with a ripple on it."""
    scale = [0.05 * 1.045**index * (1 + ripple * math.sin(phase + 6.28 * index / period)) for index in range(100)]
    found = match(Dial(range(100), nothing), scale.__getitem__, target, TOLERANCE)
    assert found.hit is any(abs(size / target - 1) <= TOLERANCE for size in scale)


def test_between_two_marks_that_are_too_far_apart() -> None:
    dial = Dial([1.0, 2.0, 3.0], halves)
    assert match(dial, lambda setting: setting, 1.52, TOLERANCE).setting == 1.5
    assert match(dial, lambda setting: setting, 2.45, TOLERANCE).setting == 2.5
    assert not match(dial, lambda setting: setting, 1.25, TOLERANCE).hit


def test_targets_beyond_both_ends() -> None:
    dial = Dial([1.0, 2.0, 3.0], halves)
    low, high = (match(dial, lambda setting: setting, target, TOLERANCE) for target in (0.5, 9.0))
    assert (low.setting, low.hit, high.setting, high.hit) == (1.0, False, 3.0, False)


@pytest.mark.parametrize("tolerance", [0.001, 0.2])
def test_the_tolerance_is_inclusive(tolerance: float) -> None:
    size = 2 * (1 + tolerance)
    found = match(Dial([0, 1], nothing), lambda mark: size if mark else 0.1, 2.0, size / 2 - 1)
    assert found.hit
