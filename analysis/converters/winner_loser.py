"""Formats whose rows name a winner and a loser and no sides: HiFiC's user study, and mucped22.

Both carry `random_choice`: the rater saw no difference and the machine chose. That is `not_sure`; the machine's choice
is no vote. When votes are written back, `not_sure` becomes such a draw again.
"""

import json
from collections.abc import Sequence

from analysis.columns import Column
from analysis.converters.forms import (
    FLAGS,
    NO_PARTICIPANT,
    Columns,
    Form,
    Reading,
    as_flags,
    carried,
    column,
    combined,
    constant,
    each,
    filled,
    holds,
    parsed,
    sources,
    unsided,
    winners,
    words,
)
from analysis.files import Cells

HIFIC = ("rater", "seq", "image", "x", "y", "w", "h", "winner", "loser", "random_choice")
MUCPED = ("image", "greater", "lesser", "random_choice")
MUCPED_USED = ("crop", "image_dims", "rater_time_ms", "rater_flips", "simulated")
CROP = ("crop_x", "crop_y", "crop_width", "crop_height")
FEW_FLIPS, SHORT_MS = 3, 3000  # what the README of mucped22 advises to leave out below


def _won(table: Cells) -> Column:
    drawn = words(table, "random_choice", FLAGS, "write 0 or 1")
    return each(drawn, lambda flag: "not_sure" if flag == "1" else "left")


def _read_hific(table: Cells) -> Reading:
    columns = carried(table, participant="rater", trial="seq", **dict(zip(CROP, "xywh", strict=True)))
    columns |= {"kind": constant("rating", len(table)), "source": sources(table.columns["image"])}
    return Reading(columns | unsided(table, HIFIC, "winner", "loser", _won(table)))


def _write_hific(votes: Columns) -> Columns:
    won, lost, drawn = winners(votes)
    trials = column(votes, "trial")
    rest = {theirs: column(votes, ours) for theirs, ours in zip("xywh", CROP, strict=True)}
    return {
        "rater": votes["participant"],
        "seq": trials if holds(trials, bool).all() else [str(row) for row in range(len(won))],
        "image": _images(votes),
        **rest,
        "winner": won,
        "loser": lost,
        "random_choice": as_flags(drawn),
    }


def _images(votes: Columns) -> Column:
    """Return sources as the names of image files; both tools published PNG."""
    return each(column(votes, "source"), lambda source: source and f"{source}.png")


def _read_mucped(table: Cells) -> Reading:
    told = {"participant": NO_PARTICIPANT, "kind": "rating", "reference": "always"}
    columns: Columns = {name: constant(cell, len(table)) for name, cell in told.items()}
    columns |= {"source": sources(table.columns["image"])}
    columns |= carried(table, response_ms="rater_time_ms", flips="rater_flips")
    columns |= unsided(table, (*MUCPED, *MUCPED_USED[:4]), "greater", "lesser", _won(table))
    crops, sizes = (_lists(table, name, length) for name, length in (("crop", 4), ("image_dims", 2)))
    columns |= {name: _axis(crops, axis) for axis, name in enumerate(CROP)}
    return Reading(columns, (*_outside(crops, sizes), *_advice(columns)))


def _lists(table: Cells, name: str, length: int) -> Sequence[str]:
    """Return a column of lists of whole numbers, empty where there is none."""
    remedy = "write it as in [0, 0, 768, 768]" if length == 4 else "mend it"
    if name not in table.columns:
        return constant("", len(table))

    def check(cell: str) -> str:
        values = _integers(cell)
        if len(values) not in {0, length}:
            raise ValueError
        return cell if values else ""

    return parsed(table, name, check, f"not a list of {length} whole numbers", remedy)


def _integers(cell: str) -> tuple[int, ...]:
    values = json.loads(cell) if cell else []
    if not isinstance(values, list) or not all(type(n) is int for n in values):
        raise ValueError
    return tuple(values)


def _axis(crops: Sequence[str], axis: int) -> Column:
    """Return one number of each crop. A corner outside the image is known to happen; votes.csv has no place for it."""

    def one(cell: str) -> str:
        crop = _integers(cell)
        return str(crop[axis]) if crop and min(crop) >= 0 else ""

    return each(crops, one)


def _outside(crops: Sequence[str], sizes: Sequence[str]) -> tuple[str, ...]:
    places = combined(_place, crops, sizes)
    outside = int(holds(places, lambda place: "out" in place).sum())
    unknown = int(holds(places, lambda place: "unknown" in place).sum())
    told = (f"{outside} crops reach outside their image; their votes are kept",) if outside else ()
    return (*told, f"{unknown} crops are of images without image_dims, so not checked") if unknown else told


def _place(crop: str, size: str) -> str:
    """Return what is to be said of a crop in an image of a size."""
    if not crop:
        return ""
    (x, y, width, height), dims = _integers(crop), _integers(size)
    out = min(x, y) < 0 or bool(dims and (x + width > dims[0] or y + height > dims[1]))
    return ("" if dims else "unknown ") + ("out" if out else "")


def _advice(columns: Columns) -> tuple[str, ...]:
    flips, times = column(columns, "flips"), column(columns, "response_ms")
    few = holds(flips, lambda cell: bool(cell) and _number(cell) < FEW_FLIPS)
    short = holds(times, lambda cell: bool(cell) and _number(cell) < SHORT_MS)
    hasty = int((few | short).sum())
    advice = f"under {FEW_FLIPS} flips or {SHORT_MS} ms, which its makers advise to leave out; they are kept"
    return (f"{hasty} of {len(flips)} votes took {advice}",) if hasty else ()


def _number(cell: str) -> float:
    """Return a number; what is none counts as enough here and is refused with its place later."""
    try:
        return float(cell)
    except ValueError:
        return float("inf")


def _write_mucped(votes: Columns) -> Columns:
    won, lost, drawn = winners(votes)
    return {
        "crop": combined(
            lambda *crop: f"[{', '.join(crop)}]" if all(crop) else "", *(column(votes, name) for name in CROP)
        ),
        "greater": won,
        "image": _images(votes),
        "lesser": lost,
        "random_choice": as_flags(drawn, "true", "false"),
        **filled(votes, rater_time_ms="response_ms", rater_flips="flips"),
    }


FORMS = {
    "hific": Form(HIFIC, ("simulated",), _read_hific, _write_hific, (("winner", "loser"), ("image",))),
    "mucped": Form(
        MUCPED,
        MUCPED_USED,
        _read_mucped,
        _write_mucped,
        (("greater", "lesser"), ("image",)),
        asks_for="closer",
        container="json",
        literal=frozenset(("crop", "random_choice", "rater_time_ms", "rater_flips", "simulated")),
    ),
}
