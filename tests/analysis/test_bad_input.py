"""Bad input, through every command that reads votes: one clear sentence, exit code 1, and no file written.

`REFUSED` is what no command takes, `UNPOOLED` what a conversion may keep and nothing else may pool, `TOLD` what some
commands can work with and have to speak of, `READ` what looks odd and is read all the same. pytest makes every warning
an error, so a RuntimeWarning on the way fails these tests, too.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analysis.cli import FORMS, cli
from tests.analysis.made_votes import Rows, pair_rows, stimulus_rows, vote_rows, write_csv

VOTES = vote_rows(1, {0.5: {"x": 30, "y": 0, "z": -30}}, participants=6, votes=15)
BOTH_WAYS = [("a", "b", "left"), ("a", "b", "right")]
COMMANDS = {
    "report": ["report", "-o"],
    "rate": ["rate", "-o"],
    "rate by thurstone": ["rate", "--method", "thurstone", "-o"],
    "rate by elo": ["rate", "--method", "elo", "--rounds", "20", "-o"],
    "verdicts": ["verdicts", "-o"],
    "raters": ["raters", "-o"],
    "metrics": ["metrics", "--stimuli", "STIMULI", "-o"],
    "plan": ["plan", "-o"],
    "priorities": ["priorities", "-o"],
    "labels": ["labels", "--hallucinated", "x@0.50", "--faithful", "y@0.50", "-o"],
    "convert": ["convert", "--from", "votes", "-o"],
}
RATING = [name for name in COMMANDS if name not in ("convert", "labels", "metrics", "raters", "priorities")]


def text(rows: Rows) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def changed(number: int, **cells: object) -> bytes:
    """The votes with some cells of one row replaced; row 0 stands on line 2."""
    return text([row | cells if place == number else row for place, row in enumerate(VOTES)])


def without(column: str) -> bytes:
    return text([{name: cell for name, cell in row.items() if name != column} for row in VOTES])


GOOD = text(VOTES)
HEADER = GOOD.partition(b"\n")[0]
MARKED = {"region_x": 3, "region_y": 4, "region_width": 20, "region_height": 10}

REFUSED = {
    "empty file": (b"", " is empty; export it again."),
    "blank lines": (b"\n\r\n\n", " is empty; export it again."),
    "header only": (HEADER + b"\n", " has a header but no rows; export it again once there is something in it."),
    "header without a line end": (HEADER, " has a header but no rows"),
    "missing column": (without("choice"), ", line 1: the column choice is missing (found: vote, study, config, "),
    "a column twice": (GOOD.replace(b"tag", b"left", 1), ", line 1: the column left stands twice; keep one of them."),
    "semicolons": (GOOD.replace(b",", b";"), "put commas between the columns."),
    "tabs": (GOOD.replace(b",", b"\t"), "put commas between the columns."),
    "short row": (GOOD + b"1,2,3\n", f", line {len(VOTES) + 2}: 3 cells under 25 columns; give each row one cell a"),
    "open quote": (GOOD.replace(b",p01,", b',"p01,', 1), ", line 17: not a readable CSV row"),
    "text after a quote": (GOOD.replace(b",p01,", b',"p"01,', 1), ", line 17: not a readable CSV row"),
    "huge field": (GOOD.replace(b",p01,", b"," + b"p" * 200_000 + b",", 1), ", line 17: not a readable CSV row (field"),
    "huge quoted field": (GOOD.replace(b",p01,", b',"' + b"p\n" * 100_000 + b'",', 1), ", line 17: not a readable CSV"),
    "bytes": (bytes(range(256)) * 20, ", line 2: not UTF-8 text; save the file as UTF-8 CSV."),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), ", line 1: not UTF-8 text"),
    "a spreadsheet": (b"PK\x03\x04" + bytes(200), ", line 1: not UTF-8 text"),
    "UTF-16": (GOOD.decode().encode("utf-16"), ", line 1: not UTF-8 text"),
    "Latin-1": (changed(3, study="caf\u00e9").decode().encode("latin-1"), ", line 5: not UTF-8 text"),
    "NUL": (GOOD.replace(b",p01,", b",p\x0001,", 1), ", line 17: not UTF-8 text"),
    "unknown choice": (
        changed(4, choice="both"),
        ", line 6, column choice: unknown value 'both'; it is one of left, right, not_sure.",
    ),
    "no choice": (changed(4, choice=""), ", line 6, column choice: empty; it is one of left, right, not_sure."),
    "unknown kind": (changed(4, kind="trial"), ", line 6, column kind: unknown value 'trial'; it is one of rating, "),
    "unknown question": (changed(4, asks_for="like"), ", line 6, column asks_for: unknown value 'like'"),
    "NaN": (changed(2, left_rate="nan"), ", line 4, column left_rate: not a number of at least 0 'nan'; write it"),
    "infinite": (changed(2, right_bpp="inf"), ", line 4, column right_bpp: not a number of at least 0 'inf'"),
    "overflow": (changed(2, left_rate="1e999"), ", line 4, column left_rate: not a number of at least 0 '1e999'"),
    "negative": (changed(2, response_ms="-5"), ", line 4, column response_ms: not a number of at least 0 '-5'"),
    "decimal comma": (changed(2, left_bpp="0,5"), ", line 4, column left_bpp: not a number of at least 0 '0,5'"),
    "geometry_changes": (
        changed(2, geometry_changes="often"),
        ", line 4, column geometry_changes: not a whole number 'often'; write digits only.",
    ),
    "region": (changed(2, **MARKED | {"region_x": "1.5"}), ", line 4, column region_x: not a whole number '1.5'"),
    "half a region": (
        changed(2, **MARKED | {"region_width": ""}),
        ", line 4, column region_width: empty, but a region needs region_x, region_y, region_width, region_height; ",
    ),
    "duplicated vote ids": (
        changed(7, vote=3),
        ", line 9, column vote: vote 3 stands on line 4 already; keep one of the two rows.",
    ),
    "vote id": (changed(2, vote="9" * 30), ", line 4, column vote: not a whole number '9999999"),
    "no participant": (changed(2, participant=""), ", line 4, column participant: empty; every vote needs one."),
    "formula": (changed(2, source="=1+1"), ", line 4, column source: not a name '=1+1'; a name begins with"),
    "another codec": (
        changed(2, left="x@0.50", right="y@0.50", left_codec="x", right_codec="z"),
        ", line 4, column right_codec: y@0.50 is of y elsewhere; give a condition one codec.",
    ),
    "correction of nothing": (changed(9, corrects=4000), ", line 11, column corrects: there is no vote 4000; export"),
    "correction of another's": (
        changed(40, corrects=1),
        ", line 42, column corrects: vote 1 is not an earlier vote of the same participant; name that one.",
    ),
    "simulated and human": (
        changed(5, simulated=0),
        ", line 7, column simulated: simulated and human votes stand in one file; put them into two files",
    ),
}
UNPOOLED = {
    "mixed studies": (
        changed(0, study="other"),
        ", column study: the rating votes hold 'made' and 'other', which are never pooled; choose one with --only ",
    ),
    "mixed questions": (
        changed(0, asks_for="closer"),
        ", column asks_for: the rating votes hold 'closer' and 'prefer'",
    ),
    "mixed versions": (changed(0, config="f" * 64), "which are never pooled; choose one with --only config=fff"),
    "mixed layouts": (changed(0, layout="flip"), ", column layout: the rating votes hold 'flip' and 'side_by_side'"),
    "mixed modes": (changed(0, reference="never"), ", column reference: the rating votes hold 'always' and 'never'"),
    "one condition": (
        text([row | {"left": "x@0.50", "right": "x@0.50", "left_codec": "x", "right_codec": "x"} for row in VOTES]),
        " holds no rating votes of two different conditions; collect some, or choose other votes.",
    ),
    "no rating votes": (text([row | {"kind": "practice"} for row in VOTES]), " holds no rating votes of two different"),
    "some sources": (changed(3, source="", source_sha256=""), ", line 5, column source: empty, while other votes name"),
}
NO_RATING = {
    "all votes equal": (
        pair_rows(*[("a", "b", "left")] * 30),
        "(a) never lost a vote to the other conditions, so no finite distance fits best: collect more votes, or pull",
    ),
    "nobody sure": (pair_rows(*[("a", "b", "not_sure")] * 30), "every pair was won one way only or was not sure"),
    "never compared": (
        pair_rows(*BOTH_WAYS, ("c", "d", "left"), ("d", "c", "left")),
        "no vote links (a + b) with (c + d): ask about pairs across these groups.",
    ),
    "separated": (
        pair_rows(*BOTH_WAYS, ("a", "c", "left"), ("b", "c", "left")),
        "(a, b) never lost a vote to the other conditions, so no finite distance fits best",
    ),
    "one vote": (pair_rows(("a", "b", "left")), "(a) never lost a vote to the other conditions"),
}
TOLD = {
    "self-pairs": (
        pair_rows(*BOTH_WAYS * 5, ("b", "b", "left")),
        "Left out: 1 vote (self-pairs: b on line 12).",
        RATING,
    ),
    "one participant": (
        [row | {"participant": "p0", "source": "s0"} for row in pair_rows(*BOTH_WAYS * 9)],
        "no intervals: one participant alone says nothing about other participants, and one image alone says nothing",
        [name for name in RATING if name != "rate by elo"],
    ),
    "a rate without votes": (
        [row | {"kind": "rating"} for row in pair_rows(*BOTH_WAYS * 9, left_rate=0.3, right_rate=0.3)]
        + [row | {"vote": 90, "kind": "practice"} for row in pair_rows(BOTH_WAYS[0], left_rate=0.5, right_rate=0.5)],
        "Not rated, 0.5 bpp: the file names conditions of this rate, and no rated vote is about them.",
        [name for name in RATING if name != "plan"],
    ),
}
READ = {
    "BOM": b"\xef\xbb\xbf" + GOOD,
    "CRLF": GOOD.replace(b"\n", b"\r\n"),
    "CR": GOOD.replace(b"\n", b"\r"),
    "no last line end": GOOD.rstrip(b"\n"),
    "quoted cells": b"\n".join(b",".join(b'"%s"' % cell for cell in row.split(b",")) for row in GOOD.split(b"\n")[:-1]),
    "blank lines between": GOOD.replace(b"\n", b"\n\n"),
    "an unknown column": text([row | {"mood": "x;y"} for row in VOTES]),
}


def run(folder: Path, data: bytes, command: str) -> Result:
    """Run one command on the votes, in a folder with nothing but them and their stimuli."""
    (folder / "votes.csv").write_bytes(data)
    write_csv(folder / "stimuli.csv", stimulus_rows(VOTES))
    name, *words = COMMANDS[command]
    words = [str(folder / "stimuli.csv") if word == "STIMULI" else word for word in words]
    result = CliRunner().invoke(cli, [name, str(folder / "votes.csv"), *words, str(folder / "out")])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert "Traceback" not in result.output
    return result


def check_refused(folder: Path, result: Result, says: str) -> None:
    assert result.exit_code == 1, result.output
    said = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(said) == 1
    assert said[0].startswith(f"Error: {folder / 'votes.csv'}")
    assert says in said[0]
    assert said[0].endswith(".")
    assert len(said[0]) < 600
    assert said[0].isprintable()
    assert sorted(entry.name for entry in folder.iterdir()) == ["stimuli.csv", "votes.csv"]


def every(cases: Iterable[str], commands: Iterable[str] = COMMANDS) -> list[tuple[str, str]]:
    return [(case, command) for case in cases for command in commands]


def test_the_good_votes_are_good(tmp_path: Path) -> None:
    """What the cases below replace a cell of is refused by no command."""
    for command in COMMANDS:
        (tmp_path / command).mkdir()
        result = run(tmp_path / command, GOOD, command)
        assert result.exit_code == 0, result.output
        assert (tmp_path / command / "out").exists()


@pytest.mark.parametrize(("case", "command"), every(REFUSED))
def test_no_command_takes_it(tmp_path: Path, case: str, command: str) -> None:
    data, says = REFUSED[case]
    check_refused(tmp_path, run(tmp_path, data, command), says)


@pytest.mark.parametrize(("case", "command"), every(UNPOOLED, [name for name in COMMANDS if name != "convert"]))
def test_it_is_never_pooled(tmp_path: Path, case: str, command: str) -> None:
    data, says = UNPOOLED[case]
    check_refused(tmp_path, run(tmp_path, data, command), says)


@pytest.mark.parametrize("case", UNPOOLED)
def test_a_conversion_keeps_it(tmp_path: Path, case: str) -> None:
    data, _ = UNPOOLED[case]
    assert run(tmp_path, data, "convert").exit_code == 0
    assert len((tmp_path / "out").read_text().splitlines()) == len(VOTES) + 1


@pytest.mark.parametrize(("case", "command"), every(NO_RATING, ["rate", "rate by thurstone", "rate by elo"]))
def test_no_rating_is_refused(tmp_path: Path, case: str, command: str) -> None:
    rows, says = NO_RATING[case]
    check_refused(tmp_path, run(tmp_path, text(rows), command), says)


@pytest.mark.parametrize(("case", "command"), every(NO_RATING, ["report", "verdicts", "plan"]))
def test_tables_about_more_than_ratings_say_what_has_none(tmp_path: Path, case: str, command: str) -> None:
    rows, says = NO_RATING[case]
    result = run(tmp_path, text(rows), command)
    assert result.exit_code == 0, result.output
    assert "Not rated, " in result.stderr
    assert says in result.stderr


@pytest.mark.parametrize(("case", "command"), [(case, command) for case in TOLD for command in TOLD[case][2]])
def test_it_is_told(tmp_path: Path, case: str, command: str) -> None:
    rows, says, _ = TOLD[case]
    result = run(tmp_path, text(rows), command)
    assert result.exit_code == 0, result.output
    assert says in result.stderr


@pytest.mark.parametrize("case", READ)
def test_it_is_read_as_the_same_votes(tmp_path: Path, case: str) -> None:
    """The same ratings, but for the digest of the file."""
    tables = []
    for place, data in enumerate((GOOD, READ[case])):
        (tmp_path / str(place)).mkdir()
        assert run(tmp_path / str(place), data, "rate").exit_code == 0
        rows = csv.DictReader((tmp_path / str(place) / "out").read_text().splitlines())
        tables.append([{name: cell for name, cell in row.items() if name != "votes_sha256"} for row in rows])
    assert tables[0] == tables[1]
    assert len(tables[0]) == 3


UNREADABLE = {
    "empty": (b"", " is empty; export it again."),
    "bytes": (bytes(range(256)), ", line 2: not UTF-8 text"),
    "NUL": (b"a,b\n1,\0\n", ", line 2: not UTF-8 text"),
    "no list end": (b'[{"a": 1},', " breaks off before the list ends; copy or export it again."),
    "empty list": (b"[]", " holds no votes; export it again once there is something in it."),
    "no records": (b"[1, 2]", ", line 1: not a record with named fields; write each vote as one object."),
    "broken line": (b'{"a": 1}\n{"a":\n', ", line 3: not readable JSON (Expecting value); export it again."),
    "lists within lists": (b"[" * 100_000, ", line 1: no JSON that a vote can be made from; export it again."),
    "a huge number": (b'[{"a": ' + b"9" * 5000 + b"}]", ", line 1: no JSON that a vote can be made from"),
    "half a character": (b'[{"a": "\\ud83d"}]', ", line 1: half of a character (a lone surrogate); export it again as"),
    "other columns": (b"a,b\n1,2\n", " is missing (found: a, b); add it or export the file again."),
}


@pytest.mark.parametrize("form", [form for form in FORMS if form != "parquet"])
@pytest.mark.parametrize("case", UNREADABLE)
def test_no_form_is_made_from_it(tmp_path: Path, case: str, form: str) -> None:
    data, says = UNREADABLE[case]
    (tmp_path / "in").write_bytes(data)
    words = ["convert", str(tmp_path / "in"), "--from", form, "--asks-for", "closer", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, words)
    assert isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == 1
    (said,) = result.stderr.splitlines()
    assert said.startswith(f"Error: {tmp_path / 'in'}")
    assert says in said
    assert said.endswith(".")
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_a_whole_character_in_two_halves_is_read(tmp_path: Path) -> None:
    record = '[{"left": "a", "right": "b", "winner": "left", "participant": "\\ud83d\\ude00"}]'
    (tmp_path / "in").write_text(record)
    words = ["convert", str(tmp_path / "in"), "--from", "plain", "-o", str(tmp_path / "out")]
    assert CliRunner().invoke(cli, words).exit_code == 0
    assert "\U0001f600" in (tmp_path / "out").read_text()
