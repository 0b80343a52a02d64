"""Whatever colours a picture's numbers mean, as 8-bit sRGB; or a refusal where the file does not say what they mean.

Embedded profiles are converted with relative colorimetric intent and black-point compensation: colours that sRGB can
show stay what they are, and shadows are not crushed. (Perceptual intent would move every colour by a rule that each
profile's maker chose.) A profile that is sRGB under another name changes nothing, not even by rounding.
"""

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from codec.errors import Refusal

INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOOPTIMIZE  # not by a coarse table: darks suffer
SRGB_GAMMA = 1 / 2.2
SRGB_CHROMATICITIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # white, red, green, blue; IEC 61966-2-1
SRGB_CODE_POINTS = (1, 13)  # ITU-T H.273: BT.709 primaries, sRGB transfer
SRGB_LIKE_TRANSFERS = (1, 2, 6, 13)  # BT.709, unspecified, BT.601, sRGB: browsers show all of them as sRGB
REMEDY = "save it as 8-bit sRGB first"


def to_srgb(image: Image.Image, path: Path) -> Image.Image:
    """Convert a decoded picture of mode 1, L, P, RGB or CMYK to mode RGB in sRGB.

    Raises Refusal where its colours are not defined, or its profile does not fit.
    """
    profile = image.info.get("icc_profile")
    if image.mode == "CMYK" and not profile:
        raise Refusal(f"{path} is CMYK without a colour profile, so its colours are not defined; {REMEDY}.")
    if image.mode in ("1", "P"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return _by_profile(image, profile, path) if profile else image.convert("RGB")


def refuse_unprofiled_colour(image: Image.Image, path: Path) -> None:
    """Refuse a file that states colours other than sRGB by other means than a profile, which Pillow does not apply.

    These are PNG's gamma and chromaticities; code points for wide-gamut and high dynamic range pictures (cICP in PNG,
    nclx in AVIF); and the EXIF marks of cameras that write Adobe RGB. A profile overrides all of them but cICP.
    """
    states = _png_code_points(path) if image.format == "PNG" else None
    if states is None and not image.info.get("icc_profile"):
        states = (
            _png_gamma(image) or _exif_adobe(image) or (_avif_code_points(path) if image.format == "AVIF" else None)
        )
    if states:
        raise Refusal(f"{path} states colours other than sRGB ({states}) that would be lost here; {REMEDY}.")


def _by_profile(image: Image.Image, profile: bytes, path: Path) -> Image.Image:
    """Convert by the embedded profile; a grey picture with an RGB profile is grey in that RGB space."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() == "RGB":
            image = image.convert("RGB") if image.mode == "L" else image
            if image.mode == "RGB" and _is_srgb(source):
                return image
        converted = _transform(source, image.mode).apply(image)
    except (ImageCms.PyCMSError, OSError, ValueError) as failure:
        reason = str(failure).strip(".") or "it cannot be read"
        raise Refusal(f"{path} has a colour profile that does not fit its pixels ({reason}); {REMEDY}.") from None
    return converted


def _transform(source: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return ImageCms.ImageCmsTransform(source, target, mode, "RGB", INTENT, flags=FLAGS)


def _is_srgb(source: ImageCms.ImageCmsProfile) -> bool:
    """Whether the profile moves no colour of a 17 x 17 x 17 grid by more than one 8-bit level."""
    levels = np.linspace(0, 255, 17).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(17, 289, 3)
    moved = np.asarray(_transform(source, "RGB").apply(Image.fromarray(grid)))
    return int(np.abs(moved.astype(int) - grid).max()) <= 1


def _png_gamma(image: Image.Image) -> str | None:
    """A gAMA or cHRM chunk that is not sRGB's, where no sRGB chunk overrides it (PNG, third edition, 11.3.2)."""
    if image.format != "PNG" or "srgb" in image.info:
        return None
    gamma = image.info.get("gamma", SRGB_GAMMA)
    if abs(gamma - SRGB_GAMMA) > 0.005:
        return f"a gamma of {gamma:.4g}"
    stated = image.info.get("chromaticity", SRGB_CHROMATICITIES)
    off = max(abs(a - b) for a, b in zip(stated, SRGB_CHROMATICITIES, strict=True))
    return "its chromaticities" if off > 0.005 else None


def _png_code_points(path: Path) -> str | None:
    """A cICP chunk that is not sRGB's; it stands before the pixels and overrides every other colour chunk."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"cICP":
                primaries, transfer = file.read(2)
                return None if (primaries, transfer) == SRGB_CODE_POINTS else f"code points {primaries}, {transfer}"
            if kind == b"IDAT":
                return None
            file.seek(length + 4, 1)
    return None


def _avif_code_points(path: Path) -> str | None:
    """An nclx colour box whose primaries or transfer are not sRGB-like (ISO/IEC 14496-12; code points: H.273)."""
    with path.open("rb") as file:
        head = file.read(65536)
    position = head.find(b"colrnclx")
    if position < 0 or position + 12 > len(head):
        return None
    primaries, transfer = struct.unpack_from(">HH", head, position + 8)
    srgb_like = primaries in (1, 2) and transfer in SRGB_LIKE_TRANSFERS
    return None if srgb_like else f"code points {primaries}, {transfer}"


def _exif_adobe(image: Image.Image) -> str | None:
    """Adobe RGB as cameras mark it without a profile: EXIF ColorSpace 2, or interoperability index R03 (DCF 2.0)."""
    exif = image.getexif()
    marked = exif.get_ifd(0x8769).get(0xA001) == 2 or exif.get_ifd(0xA005).get(1) == "R03"
    return "Adobe RGB in its EXIF" if marked else None
