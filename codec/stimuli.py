"""One photograph in, its stimuli out: crops, reconstructions at matched rates, references and catch stimuli.

The columns of stimuli.csv and skipped.csv are those of docs/formats.md, in its order.
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, fields

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
    """What is to be made of every photograph. Rates are written as in conditions, such as `0.50`."""

    codecs: tuple[str, ...]
    rates: tuple[str, ...]
    crops: int = 2
    crop_size: int = 256
    seed: int = 1
    tolerance: float = 0.05
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
        cuts = [(candidate, _cut(candidate.decode(), crops)) for candidate in kept]
        for index, crop in enumerate(crops):
            place = _Place(source, pixels, content, crop)
            _add_crop(made, place, [(candidate, images[index]) for candidate, images in cuts])
    return made


def _cut(decoded: Pixels, crops: list[Crop]) -> list[Pixels]:
    """Cut out the crops, so that the whole picture need not be kept."""
    return [crop.of(decoded).copy() for crop in crops]


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


@dataclass(frozen=True)
class _Place:
    """A crop of a source."""

    source: Source
    pixels: Pixels
    content: str
    crop: Crop

    def row(self, image: Pixels, sha256: str, condition: str, **cells: str) -> Stimulus:
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
            path=f"images/{sha256}.png",
            sha256=sha256,
            psnr=f"{psnr(reference, image):.4f}",
            ms_ssim="" if similarity is None else f"{similarity:.5f}",
            **cells,
        )


def _add_crop(made: Made, place: _Place, images: list[tuple[Candidate, Pixels]]) -> None:
    """Add a crop's reference, its stimuli and its catch stimulus."""
    reference = place.crop.of(place.pixels)
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
    catch = degrade(reference)
    cells = {
        "codec": "catch",
        "bpp": f"{bits_per_pixel(len(catch.data), reference):.6f}",
        "bytes": str(len(catch.data)),
        "encoder": recipe(),
        "bitstream_sha256": catch.sha256,
    }
    _add(made, place, catch.pixels, "catch", **cells)


def _add(made: Made, place: _Place, image: Pixels, condition: str, **cells: str) -> None:
    data = png(image)
    sha256 = hashlib.sha256(data).hexdigest()
    made.images[sha256] = data
    made.stimuli.append(place.row(image, sha256, condition, **cells))
