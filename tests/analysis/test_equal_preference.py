"""Bitrate at equal preference: found where it was put, with an interval that agrees with the delta method and holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.bootstrap import bootstrap
from analysis.counts import Counts
from analysis.equal_preference import UNLINKED, bits, equal_preference, every_pair, told
from analysis.rating import Scale
from analysis.stimuli import Measures
from analysis.votes import Floats, Item
from tests.analysis.made_studies import scale_of, study_of

RATES = (0.25, 0.5, 1.0)
NAMES = [("a", rate) for rate in RATES] + [("b", rate) for rate in RATES]
TRUTH = np.array([-120.0, 0.0, 120.0, -180.0, -60.0, 60.0])  # b needs 2**0.5 times the bits of a


def two_codecs(counts: Counts) -> Counts:
    return replace(counts, items=tuple(Item(rate, f"{codec}@{rate:.2f}", codec) for codec, rate in NAMES))


def made(seed: int = 1, votes: int = 6000, truth: Floats = TRUTH, **kind: float) -> Scale:
    return scale_of(two_codecs(study_of(truth, seed, votes=votes, **kind)))


def by_hand(scale: Scale, item: int) -> tuple[float, float]:
    """The crossing by numpy's interpolation, and its standard error of log bpp by numerical derivatives."""
    b, x = scale.rating[3:], np.log(RATES)

    def crossing(rating: Floats) -> float:
        return float(np.interp(rating[item], rating[3:], x))

    assert b[0] < scale.rating[item] < b[2]
    step, slopes = 1e-3, np.zeros(6)
    for at in range(6):
        moved = np.eye(6)[at] * step
        slopes[at] = (crossing(scale.rating + moved) - crossing(scale.rating - moved)) / (2 * step)
    assert scale.uncertainty is not None
    return crossing(scale.rating), float(np.sqrt(scale.uncertainty.variance(slopes)))


def test_the_bits_are_those_where_the_curves_cross() -> None:
    scale = made(votes=60_000)
    found = equal_preference((scale,), "a", "b", bits((scale,), None))
    assert found.problem == ""
    assert [point.item.condition for point in found.points] == ["a@0.25", "a@0.50", "a@1.00"]
    for at, point in enumerate(found.points[:2]):
        x, error = by_hand(scale, at)
        assert point.bpp == pytest.approx(np.exp(x))
        assert point.ratio == pytest.approx(np.sqrt(2), rel=0.1)
        assert point.low is not None
        assert point.high is not None
        assert point.bpp is not None
        assert point.over == "both"
        assert np.log(point.high / point.low) / 2 == pytest.approx(2.2 * error, rel=0.2)
    above = found.points[2]
    assert (above.bpp, above.ratio, above.problem) == (None, None, "rated significantly above all rates of b")
    assert above.over == "none"
    lines = list(told([found]))
    assert len(lines) == 3
    assert "b needs" in lines[0]
    assert "% more bits" in lines[0]
    assert lines[2].endswith("rated significantly above all rates of b")


def test_votes_and_a_bootstrap_of_votes_agree() -> None:
    scale = scale_of(two_codecs(study_of(TRUTH, 5, votes=9000)), "votes")
    point = equal_preference((scale,), "a", "b", bits((scale,), None)).points[1]
    rounds = bootstrap(scale.counts, "votes", 400, 3, threads=1).rating
    crossings = [np.exp(np.interp(one[1], one[3:], np.log(RATES))) for one in rounds]
    low, high = np.quantile(crossings, [0.025, 0.975])
    assert (point.low, point.high) == (pytest.approx(low, rel=0.05), pytest.approx(high, rel=0.05))


def test_an_interval_that_leaves_the_rates_is_open() -> None:
    """With few votes the middle of a can be told from the bottom of b, but not from its top, and its top from none."""
    scale = made(votes=900, seed=3)
    found = equal_preference((scale,), "a", "b", bits((scale,), None))
    _, middle, top = found.points
    assert middle.bpp is not None
    assert middle.low is not None
    assert middle.high is None
    assert (top.bpp, top.high, top.over, top.problem) == (None, None, "both", "rated above all rates of b")
    assert top.low is not None
    assert "to beyond its rates)" in list(told([found]))[1]


@settings(max_examples=30)
@given(st.integers(0, 200))
def test_it_holds_its_estimate_and_turns_round(seed: int) -> None:
    """What b needs for a's rating at a crossing inside both curves gives a back, in bits."""
    scale = made(seed, 3000)
    bpp = bits((scale,), None)
    found = equal_preference((scale,), "a", "b", bpp)
    if found.problem:
        assert "does not rise" in found.problem
        return
    for point in found.points:
        if point.bpp is not None and point.over != "none":
            assert (point.low or 0) <= point.bpp <= (point.high or np.inf)
            assert 0.25 <= point.bpp <= 1.0


def test_coverage_of_the_true_bits() -> None:
    """60 studies: the interval holds the true half an octave in about 95% of them."""
    held = total = 0
    for seed in range(60):
        scale = made(1000 + seed, 4000)
        for point in equal_preference((scale,), "a", "b", bits((scale,), None)).points[:2]:
            total += 1
            held += (point.low or 0) <= point.bpp_a * np.sqrt(2) <= (point.high or np.inf)
    assert total > 100
    assert held / total > 0.9


def test_rates_that_no_vote_links_are_refused() -> None:
    """Two scales of one rate each: the reason says what to ask about."""
    items = [tuple(Item(rate, f"{codec}@{rate}", codec) for codec in "ab") for rate in (0.25, 0.5)]
    scales = tuple(scale_of(replace(study_of(np.zeros(2), 1), items=pair)) for pair in items)
    found = equal_preference(scales, "a", "b", bits(scales, None))
    assert found.points == ()
    assert found.problem == UNLINKED
    every = list(every_pair(scales, bits(scales, None)))
    assert list(told(every)) == [f"no bits at equal preference of b with a, a with b: {UNLINKED}"]
    assert [(one.codec_a, one.codec_b) for one in every] == [("a", "b"), ("b", "a")]


def test_what_has_no_curve_is_named() -> None:
    scale = made()
    bpp = bits((scale,), None)
    assert equal_preference((scale,), "a", "c", bpp).problem == "no rated condition is of the codec c"
    few = {key: value for key, value in bpp.items() if not key[1].startswith("b") or key[0] == 0.5}
    assert "has one condition of known bits per pixel" in equal_preference((scale,), "a", "b", few).problem
    same = bpp | {(0.5, "b@0.50"): 0.25}
    assert equal_preference((scale,), "a", "b", same).problem.endswith("have the same bits per pixel")
    bent = made(truth=np.array([-120.0, 0.0, 120.0, 0.0, -200.0, 100.0]))
    assert "does not rise from b@0.25 to b@0.50" in equal_preference((bent,), "a", "b", bpp).problem
    unrated = replace(scale, fit=None, uncertainty=None)
    assert equal_preference((unrated,), "a", "b", bpp).problem == "the votes determine no ratings"
    no_interval = replace(scale, uncertainty=None, over="none")
    assert {point.over for point in equal_preference((no_interval,), "a", "b", bpp).points} == {"none"}


def test_bits_are_the_medians_of_real_files() -> None:
    scale = made()
    real = {(0.5, "b@0.50"): 0.47}
    measures = Measures("stimuli.csv", "0", {}, {}, real)
    assert bits((scale,), measures)[0.5, "b@0.50"] == 0.47
    assert bits((scale,), measures)[0.5, "a@0.50"] == 0.5
