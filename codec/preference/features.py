"""What is measured of crops, once: a backbone's features, simple statistics, and a source's fingerprint.

Results are kept by content: below the cache's folder, a file for each source, named by the SHA-256 of its pixels, in a
folder named by everything that a result depends on. So a source is decoded only where something of it is missing, and
a renamed picture is known again.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click
import numpy as np
import safetensors
import safetensors.numpy
import torch

from codec.crops import Crop
from codec.errors import Refusal
from codec.folder import write
from codec.pixels import Pixels
from codec.preference.backbones import Backbone
from codec.preference.labels import Floats, Labels
from codec.preference.leakage import Fingerprint, difference_hashes
from codec.preference.library import Library
from codec.preference.statistics import statistics

BATCH = 16
LEAST_SIDE = 32


class Measure(Protocol):
    """Something that is measured of crops; `identity` names it with all that it depends on."""

    @property
    def identity(self) -> str:
        """What its results are kept by."""
        ...

    def of(self, pixels: Pixels, crops: Sequence[Crop]) -> Floats:
        """Of the crops of a picture (crops, numbers)."""
        ...


@dataclass(frozen=True)
class Frozen:
    """A backbone's features of crops with `margin` more pixels on every side; fewer where it is negative."""

    backbone: Backbone
    margin: int = 0

    @property
    def identity(self) -> str:
        """The backbone's name and weights, and the margin."""
        return f"features 1 {self.backbone.name} {self.backbone.weights.sha256} margin {self.margin}"

    def of(self, pixels: Pixels, crops: Sequence[Crop]) -> Floats:
        """Features (crops, width), crops of one size together."""
        windows = [view(crop, self.margin, pixels) for crop in crops]
        found = np.zeros((len(crops), self.backbone.width))
        for size in sorted({window[2:] for window in windows}):
            places = [place for place, window in enumerate(windows) if window[2:] == size]
            for start in range(0, len(places), BATCH):
                some = places[start : start + BATCH]
                found[some] = embed(self.backbone, np.stack([windows[place].of(pixels) for place in some]))
        return found


@dataclass(frozen=True)
class Simple:
    """Edge density, spectral slope and text-likeness of crops."""

    identity: str = "statistics 1"

    def of(self, pixels: Pixels, crops: Sequence[Crop]) -> Floats:
        """Statistics (crops, 3)."""
        return np.stack([statistics(crop.of(pixels)) for crop in crops])


@dataclass(frozen=True)
class Looks:
    """The difference hashes of the whole picture, and of its mirror image, as 64 bytes."""

    identity: str = "looks 2"

    def of(self, pixels: Pixels, crops: Sequence[Crop]) -> Floats:
        """The same bytes for each crop (crops, 64)."""
        digits = np.frombuffer(bytes.fromhex(difference_hashes(pixels)), np.uint8).astype(float)
        return np.tile(digits, (len(crops), 1))


def embed(backbone: Backbone, images: Pixels) -> Floats:
    """Features of images (B, H, W, 3) of 8 bits."""
    batch = torch.from_numpy(np.ascontiguousarray(images)).to(backbone.device).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        return np.asarray(backbone(batch).double().cpu().numpy())


def view(crop: Crop, margin: int, pixels: Pixels) -> Crop:
    """The window that a margin makes of a crop; a negative one never below 32 pixels."""
    height, width, _ = pixels.shape
    if margin >= 0:
        return crop.around(margin, width, height)
    cut = min(-margin, max(0, (min(crop.width, crop.height) - LEAST_SIDE) // 2))
    return Crop(crop.x + cut, crop.y + cut, crop.width - 2 * cut, crop.height - 2 * cut)


def default_cache() -> Path:
    """Where results are kept unless said otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "conha" / "features"


def measure(labels: Labels, library: Library, measures: Sequence[Measure], cache: Path) -> list[Floats]:
    """Each measure of all crops (crops, numbers), from the cache where it is there.

    Raises:
        Refusal: a source is not in the library, or a crop is not inside its source.
    """
    found: list[dict[int, Floats]] = [{} for _ in measures]
    with progress("Looking at sources", len(labels.sources)) as advance:
        for place, sha256 in enumerate(labels.sources):
            rows = np.nonzero(labels.source == place)[0].tolist()
            crops, pixels = [labels.rows[row].crop for row in rows], _Opened(labels, rows, library)
            for one, each in zip(found, measures, strict=True):
                one.update(zip(rows, keep(cache, each, sha256, crops, pixels), strict=True))
            advance()
    return [np.stack([one[row] for row in range(len(labels.rows))]) for one in found]


def fingerprints(labels: Labels, looks: Floats) -> list[Fingerprint]:
    """Of every source, in the order of `labels.sources`, from what `Looks` gave."""
    first = [int(np.argmax(labels.source == place)) for place in range(len(labels.sources))]
    return [
        Fingerprint(sha256, looks[row].astype(np.uint8).tobytes().hex())
        for sha256, row in zip(labels.sources, first, strict=True)
    ]


def keep(cache: Path, each: Measure, sha256: str, crops: Sequence[Crop], pixels: Callable[[], Pixels]) -> Floats:
    """A measure of a picture's crops (crops, numbers), from the cache; pixels are asked for where it lacks some."""
    kept = _Kept.read(cache, each, sha256)
    if any(_key(crop) not in kept.numbers for crop in crops):
        kept.fill(each, crops, pixels())
    return np.stack([kept.numbers[_key(crop)] for crop in crops]).astype(np.float64)


@dataclass(frozen=True)
class _Kept:
    """What the cache holds of one measure and source, by crop."""

    path: Path
    numbers: dict[str, Floats]

    @classmethod
    def read(cls, cache: Path, each: Measure, sha256: str) -> "_Kept":
        """What is there; a damaged file is as good as none."""
        folder = hashlib.sha256(each.identity.encode()).hexdigest()[:16]
        path = cache / folder / f"{sha256}.safetensors"
        try:
            return cls(path, safetensors.numpy.load(path.read_bytes()))
        except (OSError, safetensors.SafetensorError):
            return cls(path, {})

    def fill(self, each: Measure, crops: Sequence[Crop], pixels: Pixels) -> None:
        """Measure what is missing, and keep it."""
        missing = [crop for crop in dict.fromkeys(crops) if _key(crop) not in self.numbers]
        if missing:
            for crop, numbers in zip(missing, each.of(pixels, missing), strict=True):
                self.numbers[_key(crop)] = numbers.astype(np.float32)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write(self.path, safetensors.numpy.save(dict(sorted(self.numbers.items()))))


class _Opened:
    """The pixels of a source, decoded at the first call; refused where a labelled crop is not inside."""

    def __init__(self, labels: Labels, rows: list[int], library: Library) -> None:
        self.labels, self.rows, self.library = labels, [labels.rows[row] for row in rows], library
        self.pixels: Pixels | None = None

    def __call__(self) -> Pixels:
        if self.pixels is None:
            first = self.rows[0]
            self.pixels = self.library.open(first.source, first.source_sha256)
            _refuse_outside(self.labels.path, first.source, [row.crop for row in self.rows], self.pixels)
        return self.pixels


def _key(crop: Crop) -> str:
    return ",".join(str(number) for number in crop)


def _refuse_outside(path: Path, name: str, crops: Sequence[Crop], pixels: Pixels) -> None:
    height, width, _ = pixels.shape
    for crop in crops:
        if crop.x + crop.width > width or crop.y + crop.height > height:
            raise Refusal(
                f"{path}: the crop of {crop.width}x{crop.height} pixels at {crop.x},{crop.y} is not inside '{name}',"
                f" which has {width}x{height}; take the row out, or name the right source."
            )
        if min(crop.width, crop.height) < LEAST_SIDE:
            raise Refusal(
                f"{path}: the crop of {crop.width}x{crop.height} pixels of '{name}' is too small to be judged by its"
                f" features; label crops of {LEAST_SIDE} pixels a side or more."
            )


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, otherwise a line at every tenth; on standard error."""
    if sys.stderr.isatty():
        with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
            yield lambda: bar.update(1)
        return
    done, tenth = iter(range(1, length + 1)), max(1, length // 10)

    def tell() -> None:
        number = next(done)
        if number % tenth == 0 or number == length:
            click.echo(f"{label}: {number} of {length}", err=True)

    yield tell
