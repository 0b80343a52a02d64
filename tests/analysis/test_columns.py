"""Columns of plain files are what the parser reads, to the cell; everything else is left to the parser."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import columns
from analysis.columns import LONGEST, Column, beginnings, coded, plain_columns
from analysis.files import Refusal, parse_plain, parse_table
from analysis.votes import parse_votes
from tests.analysis.made_votes import vote_rows, write_csv

HERE = Path("t.csv")
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\0\r\n",'), max_size=20)


def text(rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 5))
    pool = draw(st.lists(CELL, min_size=1, max_size=6))
    cell = st.sampled_from(pool)
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=30))
    return [[f"c{index}" for index in range(width)], *rows]


@given(tables(), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans())
def test_plain_columns_are_what_the_parser_reads(rows: list[list[str]], end: bytes, last: bool, mark: bool) -> None:
    data = text(rows).replace(b"\n", end)
    data = (b"\xef\xbb\xbf" if mark else b"") + (data if last else data.removesuffix(end))
    plain = plain_columns(data)
    assert plain is not None
    expected = parse_table(HERE, data, [])
    assert list(plain) == list(expected.columns)
    for name, cells in expected.columns.items():
        assert list(plain[name]) == cells
        assert len(set(plain[name].cells)) == len(plain[name].cells)
    assert list(parse_plain(HERE, data, []).lines) == expected.lines


@given(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=4), min_size=1, max_size=6))
def test_whatever_the_file_both_ways_agree(rows: list[list[str]]) -> None:
    """Quotes, blank lines, ragged rows, NUL: the same cells and lines, or the same refusal."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    for data in (out.getvalue().encode("utf-8", "replace"), "\n".join(map(",".join, rows)).encode("utf-8", "replace")):
        found = []
        for parse in (parse_plain, parse_table):
            try:
                table = parse(HERE, data, [])
                found.append(({name: list(cells) for name, cells in table.columns.items()}, list(table.lines)))
            except Refusal as refusal:
                found.append(refusal.message)
        assert found[0] == found[1]


@pytest.mark.parametrize(
    "data",
    [
        b'a,b\n"1",2\n',
        b"a,b\n1,2\n\n3,4\n",
        b"a,b\n1,2,3\n4\n",
        b"a,b\n1\n",
        b"a\n1\n",
        b"a,b\n",
        b"a,b\n1,2\r3,4\n",
        b"",
    ],
)
def test_what_needs_a_parser_is_left_to_it(data: bytes) -> None:
    assert plain_columns(data or b"\n") is None


def test_long_rows_are_left_to_the_parser() -> None:
    assert plain_columns(b"a,b\n1," + b"x" * (LONGEST + 1) + b"\n") is None
    found = plain_columns(b"a,b\n1," + b"x" * (LONGEST - 3) + b"\n")
    assert found is not None
    assert found["b"][0] == "x" * (LONGEST - 3)


def test_cells_that_share_words_differ() -> None:
    """Cells alike in their first, or in their last, 8 bytes; and a cell that another one begins with."""
    cells = ["a" * 8, "a" * 9, "a" * 16, "a" * 8 + "b" * 8, "b" * 8 + "a" * 8, "", "a"]
    found = plain_columns(text([["x", "y"], *([cell, "1"] for cell in cells * 3)]))
    assert found is not None
    assert list(found["x"]) == cells * 3
    assert found["x"].cells == cells


def test_keys_that_meet_by_chance_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MIX", np.uint64(0))  # every key is then its last word
    cells = ["a" * 8 + "c" * 8, "b" * 8 + "c" * 8, "a" * 8 + "c" * 8]
    found = plain_columns(text([["x", "y"], *([cell, "1"] for cell in cells)]))
    assert found is not None
    assert list(found["x"]) == cells
    assert sorted(found["x"].cells) == sorted(set(cells))


def test_not_utf_8_is_refused_with_its_line() -> None:
    with pytest.raises(Refusal, match="line 3: not UTF-8"):
        parse_plain(HERE, b"a,b\n1,2\n\xff,3\n", [])


def test_missing_and_doubled_columns_are_refused() -> None:
    with pytest.raises(Refusal, match="column c is missing"):
        parse_plain(HERE, b"a,b\n1,2\n", ["c"])
    with pytest.raises(Refusal, match="column a stands twice"):
        parse_plain(HERE, b"a,a\n1,2\n", [])


def test_a_column_is_a_sequence() -> None:
    column = coded(["x", "", "x", "y"])
    assert list(column) == ["x", "", "x", "y"]
    assert column.cells == ["x", "", "y"]
    assert list(column[1:3]) == ["", "x"]
    assert column[3] == "y"
    assert coded(column) is column
    assert list(Column([], np.empty(0, np.int64))) == []


def test_votes_are_the_same_by_either_way(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "votes.csv", vote_rows(3, {0.5: {"x": 50, "y": 0, "z": -50}}, not_sure=0.1))
    data = path.read_bytes()
    quoted = data.replace(b"photo-00", b'"photo-00"')
    plain, parsed = parse_votes(path, data), parse_votes(path, quoted)
    assert plain_columns(quoted) is None
    assert plain.frame.equals(parsed.frame)
    assert (plain.items, plain.participants, plain.sources) == (parsed.items, parsed.participants, parsed.sources)
    for name in ("left", "right", "participant", "source", "outcome", "lines"):
        assert np.array_equal(getattr(plain, name), getattr(parsed, name))


@given(tables(), st.integers(1, 20))
def test_columns_coded_together_and_cut_are_the_same(rows: list[list[str]], most: int) -> None:
    plain, expected = plain_columns(text(rows)), parse_table(HERE, text(rows), [])
    assert plain is not None
    plain.prepare([*rows[0], "absent"])
    assert {name: list(plain.found[name]) for name in rows[0]} == expected.columns
    for columns_of in (plain, expected.columns):
        for name, cells in expected.columns.items():
            assert list(beginnings(columns_of, name, most)) == [cell[:most] for cell in cells]
