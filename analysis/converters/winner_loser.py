"""Formats whose rows name a winner and a loser and no sides: HiFiC's user study, and mucped22.

Both carry `random_choice`: the rater saw no difference and the machine chose. That is `not_sure`; the machine's choice
is no vote. When votes are written back, `not_sure` becomes such a draw again.
"""

import json

from analysis.converters.forms import (
    FLAGS,
    NO_PARTICIPANT,
    Columns,
    Form,
    Reading,
    as_flags,
    carried,
    column,
    filled,
    sources,
    unsided,
    winners,
    words,
)
from analysis.files import Table

HIFIC = ("rater", "seq", "image", "x", "y", "w", "h", "winner", "loser", "random_choice")
MUCPED = ("image", "greater", "lesser", "random_choice")
MUCPED_USED = ("crop", "image_dims", "rater_time_ms", "rater_flips", "simulated")
CROP = ("crop_x", "crop_y", "crop_width", "crop_height")
FEW_FLIPS, SHORT_MS = 3, 3000  # what the README of mucped22 advises to leave out below


def _won(table: Table) -> list[str]:
    drawn = words(table, "random_choice", FLAGS, "write 0 or 1")
    return ["not_sure" if flag == "1" else "left" for flag in drawn]


def _read_hific(table: Table) -> Reading:
    columns = carried(table, participant="rater", trial="seq", **dict(zip(CROP, "xywh", strict=True)))
    columns |= {"kind": ["rating"] * len(table), "source": sources(table.columns["image"])}
    return Reading(columns | unsided(table, HIFIC, "winner", "loser", _won(table)))


def _write_hific(votes: Columns) -> Columns:
    won, lost, drawn = winners(votes)
    trials = column(votes, "trial")
    rest = {theirs: column(votes, ours) for theirs, ours in zip("xywh", CROP, strict=True)}
    return {
        "rater": votes["participant"],
        "seq": trials if all(trials) else [str(row) for row in range(len(won))],
        "image": _images(votes),
        **rest,
        "winner": won,
        "loser": lost,
        "random_choice": as_flags(drawn),
    }


def _images(votes: Columns) -> list[str]:
    """Return sources as the names of image files; both tools published PNG."""
    return [source and f"{source}.png" for source in column(votes, "source")]


def _read_mucped(table: Table) -> Reading:
    columns = {"participant": [NO_PARTICIPANT] * len(table), "kind": ["rating"] * len(table)}
    columns |= {"reference": ["always"] * len(table), "source": sources(table.columns["image"])}
    columns |= carried(table, response_ms="rater_time_ms", flips="rater_flips")
    columns |= unsided(table, (*MUCPED, *MUCPED_USED[:4]), "greater", "lesser", _won(table))
    crops = _integers(table, "crop", 4)
    # A corner outside the image is known to happen there; a negative number has no place in votes.csv.
    held = [crop if crop and min(crop) >= 0 else () for crop in crops]
    columns |= {name: [str(crop[axis]) if crop else "" for crop in held] for axis, name in enumerate(CROP)}
    return Reading(columns, (*_outside(crops, _integers(table, "image_dims", 2)), *_advice(columns)))


def _integers(table: Table, name: str, length: int) -> list[tuple[int, ...]]:
    """Return the lists of whole numbers in a column, empty where there is none."""
    cells = table.columns.get(name, [""] * len(table))
    known: dict[str, tuple[int, ...]] = {"": ()}
    for cell in dict.fromkeys(cells):
        try:
            values = json.loads(cell) if cell else []
        except ValueError:
            values = None
        if not isinstance(values, list) or len(values) not in {0, length} or not all(type(n) is int for n in values):
            what = f"not a list of {length} whole numbers {cell[:60]!r}"
            table.refuse(cells.index(cell), name, what, "write it as in [0, 0, 768, 768]" if length == 4 else "mend it")
        known[cell] = tuple(values)
    return [known[cell] for cell in cells]


def _outside(crops: list[tuple[int, ...]], sizes: list[tuple[int, ...]]) -> tuple[str, ...]:
    pairs = [(crop, size) for crop, size in zip(crops, sizes, strict=True) if crop]
    outside = sum(
        min(x, y) < 0 or bool(size and (x + width > size[0] or y + height > size[1]))
        for (x, y, width, height), size in pairs
    )
    unknown = sum(not size for _, size in pairs)
    told = (f"{outside} crops reach outside their image; their votes are kept",) if outside else ()
    return (*told, f"{unknown} crops are of images without image_dims, so not checked") if unknown else told


def _advice(columns: Columns) -> tuple[str, ...]:
    flips, times = column(columns, "flips"), column(columns, "response_ms")
    hasty = sum(
        bool(flip and _number(flip) < FEW_FLIPS) or bool(time and _number(time) < SHORT_MS)
        for flip, time in zip(flips, times, strict=True)
    )
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
    crops = zip(*(column(votes, name) for name in CROP), strict=True)
    return {
        "crop": [f"[{', '.join(crop)}]" if all(crop) else "" for crop in crops],
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
