"""Votes from elsewhere into `votes.csv`, and back: what a format can hold survives, what it cannot is told.

Every conversion passes through the columns of `votes.csv` and their checks. What is written is read back at once and
compared, so the sentences on what a format does not keep are measured, not promised.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from analysis.columns import Column, coded
from analysis.converters import aic3, arena, first_second, own, winner_loser
from analysis.converters.containers import csv_bytes, json_bytes, parquet_bytes, read_container
from analysis.converters.forms import (
    Columns,
    Form,
    Mask,
    alike,
    check_names,
    column,
    combined,
    constant,
    content,
    each,
    holds,
    named,
    picked,
    taken,
    turned,
)
from analysis.files import Cells, Refusal
from analysis.votes import NUMBERS, REQUIRED, VOTES_COLUMNS, WHOLE, votes_of

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
        votes_of(votes)
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


def _wanted(form: Form, columns: Mapping[str, str]) -> tuple[list[str], set[str]]:
    """Return the columns that must be in the file, and those that may be, under the file's own names."""
    return [columns.get(name, name) for name in form.required], {*form.used, *columns.values()}


def _renamed(table: Cells, columns: Mapping[str, str], form: Form) -> Cells:
    """Give columns the names that the form knows them by; refuse what the file or the form has not."""
    for name, theirs in columns.items():
        if name not in {*form.required, *form.used}:
            raise Refusal(f"--column {name}={theirs}: this form has no column {name}; name one of docs/formats.md.")
        if theirs not in table.columns:
            raise Refusal(f"{table.path}, line 1: the column {theirs} of --column is missing; check the name.")
    if not columns:
        return table
    ours = {theirs: name for name, theirs in columns.items()}
    kept = {name: cells for name, cells in table.columns.items() if name not in columns or name in ours}
    return replace(table, columns={ours.get(name, name): cells for name, cells in kept.items()})


def _votes(table: Cells, form: Form, asks_for: str) -> tuple[Cells, list[str]]:
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
    filled = {name for name, cells in columns.items() if content(cells)} | set(REQUIRED)
    votes = replace(table, columns={name: columns[name] for name in VOTES_COLUMNS if name in filled})
    return votes, [*reading.notes, *_beyond(table, form)]


def _origin(table: Cells, form: Form) -> Columns:
    if form.pressed and form.own:
        return {}
    rows = len(table)
    numbers = Column(list(map(str, range(1, rows + 1))), np.arange(rows))
    return {"vote": numbers, "study": constant(named(table.path.stem), rows), "config": constant(table.sha256, rows)}


def _question(table: Cells, columns: Columns, asks_for: str, form: Form) -> Column:
    """Return what was asked; refuse a question that is not the one that the file names."""
    said = columns.get("asks_for") or constant("", len(table))
    for row in np.flatnonzero(holds(said, lambda cell: bool(asks_for) and cell not in {"", asks_for}))[:1].tolist():
        table.refuse(row, "asks_for", f"{said[row]} was asked, not {asks_for}", "leave --asks-for out")
    return each(said, lambda cell: cell or asks_for or form.asks_for)


def _turned(columns: Columns) -> Columns:
    """Turn winners into the sides that were pressed, or back: they differ where the worse one was asked for."""
    return _exchanged(columns, holds(column(columns, "asks_for"), "more_different".__eq__))


def _exchanged(columns: Columns, rows: Mask) -> Columns:
    """Return votes with left and right exchanged in what was chosen and expected, in some rows."""
    answers = {name: columns[name] for name in ("choice", "expected") if name in columns and rows.any()}
    return columns | {name: picked(rows, turned(cells), cells) for name, cells in answers.items()}


def _beyond(table: Cells, form: Form) -> list[str]:
    known = {*form.required, *form.used}
    beyond = [name or "(without a name)" for name in table.columns if name not in known]
    return [f"votes.csv has no place for {_listed(beyond)} of {table.path.name}"] if beyond else []


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:12]) + (f" and {len(words) - 12} more" if len(words) > 12 else "")


def _held(votes: Cells, form: Form, to: str) -> tuple[Cells, list[str]]:
    """Return the votes that a form has room for, and say how many of which others are left out."""
    kinds = votes.columns.get("kind") or constant("rating", len(votes))
    why = combined(partial(_reason, form), _replaced(votes, form), kinds, votes.columns["choice"])
    counts = {reason: int(holds(why, reason.__eq__).sum()) for reason in sorted(why.cells) if reason}
    notes = [f"{count} {reason} have no place in {to} and are left out" for reason, count in counts.items()]
    keep = holds(why, "".__eq__)
    if not keep.any():
        raise Refusal(f"{votes.path} holds no vote for {to}: {'; '.join(notes)}; choose another form.")
    if keep.all():
        return votes, notes
    kept = {name: taken(cells, keep) for name, cells in votes.columns.items()}
    return replace(votes, columns=kept, lines=np.array(votes.lines)[keep].tolist()), notes


def _reason(form: Form, replaced: str, kind: str, choice: str) -> str:
    """Return why a vote has no place in a form, as the end of a sentence on how many; empty where it has one."""
    if replaced:
        return "replaced by a later correction"
    if kind not in form.kinds:
        return f"{kind} votes"
    return "" if form.ties or choice != "not_sure" else "not_sure votes"


def _replaced(votes: Cells, form: Form) -> Column:
    """Return which votes a later one corrects; forms of our own keep both."""
    gone = {int(cell) for cell in coded(votes.columns.get("corrects", ())).cells if cell}
    if form.own or not gone:
        return constant("", len(votes))
    return each(votes.columns["vote"], lambda cell: "1" if cell and int(cell) in gone else "")


def _written(votes: Cells, form: str, to: str, output: Path) -> tuple[bytes, list[str]]:
    """Return votes in a form's container, and what reading them back shows to be lost."""
    if form == "votes":
        return csv_bytes(dict(votes.columns)), []
    rules, columns = FORMS[form], dict(votes.columns)
    if form == "aic3":
        columns = _more_different(votes)
    elif not rules.pressed:
        columns = _turned(columns)
    written = rules.write(columns)
    if content(simulated := columns.get("simulated", ())):
        written["simulated"] = simulated
    again, _ = _votes(replace(votes, path=output, columns=written), rules, "")
    gone = _lost(votes, _turned(dict(votes.columns)), _turned(dict(again.columns)), to)
    lost = [f"{to} does not keep {', '.join(gone)}"] if gone else []
    if rules.container == "parquet":
        return parquet_bytes(output, written, (*WHOLE, *COUNTS), MEASURES), lost
    if rules.container == "json" and output.suffix != ".csv":
        return json_bytes(written, rules.literal, lines=output.suffix == ".jsonl"), lost
    return csv_bytes(written), lost


def _more_different(votes: Cells) -> Columns:
    """Return votes as answers to which side differs more from the reference; refuse those on another question."""
    asked = votes.columns.get("asks_for") or constant("", len(votes))
    for row in np.flatnonzero(~holds(asked, {"closer", "more_different"}.__contains__))[:1].tolist():
        what = f"aic3 asks which side differs more from the reference, these votes {asked[row] or 'do not say what'}"
        votes.refuse(row, "asks_for", what, "name it with --asks-for closer, or choose another form")
    return _exchanged(dict(votes.columns), holds(asked, "closer".__eq__))


def _lost(votes: Cells, before: Columns, after: Columns, to: str) -> list[str]:
    """Return the columns whose content does not come back, with the count of cells where only some do not.

    A condition or source that would come back as another one is refused: its votes would count for that.
    """
    swapped = alike(before["left"], after["right"]) & alike(before["right"], after["left"])
    swapped &= ~alike(before["left"], before["right"])
    if swapped.any():
        after = _aligned(after, swapped)
    lost = (
        ["which side was left"] if swapped.any() and set(coded(before.get("layout", ())).cells) != {"unknown"} else []
    )
    for name, cells in before.items():
        back = after.get(name)
        if back is None:
            lost.append(name)
        elif (changed := _changed(cells, back)).any():
            if name in {"left", "right", "source"}:
                row = int(np.flatnonzero(changed)[0])
                votes.refuse(row, name, f"{cells[row]} would come back from {to} as {back[row]}", "rename it first")
            some = "" if changed.all() else f" ({changed.sum()} of {len(votes)})"
            lost.append(name + some)
    return lost


def _aligned(columns: Columns, swapped: Mask) -> Columns:
    """Return votes with the sides of those in `swapped` exchanged."""
    columns = _exchanged(columns, swapped)
    for left, right in PAIRED:
        if left in columns and right in columns:
            one, other = columns[left], columns[right]
            columns |= {left: picked(swapped, other, one), right: picked(swapped, one, other)}
    return columns


def _changed(cells: Sequence[str], back: Sequence[str]) -> Mask:
    """Return which cells came back with another content; numbers may be written otherwise."""
    if cells is back:
        return np.zeros(len(cells), bool)
    return holds(combined(lambda *pair: "" if _same(*pair) else "1", cells, back), bool)


def _same(one: str, other: str) -> bool:
    try:
        return one == other or float(one) == float(other)
    except ValueError:
        return False
