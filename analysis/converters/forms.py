"""What a format of votes is, and the few steps that many of them share.

Votes stand in columns of text: `columns[name][row]`, with the names of `votes.csv` on our side and the other tool's own
on its side. A form reads the one from the other and writes it back.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from analysis.files import Table

Columns = dict[str, list[str]]

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
    read: Callable[[Table], Reading]
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


def each(cells: Iterable[str], change: Callable[[str], str]) -> list[str]:
    """Return every cell changed; equal cells are changed once."""
    cells = list(cells)
    changed = {cell: change(cell) for cell in set(cells)}
    return [changed[cell] for cell in cells]


def names(cells: Iterable[str]) -> list[str]:
    """Return cells as names."""
    return each(cells, named)


def sources(images: Iterable[str]) -> list[str]:
    """Return files' names as sources."""
    return each(images, lambda image: named(stem(image)))


def check_names(table: Table, columns: Sequence[str], *, suffix: bool) -> None:
    """Refuse two conditions or sources (the columns name one kind) whose names become alike."""
    seen: dict[str, str] = {}
    for column in columns:
        cells = table.columns.get(column, [])
        for cell in dict.fromkeys(cells):
            name = named(stem(cell) if suffix else cell)
            if seen.setdefault(name, cell) != cell:
                what = f"{cell!r} and {seen[name]!r} both become {name}"
                table.refuse(cells.index(cell), column, what, "rename one of them")


def words(table: Table, column: str, meaning: Mapping[str, str], remedy: str, what: str = "value") -> list[str]:
    """Return what the cells of a column mean, whatever their case; refuse the first without a meaning."""
    cells = table.columns[column]
    known = {cell: meaning.get(cell.strip().lower()) for cell in set(cells)}
    for row, cell in enumerate(cells if None in known.values() else []):
        if known[cell] is None:
            table.refuse(row, column, f"unknown {what} {cell[:60]!r}", remedy)
    return [known[cell] or "" for cell in cells]


def parsed(table: Table, column: str, parse: Callable[[str], str], what: str, remedy: str) -> list[str]:
    """Return the cells of a column as `parse` reads them, empty ones as they are; refuse the first that it cannot."""
    cells = table.columns[column]
    known = {"": ""}
    for cell in dict.fromkeys(cells):
        try:
            known[cell] = cell and parse(cell)
        except (ValueError, OverflowError, OSError, TypeError):
            table.refuse(cells.index(cell), column, f"{what} {cell[:60]!r}", remedy)
    return [known[cell] for cell in cells]


def carried(table: Table, **columns: str) -> Columns:
    """Return the columns of the table that are there under their names in `votes.csv`: `participant="observer"`."""
    return {name: table.columns[theirs] for name, theirs in columns.items() if theirs in table.columns}


def first_is_left(table: Table, columns: Sequence[str]) -> list[bool]:
    """Draw each row's sides, where the file knows none, from a hash of its cells: the same file, the same sides."""
    rows = zip(*(table.columns[name] for name in columns if name in table.columns), strict=True)
    return [hashlib.sha256("\0".join(row).encode()).digest()[0] % 2 == 0 for row in rows]


def unsided(table: Table, columns: Sequence[str], first: str, second: str, won: Iterable[str]) -> Columns:
    """Return sides, choice and layout of votes on an ordered pair without sides. `won`: left if first, right, not_sure.

    Parameters name the columns that are hashed and the two that hold the pair.
    """
    drawn = first_is_left(table, columns)
    pairs = list(zip(names(table.columns[first]), names(table.columns[second]), drawn, strict=True))
    return {
        "layout": ["unknown"] * len(pairs),
        "left": [one if straight else other for one, other, straight in pairs],
        "right": [other if straight else one for one, other, straight in pairs],
        "choice": [side if straight else TURNED.get(side, side) for side, straight in zip(won, drawn, strict=True)],
    }


def winners(votes: Columns) -> tuple[list[str], list[str], list[bool]]:
    """Return winners, losers, and which of them the machine drew because the participant was not sure."""
    drawn = [choice == "not_sure" for choice in votes["choice"]]
    left_first = [
        choice == "left" or (choice == "not_sure" and hashlib.sha256(str(row).encode()).digest()[0] % 2 == 0)
        for row, choice in enumerate(votes["choice"])
    ]
    sides = list(zip(votes["left"], votes["right"], left_first, strict=True))
    won = [left if straight else right for left, right, straight in sides]
    lost = [right if straight else left for left, right, straight in sides]
    return won, lost, drawn


def filled(votes: Columns, **columns: str) -> Columns:
    """Return the columns of votes that have content under the other tool's names: `observer="participant"`."""
    return {theirs: votes[name] for theirs, name in columns.items() if any(votes.get(name, ()))}


def column(votes: Columns, name: str) -> list[str]:
    """Return a column of votes, empty cells where it is not there."""
    return votes.get(name) or [""] * len(votes["choice"])


def as_flags(truths: Iterable[bool], true: str = "1", false: str = "0") -> list[str]:
    """Return truths as text."""
    return [true if truth else false for truth in truths]


def utc(moment: datetime) -> str:
    """Return a moment as files hold it: UTC, ISO 8601, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
