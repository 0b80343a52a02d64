"""The size in a JPEG XL header is the size that the encoder was given."""

import io
import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from codec.jxl_header import CODESTREAM, CONTAINER, jxl_header
from codec.pixels import read_pixels

assert read_pixels  # importing it teaches Pillow JPEG XL


def jxl_size(data: bytes) -> tuple[int, int] | None:
    header = jxl_header(data)
    return header and (header.width, header.height)


def encoded(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "JXL", effort=1)
    return file.getvalue()


@given(st.integers(1, 700), st.integers(1, 700))
@settings(max_examples=60, deadline=None)
def test_any_size(width: int, height: int) -> None:
    assert jxl_size(encoded(width, height)) == (width, height)


def test_every_ratio_and_every_length_of_a_side() -> None:
    sizes = [(64, 64), (120, 100), (400, 300), (300, 200), (1600, 900), (500, 400), (200, 100), (8, 256), (9000, 3)]
    for width, height in sizes:
        assert jxl_size(encoded(width, height)) == (width, height)


def test_the_largest_size_that_a_header_can_state() -> None:
    bits = 0 | 0b11 << 1 | (2**30 - 1) << 3 | 1 << 33  # not small, 30 bits of height, ratio 1:1
    assert jxl_size(CODESTREAM + bits.to_bytes(9, "little")) == (2**30, 2**30)


def test_a_container_is_looked_into() -> None:
    stream = encoded(77, 55)
    boxes = struct.pack(">I4s", 20, b"ftyp") + b"jxl \0\0\0\0jxl "
    whole = struct.pack(">I4s", len(stream) + 8, b"jxlc") + stream
    part = struct.pack(">I4sI", len(stream) + 12, b"jxlp", 0) + stream
    for box in (whole, part):
        assert jxl_size(CONTAINER + boxes + box) == (77, 55)
    assert jxl_size(CONTAINER + boxes) is None


def test_a_codestream_in_parts_behind_a_large_box_is_put_together() -> None:
    stream = encoded(300, 201)
    exif = struct.pack(">I4s", 100_008, b"Exif") + bytes(100_000)
    parts = b"".join(struct.pack(">I4sII", 17, b"jxlp", n, 0)[:12] + stream[n : n + 5] for n in range(0, 60, 5))
    assert jxl_size(CONTAINER + exif + parts) == (300, 201)
    large = struct.pack(">I4sQ", 1, b"jxlc", len(stream) + 16) + stream
    rest = struct.pack(">I4s", 0, b"jxlc") + stream
    assert jxl_size(CONTAINER + exif + large) == jxl_size(CONTAINER + rest) == (300, 201)


@given(st.binary(max_size=60))
def test_anything_else_has_no_size_and_does_no_harm(data: bytes) -> None:
    assert data.startswith(CODESTREAM) or jxl_size(data) is None
    jxl_size(CONTAINER + data)
    jxl_size(CODESTREAM + data)
