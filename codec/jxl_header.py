"""What a JPEG XL file says of its picture before anything is decoded: its size, its samples, whether it moves.

The plugin that reads JPEG XL decodes as soon as a file is opened, so a few hundred bytes could ask for gigabytes; it
gives 8 bits of whatever depth in colour, and the first frame of an animation, without a word.
Source: ISO/IEC 18181-1:2024 (signature, SizeHeader, ImageMetadata, BitDepth) and 18181-2 (boxes).
"""

import struct
from dataclasses import dataclass

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}  # width to height
ENOUGH = 64  # the fields up to BitDepth take at most 42 bytes

Choice = tuple[int, int]  # of a U32 field: an offset, and the number of bits that are added to it
SIDE: tuple[Choice, ...] = ((1, 9), (1, 13), (1, 18), (1, 30))
PREVIEW_EIGHTS: tuple[Choice, ...] = ((16, 0), (32, 0), (1, 5), (33, 9))
PREVIEW_SIDE: tuple[Choice, ...] = ((1, 6), (65, 8), (321, 10), (1345, 12))
WHOLE_DEPTH: tuple[Choice, ...] = ((8, 0), (10, 0), (12, 0), (1, 6))
FLOAT_DEPTH: tuple[Choice, ...] = ((32, 0), (16, 0), (24, 0), (1, 6))


@dataclass(frozen=True)
class JxlHeader:
    """Width and height as coded; bits of a colour sample, which may be a floating-point number; whether it moves."""

    width: int
    height: int
    bits: int
    floating: bool
    animated: bool


def is_jxl(head: bytes) -> bool:
    """Whether a file that begins so is JPEG XL."""
    return head.startswith((CODESTREAM, CONTAINER))


def jxl_header(data: bytes) -> JxlHeader | None:
    """The header of a JPEG XL file, bare or in a container; None where there is none. A cut file may say anything."""
    stream = _codestream(data)
    return _header(stream) if stream.startswith(CODESTREAM) else None


def _codestream(data: bytes) -> bytes:
    """The first bytes of the codestream, bare or put together from its boxes."""
    if data.startswith(CODESTREAM):
        return data[:ENOUGH]
    stream, position = b"", len(CONTAINER)
    while data.startswith(CONTAINER) and position + 8 <= len(data) and len(stream) < ENOUGH:
        length, kind = struct.unpack_from(">I4s", data, position)
        start = position + 8
        if length == 1:  # its length follows, in 64 bits
            length = int.from_bytes(data[start : start + 8], "big")
            start += 8
        end = position + length if length else len(data)  # 0: the box fills the rest of the file
        if end < start:
            break
        if kind in (b"jxlc", b"jxlp"):
            start += 4 if kind == b"jxlp" else 0  # a part is preceded by its number
            stream += data[start : min(end, start + ENOUGH)]
        position = end
    return stream


class _Bits:
    """Fields of a codestream, read from the least significant bit on; zeros follow its end."""

    def __init__(self, data: bytes) -> None:
        self.left = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self.left & ((1 << count) - 1)
        self.left >>= count
        return value

    def choose(self, choices: tuple[Choice, ...]) -> int:
        """A U32 field: two bits choose an offset and the number of bits that are added to it."""
        offset, count = choices[self.take(2)]
        return offset + self.take(count)


def _header(stream: bytes) -> JxlHeader:
    """SizeHeader, and ImageMetadata up to BitDepth."""
    bits = _Bits(stream[len(CODESTREAM) :])
    width, height = _size(bits)
    if bits.take(1):  # all fields of ImageMetadata have their defaults
        return JxlHeader(width, height, bits=8, floating=False, animated=False)
    animated = bool(bits.take(1)) and _skip_extra_fields(bits)
    floating = bool(bits.take(1))
    depth = bits.choose(FLOAT_DEPTH if floating else WHOLE_DEPTH)
    return JxlHeader(width, height, depth, floating, animated)


def _size(bits: _Bits) -> tuple[int, int]:
    """SizeHeader: each side in eights of 5 bits, or as a number of 9, 13, 18 or 30 bits; or a ratio for the width."""
    small = bits.take(1)
    height = _side(bits, small)
    ratio = bits.take(3)
    if ratio == 0:
        return _side(bits, small), height
    across, down = RATIOS[ratio]
    return height * across // down, height


def _side(bits: _Bits, small: int) -> int:
    return (bits.take(5) + 1) * 8 if small else bits.choose(SIDE)


def _skip_extra_fields(bits: _Bits) -> bool:
    """Orientation, intrinsic size, preview and animation; returns whether there is an animation."""
    bits.take(3)
    if bits.take(1):
        _size(bits)
    if bits.take(1):
        sides = PREVIEW_EIGHTS if bits.take(1) else PREVIEW_SIDE
        bits.choose(sides)
        if bits.take(3) == 0:
            bits.choose(sides)
    animated = bool(bits.take(1))
    if animated:
        bits.choose(((100, 0), (1000, 0), (1, 10), (1, 30)))  # ticks a second: numerator, denominator
        bits.choose(((1, 0), (1001, 0), (1, 8), (1, 10)))
        bits.choose(((0, 0), (0, 3), (0, 16), (0, 32)))  # number of loops
        bits.take(1)
    return animated
