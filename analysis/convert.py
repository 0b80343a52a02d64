"""Votes from elsewhere into `votes.csv`, and back: what a format can hold survives, what it cannot is told.

Every conversion passes through the columns of `votes.csv` and their checks. What is written is read back at once and
compared, so the sentences on what a format does not keep are measured, not promised.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from analysis.converters import aic3, arena, first_second, own, winner_loser
from analysis.converters.containers import csv_bytes, json_bytes, parquet_bytes, read_container
from analysis.converters.forms import TURNED, Columns, Form, check_names, named
from analysis.files import Refusal, Table
from analysis.votes import NUMBERS, REQUIRED, VOTES_COLUMNS, WHOLE, check_rows, votes_of

FORMS: Mapping[str, Form] = MappingProxyType(
    {**winner_loser.FORMS, **first_second.FORMS, **aic3.FORMS, **arena.FORMS, **own.FORMS}
)
COUNTS = """
    block position flips left_ms right_ms reference_ms zoomed hidden_ms reloads viewport_width viewport_height
    device_pixels_per_pixel pixel_exact bytes_verified left_x left_y right_x right_y
    region_x region_y region_width region_height geometry_changes simulated """.split()
MEASURES = (*NUMBERS, "device_pixel_ratio", "probability")
PAIRED = [(name, name.replace("left", "right", 1)) for name in VOTES_COLUMNS if name.split("_")[0] == "left"]
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Conversion:
    """A converted file: its bytes, how many votes are in it, and what a user should know, a sentence each."""

    data: bytes
    votes: int
    notes: tuple[str, ...]


def convert(
    path: Path, form: str, *, to: str, output: Path, asks_for: str = "", columns: Mapping[str, str] = NOTHING
) -> Conversion:
    """Convert a file of one form (a key of `FORMS`) into another, or `csv`; nothing is written here.

    `columns` gives columns that the form knows under the file's own names, `asks_for` the question where the file does
    not say. Raises `Refusal` where a row cannot be a vote, or where the votes cannot be of the other form at all.
    """
    with _no_collection():
        found = read_container(path, *_wanted(FORMS[form], columns), parquet=form == "parquet")
        table = _renamed(found, columns, FORMS[form])
        votes, notes = _votes(table, FORMS[form], asks_for)
        _check(votes)
        kept, left_out = _held(votes, FORMS["votes" if to == "csv" else to], to)
        data, changed = _written(kept, "votes" if to == "csv" else to, to, output)
    return Conversion(data, len(kept), (*notes, *left_out, *changed))


def converted(path: Path, form: str, asks_for: str = "") -> str:
    """Return the text of a `votes.csv` made from a file of the named form; refuse what is not of that form.

    `config` carries the digest of the file. Only columns that have content are written, in the order of `votes.csv`.
    """
    return convert(path, form, to="csv", output=Path("votes.csv"), asks_for=asks_for).data.decode()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector away: walking millions of living cells again and again takes longer than the work."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _check(votes: Table) -> None:
    """Refuse what the reader of `votes.csv` would; without codecs, rows need not be coded for that."""
    if {"left_codec", "right_codec"} & votes.columns.keys():
        votes_of(votes)
    else:
        check_rows(votes)


def _wanted(form: Form, columns: Mapping[str, str]) -> tuple[list[str], set[str]]:
    """Return the columns that must be in the file, and those that may be, under the file's own names."""
    return [columns.get(name, name) for name in form.required], {*form.used, *columns.values()}


def _renamed(table: Table, columns: Mapping[str, str], form: Form) -> Table:
    """Give columns the names that the form knows them by; refuse what the file or the form has not."""
    for name, theirs in columns.items():
        if name not in {*form.required, *form.used}:
            raise Refusal(f"--column {name}={theirs}: this form has no column {name}; name one of docs/formats.md.")
        if theirs not in table.columns:
            raise Refusal(f"{table.path}, line 1: the column {theirs} of --column is missing; check the name.")
    ours = {theirs: name for name, theirs in columns.items()}
    kept = {name: cells for name, cells in table.columns.items() if name not in columns or name in ours}
    return replace(table, columns={ours.get(name, name): cells for name, cells in kept.items()})


def _votes(table: Table, form: Form, asks_for: str) -> tuple[Table, list[str]]:
    """Return a file's votes in the columns of `votes.csv`, in its order, and what the file holds beyond them."""
    for kind in form.named:
        check_names(table, kind, suffix=kind == ("image",))
    reading = form.read(table)
    columns = _origin(table, form) | reading.columns
    if "simulated" in table.columns:
        columns["simulated"] = table.columns["simulated"]
    columns["asks_for"] = _question(table, columns, asks_for, form)
    if not form.pressed:
        columns = _turned(columns)
    content = {name for name, cells in columns.items() if any(cells)} | set(REQUIRED)
    votes = replace(table, columns={name: columns[name] for name in VOTES_COLUMNS if name in content})
    return votes, [*reading.notes, *_beyond(table, form)]


def _origin(table: Table, form: Form) -> Columns:
    if form.pressed and form.own:
        return {}
    rows = len(table)
    numbers = [str(row) for row in range(1, rows + 1)]
    return {"vote": numbers, "study": [named(table.path.stem)] * rows, "config": [table.sha256] * rows}


def _question(table: Table, columns: Columns, asks_for: str, form: Form) -> list[str]:
    """Return what was asked; refuse a question that is not the one that the file names."""
    said = columns.get("asks_for") or [""] * len(table)
    for row, cell in enumerate(said if asks_for and set(said) - {"", asks_for} else []):
        if cell not in {"", asks_for}:
            table.refuse(row, "asks_for", f"{cell} was asked, not {asks_for}", "leave --asks-for out")
    return [cell or asks_for or form.asks_for for cell in said]


def _turned(columns: Columns) -> Columns:
    """Turn winners into the sides that were pressed, or back: they differ where the worse one was asked for."""
    worse = [asked == "more_different" for asked in columns.get("asks_for", ())]
    if not any(worse):
        return columns
    turned = {
        name: [TURNED.get(cell, cell) if turn else cell for cell, turn in zip(columns[name], worse, strict=True)]
        for name in ("choice", "expected")
        if name in columns
    }
    return columns | turned


def _beyond(table: Table, form: Form) -> list[str]:
    known = {*form.required, *form.used}
    beyond = [name or "(without a name)" for name in table.columns if name not in known]
    return [f"votes.csv has no place for {_listed(beyond)} of {table.path.name}"] if beyond else []


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:12]) + (f" and {len(words) - 12} more" if len(words) > 12 else "")


def _held(votes: Table, form: Form, to: str) -> tuple[Table, list[str]]:
    """Return the votes that a form has room for, and say how many of which others are left out."""
    columns, rows = votes.columns, range(len(votes))
    kinds = columns.get("kind") or ["rating"] * len(votes)
    replaced = set() if form.own else {cell.lstrip("0") for cell in columns.get("corrects", ()) if cell}
    numbers = columns.get("vote") or [""] * len(votes)
    why = [
        "replaced by a later correction" if replaced and number.lstrip("0") in replaced
        else f"{kind} votes" if kind not in form.kinds
        else "not_sure votes" if not form.ties and choice == "not_sure"
        else ""
        for number, kind, choice in zip(numbers, kinds, columns["choice"], strict=True)
    ]  # fmt: skip
    notes = [f"{why.count(reason)} {reason} have no place in {to} and are left out" for reason in sorted({*why} - {""})]
    keep = [row for row in rows if not why[row]]
    if not keep:
        raise Refusal(f"{votes.path} holds no vote for {to}: {'; '.join(notes)}; choose another form.")
    if len(keep) == len(votes):
        return votes, notes
    kept = {name: [cells[row] for row in keep] for name, cells in columns.items()}
    return replace(votes, columns=kept, lines=[votes.lines[row] for row in keep]), notes


def _written(votes: Table, form: str, to: str, output: Path) -> tuple[bytes, list[str]]:
    """Return votes in a form's container, and what reading them back shows to be lost."""
    if form == "votes":
        return csv_bytes(votes.columns), []
    rules, columns = FORMS[form], votes.columns
    if form == "aic3":
        columns = _more_different(votes)
    elif not rules.pressed:
        columns = _turned(columns)
    written = rules.write(columns)
    if any(simulated := columns.get("simulated", [])):
        written["simulated"] = simulated
    again, _ = _votes(replace(votes, path=output, columns=written), rules, "")
    lost = (
        [f"{to} does not keep {', '.join(gone)}"]
        if (gone := _lost(_turned(votes.columns), _turned(again.columns)))
        else []
    )
    if rules.container == "parquet":
        return parquet_bytes(output, written, (*WHOLE, *COUNTS), MEASURES), lost
    if rules.container == "json" and output.suffix != ".csv":
        return json_bytes(written, rules.literal, lines=output.suffix == ".jsonl"), lost
    return csv_bytes(written), lost


def _more_different(votes: Table) -> Columns:
    """Return votes as answers to which side differs more from the reference; refuse those on another question."""
    asked = votes.columns.get("asks_for") or [""] * len(votes)
    for row, cell in enumerate(asked):
        if cell not in {"closer", "more_different"}:
            what = f"aic3 asks which side differs more from the reference, these votes {cell or 'do not say what'}"
            votes.refuse(row, "asks_for", what, "name it with --asks-for closer, or choose another form")
    flipped = ["more_different" if cell == "closer" else "" for cell in asked]
    return _turned(votes.columns | {"asks_for": flipped}) | {"asks_for": asked}


def _lost(before: Columns, after: Columns) -> list[str]:
    """Return the columns whose content does not come back, with the count of cells where only some do not."""
    rows = len(before["choice"])
    swapped = [
        pair[:2] == pair[:1:-1] and pair[0] != pair[1]
        for pair in zip(before["left"], before["right"], after["left"], after["right"], strict=True)
    ]
    if any(swapped):
        after = _aligned(after, swapped)
    lost = ["which side was left"] if any(swapped) and set(before.get("layout", ())) != {"unknown"} else []
    for name, cells in before.items():
        back = after.get(name)
        if back is None:
            lost.append(name)
        elif changed := _changed(cells, back):
            lost.append(name if changed == rows else f"{name} ({changed} of {rows})")
    return lost


def _aligned(columns: Columns, swapped: list[bool]) -> Columns:
    """Return votes with the sides of those in `swapped` exchanged."""
    columns = columns | {
        name: [TURNED.get(cell, cell) if swap else cell for cell, swap in zip(columns[name], swapped, strict=True)]
        for name in ("choice", "expected")
        if name in columns
    }
    for left, right in PAIRED:
        if left in columns and right in columns:
            rows = list(zip(columns[left], columns[right], swapped, strict=True))
            columns[left] = [other if swap else one for one, other, swap in rows]
            columns[right] = [one if swap else other for one, other, swap in rows]
    return columns


def _changed(cells: list[str], back: list[str]) -> int:
    pairs = list(zip(cells, back, strict=True))
    different = {pair for pair in set(pairs) if pair[0] != pair[1] and not _same_number(*pair)}
    return sum(pair in different for pair in pairs) if different else 0


def _same_number(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return False
