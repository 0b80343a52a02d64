"""The pictures of a report: what they show, what they say, and where they refuse to join what no vote links."""

import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.deviance import residuals
from analysis.elo import EloSettings
from analysis.findings import Asked, Findings, gather
from analysis.pictures.album import Album, album, files
from analysis.pictures.axes import Axis, spanning
from analysis.pictures.canvas import CORNERS, Picture, dot
from analysis.pictures.drawing import png, style, svg
from analysis.pictures.looks import PALETTE, SHAPES, colours, look, short, short_names
from analysis.pictures.ratings import rate_picture, ratings_picture, slug
from analysis.pictures.verdicts import MOST
from analysis.pictures.wins import cells
from analysis.rating import Scale, Settings, rate
from analysis.selection import Selection, select
from analysis.stimuli import measured, read_stimuli
from analysis.votes import Item, read_votes
from tests.analysis.made_votes import Rows, digest, stimulus_rows, vote_rows, write_csv

Selected = Callable[..., Selection]
QUICK = Settings(elo=EloSettings(rounds=20))
TRUTH = {0.3: {"avif": 60, "jpeg": -60, "webp": 0}, 0.5: {"avif": 30, "jpeg": -30}}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def with_catches(rows: Rows, missed: str = "p03") -> Rows:
    """Four catch votes a participant, all right but those of one."""
    first = {row["participant"]: row for row in rows}
    catch = {"left": "catch", "right": "reference", "kind": "catch", "expected": "right", "left_codec": ""}
    catch |= {"right_codec": "", "left_rate": "", "right_rate": ""}
    return rows + [
        row | catch | {"vote": 9000 + 4 * at + n, "choice": "left" if who == missed else "right"}
        for at, (who, row) in enumerate(first.items())
        for n in range(4)
    ]


def linked(rows: Rows) -> Rows:
    """Every fourth vote at 0.3 bits compares across the two rates of `TRUTH`."""
    for row in [row for row in rows if row["left_rate"] == 0.3 and row["right_codec"] != "webp"][::4]:
        row |= {"right": f"{row['right_codec']}@0.50", "right_rate": 0.5}
        row["right_sha256"] = digest(row["source"], row["right_codec"], 0.5)
    return rows


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """A simulated study with everything in it: stimuli, catch votes, an excluded participant, a primary pair."""
    rows, folder = vote_rows(3, TRUTH, not_sure=0.1), tmp_path_factory.mktemp("study")
    stimuli = read_stimuli(write_csv(folder / "stimuli.csv", stimulus_rows(rows)))
    asked = Asked(screen={"catch_accuracy": 0.75}, primary=[("avif", "jpeg")], stimuli=stimuli)
    return gather(select(read_votes(write_csv(folder / "votes.csv", with_catches(rows)))), QUICK, asked)


@pytest.fixture(scope="module")
def drawn(found: Findings) -> Album:
    return album(found)


def scales_of(selected: Selected, rows: Rows) -> tuple[Scale, ...]:
    return rate(selected(rows), QUICK)


def items_of(scales: tuple[Scale, ...]) -> list[Item]:
    return [item for scale in scales for item in scale.counts.items]


def places(picture: Picture, kind: str, name: str) -> list[float]:
    return [float(mark.attributes[name]) for mark in picture.marks if mark.attributes["class"] == kind]


@given(st.floats(-1e4, 1e4), st.floats(0.01, 1e4))
def test_ticks_are_round_few_and_inside(low: float, width: float) -> None:
    axis = Axis(low, low + width, 0, 100)
    spots = [spot for spot, _ in axis.ticks]
    assert 2 <= len(spots) <= 8
    assert all(-0.01 <= spot <= 100.01 for spot in spots)
    assert spots == sorted(spots)
    for spot, text in axis.ticks:
        assert axis.at(float(text)) == pytest.approx(spot, abs=0.51)
    assert len(axis.few(4)) <= 5


def test_a_logarithmic_axis_has_equal_steps_for_equal_factors() -> None:
    axis = spanning([0.05, 5.0], 0, 100, logarithmic=True)
    assert axis.at(0.5) - axis.at(0.05) == pytest.approx(axis.at(5.0) - axis.at(0.5), abs=0.02)
    assert [text for _, text in axis.ticks] == ["0.05", "0.1", "0.2", "0.5", "1", "2", "5"]


@given(st.lists(st.floats(-1e4, 1e4) | st.just(np.nan), min_size=1).filter(lambda v: not all(map(np.isnan, v))))
def test_an_axis_holds_its_values(values: list[float]) -> None:
    axis = spanning(values, 10, 410, zero=True)
    assert all(10 <= axis.at(value) <= 410 for value in [0.0, *values] if not np.isnan(value))


def test_colours_and_shapes_follow_codecs_and_give_way_to_names() -> None:
    items = [Item(rate, f"{codec}@{rate}", codec) for rate in (0.3, 0.5) for codec in "cba"]
    palette = colours(items)
    assert palette == dict(zip("abc", PALETTE, strict=False))
    assert {look(item, palette) for item in items} == set(zip(PALETTE[:3], SHAPES[:3], strict=True))
    many = [Item(None, f"c{index}", "") for index in range(9)]
    assert {look(item, colours(many)) for item in many} == {("currentColor", "circle")}


@pytest.mark.parametrize("shape", [*CORNERS, "circle", "crossed"])
def test_a_mark_has_its_middle_where_it_belongs(shape: str) -> None:
    mark = dot(50, 70, shape, size=10)
    if shape == "circle":
        assert (mark.attributes["cx"], mark.attributes["cy"]) == ("50", "70")
        return
    numbers = [float(number) for number in NUMBER.findall(mark.attributes["d"])]
    assert np.mean([min(numbers[::2]), max(numbers[::2])]) == pytest.approx(50)
    assert np.mean([min(numbers[1::2]), max(numbers[1::2])]) == pytest.approx(70, abs=2)


def test_long_names_are_shortened_in_the_middle() -> None:
    assert short("avif@0.50") == "avif@0.50"
    assert short("a-codec-of-a-very-long-name@0.50") == "a-codec-of-a-ve…e@0.50"
    assert len(short("x" * 90)) == 22


@given(st.sets(st.text("ab-@0.5", min_size=1, max_size=60), min_size=1, max_size=12).map(sorted))
def test_shortened_names_differ_where_names_do(names: list[str]) -> None:
    assert len(set(short_names(names))) == len(names)


def test_names_that_differ_in_the_middle_keep_what_tells_them_apart() -> None:
    names = [f"a-very-long-codec-name-variant-{at:02d}@0.25" for at in range(30)]
    found = short_names(names)
    assert found[7] == "a-very-long…nt-07@0.25"
    assert {len(name) for name in found} == {22}


def test_ratings_hold_marks_intervals_and_the_zero(selected: Selected) -> None:
    (scale,) = scales_of(selected, vote_rows(3, {0.5: {"x": 200, "y": 0, "z": -200}}))
    picture = ratings_picture(scale, "bradley-terry", colours(scale.counts.items))
    assert picture is not None
    assert [mark.text for mark in picture.marks if mark.attributes["class"] == "name"] == ["x@0.50", "y@0.50", "z@0.50"]
    begins, ends = places(picture, "whisker", "x1"), places(picture, "whisker", "x2")
    assert len(begins) == 3
    assert all(a < b for a, b in zip(begins, ends, strict=True))
    assert all(a > b for a, b in pairwise(begins))
    (zero,) = places(picture, "zero", "x1")
    assert begins[0] > zero > ends[2]
    margin = scale.margin(0)
    assert margin is not None
    low, high = scale.rating[0] - margin, scale.rating[0] + margin
    assert f"best first: x@0.50 {scale.rating[0]:.0f} ({low:.0f} to {high:.0f}); y@0.50" in picture.says


def test_one_participant_on_one_image_has_marks_without_whiskers(selected: Selected) -> None:
    (scale,) = scales_of(selected, vote_rows(3, {0.5: {"x": 0, "y": 0}}, participants=1, sources=1))
    picture = ratings_picture(scale, "bradley-terry", colours(scale.counts.items))
    assert picture is not None
    assert places(picture, "whisker", "x1") == []
    assert "without intervals" in picture.says


def rate_of(selected: Selected, rows: Rows, folder) -> Picture | None:
    selection = selected(rows)
    measures = measured(read_stimuli(write_csv(folder / "stimuli.csv", stimulus_rows(rows))), selection.rated)
    scales = rate(selection, QUICK)
    return rate_picture(scales, measures, colours(items_of(scales)))


def test_no_line_joins_rates_that_no_vote_links(selected: Selected, tmp_path) -> None:
    apart = rate_of(selected, vote_rows(3, TRUTH), tmp_path)
    assert apart is not None
    assert [mark.text for mark in apart.marks if mark.attributes["class"] == "word strong"] == ["0.3 bpp", "0.5 bpp"]
    assert not [mark for mark in apart.marks if mark.tag == "polyline"]
    together = rate_of(selected, linked(vote_rows(3, TRUTH)), tmp_path)
    assert together is not None
    panels = [mark.text for mark in together.marks if mark.attributes["class"] == "word strong"]
    assert panels == ["avif", "jpeg", "webp"]
    lines = [mark for mark in together.marks if mark.tag == "polyline"]
    assert sum(mark.attributes["class"] == "link" for mark in lines) == 2  # webp has one rate
    assert all(len(mark.attributes["points"].split()) == 2 for mark in lines)


def test_without_bits_only_linked_rates_have_a_picture(selected: Selected) -> None:
    apart = scales_of(selected, vote_rows(3, TRUTH))
    assert rate_picture(apart, None, colours(items_of(apart))) is None
    together = scales_of(selected, linked(vote_rows(3, TRUTH)))
    picture = rate_picture(together, None, colours(items_of(together)))
    assert picture is not None
    assert "as aimed at" in picture.title


def test_the_win_matrix_counts_both_ways_round(selected: Selected) -> None:
    (scale,) = scales_of(selected, vote_rows(3, {0.5: {"x": 80, "y": 0}}, not_sure=0.2))
    counts = scale.counts
    table = cells(counts.first, counts.second, counts.table)
    assert table[0, 1].won == table[1, 0].lost == counts.table[0, 0]
    assert table[0, 1].not_sure == counts.table[0, 2] > 0
    assert table[0, 1].share + table[1, 0].share == pytest.approx(1)
    assert table[0, 1].votes == counts.votes


def test_every_picture_of_a_study_is_drawn_and_says_its_numbers(found: Findings, drawn: Album) -> None:
    names = [picture.name for picture in drawn]
    of_scales = ["ratings", "elo", "wins", "sources", "verdicts", "residuals"]
    wanted = [
        f"{kind}-{rate}" for rate in ("0.30", "0.50") for kind in of_scales if (kind, rate) != ("residuals", "0.50")
    ]
    assert [name for name in names if name != "residuals-0.50"] == [*wanted, "rating-rate", "metrics", "raters"]
    for picture in drawn:
        assert picture.title
        assert len(NUMBER.findall(picture.says)) >= 4, picture.name
        assert "nan" not in picture.says
        assert picture.says.endswith(".")
    scale = found.scales[0]
    wins = next(picture for picture in drawn if picture.name == "wins-0.30")
    won, lost, not_sure = scale.counts.table[0]
    assert f"avif@0.30 against jpeg@0.30: won {won}, not sure {not_sure}, lost {lost} " in wins.says
    sources = next(picture for picture in drawn if picture.name == "sources-0.30")
    assert len([mark for mark in sources.marks if mark.attributes["class"] == "faint"]) == 3 * 8


def test_verdicts_mark_what_was_named_beforehand_and_what_is_decided(found: Findings, drawn: Album) -> None:
    picture, judged = drawn.verdicts[0], found.judgement.judged[0]
    assert picture is not None
    heads = [mark.text for mark in picture.marks if mark.attributes["class"] == "word strong"]
    assert heads == ["Named beforehand (confirmatory)", "Chosen afterwards (exploratory)"]
    shown = [mark for mark in picture.marks if mark.attributes["class"] in ("dot", "hollow")]
    assert [mark.tag for mark in shown] == ["path", "circle", "circle"]  # a diamond, then circles
    better = [verdict.word == "better" for verdict in judged.verdicts if verdict.confirmatory]
    assert (shown[0].attributes["class"] == "dot") == better[0]
    first = next(verdict for verdict in judged.verdicts if verdict.confirmatory)
    assert f"avif@0.30 over jpeg@0.30: {first.difference:.0f} (" in picture.says


def test_of_many_pairs_neighbours_are_drawn(selected: Selected) -> None:
    many = {0.5: {f"c{at}": 40.0 * at for at in range(9)}}
    drawn = album(gather(selected(vote_rows(5, many, participants=20, votes=60)), QUICK))
    picture = drawn.verdicts[0]
    assert picture is not None
    assert len([mark for mark in picture.marks if mark.attributes["class"] in ("dot", "hollow")]) == 8 < MOST
    assert "28 more pairs, none of them neighbours in rank" in picture.says


def test_metrics_stand_between_chance_and_the_yardsticks(found: Findings, drawn: Album) -> None:
    picture = drawn.metrics
    assert picture is not None
    assert found.metrics is not None
    score = found.metrics.overall["psnr"]
    assert score.agreement is not None
    assert f"psnr {100 * score.agreement.value:.1f}%" in picture.says
    texts = [mark.text for mark in picture.marks]
    assert "chance" in texts
    assert "best possible" in texts
    assert len([mark for mark in picture.marks if mark.attributes["class"].startswith("band")]) == 2


def test_raters_who_are_left_out_are_crossed(drawn: Album) -> None:
    picture = drawn.raters
    assert picture is not None
    crossed = [mark for mark in picture.marks if mark.attributes["class"] == "crossed"]
    assert [mark.says.split(":")[0] for mark in crossed] == ["p03"]
    assert len([mark for mark in picture.marks if mark.attributes["class"] == "faint"]) == 11
    assert "crossed: p03." in picture.says
    (limit,) = places(picture, "limit", "x1")
    assert float(crossed[0].attributes["d"].split()[0][1:]) < limit


def test_residuals_come_worst_first(found: Findings, drawn: Album) -> None:
    picture, check = drawn.residuals[0], found.judgement.checks[0]
    assert picture is not None
    assert check.scale.fit is not None
    worst = residuals(check.scale.counts, check.scale.fit)[0]
    assert f"expected {100 * worst.expected:.0f}%, z = {worst.z:.1f}." in picture.says.split("worst first. ")[1]


def test_names_of_files_say_the_rates(selected: Selected) -> None:
    apart = scales_of(selected, vote_rows(3, TRUTH))
    assert [slug(scale) for scale in apart] == ["0.30", "0.50"]
    (together,) = scales_of(selected, linked(vote_rows(3, TRUTH)))
    assert slug(together) == "0.30-0.50"
    rates = {at / 8: {"x": 0, "y": 0} for at in range(1, 3)}
    assert [slug(scale) for scale in scales_of(selected, vote_rows(3, rates))] == ["0.125", "0.25"]


def test_an_svg_stands_alone_and_says_that_it_is_simulated(drawn: Album) -> None:
    for picture in drawn:
        text = svg(picture, simulated=True)
        root = ET.fromstring(text)  # noqa: S314 - our own
        space = "{http://www.w3.org/2000/svg}"
        assert root.tag == f"{space}svg"
        assert "var(" not in text
        assert "href" not in text
        assert root.find(f"{space}title").text == f"{picture.title} (simulated)"
        assert root.find(f"{space}desc").text == f"SIMULATED: no person cast these votes. {picture.says}"
        assert root.find(f"{space}rect").get("class") == "ground"
        (stamp,) = [mark for mark in root.iter(f"{space}text") if mark.get("class") == "simulated"]
        assert stamp.text == "SIMULATED"
        assert "imulated" not in svg(picture, simulated=False).replace(".simulated", "")


def test_files_are_svg_and_png_of_twice_the_size_and_the_same_twice(drawn: Album) -> None:
    made = drawn.files
    assert made == files(drawn, simulated=True)
    for picture in drawn:
        assert made[f"pictures/{picture.name}.svg"].startswith(b"<svg ")
        image = made[f"pictures/{picture.name}.png"]
        assert image[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", image[16:24])
        assert (width, height) == (pytest.approx(2 * picture.width, abs=1), pytest.approx(2 * picture.height, abs=1))


def test_a_png_has_letters_whatever_fonts_the_machine_has(drawn: Album) -> None:
    """The painter looks at no font but ours: without it, the picture has no letters and is another one."""
    picture = drawn.ratings[0]
    assert picture is not None
    text = svg(picture, simulated=False)
    nameless = replace(picture, marks=[mark for mark in picture.marks if mark.tag != "text"])
    assert png(text) != png(svg(nameless, simulated=False))
    assert len(png(text)) > 1.3 * len(png(svg(nameless, simulated=False)))


def test_text_from_files_stays_text(drawn: Album) -> None:
    picture = drawn.ratings[0]
    assert picture is not None
    bad = replace(picture, title="<script>alert(1)</script>", says="a & b < c")
    root = ET.fromstring(svg(bad, simulated=False))  # noqa: S314 - our own
    assert not [mark for mark in root.iter() if mark.tag.endswith("script")]


def test_the_style_of_a_file_is_light_and_whole() -> None:
    assert "#1b1b1b" in style()
    assert "var(" not in style()


def test_one_condition_against_another_by_one_person_is_drawn(selected: Selected) -> None:
    drawn = album(gather(selected(vote_rows(8, {0.5: {"x": 0, "y": 0}}, participants=1, sources=1, votes=30)), QUICK))
    assert [picture.name for picture in drawn][:3] == ["ratings-0.50", "elo-0.50", "wins-0.50"]
    assert drawn.raters is None
    assert drawn.metrics is None


def test_what_cannot_be_rated_still_has_its_wins(selected: Selected) -> None:
    rows = vote_rows(8, {0.5: {"x": 0, "y": 0}}, votes=5, choice="left")
    for row in rows:
        row["choice"] = "left" if row["left_codec"] == "x" else "right"
    drawn = album(gather(selected(rows), QUICK))
    assert drawn.ratings == (None,)
    assert drawn.rates is None
    (wins,) = drawn.wins
    assert wins is not None
    assert "x@0.50 against y@0.50: won 60, not sure 0, lost 0 (100%)." in wins.says
