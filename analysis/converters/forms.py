"""What a format of votes is, and the few steps that many of them share.

Votes stand in columns of text: `columns[name][row]`, with the names of `votes.csv` on our side and the other tool's own
on its side. A form reads the one from the other and writes it back. Columns are worked on as their different cells and
a code a row (`analysis.columns`): a million votes have few different cells in most columns.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.columns import Codes, Column, coded
from analysis.files import Cells

Columns = dict[str, Sequence[str]]
Mask = npt.NDArray[np.bool_]

FLAGS = {"1": "1", "true": "1", "0": "0", "false": "0"}
RATINGS = frozenset(("rating",))
NO_PARTICIPANT = "unknown"
TURNED = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Reading:
    """What a file says in the columns of `votes.csv`, and sentences about what a user should know of it."""

    columns: Columns
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A format of votes, both ways.

    `read` takes a file's table; `required` columns are there, those of `used` may be. `write` takes votes with the
    kinds in `kinds` only, without `not_sure` unless `ties`. Where `pressed`, `choice` is the side that was pressed, as
    in `votes.csv`; elsewhere the side that won, whatever was asked. `asks_for` is the tool's question where nobody
    says. `named` lists columns that name the same kind of thing, of which no two may become alike. `literal` are the
    columns that JSON writes without quotes, for forms that live in JSON. An `own` form has every column of `votes.csv`.
    """

    required: tuple[str, ...]
    used: tuple[str, ...]
    read: Callable[[Cells], Reading]
    write: Callable[[Columns], Columns]
    named: tuple[tuple[str, ...], ...] = ()
    kinds: frozenset[str] = RATINGS
    ties: bool = True
    pressed: bool = False
    asks_for: str = ""
    own: bool = False
    container: Literal["csv", "json", "parquet"] = "csv"
    literal: frozenset[str] = frozenset()


def named(text: str) -> str:
    """Return text as a name of docs/formats.md: other characters become `-`, and it begins with a letter or digit."""
    name = re.sub(r"[^A-Za-z0-9._@/-]", "-", text)
    return name if re.match(r"[A-Za-z0-9]", name) else f"x{name}" if name else ""


def stem(image: str) -> str:
    """Return a file's name without its suffix."""
    return image.rsplit(".", 1)[0]


def constant(cell: str, rows: int) -> Column:
    """Return a column of one cell in every row."""
    return Column([cell], np.zeros(rows, np.int64))


def each(cells: Sequence[str], change: Callable[[str], str]) -> Column:
    """Return every cell changed; equal cells are changed once."""
    column = coded(cells)
    return _recoded(list(map(change, column.cells)), column.code)


def combined(change: Callable[..., str], *columns: Sequence[str]) -> Column:
    """Return `change` of each row's cells in several columns; each combination of cells is changed once."""
    parts = [coded(cells) for cells in columns]
    code = parts[0].code
    for part in parts[1:]:
        code = pd.factorize(code * len(part.cells) + part.code)[0].astype(np.int64)
    rows = np.empty(int(code.max()) + 1, np.int64)
    rows[code[::-1]] = np.arange(len(code))[::-1]  # the first row of each combination
    found = (map(part.cells.__getitem__, part.code[rows].tolist()) for part in parts)
    return _recoded(list(map(change, *found)), code)


def _recoded(cells: list[str], code: Codes) -> Column:
    """Return a column of cells of which some may be alike."""
    different = coded(cells)
    return Column(different.cells, different.code[code])


def picked(mask: Mask, one: Sequence[str], other: Sequence[str]) -> Column:
    """Return the cells of `one` where `mask` is true, elsewhere those of `other`."""
    first, second = coded(one), coded(other)
    both = coded([*first.cells, *second.cells])
    return _used(both.cells, both.code[np.where(mask, first.code, second.code + len(first.cells))])


def taken(cells: Sequence[str], mask: Mask) -> Column:
    """Return the rows of a column where `mask` is true."""
    column = coded(cells)
    return _used(column.cells, column.code[mask])


def _used(cells: Sequence[str], code: Codes) -> Column:
    """Return a column without the cells that no row has."""
    used = np.zeros(len(cells), bool)
    used[code] = True
    return Column(list(compress(cells, used.tolist())), (np.cumsum(used) - 1)[code])


def holds(cells: Sequence[str], good: Callable[[str], bool]) -> Mask:
    """Return which rows have a cell that is good."""
    column = coded(cells)
    return np.array([bool(good(cell)) for cell in column.cells], bool)[column.code]


def alike(one: Sequence[str], other: Sequence[str]) -> Mask:
    """Return in which rows two columns have the same cell."""
    first, second = coded(one), coded(other)
    both = coded([*first.cells, *second.cells]).code
    return np.asarray(both[first.code] == both[second.code + len(first.cells)])


def content(cells: Sequence[str]) -> bool:
    """Return whether any cell is not empty."""
    return any(coded(cells).cells)


def names(cells: Sequence[str]) -> Column:
    """Return cells as names."""
    return each(cells, named)


def sources(images: Sequence[str]) -> Column:
    """Return files' names as sources."""
    return each(images, lambda image: named(stem(image)))


def check_names(table: Cells, columns: Sequence[str], *, suffix: bool) -> None:
    """Refuse two conditions or sources (the columns name one kind) whose names become alike."""
    seen: dict[str, str] = {}
    for column in columns:
        cells = table.columns.get(column, [])
        for cell in coded(cells).cells:
            name = named(stem(cell) if suffix else cell)
            if seen.setdefault(name, cell) != cell:
                what = f"{cell!r} and {seen[name]!r} both become {name}"
                table.refuse(cells.index(cell), column, what, "rename one of them")


def words(table: Cells, column: str, meaning: Mapping[str, str], remedy: str, what: str = "value") -> Column:
    """Return what the cells of a column mean, whatever their case; refuse the first without a meaning."""
    cells = table.columns[column]
    if (unknown := np.flatnonzero(holds(cells, lambda cell: cell.strip().lower() not in meaning))).size:
        row = int(unknown[0])
        table.refuse(row, column, f"unknown {what} {cells[row][:60]!r}", remedy)
    return each(cells, lambda cell: meaning[cell.strip().lower()])


def parsed(table: Cells, column: str, parse: Callable[[str], str], what: str, remedy: str) -> Column:
    """Return the cells of a column as `parse` reads them, empty ones as they are; refuse one that it cannot."""
    cells = table.columns[column]

    def change(cell: str) -> str:
        try:
            return cell and parse(cell)
        except (ValueError, OverflowError, OSError, TypeError):
            table.refuse(cells.index(cell), column, f"{what} {cell[:60]!r}", remedy)

    return each(cells, change)


def carried(table: Cells, **columns: str) -> Columns:
    """Return the columns of the table that are there under their names in `votes.csv`: `participant="observer"`."""
    return {name: table.columns[theirs] for name, theirs in columns.items() if theirs in table.columns}


def _even(text: str) -> bool:
    """Return the fall of a coin that falls alike whenever it is thrown for the same text."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 0


def first_is_left(table: Cells, columns: Sequence[str]) -> Mask:
    """Draw each row's sides, where the file knows none, from a hash of its cells: the same file, the same sides."""
    rows = zip(*(table.columns[name] for name in columns if name in table.columns), strict=True)
    return np.fromiter(map(_even, map("\0".join, rows)), bool, len(table))


def unsided(table: Cells, columns: Sequence[str], first: str, second: str, won: Sequence[str]) -> Columns:
    """Return sides, choice and layout of votes on an ordered pair without sides. `won`: left if first, right, not_sure.

    Parameters name the columns that are hashed and the two that hold the pair.
    """
    drawn = first_is_left(table, columns)
    one, other = names(table.columns[first]), names(table.columns[second])
    return {
        "layout": constant("unknown", len(table)),
        "left": picked(drawn, one, other),
        "right": picked(drawn, other, one),
        "choice": picked(drawn, won, turned(won)),
    }


def turned(sides: Sequence[str]) -> Column:
    """Return sides with left and right exchanged."""
    return each(sides, lambda side: TURNED.get(side, side))


def winners(votes: Columns) -> tuple[Column, Column, Mask]:
    """Return winners, losers, and which of them the machine drew because the participant was not sure."""
    drawn, left_first = (holds(votes["choice"], side.__eq__) for side in ("not_sure", "left"))
    for row in np.flatnonzero(drawn).tolist():
        left_first[row] = _even(str(row))
    left, right = votes["left"], votes["right"]
    return picked(left_first, left, right), picked(left_first, right, left), drawn


def filled(votes: Columns, **columns: str) -> Columns:
    """Return the columns of votes that have content under the other tool's names: `observer="participant"`."""
    return {theirs: votes[name] for theirs, name in columns.items() if content(votes.get(name, ()))}


def column(votes: Columns, name: str, otherwise: str = "") -> Sequence[str]:
    """Return a column of votes, the same cell in every row where it is not there."""
    return votes.get(name) or constant(otherwise, len(votes["choice"]))


def as_flags(truths: Mask, true: str = "1", false: str = "0") -> Column:
    """Return truths as text."""
    return picked(truths, constant(true, len(truths)), constant(false, len(truths)))


def utc(moment: datetime) -> str:
    """Return a moment as files hold it: UTC, ISO 8601, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
