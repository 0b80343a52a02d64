"""Colours other than sRGB are converted as the ICC's arithmetic says, or refused."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from codec.errors import Refusal
from codec.pixels import read_pixels

Array = NDArray[np.uint8]
Matrix = NDArray[np.float64]

# Linear RGB to XYZ adapted to D50, from the published profiles.
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])


def srgb_from(samples: Array, matrix: Matrix, gamma: float) -> Matrix:
    """What a matrix profile's colours are in sRGB: IEC 61966-2-1 for the last step, out of gamut clipped."""
    linear = (samples / 255) ** gamma @ (np.linalg.inv(SRGB) @ matrix).T
    linear = linear.clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded * 255


def test_a_wide_gamut_profile_is_converted(tmp_path: Path, rgb_profile: Callable[..., bytes]) -> None:
    levels = np.array([32, 90, 128, 200, 255], np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(5, 25, 3)
    gamma = 563 / 256
    Image.fromarray(grid).save(tmp_path / "adobe.png", icc_profile=rgb_profile(ADOBE, gamma))
    expected = srgb_from(grid, ADOBE, gamma)
    read = read_pixels(tmp_path / "adobe.png")
    assert np.abs(read - expected).max() < 2
    assert np.abs(read - grid.astype(int)).max() > 20


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_an_srgb_profile_changes_nothing(kind: str, tmp_path: Path, photo: Callable[..., Array]) -> None:
    image = Image.fromarray(photo())
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"lossless": True} if kind == "WEBP" else {}
    image.save(tmp_path / "without", kind, **options)
    image.save(tmp_path / "with", kind, icc_profile=srgb, **options)
    assert np.array_equal(read_pixels(tmp_path / "with"), read_pixels(tmp_path / "without"))


def test_grey_with_a_profile(
    tmp_path: Path, grey_profile: Callable[..., bytes], rgb_profile: Callable[..., bytes]
) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = srgb_from(np.repeat(grey[..., None], 3, axis=2), SRGB, 1.0)
    for name, profile in (("grey", grey_profile(1.0)), ("rgb", rgb_profile(SRGB, 1.0))):
        Image.fromarray(grey).save(tmp_path / f"{name}.png", icc_profile=profile)
        assert np.abs(read_pixels(tmp_path / f"{name}.png") - expected).max() < 2, name


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_needs_its_profile(kind: str, tmp_path: Path, cmyk_profile: bytes) -> None:
    inks = np.zeros((8, 24, 4), np.uint8)
    inks[:, 8:16, 0] = 255  # cyan alone: L* = 50 in this profile, which is 118.9 in sRGB
    inks[:, 16:] = 255
    image = Image.fromarray(inks, "CMYK")
    quality = {"quality": 100} if kind == "JPEG" else {}
    image.save(tmp_path / "with", kind, icc_profile=cmyk_profile, **quality)
    read = read_pixels(tmp_path / "with").astype(int)
    for column, level in ((4, 255), (12, 119), (20, 0)):
        assert np.abs(read[4, column] - level).max() <= 2
    image.save(tmp_path / "without", kind, **quality)
    with pytest.raises(Refusal, match=r"without is CMYK without a colour profile.*; save it as 8-bit sRGB first\."):
        read_pixels(tmp_path / "without")


def test_a_profile_that_does_not_fit_is_refused(
    tmp_path: Path, photo: Callable[..., Array], cmyk_profile: bytes
) -> None:
    image = Image.fromarray(photo())
    image.save(tmp_path / "inks.png", icc_profile=cmyk_profile)
    image.save(tmp_path / "noise.png", icc_profile=b"not a profile at all")
    for name in ("inks.png", "noise.png"):
        with pytest.raises(Refusal, match=rf"{name} has a colour profile that does not fit"):
            read_pixels(tmp_path / name)


def gama(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def chrm(*values: float) -> tuple[bytes, bytes]:
    return b"cHRM", b"".join(struct.pack(">I", round(value * 100_000)) for value in values)


SRGB_CHRM = chrm(0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3_CHRM = chrm(0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)


@pytest.mark.parametrize(
    "chunks", [(gama(0.45455), SRGB_CHRM), (gama(1.0), (b"sRGB", b"\0")), ((b"cICP", b"\1\15\0\1"),)]
)
def test_png_chunks_that_mean_srgb_are_read(
    chunks: tuple[tuple[bytes, bytes], ...], tmp_path: Path, raw_png: Callable[..., bytes], photo: Callable[..., Array]
) -> None:
    original = photo(9, 7)
    (tmp_path / "p.png").write_bytes(raw_png(original, chunks))
    assert np.array_equal(read_pixels(tmp_path / "p.png"), original)


@pytest.mark.parametrize(
    ("chunks", "what"),
    [
        ((gama(1.0),), "a gamma of 1"),
        ((P3_CHRM,), "its chromaticities"),
        ((b"cICP", b"\x09\x10\0\1"), "code points 9, 16"),
        ((b"cICP", b"\x0c\x0d\0\1"), "code points 12, 13"),
    ],
    ids=["linear", "p3", "pq", "p3-code-points"],
)
def test_png_chunks_that_mean_other_colours_are_refused(
    chunks: tuple[tuple[bytes, bytes], ...], what: str, tmp_path: Path, raw_png: Callable[..., bytes]
) -> None:
    listed = (chunks,) if isinstance(chunks[0], bytes) else chunks
    (tmp_path / "p.png").write_bytes(raw_png(np.zeros((4, 4, 3), np.uint8), listed))
    with pytest.raises(Refusal, match=rf"p\.png states colours other than sRGB \({what}\)"):
        read_pixels(tmp_path / "p.png")


def test_wide_gamut_avif_without_a_profile_is_refused(tmp_path: Path, photo: Callable[..., Array]) -> None:
    path = tmp_path / "p.avif"
    Image.fromarray(photo(16, 16)).save(path, quality=90)
    read_pixels(path)
    data = path.read_bytes()
    assert data.count(b"colrnclx\x00\x01\x00\x0d") == 1
    path.write_bytes(data.replace(b"colrnclx\x00\x01\x00\x0d", b"colrnclx\x00\x09\x00\x10"))
    with pytest.raises(Refusal, match=r"code points 9, 16"):
        read_pixels(path)


@pytest.mark.parametrize("mark", ["colour space", "interoperability"])
def test_a_cameras_adobe_rgb_mark_is_refused(mark: str, tmp_path: Path, photo: Callable[..., Array]) -> None:
    exif = Image.Exif()
    if mark == "colour space":
        exif.get_ifd(0x8769)[0xA001] = 2
    else:
        exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    Image.fromarray(photo(16, 16)).save(tmp_path / "p.jpg", exif=exif)
    with pytest.raises(Refusal, match=r"p.jpg states colours other than sRGB \(Adobe RGB in its EXIF\)"):
        read_pixels(tmp_path / "p.jpg")
