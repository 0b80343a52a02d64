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

from analysis.files import Table, parse_table, read_bytes

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
NUMBERS = ("left_rate", "right_rate", "left_bpp", "right_bpp", "response_ms")
NAMES = ("left", "right", "source", "tag", "left_codec", "right_codec")
TEXTS = ("study", "config", "participant", "layout", "source_sha256", "left_sha256", "right_sha256")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]*")
_WHOLE = re.compile(r"[0-9]{1,15}")
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
        per_vote = ("lines", "left", "right", "participant", "source", "outcome")
        return replace(self, frame=self.frame[mask], **{name: getattr(self, name)[mask] for name in per_vote})


def read_votes(path: Path) -> Votes:
    """Read and check a `votes.csv`; a column that the file lacks is read as empty, `kind` as `rating`.

    Raises `Refusal` with file, line, column and remedy.
    """
    return parse_votes(path, read_bytes(path))


def parse_votes(path: Path, data: bytes) -> Votes:
    """Check the bytes of a `votes.csv` as `read_votes` does; refusals name `path`."""
    return votes_of(parse_table(path, data, REQUIRED))


def votes_of(table: Table) -> Votes:
    """Check a table with the columns of `votes.csv` as `read_votes` does, and code it."""
    corrected = check_rows(table)
    frame = _frame(table)
    frame["corrected"] = corrected
    items, sides = _items(table, frame)
    participants, participant = _codes(frame["participant"])
    sources, source = _sources(frame)
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
        outcome=_outcome(frame),
    )


def check_rows(table: Table) -> Mask:
    """Refuse what no row may hold, and return which votes a later row corrects; that is all but codecs' names."""
    _check_cells(table)
    _check_simulated(table)
    return _corrected(table)


def _check_cells(table: Table) -> None:
    for column, allowed in CHOICES.items():
        remedy = "it is one of " + ", ".join(filter(None, allowed))
        _check(table, column, allowed.__contains__, "unknown value", remedy)
    for column in WHOLE:
        _check(table, column, _is_whole, "not a whole number", "write digits only")
    for column in NUMBERS:
        _check(
            table, column, _is_number, "not a number of at least 0", "write it with a decimal point, or leave it empty"
        )
    for column in NAMES:
        remedy = "a name begins with a letter or digit and goes on with letters, digits and . _ @ / -"
        _check(table, column, _is_name, "not a name", remedy)
    for column in REQUIRED:
        _check(table, column, bool, "no value", "every vote needs one")


def _check(table: Table, column: str, good: Callable[[str], bool], what: str, remedy: str) -> None:
    """Refuse the first cell of a column that is not good; a column that is not there is good."""
    cells = table.columns.get(column, [])
    if bad := {cell for cell in set(cells) if not good(cell)}:
        row = next(row for row, cell in enumerate(cells) if cell in bad)
        what = f"{what} {cells[row][:60]!r}" if cells[row] else "empty"
        table.refuse(row, column, what, remedy)


def _is_whole(cell: str) -> bool:
    return not cell or bool(_WHOLE.fullmatch(cell))


def _is_number(cell: str) -> bool:
    return not cell or (bool(_NUMBER.fullmatch(cell)) and math.isfinite(float(cell)))


def _is_name(cell: str) -> bool:
    return not cell or bool(NAME.fullmatch(cell))


def _check_simulated(table: Table) -> None:
    cells = [cell or "0" for cell in table.columns.get("simulated", [])]
    for row, cell in enumerate(cells):
        if cell != cells[0]:
            what = "simulated and human votes stand in one file"
            table.refuse(row, "simulated", what, "put them into two files, no report mixes them")


def _frame(table: Table) -> pd.DataFrame:
    empty = [""] * len(table)
    cells = {name: table.columns.get(name, empty) for name in (*CHOICES, *TEXTS, *NAMES)}
    if "kind" not in table.columns:
        cells["kind"] = ["rating"] * len(table)
    numbers = {name: _floats(table.columns.get(name, empty)) for name in (*WHOLE, *NUMBERS)}
    return pd.DataFrame(cells, dtype="str").assign(**numbers)


def _floats(cells: Sequence[str]) -> Floats:
    return np.array([float(cell) if cell else math.nan for cell in cells])


def _corrected(table: Table) -> Mask:
    """Return which votes a later row replaces; refuse corrections not of one earlier vote of that participant."""
    gone = np.zeros(len(table), bool)
    rows = _rows_by_vote(table)
    people = table.columns["participant"]
    for row, cell in enumerate(table.columns.get("corrects", [])):
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


def _rows_by_vote(table: Table) -> dict[int, int]:
    rows: dict[int, int] = {}
    for row, cell in enumerate(table.columns.get("vote", [])):
        if cell and rows.setdefault(int(cell), row) != row:
            first = table.lines[rows[int(cell)]]
            table.refuse(row, "vote", f"vote {cell} stands on line {first} already", "keep one of the two rows")
    return rows


def _items(table: Table, frame: pd.DataFrame) -> tuple[tuple[Item, ...], tuple[Ints, Ints]]:
    """Return the items, sorted by rate and name, and the item codes of the left and the right sides."""
    codecs: dict[tuple[float | None, str], str] = {}
    keys = []
    for side in ("left", "right"):
        rates = [None if math.isnan(rate) else float(rate) for rate in frame[f"{side}_rate"]]
        keys.append(list(zip(rates, frame[side], strict=True)))
        for row, (key, codec) in enumerate(zip(keys[-1], frame[f"{side}_codec"], strict=True)):
            known = codecs.get(key, "")
            if known and codec and codec != known:
                table.refuse(row, f"{side}_codec", f"{key[1]} is of {known} elsewhere", "give a condition one codec")
            codecs[key] = known or codec
    order = sorted(codecs, key=lambda key: (key[0] is None, key[0] or 0.0, key[1]))
    code = {key: index for index, key in enumerate(order)}
    items = tuple(Item(rate, condition, codecs[rate, condition]) for rate, condition in order)
    left, right = (np.array([code[key] for key in side]) for side in keys)
    return items, (left, right)


def _codes(cells: "pd.Series[str]") -> tuple[tuple[str, ...], Ints]:
    names, codes = np.unique(cells.to_numpy(object), return_inverse=True)
    return tuple(map(str, names)), codes.astype(np.int64)


def _sources(frame: pd.DataFrame) -> tuple[tuple[str, ...], Ints]:
    """Return the sources' names and codes; sources are told apart by content where every vote has the digest."""
    by_content = frame["source_sha256"].ne("").all()
    keys, codes = _codes(frame["source_sha256"] if by_content else frame["source"])
    names = tuple(str(frame["source"].iloc[row]) for row in np.unique(codes, return_index=True)[1])
    if not by_content and keys[0] == "":
        return names[1:], codes - 1
    return names, codes


def _outcome(frame: pd.DataFrame) -> Ints:
    """Return who won: the side that was pressed, or the other one where the question asks for the worse."""
    pressed = frame["choice"].map({"left": 1, "right": -1, "not_sure": 0}).to_numpy(np.int64)
    polarity = np.where(frame["asks_for"] == "more_different", -1, 1)
    return np.asarray(pressed * polarity, np.int64)
