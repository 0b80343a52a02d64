"""Every kind of picture file is read to known pixels, or refused in one sentence that names it."""

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from codec import pixels
from codec.errors import Refusal
from codec.pixels import pixels_sha256, read_pixels

Array = NDArray[np.uint8]
LOSSLESS = {"PNG": {}, "BMP": {}, "PPM": {}, "TIFF": {}, "WEBP": {"lossless": True}, "JXL": {"lossless": True}}


def saved(path: Path, image: Image.Image, kind: str, **options: object) -> Path:
    image.save(path, kind, **options)
    return path


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_plain_picture_keeps_its_pixels(kind: str, tmp_path: Path, photo: Callable[..., Array]) -> None:
    original = photo(37, 21)
    path = saved(tmp_path / "p", Image.fromarray(original), kind, **LOSSLESS[kind])
    assert np.array_equal(read_pixels(path), original)


def test_the_identity_is_that_of_the_contract(photo: Callable[..., Array]) -> None:
    original = photo(8, 5)
    expected = hashlib.sha256(b"8x5:" + bytes(original.flatten().tolist())).hexdigest()
    assert pixels_sha256(original) == expected
    assert pixels_sha256(original.reshape(8, 5, 3)) != expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JXL", "JPEG"])
def test_pictures_come_upright(kind: str, orientation: int, tmp_path: Path) -> None:
    # Each quarter has its own grey; the EXIF standard's table says which corner of the file is the visual upper left.
    upright = np.kron(np.array([[40, 90], [160, 230]], np.uint8), np.ones((16, 24), np.uint8))
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    if kind == "JXL":  # its own orientation has been applied by the decoder; EXIF's must then be ignored
        stored = upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "p"
    Image.fromarray(np.ascontiguousarray(stored)).convert("RGB").save(
        path, kind, exif=exif.tobytes(), **LOSSLESS.get(kind, {})
    )
    read = read_pixels(path)
    assert read.shape == (32, 48, 3)
    assert np.abs(read.astype(int) - upright[..., None]).max() <= (4 if kind == "JPEG" else 0)


def test_grey_and_palette_become_rgb(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    read = read_pixels(saved(tmp_path / "grey", Image.fromarray(grey), "PNG"))
    assert np.array_equal(read, np.repeat(grey[..., None], 3, axis=2))

    palette = Image.fromarray(grey % 3, "L").convert("P")
    palette.putpalette([250, 10, 20, 30, 240, 50, 60, 70, 230])
    colours = np.array([[250, 10, 20], [30, 240, 50], [60, 70, 230]], np.uint8)
    assert np.array_equal(read_pixels(saved(tmp_path / "palette", palette, "PNG")), colours[grey % 3])
    assert np.array_equal(read_pixels(saved(tmp_path / "gif", palette, "GIF")), colours[grey % 3])

    bits = Image.fromarray(grey > 100)
    assert np.array_equal(read_pixels(saved(tmp_path / "bits", bits, "PNG"))[..., 1], (grey > 100) * np.uint8(255))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_deep_grey_is_scaled_and_rounded(kind: str, tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 1024).astype(np.uint16).reshape(32, 32)
    image = Image.fromarray(deep.astype(np.int32), "I") if kind == "PPM" else Image.fromarray(deep)
    read = read_pixels(saved(tmp_path / "p", image, kind))
    assert np.array_equal(read[..., 0], np.rint(deep / 257).astype(np.uint8))
    assert np.array_equal(read[..., 0], read[..., 2])


def test_deep_colour_of_a_ppm_is_scaled_and_rounded(tmp_path: Path) -> None:
    deep = np.linspace(0, 1023, 300).astype(np.uint16).reshape(10, 10, 3)
    (tmp_path / "p.ppm").write_bytes(b"P6 10 10 1023\n" + deep.astype(">u2").tobytes())
    assert np.array_equal(read_pixels(tmp_path / "p.ppm"), np.rint(deep / 1023 * 255).astype(np.uint8))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_deep_colour_is_refused(channels: int, tmp_path: Path, raw_png: Callable[..., bytes]) -> None:
    samples = np.full((4, 4, channels), 65535, np.uint16)
    (tmp_path / "deep.png").write_bytes(raw_png(samples))
    with pytest.raises(Refusal, match=r"deep.png has samples of over 8 bits .*; save it as 8-bit RGB"):
        read_pixels(tmp_path / "deep.png")


def test_deep_grey_that_means_something_else_is_refused(tmp_path: Path) -> None:
    deep = Image.fromarray(np.full((4, 4), 1000, np.uint16))
    with pytest.raises(Refusal, match="over 8 bits"):  # the plugin marks deep samples as linear light, in a profile
        read_pixels(saved(tmp_path / "linear.jxl", deep, "JXL", lossless=True))
    with pytest.raises(Refusal, match="over 8 bits"):
        read_pixels(saved(tmp_path / "inverted.tif", deep, "TIFF", tiffinfo={262: 0}))
    with pytest.raises(Refusal, match=r"mode F|over 8 bits"):
        read_pixels(saved(tmp_path / "float.tif", Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"))
    with pytest.raises(Refusal, match="over 8 bits"):
        read_pixels(saved(tmp_path / "signed.tif", Image.fromarray(np.full((4, 4), 70000, np.int32)), "TIFF"))


def test_alpha_is_dropped_where_it_hides_nothing(tmp_path: Path, photo: Callable[..., Array]) -> None:
    original = photo(16, 16)
    image = Image.fromarray(original)
    image.putalpha(255)
    assert np.array_equal(read_pixels(saved(tmp_path / "opaque.png", image, "PNG")), original)
    image.putpixel((3, 4), (*image.getpixel((3, 4))[:3], 254))
    with pytest.raises(Refusal, match=r"pale.png is transparent in places.*; save it without transparency"):
        read_pixels(saved(tmp_path / "pale.png", image, "PNG"))


def test_a_transparent_colour_counts_only_where_it_occurs(tmp_path: Path) -> None:
    grey = Image.fromarray(np.full((4, 4), 7, np.uint8))
    assert (read_pixels(saved(tmp_path / "other.png", grey, "PNG", transparency=9)) == 7).all()
    with pytest.raises(Refusal, match="transparent"):
        read_pixels(saved(tmp_path / "same.png", grey, "PNG", transparency=7))
    palette = grey.convert("P")
    with pytest.raises(Refusal, match="transparent"):
        read_pixels(saved(tmp_path / "palette.gif", palette, "GIF", transparency=7))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_animations_and_pages_are_refused(kind: str, tmp_path: Path, photo: Callable[..., Array]) -> None:
    frames = [Image.fromarray(photo(16, 16, seed=seed)) for seed in range(3)]
    path = saved(tmp_path / "moving", frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(Refusal, match=r"moving holds 3 frames or pages"):
        read_pixels(path)


def test_of_a_multi_picture_jpeg_the_first_picture_counts(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (16, 16), (level,) * 3) for level in (200, 20))
    path = saved(tmp_path / "p.jpg", first, "MPO", save_all=True, append_images=[second])
    assert (read_pixels(path) == 200).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM", "GIF", "AVIF", "JXL"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_file_is_refused(kind: str, share: float, tmp_path: Path, photo: Callable[..., Array]) -> None:
    whole = io.BytesIO()
    Image.fromarray(photo(64, 64)).save(whole, kind)
    path = tmp_path / "cut.img"
    path.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    with pytest.raises(Refusal, match=r"cut.img (cannot be decoded|is no whole image).*take it out of the folder\.$"):
        read_pixels(path)


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\x0a\x00", b"\x89PNG\r\n\x1a\n", bytes(1000), b"P6\n9 9\n255\n"])
def test_what_is_no_image_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_bytes(data)
    with pytest.raises(Refusal, match=r"^[^\n]*notes\.png[^\n]*\.$"):
        read_pixels(tmp_path / "notes.png")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"gone.png cannot be decoded \(.*No such file"):
        read_pixels(tmp_path / "gone.png")


@pytest.mark.parametrize(("width", "height"), [(9000, 9000), (30000, 30000)])
def test_decompression_bombs_are_refused_unopened(
    width: int, height: int, tmp_path: Path, raw_png: Callable[..., bytes]
) -> None:
    small = raw_png(np.zeros((1, 1, 3), np.uint8))
    bomb = small[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + small[24:]
    crc = __import__("zlib").crc32(bomb[12:29]).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(bomb[:29] + crc + bomb[33:])
    with pytest.raises(Refusal, match=r"bomb.png has more than 80 million pixels"):
        read_pixels(tmp_path / "bomb.png")


def test_a_jpeg_xl_bomb_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "bomb.jxl", Image.new("RGB", (300, 200)), "JXL")
    monkeypatch.setattr(pixels, "MAX_PIXELS", 59_999)
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(Refusal, match=re.escape("bomb.jxl has more than 0 million pixels")):
        read_pixels(path)
