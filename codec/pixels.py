"""A picture file in, upright 8-bit sRGB pixels out, or a refusal: never pixels that are silently wrong.

Pillow reads many files in ways that lose something without a word (16-bit samples are cut or clipped, transparency is
dropped, all frames but the first are skipped), so every such case is named here and either done right or refused.
"""

import hashlib
import warnings
from pathlib import Path

import numpy as np
import pillow_jxl  # noqa: F401  importing it teaches Pillow JPEG XL
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from codec.avif_header import avif_depth
from codec.colour import refuse_unprofiled_colour, to_srgb
from codec.errors import Refusal
from codec.jpeg_scans import is_incomplete
from codec.jxl_header import is_jxl, jxl_header

Pixels = NDArray[np.uint8]  # height x width x 3, sRGB

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM", "GIF", "AVIF", "JXL")
READABLE = "PNG, JPEG, WebP, TIFF, BMP, PPM, GIF, AVIF, JPEG XL"
MODES = ("1", "L", "P", "RGB", "CMYK")
MAX_PIXELS = 80_000_000  # below the 89 million at which Pillow itself warns of a decompression bomb


def read_pixels(path: Path) -> Pixels:
    """Decode a picture to height x width x 3 upright 8-bit sRGB.

    EXIF orientation is applied; colour profiles are converted (codec.colour says how); grey and palette pictures become
    RGB; 16-bit grey without a profile is scaled to 8 bits with rounding; an alpha channel is dropped where it is opaque
    everywhere. Of a camera's multi-picture JPEG (MPO) the first picture counts, as in every viewer.

    Raises Refusal for what is no picture, animated, transparent, over 8 bits deep in colour, or too large; for a file
    that its decoder cannot read, and for a JPEG that was cut short and closed again (codec.jpeg_scans). Flipped bits
    that a format has no checksum against (all here but PNG) may go unnoticed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata: what matters of it is checked here
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return np.array(_decode(path))
        except Refusal:
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise _too_large(path) from None
        except UnidentifiedImageError:
            what = f"is no whole image of a kind that is read here ({READABLE})"
            raise Refusal(f"{path} {what}; replace it, or take it out of the folder.") from None
        except Exception as failure:  # noqa: BLE001  a broken file trips Pillow's plugins in many ways
            what = f"cannot be decoded ({_reason(failure)})"
            raise Refusal(f"{path} {what}; get a whole copy, or take it out of the folder.") from None


def pixels_sha256(pixels: Pixels) -> str:
    """SHA-256 of `WIDTHxHEIGHT:` and the RGB bytes: a picture's identity, whatever its file is called."""
    height, width, _ = pixels.shape
    return hashlib.sha256(f"{width}x{height}:".encode() + pixels.tobytes()).hexdigest()


def _reason(failure: Exception) -> str:
    """What a library says, where that is short; its kind of failure otherwise."""
    text = " ".join(str(getattr(failure, "strerror", None) or failure).split()).strip(".")
    return text if 0 < len(text) < 80 else type(failure).__name__


def _decode(path: Path) -> Image.Image:
    """Open, check what Pillow would pass over, decode, and bring upright to sRGB. Raises whatever Pillow raises."""
    _refuse_jxl_unopened(path)
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":
            raise Refusal(f"{path} holds {frames} frames or pages; save the one that is meant as a picture of its own.")
        _refuse_depth(image, path)
        refuse_unprofiled_colour(image, path)
        deep_grey = image.mode.startswith("I")
        image.load()
        if image.format in ("JPEG", "MPO") and is_incomplete(path.read_bytes(), image):
            raise Refusal(f"{path} ends before its picture does; get a whole copy, or take it out of the folder.")
        upright = image if image.format == "JXL" else ImageOps.exif_transpose(image)  # libjxl has turned it already
        flat = _eight_bit(upright) if deep_grey else _without_alpha(upright, path)
    if flat.mode not in MODES:
        raise Refusal(f"{path} has pixels of a kind not read here (mode {flat.mode}); save it as 8-bit RGB first.")
    return to_srgb(flat, path)


def _too_large(path: Path) -> Refusal:
    return Refusal(f"{path} has more than {MAX_PIXELS // 1_000_000} million pixels; cut it or make it smaller first.")


def _too_deep(path: Path) -> Refusal:
    return Refusal(f"{path} has samples of over 8 bits that cannot be kept exactly; save it as 8-bit RGB first.")


def _refuse_jxl_unopened(path: Path) -> None:
    """A JPEG XL is decoded while it is opened, and to 8 bits, so its header is looked at before."""
    with path.open("rb") as file:
        head = file.read(12)
        header = jxl_header(head + file.read()) if is_jxl(head) else None
    if header is None:
        return
    if header.width * header.height > MAX_PIXELS:
        raise _too_large(path)
    if header.animated:
        raise Refusal(f"{path} is an animation; save the frame that is meant as a picture of its own.")
    if header.floating or header.bits > 8:
        raise _too_deep(path)


def _refuse_depth(image: Image.Image, path: Path) -> None:
    """Refuse what Pillow would cut to 8 bits: deep colour or alpha, and single channels but plain 16-bit grey."""
    tiles = getattr(image, "tile", [])
    raw = str(tiles[0].args) if tiles else ""
    exact = ";16" not in raw or "BGR;16" in raw  # the latter packs a whole colour into 16 bits
    if image.mode.startswith("I"):
        exact = not {"transparency", "icc_profile"} & set(image.info) and _is_plain_deep_grey(image)
    if not exact or (image.format == "AVIF" and avif_depth(path) > 8):
        raise _too_deep(path)


def _is_plain_deep_grey(image: Image.Image) -> bool:
    """Whether the samples run from black at 0 to white at 65535."""
    if image.format == "PPM":
        return True  # Pillow scales a PGM's samples to that range
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        if tuple(tags.get(258, ())) != (16,) or tags.get(262) != 1:  # BitsPerSample; black is zero
            return False
    return image.mode.startswith("I;16")


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey to 8 bits: v / 257, rounded. (Pillow's own conversion clips at 255.)"""
    scaled = (np.asarray(image).astype(np.uint32) + 128) // 257
    grey = Image.fromarray(scaled.astype(np.uint8))
    grey.info = dict(image.info)
    return grey


def _without_alpha(image: Image.Image, path: Path) -> Image.Image:
    """Drop an alpha channel, or a transparent colour, that hides nothing."""
    if not image.has_transparency_data:
        return image
    if np.asarray(image.convert("RGBA").getchannel("A")).min() < 255:
        what = "is transparent in places, and what lies behind it is not defined"
        raise Refusal(f"{path} {what}; save it without transparency.")
    return image.convert("L" if image.mode in ("L", "LA") else "RGB")
