"""One photograph in, its stimuli out: crops, reconstructions at matched rates, references and catch stimuli.

The columns of stimuli.csv and skipped.csv are those of docs/formats.md, in its order.
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, fields
from typing import NamedTuple

from PIL import Image

from codec.candidates import Candidate, bits_per_pixel, classical
from codec.catch import degrade, recipe
from codec.crops import Crop, choose_crops
from codec.decoded import DecodedFolder, given
from codec.metrics import ms_ssim, psnr
from codec.pixels import Pixels, pixels_sha256, read_pixels
from codec.sources import Source


@dataclass(frozen=True)
class Plan:
    """What is to be made of every photograph. Rates are written as in conditions, such as `0.50`.

    `context` is how many pixels of the surroundings are cut out as well on every side of a crop; 0 is no window at all.
    """

    codecs: tuple[str, ...]
    rates: tuple[str, ...]
    crops: int = 2
    crop_size: int = 256
    seed: int = 1
    tolerance: float = 0.05
    context: int = 0
    decoded: tuple[DecodedFolder, ...] = ()


@dataclass(frozen=True)
class Stimulus:
    """A row of stimuli.csv, as text: a stimulus, a reference or a catch stimulus."""

    source: str
    source_sha256: str
    source_width: str
    source_height: str
    tag: str
    crop_x: str
    crop_y: str
    crop_width: str
    crop_height: str
    condition: str
    codec: str = ""
    rate: str = ""
    rate_matched: str = ""
    path: str = ""
    sha256: str = ""
    context_path: str = ""
    bpp: str = ""
    bytes: str = ""
    encoder: str = ""
    bitstream_sha256: str = ""
    model: str = ""
    leak: str = "0"
    psnr: str = ""
    ms_ssim: str = ""
    context_sha256: str = ""
    context_x: str = ""
    context_y: str = ""
    context_width: str = ""
    context_height: str = ""


@dataclass(frozen=True)
class Skipped:
    """A row of skipped.csv: a codec that misses a rate on a photograph."""

    source: str
    rate: str
    codec: str
    nearest_bpp: str
    reason: str


STIMULI_COLUMNS = tuple(column.name for column in fields(Stimulus))
SKIPPED_COLUMNS = tuple(column.name for column in fields(Skipped))


@dataclass
class Made:
    """What one photograph gave: rows, and PNG files by the SHA-256 of their bytes."""

    stimuli: list[Stimulus] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)

    def keep(self, pixels: Pixels) -> str:
        """Keep the pixels as a PNG; its SHA-256."""
        data = png(pixels)
        sha256 = hashlib.sha256(data).hexdigest()
        self.images[sha256] = data
        return sha256


def make_stimuli(source: Source, plan: Plan) -> Made:
    """Compress the whole photograph with every codec at every rate, and cut the crops out of what comes back.

    A rate that some codec misses by more than the tolerance is left out for all codecs; where no rate is left, nothing
    is made of the photograph at all.
    """
    pixels = read_pixels(source.path)
    candidates = _candidates(source, pixels, plan)
    missed = [candidate for candidate in candidates if not candidate.matched]
    made = Made(skipped=[_skipped(source, candidate) for candidate in missed])
    without = {candidate.rate for candidate in missed}
    kept = [candidate for candidate in candidates if candidate.rate not in without]
    if kept:
        content = pixels_sha256(pixels)
        crops = choose_crops(pixels, plan.crop_size, plan.crops, f"{plan.seed}:{content}")
        places = [_Place(source, pixels, content, crop, _window(crop, pixels, plan)) for crop in crops]
        cuts = [(candidate, _cut(candidate.decode(), places)) for candidate in kept]
        for index, place in enumerate(places):
            _add_crop(made, place, [(candidate, images[index]) for candidate, images in cuts])
    return made


def png(pixels: Pixels) -> bytes:
    """An 8-bit RGB PNG with nothing in it but pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=9)
    return file.getvalue()


def as_rows(items: Iterable[Stimulus | Skipped]) -> list[tuple[str, ...]]:
    """The cells of rows, in the order of their columns."""
    return [astuple(item) for item in items]


def _candidates(source: Source, pixels: Pixels, plan: Plan) -> list[Candidate]:
    """All codecs at all rates, by rate, then in the order in which the codecs were named."""
    found = [candidate for name in plan.codecs for candidate in classical(name, pixels, plan.rates, plan.tolerance)]
    found += [given(decoded, source.name, pixels, plan.tolerance) for decoded in plan.decoded]
    return sorted(found, key=lambda candidate: plan.rates.index(candidate.rate))


def _skipped(source: Source, missed: Candidate) -> Skipped:
    off = 100 * (missed.bpp / float(missed.rate) - 1)
    reason = f"the nearest file of {missed.codec} has {missed.bpp:.3f} bpp, {off:+.1f}% from the target"
    return Skipped(source.name, missed.rate, missed.codec, f"{missed.bpp:.6f}", reason)


class _Shown(NamedTuple):
    """The pixels of a crop under one condition, and of the window around it where there is one."""

    crop: Pixels
    window: Pixels | None


@dataclass(frozen=True)
class _Place:
    """A crop of a source, and the window around it."""

    source: Source
    pixels: Pixels
    content: str
    crop: Crop
    window: Crop | None

    def of(self, pixels: Pixels) -> _Shown:
        """What a picture of the whole source shows there."""
        return _Shown(self.crop.of(pixels).copy(), self.window.of(pixels).copy() if self.window else None)

    def row(self, image: Pixels, sha256: str, condition: str, **cells: str) -> Stimulus:
        """The row of an image of the crop."""
        reference = self.crop.of(self.pixels)
        similarity = ms_ssim(reference, image)
        return Stimulus(
            source=self.source.name,
            source_sha256=self.content,
            source_width=str(self.pixels.shape[1]),
            source_height=str(self.pixels.shape[0]),
            tag=self.source.tag,
            crop_x=str(self.crop.x),
            crop_y=str(self.crop.y),
            crop_width=str(self.crop.width),
            crop_height=str(self.crop.height),
            condition=condition,
            path=_path(sha256),
            sha256=sha256,
            psnr=f"{psnr(reference, image):.4f}",
            ms_ssim="" if similarity is None else f"{similarity:.5f}",
            **cells,
        )


def _path(sha256: str) -> str:
    return f"images/{sha256}.png"


def _window(crop: Crop, pixels: Pixels, plan: Plan) -> Crop | None:
    height, width, _ = pixels.shape
    return crop.around(plan.context, width, height) if plan.context else None


def _cut(decoded: Pixels, places: list[_Place]) -> list[_Shown]:
    """Cut out what is shown, so that the whole picture need not be kept."""
    return [place.of(decoded) for place in places]


def _add_crop(made: Made, place: _Place, images: list[tuple[Candidate, _Shown]]) -> None:
    """Add a crop's reference, its stimuli and its catch stimulus."""
    reference = place.of(place.pixels)
    _add(made, place, reference, "reference")
    for candidate, image in images:
        cells = {
            "codec": candidate.codec,
            "rate": candidate.rate,
            "rate_matched": "1",
            "bpp": f"{candidate.bpp:.6f}",
            "bytes": str(candidate.bytes),
            "encoder": candidate.encoder,
            "bitstream_sha256": candidate.bitstream_sha256,
        }
        _add(made, place, image, candidate.condition, **cells)
    catch = degrade(reference.crop)
    cells = {
        "codec": "catch",
        "bpp": f"{bits_per_pixel(len(catch.data), reference.crop):.6f}",
        "bytes": str(len(catch.data)),
        "encoder": recipe(),
        "bitstream_sha256": catch.sha256,
    }
    window = None if reference.window is None else degrade(reference.window).pixels
    _add(made, place, _Shown(catch.pixels, window), "catch", **cells)


def _add(made: Made, place: _Place, shown: _Shown, condition: str, **cells: str) -> None:
    if place.window and shown.window is not None:
        sha256 = made.keep(shown.window)
        corner = {f"context_{name}": str(number) for name, number in place.window._asdict().items()}
        cells = {**cells, "context_path": _path(sha256), "context_sha256": sha256, **corner}
    made.stimuli.append(place.row(shown.crop, made.keep(shown.crop), condition, **cells))
