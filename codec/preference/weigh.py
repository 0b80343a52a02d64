"""weights.csv: w of every picture in a folder, or of a grid of crops laid over it."""

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.crops import Crop
from codec.errors import Refusal
from codec.pixels import Pixels, read_pixels
from codec.preference.features import LEAST_SIDE, Frozen, keep, progress
from codec.preference.head import sigmoid
from codec.preference.leakage import fingerprint
from codec.preference.model import Model
from codec.sources import Source, find_sources

COLUMNS = (
    *("source", "source_sha256", "crop_x", "crop_y", "crop_width", "crop_height"),
    *("w", "logit", "model", "simulated"),
)


@dataclass(frozen=True)
class Weight:
    """A crop's w and its logit; `fold` is that whose head has not seen the source, -1 where it has no labels."""

    source: str
    source_sha256: str
    crop: Crop
    w: float
    logit: float
    fold: int


def weigh(model: Model, frozen: Frozen, folder: Path, side: int | None, cache: Path) -> list[Weight]:
    """w of all pictures in a folder, by name: of a grid of square crops, or of whole pictures where `side` is None.

    A picture that the model has learned from, or that looks like one, gets the w of the head that has not seen it.
    """
    found: list[Weight] = []
    pictures = find_sources(folder)
    with progress("Weighing pictures", len(pictures)) as advance:
        for picture in pictures:
            found += _of_picture(model, frozen, picture, side, cache)
            advance()
    return found


def grid(width: int, height: int, side: int) -> list[Crop]:
    """Square crops that cover a picture, row by row, as few as can be; where they do not fit evenly they overlap.

    A picture with a shorter side has crops of that size.
    """
    side = min(side, width, height)
    return [Crop(x, y, side, side) for y in _starts(height, side) for x in _starts(width, side)]


def table(weights: list[Weight], model: Model) -> bytes:
    """weights.csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in weights:
        numbers = f"{one.w:.6f}", f"{one.logit:.6f}"
        marks = model.sha256, int(model.card.simulated)
        writer.writerow([one.source, one.source_sha256, *one.crop, *numbers, *marks])
    return text.getvalue().encode()


def _of_picture(model: Model, frozen: Frozen, picture: Source, side: int | None, cache: Path) -> Iterator[Weight]:
    pixels = read_pixels(picture.path)
    crops = _crops(picture, pixels, side)
    identity = fingerprint(pixels)
    fold = model.fold_of([identity])[0]
    features = keep(cache, frozen, identity.sha256, crops, lambda: pixels)
    logits = model.heads.logits(features, fold)
    for crop, logit, w in zip(crops, logits.tolist(), sigmoid(logits).tolist(), strict=True):
        yield Weight(picture.name, identity.sha256, crop, w, logit, fold)


def _crops(picture: Source, pixels: Pixels, side: int | None) -> list[Crop]:
    height, width, _ = pixels.shape
    if min(height, width) < LEAST_SIDE:
        raise Refusal(
            f"{picture.path} has {width}x{height} pixels; w needs {LEAST_SIDE} a side or more, so take it out."
        )
    return [Crop(0, 0, width, height)] if side is None else grid(width, height, side)


def _starts(length: int, side: int) -> list[int]:
    count = math.ceil(length / side)
    return [int(start) for start in np.linspace(0, length - side, count).round()]
