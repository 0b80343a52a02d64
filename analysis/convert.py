"""Votes that other tools collected, into the columns of `votes.csv`.

`plain`: the columns left, right and winner (left, right, or a word for a tie); further columns that have the name of
one of `votes.csv` are carried over. The left and right of the file are taken at their word.

`hific`: rater, seq, image, x, y, w, h, winner, loser, random_choice, as HiFiC's user study was published. Its rows
have no sides, so `layout` is `unknown` and a hash of the row puts the winner left or right. A `random_choice` says
that the rater saw no difference and let the machine choose: it becomes `not_sure`, the machine's choice is not a
vote. Conditions at low, medium and high rates were compared with one another, so no rate is written and all are rated
on one scale.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from analysis.files import Table, csv_text, read_table
from analysis.votes import REQUIRED, VOTES_COLUMNS, parse_votes

TIES = ("tie", "tied", "draw", "equal", "same", "both", "not_sure", "not sure", "unsure")
HIFIC = ("rater", "seq", "image", "x", "y", "w", "h", "winner", "loser", "random_choice")
NO_PARTICIPANT = "unknown"

Row = dict[str, object]


def converted(path: Path, form: str, asks_for: str = "") -> str:
    """Return the text of a `votes.csv` made from a file of the named form; refuse what is not of that form.

    `config` carries the digest of the file. Only columns that have content are written, in the order of `votes.csv`.
    """
    required, convert, named = FORMS[form]
    table = read_table(path, required)
    for kind in named:
        _check_names(table, kind)
    stated = {"asks_for": asks_for} if asks_for else {}
    rows = [_origin(table, row) | convert(table, row) | stated for row in range(len(table))]
    filled = {name for row in rows for name, cell in row.items() if cell != ""}
    columns = [name for name in VOTES_COLUMNS if name in filled or name in REQUIRED]
    text = csv_text(columns, [{name: row.get(name, "") for name in columns} for row in rows])
    parse_votes(path, text.encode())
    return text


def _origin(table: Table, row: int) -> Row:
    return {"vote": row + 1, "study": _named(table.path.stem), "config": table.sha256}


def _check_names(table: Table, columns: Sequence[str]) -> None:
    """Refuse two conditions, sources or tags (the columns name one kind) whose names become alike."""
    seen: dict[str, str] = {}
    for column in columns:
        for row, cell in enumerate(table.columns.get(column, [])):
            name = _named(_stem(cell) if column == "image" else cell)
            if seen.setdefault(name, cell) != cell:
                what = f"{cell!r} and {seen[name]!r} both become {name}"
                table.refuse(row, column, what, "rename one of them")


def _plain(table: Table, row: int) -> Row:
    cells = {name: cells[row] for name, cells in table.columns.items()}
    carried: Row = {name: cell for name, cell in cells.items() if name in VOTES_COLUMNS}
    names = {name: _named(cells[name]) for name in ("left", "right", "source", "tag") if cells.get(name)}
    return {"participant": NO_PARTICIPANT, **carried, **names, "choice": _winner(table, row, cells["winner"])}


def _winner(table: Table, row: int, cell: str) -> str:
    word = cell.strip().lower()
    if word in ("left", "right"):
        return word
    if word not in TIES:
        table.refuse(row, "winner", f"unknown winner {cell!r}", f"write left, right, or {', '.join(TIES)}")
    return "not_sure"


def _hific(table: Table, row: int) -> Row:
    cells = {name: table.columns[name][row] for name in HIFIC}
    if cells["random_choice"] not in ("0", "1"):
        table.refuse(row, "random_choice", f"unknown value {cells['random_choice']!r}", "write 0 or 1")
    winner_left = hashlib.sha256("\0".join(cells.values()).encode()).digest()[0] % 2 == 0
    sides = [_named(cells["winner"]), _named(cells["loser"])]
    left, right = sides if winner_left else reversed(sides)
    choice = "left" if winner_left else "right"
    return {
        "participant": cells["rater"],
        "kind": "rating",
        "layout": "unknown",
        "source": _named(_stem(cells["image"])),
        **{f"crop_{axis}": cells[axis] for axis in "xy"},
        "crop_width": cells["w"],
        "crop_height": cells["h"],
        "left": left,
        "right": right,
        "choice": "not_sure" if cells["random_choice"] == "1" else choice,
    }


def _stem(image: str) -> str:
    return image.rsplit(".", 1)[0]


def _named(text: str) -> str:
    """Return text as a name of docs/formats.md: other characters become `-`, and it begins with a letter or digit."""
    name = re.sub(r"[^A-Za-z0-9._@/-]", "-", text)
    return name if re.match(r"[A-Za-z0-9]", name) else f"x{name}" if name else ""


FORMS: Mapping[str, tuple[tuple[str, ...], Callable[[Table, int], Row], tuple[tuple[str, ...], ...]]] = {
    "hific": (HIFIC, _hific, (("winner", "loser"), ("image",))),
    "plain": (("left", "right", "winner"), _plain, (("left", "right"), ("source",), ("tag",))),
}
