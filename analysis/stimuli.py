"""What was shown: `stimuli.csv` in, matched with the votes by hash; mean bits per pixel and metrics by condition."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import NoReturn

import numpy as np

from analysis.codes import distinct
from analysis.files import Refusal, Table, number, read_table
from analysis.votes import Ints, Votes

STIMULI_REQUIRED = tuple(
    """
    source source_sha256 source_width source_height tag crop_x crop_y crop_width crop_height condition codec rate
    rate_matched path sha256 context_path bpp bytes encoder bitstream_sha256 model leak """.split()
)
METRICS = ("bpp", "psnr", "ms_ssim")
CROP = ("crop_x", "crop_y", "crop_width", "crop_height")


@dataclass(frozen=True)
class Measures:
    """Means over the stimuli that were shown, by (rate, condition): bits per pixel, PSNR in dB, MS-SSIM, or None.

    `median_bpp` holds the median bits per pixel of the sources that were shown; conditions without any are not in it.
    """

    name: str
    sha256: str
    codec: Mapping[tuple[float | None, str], str]
    mean: Mapping[tuple[float | None, str], Mapping[str, float | None]]
    median_bpp: Mapping[tuple[float | None, str], float] = field(default_factory=dict)


def read_stimuli(path: Path) -> Table:
    """Read a `stimuli.csv`; refuse it where its numbers are none."""
    table = read_table(path, STIMULI_REQUIRED)
    for column in METRICS:
        for row, cell in enumerate(table.columns.get(column, [])):
            if cell and not _is_number(cell, column):
                table.refuse(row, column, f"not a number {cell!r}", "write the folder again with codec stimuli")
    return table


def _is_number(cell: str, column: str) -> bool:
    try:
        value = float(cell)
    except ValueError:
        return False
    return math.isfinite(value) or (column == "psnr" and cell == "inf")


def measured(stimuli: Table, votes: Votes) -> Measures:
    """Match every shown stimulus with its row and average by item; refuse stimuli that are not the ones voted on.

    `bpp` is of a whole source and counts once a source, metrics are of crops and count once a crop.
    """
    columns = stimuli.columns
    shown: dict[int, set[int]] = {}
    for items_of, rows_of in zip((votes.left, votes.right), shown_rows(stimuli, votes), strict=True):
        for both in distinct(items_of * len(stimuli) + rows_of).tolist():
            item, row = divmod(both, len(stimuli))
            shown.setdefault(item, set()).add(row)
    items = {index: (votes.items[index].rate, votes.items[index].condition) for index in shown}
    return Measures(
        name=stimuli.path.name,
        sha256=stimuli.sha256,
        codec={items[index]: columns["codec"][min(rows)] for index, rows in shown.items()},
        mean={items[index]: _means(columns, sorted(rows)) for index, rows in shown.items()},
        median_bpp={items[index]: median(bpp) for index, rows in shown.items() if (bpp := _bpp(columns, sorted(rows)))},
    )


def shown_rows(stimuli: Table, votes: Votes) -> tuple[Ints, Ints]:
    """Return the row of `stimuli` that stood left, and that which stood right, in each vote (votes,).

    A stimulus is matched by condition, source and SHA-256 of the PNG; under the view `context`, where that is of the
    larger window, by the crop as well. Raises `Refusal` where a vote is about none of them.
    """
    context = bool((votes.frame["view"] == "context").any())
    if context and "context_sha256" not in stimuli.columns:
        raise Refusal(
            f"{stimuli.path}, line 1: the column context_sha256 is missing, and the votes were cast under the view "
            "context; give the stimuli.csv of the study that was voted on."
        )
    crop = CROP if context else ()
    names = ("condition", "source", "context_sha256" if context else "sha256", *crop)
    keys = zip(*(stimuli.columns[name] for name in names), strict=True)
    row_of = {key: row for row, key in enumerate(keys)}
    left, right = (_rows_of(stimuli, votes, side, row_of, crop) for side in ("left", "right"))
    return left, right


def _rows_of(
    stimuli: Table, votes: Votes, side: str, row_of: Mapping[tuple[str, ...], int], crop: Sequence[str]
) -> Ints:
    names = [side, "source", f"{side}_sha256", *crop]
    kind = votes.frame.groupby(names, sort=False, dropna=False).ngroup().to_numpy(np.int64)
    first = np.flatnonzero(np.diff(np.maximum.accumulate(kind), prepend=-1))  # kinds are numbered as they come
    rows = np.zeros(len(first), np.int64)
    shown = votes.frame[names].iloc[first].itertuples(index=False, name=None)
    for place, (condition, source, digest, *corner) in enumerate(shown):
        key = (str(condition), str(source), str(digest), *(number(value) for value in corner))
        if key not in row_of:
            _refuse(stimuli, votes, side, key[:3], int(votes.lines[first[place]]))
        rows[place] = row_of[key]
    return np.asarray(rows[kind])


def _refuse(stimuli: Table, votes: Votes, side: str, key: Sequence[str], line: int) -> NoReturn:
    condition, source, digest = key
    if not digest:
        what = "the votes carry no hashes of what was shown"
    else:
        what = f"{stimuli.path} holds no {condition} of {source or 'an unnamed source'} with the hash {digest[:12]}..."
    raise Refusal(
        f"{votes.path}, line {line}, column {side}_sha256: {what}; give the stimuli.csv of the study that was voted on."
    )


def _once_a_source(columns: Mapping[str, Sequence[str]], rows: Sequence[int]) -> list[int]:
    return list({columns["source_sha256"][row]: row for row in reversed(rows)}.values())


def _bpp(columns: Mapping[str, Sequence[str]], rows: Sequence[int]) -> list[float]:
    return [float(cell) for row in _once_a_source(columns, rows) if (cell := columns["bpp"][row])]


def _means(columns: Mapping[str, Sequence[str]], rows: Sequence[int]) -> dict[str, float | None]:
    once_a_source = _once_a_source(columns, rows)
    return {
        name: _mean([columns[name][row] for row in (once_a_source if name == "bpp" else rows)])
        for name in METRICS
        if name in columns
    }


def _mean(cells: Sequence[str]) -> float | None:
    """Return the mean of the cells that are not empty; infinite where one is (identical pixels)."""
    values = [float(cell) for cell in cells if cell]
    return float(np.inf) if np.inf in values else fmean(values) if values else None
