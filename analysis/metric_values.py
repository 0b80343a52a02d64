"""What metrics say of the images that were shown: their columns of `stimuli.csv`, and which side each one prefers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.files import Refusal, Table
from analysis.stimuli import STIMULI_REQUIRED, shown_rows
from analysis.votes import Floats, Ints, Mask, Votes

HIGHER = ("psnr", "ms_ssim", "ssim", "fsim", "vif", "vmaf", "ssimulacra2", "topiq")
LOWER = ("lpips", "dists", "mse", "gmsd", "butteraugli", "pieapp", "nlpd", "wadiqam")
OTHERS = ("context_sha256", "context_x", "context_y", "context_width", "context_height", "combination")


@dataclass(frozen=True)
class Metric:
    """A column of `stimuli.csv` that says how good an image is; `lower`: the smaller, the better."""

    name: str
    lower: bool


@dataclass(frozen=True)
class Measured:
    """The metrics of the votes' images. `value` (stimuli, metrics) is NaN where a cell is empty.

    `left` and `right` (votes,) are the rows of `value` that stood there. `unused` are columns of which nobody said
    whether lower or higher is better.
    """

    metrics: tuple[Metric, ...]
    value: Floats
    left: Ints
    right: Ints
    unused: tuple[str, ...]

    def difference(self, place: int) -> Floats:
        """Return by how much (votes,) a metric prefers left; 0 for a tie, NaN where it misses for an image."""
        value = self.value[:, place] * (-1 if self.metrics[place].lower else 1)
        left, right = value[self.left], value[self.right]
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(left == right, 0.0, left - right))  # two infinite ones are a tie

    def of(self, votes: Mask) -> "Measured":
        """Return the same of some of the votes."""
        return Measured(self.metrics, self.value, self.left[votes], self.right[votes], self.unused)


def measure(stimuli: Table, votes: Votes, lower: Sequence[str] = (), higher: Sequence[str] = ()) -> Measured:
    """Return what the metrics of `stimuli` say of the votes.

    A metric is a column of which is known whether lower or higher is better: by its name, up to the first `_` after a
    known one (`lpips_squeeze`), or because `lower` or `higher` name it. Raises `Refusal` for names without a column,
    cells that are no numbers, where no metric is left, and where the stimuli are not those that were voted on.
    """
    columns = [name for name in stimuli.columns if name not in STIMULI_REQUIRED and name not in OTHERS]
    for name in (*lower, *higher):
        if name not in columns:
            known = ", ".join(columns) or "none"
            raise Refusal(f"{stimuli.path} has no metric {name} (its metrics: {known}); name one of its columns.")
    directions = {name: _direction(name, lower, higher) for name in columns}
    metrics = tuple(Metric(name, found < 0) for name, found in directions.items() if found)
    values = [_numbers(stimuli, metric.name) for metric in metrics]
    kept = [place for place, value in enumerate(values) if not np.isnan(value).all()]
    if not kept:
        raise Refusal(
            f"{stimuli.path} holds no metric; add columns such as psnr, or name a column with --lower or --higher."
        )
    left, right = shown_rows(stimuli, votes)
    unused = tuple(name for name, found in directions.items() if not found)
    return Measured(
        tuple(metrics[place] for place in kept),
        np.stack([values[place] for place in kept], axis=1),
        left,
        right,
        unused,
    )


def _direction(name: str, lower: Sequence[str], higher: Sequence[str]) -> int:
    """Return 1 where higher is better, -1 where lower is, 0 where nobody knows."""
    if name in lower or name in higher:
        return -1 if name in lower else 1
    for direction, families in ((1, HIGHER), (-1, LOWER)):
        if any(name == family or name.startswith(f"{family}_") for family in families):
            return direction
    return 0


def _numbers(stimuli: Table, name: str) -> Floats:
    cells = stimuli.columns[name]
    for row, cell in enumerate(cells):
        if cell and not _is_number(cell):
            stimuli.refuse(row, name, f"not a number {cell[:60]!r}", "leave it empty where there is no value")
    return np.array([float(cell) if cell else math.nan for cell in cells])


def _is_number(cell: str) -> bool:
    """Whether a cell is a number; identical pixels may be infinitely good."""
    try:
        return not math.isnan(float(cell))
    except ValueError:
        return False
