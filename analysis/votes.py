"""The votes: `votes.csv` in, checked cell by cell; every vote's pair, participant, source and outcome as integer codes.

The columns are the contract of docs/formats.md. Nothing is judged here: which votes are rated is `selection`'s matter.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.columns import Column, PlainColumns, coded
from analysis.files import Cells, parse_plain, read_bytes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

VOTES_COLUMNS = tuple(
    """
    vote study config simulated participant session trial block position kind asks_for reference layout
    source source_sha256 tag crop_x crop_y crop_width crop_height left right left_codec right_codec left_rate right_rate
    left_bpp right_bpp left_sha256 right_sha256 reference_sha256 choice expected response_ms shown_at voted_at
    flips left_ms right_ms reference_ms zoomed hidden_ms reloads viewport_width viewport_height device_pixel_ratio
    device_pixels_per_pixel pixel_exact bytes_verified left_x left_y right_x right_y
    region_x region_y region_width region_height strategy probability corrects view
    geometry_changes
    """.split()
)
REQUIRED = ("participant", "left", "right", "choice")

CHOICES = {
    "kind": ("rating", "catch", "identical", "repeat", "practice", "preview"),
    "asks_for": ("prefer", "closer", "more_different", ""),
    "reference": ("always", "on_demand", "never", ""),
    "view": ("crop", "context", ""),
    "choice": ("left", "right", "not_sure"),
    "expected": ("left", "right", "not_sure", ""),
    "simulated": ("0", "1", ""),
}
WHOLE = ("vote", "corrects", "crop_x", "crop_y", "crop_width", "crop_height")
REGION = ("region_x", "region_y", "region_width", "region_height")
NUMBERS = ("left_rate", "right_rate", "left_bpp", "right_bpp", "response_ms")
CIRCUMSTANCES = ("position", "probability", "flips")  # numbers too
NAMES = ("left", "right", "source", "tag", "left_codec", "right_codec")
TEXTS = tuple("study config participant session layout source_sha256 left_sha256 right_sha256 strategy".split())

PER_VOTE = ("lines", "left", "right", "participant", "source", "outcome")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]*")
MOST_DIGITS = 15  # so that a float holds every whole number of them
_WHOLE = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?|\.[0-9]+")


@dataclass(frozen=True)
class Item:
    """What gets a rating: a condition at a rate. `rate` is in bits per pixel, None where the votes name none."""

    rate: float | None
    condition: str
    codec: str


@dataclass(frozen=True)
class Votes:
    """Votes as integer codes, beside the frame of their checked cells; all arrays have one entry a vote.

    `left` and `right` index `items`, `participant` indexes `participants`, `source` indexes `sources` and is -1 where
    the vote names no source. `outcome` is 1 where the left item won, -1 where the right one did, 0 for not sure; the
    polarity of the question is already in it. `sha256` is the digest of the file that the votes came from, whatever
    was taken since.
    """

    path: Path
    sha256: str
    lines: Ints
    frame: pd.DataFrame
    items: tuple[Item, ...]
    participants: tuple[str, ...]
    sources: tuple[str, ...]
    left: Ints
    right: Ints
    participant: Ints
    source: Ints
    outcome: Ints

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def simulated(self) -> bool:
        """Whether no person cast these votes."""
        return bool(self.frame["simulated"].iloc[0] == "1")

    def take(self, mask: Mask) -> "Votes":
        """Return the votes where `mask` is true; codes and digest stay the same."""
        return self if mask.all() else self._of(mask)

    def divided(self, code: Ints) -> dict[int, "Votes"]:
        """Return the votes of each code (votes,) that is not -1, all in one go, in the order of the codes."""
        kept = np.flatnonzero(code >= 0)
        order = kept[np.argsort(code[kept], kind="stable")]
        whole, found = self._of(order), code[order]
        begins = np.flatnonzero(np.diff(found, prepend=-1))
        ends = [*begins[1:].tolist(), len(order)]
        return {int(found[begin]): whole._of(slice(begin, end)) for begin, end in zip(begins, ends, strict=True)}

    def _of(self, rows: "Mask | Ints | slice") -> "Votes":
        frame = self.frame.iloc[rows]
        return replace(self, frame=frame, **{name: getattr(self, name)[rows] for name in PER_VOTE})


def read_votes(path: Path) -> Votes:
    """Read and check a `votes.csv`; a column that the file lacks is read as empty, `kind` as `rating`.

    Raises `Refusal` with file, line, column and remedy.
    """
    return parse_votes(path, read_bytes(path))


def parse_votes(path: Path, data: bytes) -> Votes:
    """Check the bytes of a `votes.csv` as `read_votes` does; refusals name `path`."""
    return votes_of(parse_plain(path, data, REQUIRED))


def votes_of(table: Cells) -> Votes:
    """Check a table with the columns of `votes.csv` as `read_votes` does, and code it."""
    if isinstance(table.columns, PlainColumns):
        table.columns.prepare((*CHOICES, *WHOLE, *REGION, "geometry_changes", *NUMBERS, *CIRCUMSTANCES, *NAMES, *TEXTS))
    corrected = check_rows(table)
    frame = _frame(table)
    frame["corrected"] = corrected
    items, sides = _items(table)
    participants, participant = _codes(coded(table.columns["participant"]))
    sources, source = _sources(table)
    return Votes(
        path=table.path,
        sha256=table.sha256,
        lines=np.array(table.lines),
        frame=frame,
        items=items,
        participants=participants,
        sources=sources,
        left=sides[0],
        right=sides[1],
        participant=participant,
        source=source,
        outcome=_outcome(table),
    )


def check_rows(table: Cells) -> Mask:
    """Refuse what no row may hold, and return which votes a later row corrects; that is all but codecs' names."""
    _check_cells(table)
    _check_simulated(table)
    _check_regions(table)
    return _corrected(table)


def _check_cells(table: Cells) -> None:
    for column, allowed in CHOICES.items():
        remedy = "it is one of " + ", ".join(filter(None, allowed))
        _check(table, column, allowed.__contains__, "unknown value", remedy)
    for column in (*WHOLE, *REGION, "geometry_changes"):
        if not _all_whole(coded(table.columns.get(column, [])).cells):
            _check(table, column, _is_whole, "not a whole number", "write digits only")
    for column in (*NUMBERS, *CIRCUMSTANCES):
        _check(
            table, column, _is_number, "not a number of at least 0", "write it with a decimal point, or leave it empty"
        )
    for column in NAMES:
        remedy = "a name begins with a letter or digit and goes on with letters, digits and . _ @ / -"
        _check(table, column, _is_name, "not a name", remedy)
    for column in REQUIRED:
        _check(table, column, bool, "no value", "every vote needs one")


def _check(table: Cells, column: str, good: Callable[[str], bool], what: str, remedy: str) -> None:
    """Refuse the first cell of a column that is not good; a column that is not there is good."""
    found = coded(table.columns.get(column, []))
    if bad := [code for code, cell in enumerate(found.cells) if not good(cell)]:
        row = int(np.flatnonzero(np.isin(found.code, bad))[0])
        what = f"{what} {found[row][:60]!r}" if found[row] else "empty"
        table.refuse(row, column, what, remedy)


def _all_whole(cells: Sequence[str]) -> bool:
    """Whether every cell is a whole number or empty: `_is_whole` of all of them at once."""
    text = "".join(cells)
    return not text or (text.isascii() and text.isdigit() and max(map(len, cells)) <= MOST_DIGITS)


def _is_whole(cell: str) -> bool:
    return not cell or bool(_WHOLE.fullmatch(cell))


def _is_number(cell: str) -> bool:
    return not cell or (bool(_NUMBER.fullmatch(cell)) and math.isfinite(float(cell)))


def _is_name(cell: str) -> bool:
    return not cell or bool(NAME.fullmatch(cell))


def _check_simulated(table: Cells) -> None:
    found = coded(table.columns.get("simulated", []))
    simulated = np.array([cell == "1" for cell in found.cells], bool)[found.code] if len(found) else np.empty(0, bool)
    if (other := np.flatnonzero(simulated != simulated[:1])).size:
        what = "simulated and human votes stand in one file"
        table.refuse(int(other[0]), "simulated", what, "put them into two files, no report mixes them")


def _check_regions(table: Cells) -> None:
    """Refuse a region of which a part is missing."""
    named = np.array([_named(_column(table, name)) for name in REGION])
    if (rows := np.flatnonzero(named.any(axis=0) & ~named.all(axis=0))).size:
        column = REGION[int(np.flatnonzero(~named[:, rows[0]])[0])]
        table.refuse(int(rows[0]), column, f"empty, but a region needs {', '.join(REGION)}", "give all four, or none")


def _named(column: Column) -> Mask:
    """Return which rows of a column are not empty."""
    return np.array([bool(cell) for cell in column.cells], bool)[column.code]


def _column(table: Cells, name: str) -> Column:
    """Return a column, empty where the file lacks it; a vote without a kind is a rating."""
    if name in table.columns:
        return coded(table.columns[name])
    return Column(["rating" if name == "kind" else ""], np.zeros(len(table), np.int64))


def _frame(table: Cells) -> pd.DataFrame:
    cells = {name: _strings(_column(table, name)) for name in (*CHOICES, *TEXTS, *NAMES)}
    regions = REGION if any(_column(table, REGION[0]).cells) else ()
    numbers = {name: _floats(_column(table, name)) for name in (*WHOLE, *NUMBERS, *CIRCUMSTANCES, *regions)}
    return pd.DataFrame(cells | numbers, copy=False)


def _strings(column: Column) -> "pd.api.extensions.ExtensionArray":
    """Return the rows as pandas holds text; only the different cells are looked at."""
    return pd.array(column.cells, dtype="str").take(column.code)


def _floats(column: Column) -> Floats:
    return np.array([float(cell) if cell else math.nan for cell in column.cells])[column.code]


def _corrected(table: Cells) -> Mask:
    """Return which votes a later row replaces; refuse corrections not of one earlier vote of that participant."""
    gone = np.zeros(len(table), bool)
    rows = _rows_by_vote(table)
    people = table.columns["participant"]
    for row, cell in enumerate(table.columns["corrects"] if _corrects(table) else []):
        if not cell:
            continue
        old = rows.get(int(cell))
        if old is None:
            table.refuse(row, "corrects", f"there is no vote {cell}", "export the file again with all its votes")
        if old >= row or people[old] != people[row]:
            table.refuse(
                row, "corrects", f"vote {cell} is not an earlier vote of the same participant", "name that one"
            )
        if gone[old]:
            table.refuse(row, "corrects", f"vote {cell} is corrected twice", "correct the correction instead")
        gone[old] = True
    return gone


def _rows_by_vote(table: Cells) -> dict[int, int]:
    """Return the row of each number of a vote; refuse a number that stands twice."""
    found = _column(table, "vote")
    rows: dict[int, int] = {}
    if len(found.cells) == len(found):  # all differ as text; 7 and 007 do too, but are one number
        numbers = np.array([int(cell) if cell else -1 for cell in found.cells])[found.code]
        if (np.diff(numbers) > 0).all() or len(np.unique(numbers)) == len(numbers):
            return dict(zip(numbers.tolist(), range(len(numbers)), strict=True)) if _corrects(table) else rows
    for row, cell in enumerate(found):
        if cell and rows.setdefault(int(cell), row) != row:
            first = table.lines[rows[int(cell)]]
            table.refuse(row, "vote", f"vote {cell} stands on line {first} already", "keep one of the two rows")
    return rows


def _corrects(table: Cells) -> bool:
    return any(coded(table.columns.get("corrects", [])).cells)


def _items(table: Cells) -> tuple[tuple[Item, ...], tuple[Ints, Ints]]:
    """Return the items, sorted by rate and name, and the item codes of the left and the right sides."""
    codecs: dict[tuple[float | None, str], str] = {}
    sides = []
    for side in ("left", "right"):
        parts = [_column(table, name) for name in (f"{side}_rate", side, f"{side}_codec")]
        kinds, rows, kind = _together(parts)
        keys = []
        for place in np.argsort(rows):  # as the votes come
            rate, name, codec = (part.cells[code] for part, code in zip(parts, kinds[place], strict=True))
            key = (float(rate) if rate else None, name)
            known = codecs.get(key, "")
            if known and codec and codec != known:
                what = f"{name} is of {known} elsewhere"
                table.refuse(int(rows[place]), f"{side}_codec", what, "give a condition one codec")
            codecs[key] = known or codec
            keys.append((place, key))
        sides.append((dict(keys), kind))
    order = sorted(codecs, key=lambda key: (key[0] is None, key[0] or 0.0, key[1]))
    number = {key: index for index, key in enumerate(order)}
    items = tuple(Item(rate, condition, codecs[rate, condition]) for rate, condition in order)
    left, right = (np.array([number[of_kind[place]] for place in range(len(of_kind))])[kind] for of_kind, kind in sides)
    return items, (left, right)


def _together(parts: Sequence[Column]) -> tuple[list[list[int]], Ints, Ints]:
    """Return the different combinations of cells of several columns, each one's first row, and that of every row."""
    key = np.zeros(len(parts[0]), np.int64)
    for part in parts:
        key = key * len(part.cells) + part.code
    _, rows, kind = np.unique(key, return_index=True, return_inverse=True)
    return [[int(part.code[row]) for part in parts] for row in rows], rows, kind


def _codes(column: Column) -> tuple[tuple[str, ...], Ints]:
    """Return the names of a column in order, and each row's place among them."""
    names, place = np.unique(np.array(column.cells, object), return_inverse=True)
    return tuple(map(str, names)), place.astype(np.int64)[column.code]


def _sources(table: Cells) -> tuple[tuple[str, ...], Ints]:
    """Return the sources' names and codes; sources are told apart by content where every vote has the digest."""
    content, name = _column(table, "source_sha256"), _column(table, "source")
    by_content = all(content.cells)
    keys, codes = _codes(content if by_content else name)
    names = tuple(name[int(row)] for row in np.unique(codes, return_index=True)[1])
    if not by_content and keys[0] == "":
        return names[1:], codes - 1
    return names, codes


def _outcome(table: Cells) -> Ints:
    """Return who won: the side that was pressed, or the other one where the question asks for the worse."""
    choice, asked = _column(table, "choice"), _column(table, "asks_for")
    pressed = np.array([{"left": 1, "right": -1, "not_sure": 0}[cell] for cell in choice.cells])[choice.code]
    polarity = np.array([-1 if cell == "more_different" else 1 for cell in asked.cells])[asked.code]
    return np.asarray(pressed * polarity, np.int64)
