"""What was shown: `stimuli.csv` in, matched with the votes by hash; mean bits per pixel and metrics by condition."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

import numpy as np

from analysis.files import Refusal, Table, read_table
from analysis.votes import Votes

STIMULI_REQUIRED = tuple(
    """
    source source_sha256 source_width source_height tag crop_x crop_y crop_width crop_height condition codec rate
    rate_matched path sha256 context_path bpp bytes encoder bitstream_sha256 model leak """.split()
)
METRICS = ("bpp", "psnr", "ms_ssim")


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

    A stimulus is matched by condition, source and SHA-256 of its PNG. `bpp` is of a whole source and counts once a
    source, metrics are of crops and count once a crop.
    """
    columns = stimuli.columns
    row_of = {
        key: row for row, key in enumerate(zip(columns["condition"], columns["source"], columns["sha256"], strict=True))
    }
    shown: dict[int, set[int]] = {}
    for side, codes in (("left", votes.left), ("right", votes.right)):
        keys = zip(votes.frame[side], votes.frame["source"], votes.frame[f"{side}_sha256"], strict=True)
        for item, key, line in zip(codes.tolist(), keys, votes.lines, strict=True):
            if key not in row_of:
                _refuse(stimuli, votes, side, key, int(line))
            shown.setdefault(item, set()).add(row_of[key])
    items = {index: (votes.items[index].rate, votes.items[index].condition) for index in shown}
    return Measures(
        name=stimuli.path.name,
        sha256=stimuli.sha256,
        codec={items[index]: columns["codec"][min(rows)] for index, rows in shown.items()},
        mean={items[index]: _means(columns, sorted(rows)) for index, rows in shown.items()},
        median_bpp={items[index]: median(bpp) for index, rows in shown.items() if (bpp := _bpp(columns, sorted(rows)))},
    )


def _refuse(stimuli: Table, votes: Votes, side: str, key: tuple[str, str, str], line: int) -> None:
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
