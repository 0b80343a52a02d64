"""Pictures, PNG chunks and colour profiles made by code, so that every expected pixel is known."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.uint8]


@pytest.fixture
def photo() -> Callable[..., Array]:
    """A picture with the statistics of a photograph: noise at all scales, smooth chroma."""

    def make(width: int = 128, height: int = 128, seed: int = 0, contrast: float = 90) -> Array:
        noise = np.random.default_rng(seed)
        rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
        falloff = 1 / np.maximum(np.hypot(rows, columns), 1 / max(width, height))
        planes = []
        for steep in (1.0, 1.6, 1.6):
            plane = np.fft.ifft2(np.fft.fft2(noise.normal(size=(height, width))) * falloff**steep).real
            planes.append((plane - plane.mean()) / plane.std())
        luma, first, second = planes
        rgb = np.stack([luma + 0.3 * first, luma, luma + 0.3 * second], axis=-1) * contrast / 2 + 128
        return rgb.clip(0, 255).astype(np.uint8)

    return make


@pytest.fixture
def folder_of(tmp_path: Path, photo: Callable[..., Array]) -> Callable[..., Path]:
    """A folder of such pictures, as PNG files with the names given."""

    def make(*names: str, width: int = 128, height: int = 112, below: str = "sources") -> Path:
        for index, name in enumerate(names):
            path = tmp_path / below / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo(width, height, seed=index)).save(path)
        return tmp_path / below

    return make


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.fixture
def raw_png() -> Callable[..., bytes]:
    """A PNG from samples as they stand: height x width x channels of uint8 or uint16, with chunks before the pixels."""

    def make(samples: NDArray[np.generic], chunks: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
        height, width, channels = samples.shape
        depth = samples.dtype.itemsize * 8
        colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
        rows = b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in samples)
        header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
        before = b"".join(_chunk(kind, data) for kind, data in chunks)
        body = _chunk(b"IHDR", header) + before + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + body

    return make


def _fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def _profile(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2.4 (ICC.1:2001-04): header, tag table, tags."""
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78), **tags}
    tags = {b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": b"XYZ " + bytes(4) + _fixed(0.9642, 1, 0.8249), **tags}
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += padded
    date = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"test", 0x02400000, kind, space, pcs) + date + b"acsp"
    return (header.ljust(68, b"\0") + _fixed(0.9642, 1, 0.8249)).ljust(128, b"\0") + table + body


@pytest.fixture
def rgb_profile() -> Callable[..., bytes]:
    """A display profile: columns of the matrix from linear RGB to XYZ (D50), and a gamma."""

    def make(matrix: NDArray[np.float64], gamma: float) -> bytes:
        curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
        tags = {
            name: b"XYZ " + bytes(4) + _fixed(*column)
            for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), matrix.T, strict=True)
        }
        return _profile(b"mntr", b"RGB ", b"XYZ ", {**tags, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})

    return make


@pytest.fixture
def grey_profile() -> Callable[[float], bytes]:
    def make(gamma: float) -> bytes:
        return _profile(
            b"mntr", b"GRAY", b"XYZ ", {b"kTRC": b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))}
        )

    return make


@pytest.fixture
def cmyk_profile() -> bytes:
    """A printer profile in which any ink darkens: each of C, M, Y alone is the neutral L* = 50, more ink is black."""
    ramp = bytes(range(256))
    corners = b"".join(
        bytes([{0: 255, 1: 128}.get(bin(inks).count("1"), 0) if not inks & 1 else 0, 128, 128]) for inks in range(16)
    )
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + ramp * 4 + corners + ramp * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table, b"A2B1": table})
