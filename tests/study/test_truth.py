"""truth.csv: read with refusals, the most specific row counts, written as it was used."""

from pathlib import Path

import pytest

from study.errors import Refused
from study.truth import COLUMNS, Place, Row, drawn, rate, read, write

HERE = Place("faces", "kodim01", (0, 0, 64, 64))
THERE = Place("faces", "kodim01", (64, 0, 64, 64))
ELSEWHERE = Place("", "kodim02", (0, 0, 64, 64))
HEADER = ",".join(COLUMNS)
STIMULI = [(place, condition) for place in (HERE, THERE, ELSEWHERE) for condition in ("avif@0.30", "jpeg@0.30")]


def truth(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "truth.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_the_most_specific_row_counts(tmp_path: Path) -> None:
    path = truth(
        tmp_path,
        ",,,,,,avif@0.30,10",
        "faces,,,,,,avif@0.30,20",
        ",kodim01,,,,,avif@0.30,30",
        ",kodim01,64,0,64,64,avif@0.30,40",
    )
    rows = read(path, STIMULI)
    stimuli = [(place, "avif@0.30") for place in (HERE, THERE, ELSEWHERE)]
    assert rate(rows, stimuli, 1, 0.0) == dict(zip(stimuli, [30, 40, 10], strict=True))


def test_only_condition_and_rating_are_needed(tmp_path: Path) -> None:
    assert read(truth(tmp_path, "avif@0.30,1.5", header="condition,rating"), STIMULI) == [
        Row(None, None, None, "avif@0.30", 1.5)
    ]


@pytest.mark.parametrize(
    ("header", "line", "says"),
    [
        ("condition", "avif@0.30", "no column `rating`"),
        ("rating", "1", "no column `condition`"),
        (HEADER, ",,,,,,avif@0.30,many", "line 2, column rating: `many`"),
        (HEADER, ",,,,,,avif@0.30,nan", "line 2, column rating: `nan`"),
        (HEADER, ",,,,,,avif@0.30,", "line 2, column rating"),
        (HEADER, ",,,,,,avif,1", "line 2, column condition: the study rates no `avif`"),
        (HEADER, ",kodim1,,,,,avif@0.30,1", "line 2, column source: the study rates no `kodim1`, but kodim01, kodim02"),
        (HEADER, "face,,,,,,avif@0.30,1", "line 2, column tag: the study rates no `face`, but faces"),
        (HEADER, ",kodim01,1,0,64,64,avif@0.30,1", "line 2: the study rates nothing of this tag, source and crop"),
        (HEADER, "faces,kodim02,,,,,avif@0.30,1", "line 2: the study rates nothing of this tag, source and crop"),
        (HEADER, ",,0,0,64,,avif@0.30,1", "all four or none"),
        (HEADER, f",,,,,,avif@0.30,1\n{'x' * 200_000},,,,,,avif@0.30,1", "line 3: no line of a CSV table"),
        ("x" * 200_000, "", "line 1: no line of a CSV table"),
        (HEADER, ",,,,,,avif@0.30,1\n,,,,,,avif@0.30,2", "line 3: says again what line 2 says"),
    ],
)
def test_refusals_name_the_place(tmp_path: Path, header: str, line: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        read(truth(tmp_path, line, header=header), STIMULI)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        read(tmp_path / "truth.csv", [])


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("condition,rating\navif@0.30,1.5\n", encoding="utf-8-sig")
    assert read(path, STIMULI) == [Row(None, None, None, "avif@0.30", 1.5)]


@pytest.mark.parametrize(
    ("row", "moved"),
    [
        (Row(None, None, None, "avif@0.30", 100.0), True),
        (Row("faces", None, None, "avif@0.30", 100.0), True),
        (Row(None, "kodim01", None, "avif@0.30", 100.0), False),
        (Row(None, None, HERE.crop, "avif@0.30", 100.0), False),
    ],
)
def test_a_row_that_names_a_source_says_what_that_source_does(row: Row, moved: bool) -> None:
    everywhere = Row(None, None, None, "avif@0.30", 0.0)
    [rating] = rate([everywhere, row], [(HERE, "avif@0.30")], 5, 50.0).values()
    assert (rating != 100.0) is moved


def test_a_stimulus_without_a_rating_is_refused() -> None:
    with pytest.raises(Refused, match=r"nothing of `jpeg@0.30` on kodim01"):
        rate([Row(None, None, None, "avif@0.30", 1.0)], [(HERE, "jpeg@0.30")], 1, 0.0)


def test_sources_move_their_conditions_and_crops_do_not() -> None:
    rows = [Row(None, None, None, "avif@0.30", 100.0)]
    ratings = rate(rows, [(place, "avif@0.30") for place in (HERE, THERE, ELSEWHERE)], 5, 50.0)
    here, there, elsewhere = ratings.values()
    assert here == there != elsewhere
    assert rate(rows, [(ELSEWHERE, "avif@0.30")], 5, 50.0) == {(ELSEWHERE, "avif@0.30"): elsewhere}


def test_what_was_used_is_written_and_read_again(tmp_path: Path) -> None:
    rows = [Row(None, None, None, "avif@0.30", 1.25), Row(None, "kodim01", THERE.crop, "avif@0.30", 7.0)]
    stimuli = [(place, "avif@0.30") for place in (HERE, THERE, ELSEWHERE)]
    ratings = rate(rows, stimuli, 5, 50.0)
    path = tmp_path / "truth.csv"
    path.write_text(write(ratings), encoding="utf-8")
    assert path.read_text(encoding="utf-8").count("\n") == 1 + 3
    assert rate(read(path, stimuli), stimuli, 5, 50.0) == ratings


def test_a_drawn_truth_follows_from_seed_and_name() -> None:
    names = [f"codec@{index}" for index in range(400)]
    first = drawn(1, names)
    assert drawn(1, reversed(names)) == first
    assert drawn(2, names) != first
    mean = sum(row.rating for row in first) / len(first)
    spread = (sum((row.rating - mean) ** 2 for row in first) / len(first)) ** 0.5
    assert abs(mean) < 4 * 100 / 20
    assert abs(spread - 100) < 4 * 100 / (2 * 400) ** 0.5
