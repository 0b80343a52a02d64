"""The classical codecs: JPEG, WebP, AVIF and JPEG XL, through Pillow, as files of real bytes.

Every encoder runs on one thread (AVIF's bytes change with the number of threads), writes neither profile nor metadata,
and names its library's version and all its settings in one string.

| codec | settings | why |
|---|---|---|
| jpeg | 4:2:0, progressive, optimised Huffman tables | the smallest files of libjpeg-turbo that every browser shows |
| webp | method 6 | libwebp's most thorough search is still fast |
| avif | 4:2:0, speed 6, tune iq | libavif's defaults for pictures; speed 4 takes five times as long to save 2% |
| jxl | effort 7 | libjxl's default; effort 9 takes seven times as long to save 8% |
"""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np
import PIL
from PIL import AvifImagePlugin, Image, features
from pillow_jxl import JpegXLImagePlugin  # importing it teaches Pillow JPEG XL

from codec.matching import Dial
from codec.pixels import Pixels


@dataclass(frozen=True)
class Setting:
    """A place on an encoder's dial: its quality; for AVIF also how strongly quantisers vary over the picture."""

    quality: float
    strength: int = 100


@dataclass(frozen=True)
class Codec:
    """An encoder with its decoder. `options` gives Pillow's arguments, `describe` the string that names all of them."""

    name: str
    kind: str
    dial: Dial[Setting]
    options: Callable[[Setting], dict[str, Any]]
    describe: Callable[[Setting], str]

    def encode(self, pixels: Pixels, setting: Setting) -> bytes:
        """The real file of height x width x 3 8-bit sRGB pixels."""
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, self.kind, **self.options(setting))
        return file.getvalue()

    def decode(self, data: bytes) -> Pixels:
        """The height x width x 3 8-bit sRGB pixels of such a file."""
        with Image.open(io.BytesIO(data), formats=[self.kind]) as image:
            return np.array(image.convert("RGB"))


def use_one_thread() -> None:
    """Let this process decode on one thread too; pictures are what is done in parallel."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    JpegXLImagePlugin.DECODE_THREADS = 0  # 0: none beside the caller's


def _qualities(first: int, last: int) -> list[Setting]:
    return [Setting(quality) for quality in range(first, last + 1)]


def _quarters(low: Setting, high: Setting) -> list[Setting]:
    step = (high.quality - low.quality) / 4
    return [Setting(low.quality + step * part) for part in (1, 2, 3)]


def _named(options: dict[str, Any]) -> str:
    """Pillow's arguments as the words of a description: exactly those that the encoder is given, in their order."""
    words = []
    for name, value in options.items():
        if isinstance(value, dict):
            words.append(_named(value))
        else:
            words.append(f"{name}={value}" if isinstance(value, str) else f"{name}={value:g}")
    return " ".join(words)


def _but(options: dict[str, Any], *names: str) -> dict[str, Any]:
    """The arguments but those that a description tells in other words."""
    return {name: value for name, value in options.items() if name not in names}


def _pillow(library: str, version: str | None) -> str:
    return f"{library}/{version} Pillow/{PIL.__version__}"


# JPEG. libjpeg's quality is a percentage by which Annex K's tables of ITU-T T.81 are scaled; this is the same rule for
# fractions of a quality too, so that every rate is reached more closely.


@cache
def _annex_k() -> tuple[tuple[int, ...], ...]:
    """The luminance and chrominance tables as libjpeg has them: those of quality 50 are scaled by 100%."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=50)
    with Image.open(file) as image:
        return tuple(tuple(table) for table in image.quantization.values())  # type: ignore[attr-defined]


def jpeg_tables(quality: float) -> list[list[int]]:
    """Quantisation tables of a quality from 1 to 100, by libjpeg's rule (jpeg_quality_scaling, baseline range)."""
    scale = int(5000 / quality if quality < 50 else 200 - 2 * quality)
    return [[min(255, max(1, (step * scale + 50) // 100)) for step in table] for table in _annex_k()]


def _jpeg_options(setting: Setting) -> dict[str, Any]:
    return {
        "qtables": jpeg_tables(setting.quality),
        "subsampling": "4:2:0",
        "progressive": True,
        "optimize": True,
    }


def _jpeg_description(setting: Setting) -> str:
    library = _pillow("libjpeg-turbo", features.version_feature("libjpeg_turbo"))
    others = _named(_but(_jpeg_options(setting), "qtables"))
    return f"{library} quality={setting.quality:g} tables=annex-k {others}"


# WebP. libwebp takes fractions of a quality.


def _webp_options(setting: Setting) -> dict[str, Any]:
    return {"quality": setting.quality, "method": 6}


def _webp_description(setting: Setting) -> str:
    return f"{_pillow('libwebp', features.version_module('webp'))} {_named(_webp_options(setting))}"


# AVIF. libavif maps qualities onto 64 quantisers, whose files lie up to 16% apart; between two of them the strength of
# aom's variance-adaptive quantisation (100 is its default) makes the difference. These are the lowest qualities of each
# quantiser with tune iq; quality 100 is lossless and no part of it.
AVIF_QUALITIES = """
    0 3 6 8 10 12 14 16 18 20 22 24 26 28 30 32 34 35 37 39 40 42 44 45 47 49 50 52 54 55 56 58
    59 60 62 63 64 66 67 68 70 71 72 74 75 76 78 79 80 82 83 84 86 87 88 90 91 92 94 95 96 98 99
"""


def _avif_marks() -> list[Setting]:
    return [Setting(int(quality)) for quality in AVIF_QUALITIES.split()]


def _avif_between(low: Setting, high: Setting) -> Sequence[Setting]:
    return [Setting(setting.quality, strength) for setting in (low, high) for strength in (80, 90, 110, 120)]


def _avif_options(setting: Setting) -> dict[str, Any]:
    return {
        "quality": int(setting.quality),
        "codec": "aom",
        "speed": 6,
        "subsampling": "4:2:0",
        "range": "full",
        "max_threads": 1,
        "autotiling": False,
        "advanced": {"tune": "iq", "deltaq-strength": str(setting.strength)},
    }


def _avif_description(setting: Setting) -> str:
    versions = f"aom/{AvifImagePlugin.get_codec_version('aom')} dav1d/{AvifImagePlugin.get_codec_version('dav1d')}"
    settings = _named(_but(_avif_options(setting), "codec"))
    return f"{_pillow('libavif', features.version_module('avif'))} {versions} {settings}"


# JPEG XL. The plugin's quality is a distance by libjxl's own rule, and may be a fraction.


def jxl_distance(quality: float) -> float:
    """Butteraugli distance of a quality below 100 (JxlEncoderDistanceFromQuality of libjxl)."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


@cache
def _libjxl_version() -> str:
    """The version of the libjxl that was built into the plugin, from the list of parts that its wheel carries."""
    parts = metadata.distribution("pillow-jxl-plugin").read_text("sboms/pillow-jxl-plugin.cyclonedx.json")
    components = json.loads(parts)["components"] if parts else []
    versions = [part["version"] for part in components if part["name"] == "jpegxl-src"]
    return str(versions[0]) if versions else "unknown"


def _jxl_options(setting: Setting) -> dict[str, Any]:
    return {"quality": setting.quality, "effort": 7, "num_threads": 0}


def _jxl_description(setting: Setting) -> str:
    plugin = metadata.version("pillow-jxl-plugin")
    dial = f"quality={setting.quality:g} distance={jxl_distance(setting.quality):.4f}"
    others = _named(_but(_jxl_options(setting), "quality"))
    return f"{_pillow('libjxl', _libjxl_version())} pillow-jxl-plugin/{plugin} {dial} {others}"


CODECS = {
    codec.name: codec
    for codec in (
        Codec("jpeg", "JPEG", Dial(_qualities(1, 100), _quarters), _jpeg_options, _jpeg_description),
        Codec("webp", "WEBP", Dial(_qualities(0, 100), _quarters), _webp_options, _webp_description),
        Codec("avif", "AVIF", Dial(_avif_marks(), _avif_between), _avif_options, _avif_description),
        Codec("jxl", "JXL", Dial(_qualities(0, 99), _quarters), _jxl_options, _jxl_description),
    )
}
