"""The classical codecs write real, clean, repeatable files, and say how."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from codec.baselines import CODECS, Setting, jpeg_tables, jxl_distance
from codec.metrics import psnr
from codec.pixels import read_pixels

Array = NDArray[np.uint8]
HOUSE = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_more_bits_come_nearer(codec: str, photo: Callable[..., Array]) -> None:
    original = photo(96, 80)
    marks = CODECS[codec].dial.marks
    files = [CODECS[codec].encode(original, marks[int(share * (len(marks) - 1))]) for share in (0.1, 0.5, 0.9)]
    quality = [psnr(original, CODECS[codec].decode(file)) for file in files]
    assert sorted(map(len, files)) == [len(file) for file in files]
    assert sorted(quality) == quality
    assert quality[-1] > 33


def test_every_setting_of_the_dial_works(codec: str, photo: Callable[..., Array]) -> None:
    original, dial = photo(32, 32), CODECS[codec].dial
    tried = [*dial.marks, *dial.between(*dial.marks[:2]), *dial.between(*dial.marks[-2:])]
    assert len(set(tried)) == len(tried)
    assert len({CODECS[codec].describe(setting) for setting in tried}) == len(tried)
    for setting in tried:
        assert CODECS[codec].decode(CODECS[codec].encode(original, setting)).shape == (32, 32, 3)


def test_settings_between_two_marks_give_sizes_between_them(codec: str, photo: Callable[..., Array]) -> None:
    original, dial = photo(320, 256), CODECS[codec].dial
    original[:, :160] //= 8  # busy and calm parts: AVIF's strength is about their difference
    place = 8
    low, high = dial.marks[place : place + 2]
    sizes = {len(CODECS[codec].encode(original, setting)) for setting in (low, *dial.between(low, high), high)}
    assert len(sizes) >= 3


@pytest.mark.parametrize(("width", "height"), [(1, 1), (17, 3), (2, 33)])
def test_odd_sizes_survive(codec: str, width: int, height: int, photo: Callable[..., Array]) -> None:
    original = photo(width, height) if min(width, height) > 1 else np.full((1, 1, 3), 99, np.uint8)
    chosen = CODECS[codec]
    assert chosen.decode(chosen.encode(original, chosen.dial.marks[50])).shape == (height, width, 3)


def test_files_carry_no_profile_and_no_metadata(codec: str, photo: Callable[..., Array]) -> None:
    data = CODECS[codec].encode(photo(), CODECS[codec].dial.marks[40])
    for mark in (b"ICC_PROFILE", b"acsp", b"Exif", b"http://ns.adobe.com", b"colrprof", b"ICCP", b"EXIF", b"XMP "):
        assert mark not in data
    with Image.open(io.BytesIO(data)) as image:
        assert not {"exif", "xmp", "comment"} & set(image.info)


def test_other_readers_see_the_same_pixels(codec: str, tmp_path: Path, photo: Callable[..., Array]) -> None:
    chosen = CODECS[codec]
    data = chosen.encode(photo(), chosen.dial.marks[45])
    (tmp_path / "file").write_bytes(data)
    assert np.array_equal(read_pixels(tmp_path / "file"), chosen.decode(data))


def test_bytes_do_not_depend_on_the_number_of_cores(codec: str, tmp_path: Path, photo: Callable[..., Array]) -> None:
    """The same file from a process that may use one core only, as from this one."""
    original, setting = photo(600, 520), CODECS[codec].dial.marks[30]
    np.save(tmp_path / "p.npy", original)
    script = f"""
import os, sys, numpy
os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
from codec.baselines import CODECS, Setting
pixels = numpy.load({str(tmp_path / "p.npy")!r})
sys.stdout.buffer.write(CODECS[{codec!r}].encode(pixels, CODECS[{codec!r}].dial.marks[30]))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=HOUSE, capture_output=True, check=True)
    assert done.stdout == CODECS[codec].encode(original, setting)


def test_the_description_names_library_version_and_every_setting() -> None:
    described = {name: codec.describe(codec.dial.marks[30]) for name, codec in CODECS.items()}
    version = r"\d+\.\d+\.\d+"
    for name, library in (("jpeg", "libjpeg-turbo"), ("webp", "libwebp"), ("avif", "libavif"), ("jxl", "libjxl")):
        assert re.match(rf"{library}/{version} Pillow/{version} ", described[name])
    assert re.search(rf"aom/{version} dav1d/{version}", described["avif"])
    assert all("quality=" in text for text in described.values())
    for word in ("speed=6", "subsampling=4:2:0", "max_threads=1", "tune=iq", "deltaq-strength=100", "range=full"):
        assert word in described["avif"]
    assert "subsampling=4:2:0 progressive=1 optimize=1" in described["jpeg"]
    assert "method=6" in described["webp"]
    assert "effort=7 num_threads=0" in described["jxl"]


def test_the_encoder_is_given_what_the_description_says(
    codec: str, photo: Callable[..., Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every argument that reaches Pillow's encoder, against every word `name=value` of the description."""
    real, handed = Image.Image.save, {}

    def watched(image: Image.Image, file: io.BytesIO, kind: str, **options: Any) -> None:
        handed.update(options)
        real(image, file, kind, **options)

    chosen = CODECS[codec]
    setting = chosen.dial.between(*chosen.dial.marks[20:22])[0]
    description = chosen.describe(setting)
    monkeypatch.setattr(Image.Image, "save", watched)
    chosen.encode(photo(32, 32), setting)
    said = dict(re.findall(r"(\S+)=(\S+)", description))
    if codec == "jpeg":  # its quality is given as tables
        assert said.pop("tables") == "annex-k"
        assert handed.pop("qtables") == jpeg_tables(float(said.pop("quality")))
    if codec == "avif":
        assert f" {handed.pop('codec')}/" in description
        handed.update(handed.pop("advanced"))
    if codec == "jxl":
        assert float(said.pop("distance")) == pytest.approx(jxl_distance(setting.quality), abs=1e-4)
    texts = {name: value if isinstance(value, str) else f"{float(value):g}" for name, value in handed.items()}
    assert said == texts


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 75, 100])
def test_jpegs_whole_qualities_are_libjpegs(quality: int, photo: Callable[..., Array]) -> None:
    original = photo()
    file = io.BytesIO()
    options = {"subsampling": "4:2:0", "progressive": True, "optimize": True}
    Image.fromarray(original).save(file, "JPEG", quality=quality, **options)
    assert CODECS["jpeg"].encode(original, Setting(quality)) == file.getvalue()


@given(st.floats(1, 100), st.floats(1, 100))
def test_higher_jpeg_qualities_quantise_no_coarser(first: float, second: float) -> None:
    low, high = sorted((first, second))
    for coarse, fine in zip(jpeg_tables(low), jpeg_tables(high), strict=True):
        assert all(a >= b for a, b in zip(coarse, fine, strict=True))
        assert all(1 <= step <= 255 for step in coarse)


def test_avif_marks_are_all_of_libavifs_quantisers(photo: Callable[..., Array]) -> None:
    """Every quality gives the file of a mark, and every mark another file."""
    original = photo(40, 40)
    codec = CODECS["avif"]
    files = [codec.encode(original, Setting(quality)) for quality in range(100)]
    marks = [int(mark.quality) for mark in codec.dial.marks]
    assert len(marks) == 63
    assert {files[mark] for mark in marks} == set(files)


def test_avif_strength_100_is_the_encoders_own(photo: Callable[..., Array]) -> None:
    original = photo()
    file = io.BytesIO()
    Image.fromarray(original).save(file, "AVIF", quality=30, speed=6, max_threads=1)
    assert CODECS["avif"].encode(original, Setting(30)) == file.getvalue()


@given(st.floats(0, 99))
@settings(max_examples=30)
def test_jxl_distance_falls_with_quality(quality: float) -> None:
    assert 0 < jxl_distance(quality + 0.5) < jxl_distance(quality) <= 25


def test_jxl_distance_has_the_values_of_libjxls_documentation() -> None:
    # "90: distance 1.0, 70: 2.8"; the two branches meet at 30.
    assert jxl_distance(90) == pytest.approx(1.0)
    assert jxl_distance(70) == pytest.approx(2.8)
    assert jxl_distance(30) == pytest.approx(jxl_distance(30 - 1e-9), abs=1e-6)
