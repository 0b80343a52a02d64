"""The reader of votes.csv: every bad cell is refused with line, column and remedy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.files import Refusal
from analysis.votes import REQUIRED, VOTES_COLUMNS, Votes, read_votes
from tests.analysis.made_votes import Rows, pair_rows

Read = Callable[[Rows], Votes]
ONE = ("a", "b", "left")


def test_columns_are_named_once() -> None:
    assert len(set(VOTES_COLUMNS)) == len(VOTES_COLUMNS)
    assert set(REQUIRED) < set(VOTES_COLUMNS)


def test_four_columns_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("participant,left,right,choice,extra\nada,x,y,right,?\nben,y,x,not_sure,?\n")
    votes = read_votes(path)
    assert [item.condition for item in votes.items] == ["x", "y"]
    assert votes.left.tolist() == [0, 1]
    assert votes.right.tolist() == [1, 0]
    assert votes.outcome.tolist() == [-1, 0]
    assert votes.participants == ("ada", "ben")
    assert votes.source.tolist() == [-1, -1]
    assert votes.sources == ()
    assert not votes.simulated
    assert set(votes.frame["kind"]) == {"rating"}


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("choice", "up", "unknown value 'up'; it is one of left, right, not_sure"),
        ("choice", "", "empty"),
        ("participant", "", "empty; every vote needs one"),
        ("left", "", "empty; every vote needs one"),
        ("left", "=cmd()", "not a name '=cmd()'"),
        ("right", "a b", "not a name 'a b'"),
        ("source", "-x", "not a name"),
        ("kind", "guess", "unknown value 'guess'; it is one of rating, catch"),
        ("kind", "", "empty; it is one of rating"),
        ("asks_for", "best", "it is one of prefer, closer, more_different"),
        ("reference", "sometimes", "it is one of always, on_demand, never"),
        ("simulated", "yes", "it is one of 0, 1"),
        ("expected", "up", "it is one of left, right, not_sure"),
        ("vote", "1.5", "not a whole number '1.5'"),
        ("vote", "nan", "not a whole number 'nan'"),
        ("crop_x", "-3", "not a whole number '-3'"),
        ("crop_width", "٣", "not a whole number"),
        ("left_rate", "nan", "not a number of at least 0 'nan'"),
        ("left_rate", "0,5", "not a number"),
        ("right_rate", "-0.5", "not a number"),
        ("right_bpp", "inf", "not a number"),
        ("response_ms", "1e999", "not a number"),
    ],
)
def test_a_bad_cell_is_refused_with_its_place(read: Read, tmp_path: Path, column: str, cell: str, says: str) -> None:
    good = {"kind": "rating", "asks_for": "prefer", "reference": "always", "simulated": 0, "expected": "left"}
    numbers = {"crop_x": 1, "crop_width": 9, "left_rate": 0.5, "right_rate": 0.5, "right_bpp": 0.49, "response_ms": 900}
    rows = pair_rows(ONE, ONE, **good, **numbers)
    rows[1][column] = cell
    with pytest.raises(Refusal) as refusal:
        read(rows)
    assert refusal.value.message.startswith(f"{tmp_path / 'votes.csv'}, line 3, column {column}: ")
    assert says in refusal.value.message


@pytest.mark.parametrize("column", ["participant", "left", "right", "choice"])
def test_a_missing_column_is_refused(read: Read, column: str) -> None:
    rows = pair_rows(ONE)
    del rows[0][column]
    with pytest.raises(Refusal, match=f"line 1: the column {column} is missing"):
        read(rows)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([{}, {"vote": "01"}], "line 3, column vote: vote 01 stands on line 2 already"),
        ([{}, {"corrects": 7}], "line 3, column corrects: there is no vote 7"),
        ([{"corrects": 2}, {}], "line 2, column corrects: vote 2 is not an earlier vote"),
        ([{"corrects": 1}, {}], "line 2, column corrects: vote 1 is not an earlier vote"),
        ([{}, {"corrects": 1, "participant": "other"}], "not an earlier vote of the same participant"),
        ([{}, {"corrects": 1}, {"corrects": 1}], "line 4, column corrects: vote 1 is corrected twice"),
        ([{"simulated": 0}, {"simulated": 1}], "line 3, column simulated: simulated and human votes"),
        ([{"simulated": ""}, {"simulated": 1}], "simulated and human votes"),
        ([{"left_codec": "avif"}, {"left_codec": "jpeg"}], "line 3, column left_codec: a is of avif elsewhere"),
    ],
)
def test_rows_that_contradict_one_another_are_refused(read: Read, changes: list[dict[str, object]], says: str) -> None:
    rows = pair_rows(*[ONE] * len(changes), participant="p", corrects="")
    for row, change in zip(rows, changes, strict=True):
        row.update(change)
    with pytest.raises(Refusal, match=says):
        read(rows)


def test_a_correction_of_a_correction_drops_both(read: Read) -> None:
    rows = pair_rows(ONE, ONE, ONE, participant="p", corrects="")
    rows[1]["corrects"], rows[2]["corrects"] = 1, 2
    assert read(rows).frame["corrected"].tolist() == [True, True, False]


def test_the_question_for_the_worse_image_turns_the_outcome(read: Read) -> None:
    votes = read(pair_rows(("a", "b", "left"), ("a", "b", "right"), ("a", "b", "not_sure"), asks_for="more_different"))
    assert votes.outcome.tolist() == [-1, 1, 0]


def test_items_are_conditions_at_rates_sorted(read: Read) -> None:
    rows = pair_rows(("b", "a", "left"), ("b", "a", "left"), ("b", "a", "left"))
    for row, rate in zip(rows, ("0.50", "0.3", ""), strict=True):
        row["left_rate"] = row["right_rate"] = rate
    items = read(rows).items
    expected = [(0.3, "a"), (0.3, "b"), (0.5, "a"), (0.5, "b"), (None, "a"), (None, "b")]
    assert [(item.rate, item.condition) for item in items] == expected


def test_sources_are_told_apart_by_content(read: Read) -> None:
    rows = pair_rows(ONE, ONE, ONE)
    for row, source, digest in zip(rows, ("x", "copy", "y"), ("11", "11", "22"), strict=True):
        row["source"], row["source_sha256"] = source, digest
    votes = read(rows)
    assert votes.source.tolist() == [0, 0, 1]
    assert votes.sources == ("x", "y")


def test_names_that_look_like_missing_values_are_kept(read: Read) -> None:
    votes = read(pair_rows(("NA", "nan", "left"), ("null", "None", "right")))
    assert [item.condition for item in votes.items] == ["NA", "None", "nan", "null"]


def test_taking_votes_keeps_codes_and_digest(read: Read) -> None:
    votes = read(pair_rows(("a", "b", "left"), ("c", "b", "right")))
    one = votes.take(np.array([False, True]))
    assert (len(one), one.lines.tolist(), one.left.tolist()) == (1, [3], [2])
    assert (one.items, one.sha256) == (votes.items, votes.sha256)
