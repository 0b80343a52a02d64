"""Bad votes, each through the command as a researcher meets it: one sentence, no traceback, nothing half-written."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analysis.cli import cli
from tests.analysis.made_votes import Rows, pair_rows, vote_rows

Write = Callable[[Rows], Path]
TRUTH = {0.5: {"x": 30, "y": 0, "z": -30}}
BOTH_WAYS = [("a", "b", "left"), ("a", "b", "right")]


def rate(path: Path, *words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["rate", str(path), *map(str, words)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def changed(rows: Rows, number: int, **cells: object) -> Rows:
    """The rows with some cells of one of them replaced."""
    return [row | cells if place == number else row for place, row in enumerate(rows)]


def rated_pairs(rate: float, first: int, *votes: tuple[str, str, str]) -> Rows:
    rows = pair_rows(*votes, left_rate=rate, right_rate=rate)
    return [row | {"vote": first + place} for place, row in enumerate(rows)]


REFUSED = {
    "unknown choice": (
        changed(vote_rows(1, TRUTH), 4, choice="both"),
        "line 6, column choice: unknown value 'both'; it is one of left, right, not_sure.",
    ),
    "NaN": (
        changed(vote_rows(1, TRUTH), 2, left_rate="nan"),
        "line 4, column left_rate: not a number of at least 0 'nan'; write it with a decimal point, or leave it empty.",
    ),
    "duplicated vote ids": (
        changed(vote_rows(1, TRUTH), 7, vote=3),
        "line 9, column vote: vote 3 stands on line 4 already; keep one of the two rows.",
    ),
    "one condition": (
        pair_rows(("a", "a", "left"), ("a", "a", "right")),
        "holds no rating votes of two different conditions; collect some, or choose other votes.",
    ),
    "mixed studies": (
        changed(vote_rows(1, TRUTH), 0, study="other"),
        "hold 'made' and 'other', which are never pooled; choose one with --only study=other.",
    ),
    "mixed versions of a study": (
        changed(vote_rows(1, TRUTH), 0, config="f" * 64),
        "which are never pooled; choose one with --only config=",
    ),
    "mixed questions": (
        changed(vote_rows(1, TRUTH), 0, asks_for="closer"),
        "column asks_for: the rating votes hold 'closer' and 'prefer', which are never pooled",
    ),
    "simulated and human": (
        changed(vote_rows(1, TRUTH), 5, simulated=0),
        "line 7, column simulated: simulated and human votes stand in one file; put them into two files",
    ),
    "all votes equal": (
        pair_rows(*[("a", "b", "left")] * 30),
        "(a) never lost a vote to the other conditions, so no finite distance fits best: collect more votes, or",
    ),
    "nobody sure": (
        pair_rows(*[("a", "b", "not_sure")] * 30),
        "every pair was won one way only or was not sure, so no finite distances fit best: collect more votes",
    ),
    "never compared": (
        pair_rows(*BOTH_WAYS, ("c", "d", "left"), ("d", "c", "left")),
        "no vote links (a + b) with (c + d): ask about pairs across these groups.",
    ),
    "separated": (
        pair_rows(*BOTH_WAYS, ("a", "c", "left"), ("b", "c", "left")),
        "(a, b) never lost a vote to the other conditions, so no finite distance fits best",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("method", ["bradley-terry", "thurstone"])
def test_bad_votes_are_one_sentence(write_votes: Write, tmp_path: Path, name: str, method: str) -> None:
    rows, says = REFUSED[name]
    path, output = write_votes(rows), tmp_path / "ratings.csv"
    result = rate(path, "--method", method, "-o", output, "--covariance", tmp_path / "covariance.csv", code=1)
    said = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(said) == 1
    assert said[0].startswith(f"Error: {path}")
    assert says in said[0]
    assert said[0].endswith(".")
    assert [entry.name for entry in tmp_path.iterdir()] == ["votes.csv"]


def test_self_pairs_are_counted_and_named(write_votes: Write) -> None:
    rows = pair_rows(*BOTH_WAYS, ("b", "b", "left"), *BOTH_WAYS)
    assert "Left out: 1 vote (self-pairs: b on line 4)." in rate(write_votes(rows)).stderr


@pytest.mark.parametrize("method", ["bradley-terry", "thurstone"])
def test_one_participant_is_rated_for_these_votes_only(write_votes: Write, method: str) -> None:
    path = write_votes(vote_rows(3, TRUTH, participants=1, sources=3, votes=60))
    result = rate(path, "--method", method)
    assert "0.5 bpp: no intervals: one participant alone says nothing about other participants" in result.stderr
    assert result.stdout.count(",none,") == 3


def test_a_rate_that_separates_or_falls_apart_leaves_the_others(write_votes: Write) -> None:
    rows = rated_pairs(0.3, 1, *BOTH_WAYS, *BOTH_WAYS)
    rows += rated_pairs(0.5, 11, ("a", "b", "left")) + rated_pairs(0.7, 21, *BOTH_WAYS, ("c", "d", "left"))
    result = rate(write_votes(rows))
    assert "Not rated, 0.5 bpp: (a) never lost a vote" in result.stderr
    assert "Not rated, 0.7 bpp: no vote links (a + b) with (c + d)" in result.stderr
    assert {line.split(",")[0] for line in result.stdout.splitlines()[1:]} == {"0.3"}


@pytest.mark.parametrize("cells", [{"kind": "identical", "right": "a"}, {"kind": "practice"}])
def test_a_rate_without_votes_is_named(write_votes: Write, cells: dict[str, str]) -> None:
    rows = rated_pairs(0.3, 1, *BOTH_WAYS) + [row | cells for row in rated_pairs(0.5, 11, *BOTH_WAYS)]
    rows = [{"kind": "rating"} | row for row in rows]
    path, says = write_votes(rows), "the file names conditions of this rate, and no rated vote is about them"
    assert f"Not rated, 0.5 bpp: {says}.\n" in rate(path).stderr
    assert f'"problem": "{says}"' in rate(path, "--json").stdout


def test_votes_that_decide_nothing_are_dropped_and_what_they_linked_is_named(write_votes: Write) -> None:
    rows = pair_rows(*BOTH_WAYS, ("b", "c", "not_sure"), ("c", "d", "left"), ("c", "d", "right"))
    assert rate(write_votes(rows)).exit_code == 0
    result = rate(write_votes(rows), "--ties", "dropped", code=1)
    assert "no vote that decides links (a + b) with (c + d): ask about pairs across these groups." in result.stderr


def test_a_fit_that_does_not_end_is_one_sentence(write_votes: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """No votes are known that do this; the sentence stands ready."""
    monkeypatch.setattr("analysis.models.STEPS", 1)
    result = rate(write_votes(vote_rows(1, TRUTH)), code=1)
    assert (
        "too loosely to compute them (Newton's method did not end within 1 steps): collect more votes." in result.stderr
    )
