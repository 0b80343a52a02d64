"""The geometry of the pictures."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import pictures
from analysis.elo import EloSettings
from analysis.pictures import PALETTE, WIDTH, Axis, colours, short, spanning
from analysis.rating import Settings, rate
from analysis.selection import Selection
from analysis.stimuli import measured, read_stimuli
from analysis.votes import Item
from tests.analysis.made_votes import Rows, stimulus_rows, vote_rows, write_csv

Selected = Callable[..., Selection]
QUICK = Settings(elo=EloSettings(rounds=20))


@given(st.floats(-1e4, 1e4), st.floats(0.01, 1e4))
def test_ticks_are_round_few_and_inside(low: float, width: float) -> None:
    axis = Axis(low, low + width, 0, 100)
    places = [place for place, _ in axis.ticks]
    assert 2 <= len(places) <= 8
    assert all(-0.01 <= place <= 100.01 for place in places)
    assert places == sorted(places)
    for place, text in axis.ticks:
        assert axis.at(float(text)) == pytest.approx(place, abs=0.51)


def test_a_logarithmic_axis_has_equal_steps_for_equal_factors() -> None:
    axis = spanning([0.05, 5.0], 0, 100, logarithmic=True)
    assert axis.at(0.5) - axis.at(0.05) == pytest.approx(axis.at(5.0) - axis.at(0.5), abs=0.02)
    assert [text for _, text in axis.ticks] == ["0.05", "0.1", "0.2", "0.5", "1", "2", "5"]


@given(st.lists(st.floats(-1e4, 1e4) | st.just(math.nan), min_size=1).filter(lambda v: not all(map(math.isnan, v))))
def test_an_axis_holds_its_values(values: list[float]) -> None:
    axis = spanning(values, 10, 410, zero=True)
    assert all(10 <= axis.at(value) <= 410 for value in [0.0, *values] if not math.isnan(value))


def test_colours_follow_codecs_and_give_way_to_names() -> None:
    items = [Item(rate, f"{codec}@{rate}", codec) for rate in (0.3, 0.5) for codec in "cba"]
    assert colours(items) == dict(zip("abc", PALETTE, strict=False))
    many = [Item(None, f"c{index}", "") for index in range(9)]
    assert set(colours(many).values()) == {"currentColor"}


def test_long_names_are_shortened_in_the_middle() -> None:
    assert short("avif@0.50") == "avif@0.50"
    assert short("a-codec-of-a-very-long-name@0.50") == "a-codec-of-a-ve…e@0.50"
    assert len(short("x" * 90)) == 22


def test_whiskers_hold_dot_and_zero(selected: Selected) -> None:
    selection = selected(vote_rows(3, {0.5: {"x": 200, "y": 0, "z": -200}}))
    (scale,) = rate(selection, QUICK)
    shape = pictures.whiskers(scale, "bradley-terry", scale.rating, colours(scale.counts.items))
    rows = shape["rows"]
    assert [row["name"] for row in rows] == ["x@0.50", "y@0.50", "z@0.50"]
    assert [row["x"] for row in rows] == sorted((row["x"] for row in rows), reverse=True)
    assert all(row["low"] < row["x"] < row["high"] for row in rows)
    assert rows[0]["x"] > shape["zero"] > rows[2]["x"]
    assert all(a["y"] < b["y"] for a, b in pairwise(rows))


def test_one_participant_on_one_image_has_dots_without_whiskers(selected: Selected) -> None:
    selection = selected(vote_rows(3, {0.5: {"x": 0, "y": 0}}, participants=1, sources=1))
    (scale,) = rate(selection, QUICK)
    shape = pictures.whiskers(scale, "bradley-terry", scale.rating, colours(scale.counts.items))
    assert [row["low"] for row in shape["rows"]] == [None, None]


def test_strips_hold_a_dot_an_image(selected: Selected) -> None:
    rows = vote_rows(3, {0.5: {"x": 0, "y": 0}}, sources=6)
    selection = selected(rows)
    (scale,) = rate(selection, QUICK)
    strip = pictures.strips(scale, selection.rated.sources, colours(scale.counts.items))["rows"][0]
    codec = strip["name"].split("@")[0]
    source = [row for row in rows if row["source"] == "photo-03"]
    won = sum(row["choice"] == ("left" if row["left_codec"] == codec else "right") for row in source)
    assert len(strip["dots"]) == 6
    assert f"{codec}@0.50 on photo-03: {won} of {len(source)}" in [dot["says"] for dot in strip["dots"]]


def panels(selected: Selected, rows: Rows, folder) -> list[dict[str, object]]:
    selection = selected(rows)
    measures = measured(read_stimuli(write_csv(folder / "stimuli.csv", stimulus_rows(rows))), selection.rated)
    scales = rate(selection, QUICK)
    items = [item for scale in scales for item in scale.counts.items]
    return pictures.rate_panels(scales, measures, colours(items))


def test_no_line_joins_rates_that_no_vote_links(selected: Selected, tmp_path) -> None:
    rows = vote_rows(3, {0.3: {"x": 0, "y": 0}, 0.6: {"x": 0, "y": 0}})
    found = panels(selected, rows, tmp_path)
    assert [panel["codec"] for panel in found] == ["x", "y"]
    assert [len(panel["dots"]) for panel in found] == [2, 2]
    assert [panel["lines"] for panel in found] == [[], []]
    assert found[0]["dots"][0]["x"] < found[0]["dots"][1]["x"] < WIDTH
    linked = rows[0] | {"vote": 999, "left": "x@0.30", "right": "y@0.60", "left_rate": 0.3, "right_rate": 0.6}
    linked |= {"left_codec": "x", "right_codec": "y"}
    for side in ("left", "right"):
        like = next(row for row in rows if row[side] == linked[side] and row["source"] == linked["source"])
        linked[f"{side}_sha256"] = like[f"{side}_sha256"]
    linked = [linked, linked | {"vote": 1000, "choice": "left" if linked["choice"] == "right" else "right"}]
    assert [len(panel["lines"]) for panel in panels(selected, [*rows, *linked], tmp_path)] == [1, 1]


def test_rates_far_apart_get_a_logarithmic_axis(selected: Selected, tmp_path) -> None:
    rows = vote_rows(3, {0.1: {"x": 0, "y": 0}, 1.5: {"x": 0, "y": 0}})
    texts = [text for _, text in panels(selected, rows, tmp_path)[0]["x_ticks"]]
    assert texts == ["0.1", "0.2", "0.5", "1"]


def test_shades_are_linear() -> None:
    assert [pictures.shade(share) for share in (0, 0.5, 1, np.float64(1))] == ["0", "30", "60", "60"]
