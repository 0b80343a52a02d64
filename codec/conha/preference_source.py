"""Where the weight w of each training crop comes from, behind one call: crops in, w in [0, 1] out.

A weights.csv (docs/formats.md) gives w by content: a row is about a picture, known by the SHA-256 of its pixels, or
about a rectangle of it. A training crop has the mean of the rows whose rectangles it overlaps, by area; where it
overlaps none, the row about the whole picture, or else the mean of the picture's rows.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from codec.conha import losses
from codec.conha.batches import Window, numbers
from codec.conha.config import Preference
from codec.conha.data import Picture
from codec.crops import Crop
from codec.errors import Refusal, listing
from codec.tables import Cell, read_table

COLUMNS = (
    "source", "source_sha256", "crop_x", "crop_y", "crop_width", "crop_height", "w", "logit", "model", "simulated",
)  # fmt: skip
READ = ("source_sha256", "crop_x", "crop_y", "crop_width", "crop_height", "w", "simulated")


class PreferenceSource(Protocol):
    """w of training crops, before map and control."""

    @property
    def simulated(self) -> bool:
        """Whether votes behind it were cast by no person."""

    def __call__(self, windows: Sequence[Window], pixels: Tensor) -> Tensor:
        """What crops show, and their pixels (B, 3, H, W) in [0, 1], to w (B,) in [0, 1] on the processor."""


@dataclass(frozen=True)
class Constant:
    """One w for all."""

    value: float
    simulated: bool = False

    def __call__(self, windows: Sequence[Window], pixels: Tensor) -> Tensor:  # noqa: ARG002 - as all sources
        """The value."""
        return torch.full((len(windows),), self.value)


@dataclass(frozen=True)
class Weights:
    """w by picture, out of a weights.csv: rows (rectangle, or None for the whole picture; w)."""

    rows: dict[str, list[tuple[Crop | None, float]]]
    simulated: bool

    def __call__(self, windows: Sequence[Window], pixels: Tensor) -> Tensor:  # noqa: ARG002 - as all sources
        """Each crop's w."""
        return torch.tensor([self._of(window) for window in windows])

    def _of(self, window: Window) -> float:
        rows = self.rows[window.source_sha256]
        shares = [(window.crop.overlap(crop), w) for crop, w in rows if crop is not None]
        overlapped = sum(share for share, _ in shares)
        if overlapped:
            return sum(share * w for share, w in shares) / overlapped
        whole = [w for crop, w in rows if crop is None]
        return whole[0] if whole else sum(w for _, w in rows) / len(rows)


def opened(
    preference: Preference, pictures: Sequence[Picture], windows: Callable[[], Iterable[Window]]
) -> tuple[PreferenceSource, Preference]:
    """The source of w that a config names, and what is still to be done to its values.

    Args:
        preference: of the config.
        pictures: that are trained on; each must have a w.
        windows: crops of theirs, drawn as in training, over which `mean` takes the mean of the mapped w.

    Raises:
        Refusal: the table is not there or not in the contract, lacks a picture, or the source is a model.
    """
    if preference.w in {"one", "constant"}:
        return Constant(1.0 if preference.w == "one" else preference.value), preference
    source = _table(preference, pictures)
    if preference.w == "weights":
        return source, preference
    drawn = list(windows())
    mean = float(losses.mapped(source(drawn, torch.empty(0)), preference).double().mean())
    return Constant(mean, source.simulated), Preference(w="constant", value=mean)


def controlled(w: Tensor, preference: Preference, seed: int, stage: int, step: int) -> Tensor:
    """w (B,) of a whole batch, in the order of its samples, as `preference.control` has it.

    Shuffling moves all w along by a random number of places, so that no crop keeps its own.
    """
    if preference.control == "inverted":
        return 1 - w
    if preference.control == "shuffled":
        places = 1 + int(numbers(seed, "shuffled", stage, step)[0] * (len(w) - 1))
        return w.roll(places)
    if preference.control == "noise":
        drawn = [numbers(seed, "noisy", stage, step, sample)[0] for sample in range(len(w))]
        return torch.where(torch.tensor(drawn, device=w.device) < preference.noise, 1 - w, w)
    return w


def _table(preference: Preference, pictures: Sequence[Picture]) -> Weights:
    path = Path(preference.path)
    if path.suffix.lower() != ".csv":
        raise Refusal(
            f"{path} is no weights.csv, and preference models cannot be used here yet; set preference.w to weights"
            " (or mean) and preference.path to a weights.csv, or preference.w to one or constant."
        )
    rows: dict[str, list[tuple[Crop | None, float]]] = defaultdict(list)
    simulated = False
    for row in read_table(path, *READ):
        rows[row["source_sha256"].text].append((_crop(row), _share(row["w"])))
        simulated |= row["simulated"].text == "1"
    lacking = [one.file.name for one in pictures if one.source_sha256 not in rows]
    if lacking:
        raise Refusal(f"{path} has no row about {listing(lacking)}; weigh all training images, by their content.")
    return Weights(dict(rows), simulated)


def _crop(row: dict[str, Cell]) -> Crop | None:
    cells = [row[name] for name in READ[1:5]]
    if not any(cell.text for cell in cells):
        return None
    numbers_ = [_whole(cell) for cell in cells]
    return Crop(*numbers_)


def _whole(cell: Cell) -> int:
    least = 1 if cell.column in {"crop_width", "crop_height"} else 0
    if not cell.text.isdecimal() or int(cell.text) < least:
        raise cell.refuse(f"'{cell.text}' is no whole number from {least} on", "write pixels, or leave all four empty")
    return int(cell.text)


def _share(cell: Cell) -> float:
    try:
        value = float(cell.text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise cell.refuse(f"'{cell.text}' is no number from 0 to 1", "correct it")
    return value
