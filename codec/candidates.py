"""What may become a stimulus: a codec's file of a whole picture, as near to a rate as it comes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from codec.baselines import CODECS, Codec, Setting
from codec.matching import match
from codec.pixels import Pixels


@dataclass(frozen=True)
class Candidate:
    """A codec at a rate, for one source. `bpp` counts every byte of the file over the pixels of the whole source."""

    codec: str
    rate: str
    bpp: float
    bytes: int
    encoder: str
    bitstream_sha256: str
    matched: bool
    decode: Callable[[], Pixels]

    @property
    def condition(self) -> str:
        """The codec at its operating point."""
        return f"{self.codec}@{self.rate}"


def bits_per_pixel(size: int, pixels: Pixels) -> float:
    """Bits of a file of `size` bytes over the pixels of a whole source."""
    return size * 8 / (pixels.shape[0] * pixels.shape[1])


def within(bpp: float, rate: str, tolerance: float) -> bool:
    """Whether |bpp / rate - 1| is at most the tolerance."""
    return abs(bpp / float(rate) - 1) <= tolerance


def classical(name: str, pixels: Pixels, rates: tuple[str, ...], tolerance: float) -> list[Candidate]:
    """One classical codec's candidates at all rates; no file is made twice."""
    codec, files = CODECS[name], _Files(CODECS[name], pixels)
    found = []
    for rate in rates:
        best = match(codec.dial, files.bpp, float(rate), tolerance)
        found.append(_candidate(codec, best.setting, rate, files, matched=best.hit))
    return found


class _Files:
    """The files that one codec has made of one picture, by setting."""

    def __init__(self, codec: Codec, pixels: Pixels) -> None:
        self.codec, self.pixels = codec, pixels
        self.made: dict[Setting, bytes] = {}

    def __getitem__(self, setting: Setting) -> bytes:
        if setting not in self.made:
            self.made[setting] = self.codec.encode(self.pixels, setting)
        return self.made[setting]

    def bpp(self, setting: Setting) -> float:
        return bits_per_pixel(len(self[setting]), self.pixels)


def _candidate(codec: Codec, setting: Setting, rate: str, files: _Files, *, matched: bool) -> Candidate:
    data = files[setting]
    return Candidate(
        codec=codec.name,
        rate=rate,
        bpp=files.bpp(setting),
        bytes=len(data),
        encoder=codec.describe(setting),
        bitstream_sha256=hashlib.sha256(data).hexdigest(),
        matched=matched,
        decode=lambda: codec.decode(data),
    )
