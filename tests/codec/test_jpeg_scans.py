"""A JPEG that was cut short and closed again is refused, wherever it was cut; no whole one is."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from codec.errors import Refusal
from codec.jpeg_scans import EOI, is_incomplete, read_scans
from codec.pixels import read_pixels

Array = NDArray[np.uint8]
CLOSE = bytes((0xFF, EOI))
KINDS: list[dict[str, Any]] = [
    {"progressive": progressive, "restart_marker_blocks": restarts, "subsampling": subsampling, "quality": quality}
    for progressive in (False, True)
    for restarts in (0, 1, 9)
    for subsampling, quality in (("4:2:0", 5), ("4:2:0", 60), ("4:4:4", 95))
]


@pytest.fixture
def encoded(photo: Callable[..., Array]) -> Callable[..., bytes]:
    @cache
    def encode(kind: int, *, grey: bool = False) -> bytes:
        file = io.BytesIO()
        image = Image.fromarray(photo(83, 61))
        (image.convert("L") if grey else image).save(file, "JPEG", **KINDS[kind])
        return file.getvalue()

    return encode


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_a_whole_jpeg_is_whole(kind: int, grey: bool, encoded: Callable[..., bytes]) -> None:
    data = encoded(kind, grey=grey)
    assert not is_incomplete(data, decoded(data))
    padded = data.replace(CLOSE, b"\xff" + CLOSE) + b"anything"  # T.81, B.1.1.2: markers may be preceded by 255s
    assert not is_incomplete(padded, decoded(padded))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_whole_cmyk_jpeg_is_whole(progressive: bool, photo: Callable[..., Array]) -> None:
    file = io.BytesIO()
    Image.fromarray(photo(50, 40)).convert("CMYK").save(file, "JPEG", progressive=progressive)
    assert not is_incomplete(file.getvalue(), decoded(file.getvalue()))
    cut = file.getvalue()[:-40] + CLOSE
    assert is_incomplete(cut, decoded(cut))


@pytest.mark.parametrize("kind", range(len(KINDS)))
@settings(max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_that_changes_the_picture_is_seen(kind: int, share: float, encoded: Callable[..., bytes]) -> None:
    data = encoded(kind)
    start = read_scans(data).ends[0][0] - 1 if len(read_scans(data).ends[0]) > 1 else data.index(b"\xff\xda") + 16
    place = int(start + share * (len(data) - 2 - start))
    cut = data[:place].rstrip(b"\xff") + CLOSE
    try:
        image = decoded(cut)
    except OSError:
        return  # cut within a header: Pillow says so itself
    assert is_incomplete(cut, image) or np.array_equal(np.asarray(image), np.asarray(decoded(data)))


def test_a_progressive_jpeg_without_its_last_scan_is_seen(encoded: Callable[..., bytes]) -> None:
    data = encoded(10)
    for end in read_scans(data).ends[:-1]:
        cut = data[: end[-1]] + CLOSE
        assert is_incomplete(cut, decoded(cut))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_photograph_cut_in_half_and_closed_is_refused(
    progressive: bool, tmp_path: Path, photo: Callable[..., Array]
) -> None:
    path = tmp_path / "half.jpg"
    Image.fromarray(photo(200, 150)).save(path, progressive=progressive)
    assert read_pixels(path).shape == (150, 200, 3)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + CLOSE)
    with pytest.raises(Refusal, match=r"half\.jpg ends before its picture does; get a whole copy, or take it out"):
        read_pixels(path)
