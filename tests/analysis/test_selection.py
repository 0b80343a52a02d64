"""Which votes are rated: everything left out is counted, and different questions are never pooled."""

from collections.abc import Callable

import pytest

from analysis.files import Refusal
from analysis.selection import LeftOut, Selection
from tests.analysis.made_votes import pair_rows

Selected = Callable[..., Selection]
ONE = ("a", "b", "left")


def test_only_rating_votes_are_rated(selected: Selected) -> None:
    kinds = ["rating", "catch", "practice", "preview", "repeat", "identical", "catch", "rating"]
    rows = pair_rows(*[ONE] * len(kinds))
    for row, kind in zip(rows, kinds, strict=True):
        row["kind"] = kind
    selection = selected(rows)
    assert selection.rated.lines.tolist() == [2, 9]
    assert {out.reason: out.votes for out in selection.left_out} == {
        "catch votes": 2,
        "practice votes": 1,
        "preview votes": 1,
        "repeat votes": 1,
        "identical votes": 1,
    }
    assert len(selection.others) == 6
    assert selection.total == 8


def test_a_corrected_vote_is_dropped_and_its_correction_rated(selected: Selected) -> None:
    rows = pair_rows(ONE, ("a", "b", "right"), participant="p", corrects="")
    rows[1]["corrects"] = 1
    selection = selected(rows)
    assert selection.rated.outcome.tolist() == [-1]
    assert selection.left_out == (LeftOut("replaced by a later correction", 1),)


def test_self_pairs_are_counted_and_named(selected: Selected) -> None:
    selection = selected(pair_rows(ONE, *[("b", "b", "left")] * 7))
    assert len(selection.rated) == 1
    named = ", ".join(f"b on line {line}" for line in range(3, 8))
    assert selection.left_out == (LeftOut(f"self-pairs: {named} and 2 more", 7),)


def test_no_rating_votes_are_refused(selected: Selected) -> None:
    with pytest.raises(Refusal, match="holds no rating votes"):
        selected(pair_rows(ONE, kind="catch"))
    with pytest.raises(Refusal, match="holds no rating votes"):
        selected(pair_rows(("a", "a", "left")))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("asks_for", ("prefer", "closer")),
        ("asks_for", ("", "prefer")),
        ("reference", ("always", "never")),
        ("layout", ("side_by_side", "unknown")),
        ("study", ("one", "two")),
        ("config", ("11", "22")),
    ],
)
def test_different_questions_are_pooled_only_by_choice(
    selected: Selected, column: str, values: tuple[str, str]
) -> None:
    rows = pair_rows(ONE, ONE, ("a", "b", "right"))
    for row, value in zip(rows, (*values, values[0]), strict=True):
        row[column] = value
    with pytest.raises(Refusal, match=rf"column {column}: .* never pooled; choose one with --only {column}="):
        selected(rows)
    selection = selected(rows, **{column: values[0]})
    assert selection.rated.lines.tolist() == [2, 4]
    assert selection.asked[column] == values[0]
    assert selection.left_out == (LeftOut(f"{column} is not {values[0]}", 1),)


def test_practice_may_ask_differently(selected: Selected) -> None:
    rows = pair_rows(ONE, ONE)
    rows[0] |= {"kind": "practice", "config": "old"}
    rows[1] |= {"kind": "rating", "config": "new"}
    assert len(selected(rows).rated) == 1


def test_votes_without_a_source_among_others_are_refused(selected: Selected) -> None:
    rows = pair_rows(ONE, ONE)
    rows[1]["source"] = ""
    with pytest.raises(Refusal, match="line 3, column source: empty"):
        selected(rows)


def test_catch_votes_of_another_question_do_not_count(selected: Selected) -> None:
    rows = pair_rows(ONE, ONE, ONE, ONE)
    for row, kind, config in zip(
        rows, ("rating", "catch", "catch", "rating"), ("new", "new", "old", "old"), strict=True
    ):
        row |= {"kind": kind, "config": config}
    assert selected(rows, config="new").others.lines.tolist() == [3]
    rows[3]["kind"] = "practice"  # without --only: the ratings hold one config, the others two
    assert selected(rows).others.lines.tolist() == [3]
