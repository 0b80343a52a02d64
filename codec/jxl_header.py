"""How large a JPEG XL picture says it is, before anything is decoded.

The plugin that reads JPEG XL decodes as soon as a file is opened, so a few hundred bytes could ask for gigabytes.
Source: ISO/IEC 18181-1:2024 (signature, SizeHeader) and 18181-2 (boxes).
"""

import struct

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}  # width to height


def jxl_size(head: bytes) -> tuple[int, int] | None:
    """Width and height as coded in the first bytes of a JPEG XL file; None where they are not those of one."""
    stream = _codestream(head)
    return None if stream is None else _size_header(int.from_bytes(stream[2:12], "little"))


def _codestream(head: bytes) -> bytes | None:
    """The bytes from the codestream's signature on, bare or inside the first codestream box."""
    if head.startswith(CODESTREAM):
        return head
    position = len(CONTAINER)
    while head.startswith(CONTAINER) and position + 8 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, position)
        if kind in (b"jxlc", b"jxlp"):
            start = head.find(CODESTREAM, position + 8, position + 24)
            return head[start:] if start >= 0 else None
        if length < 8:  # a box of 4 GB, or one that fills the rest of the file
            return None
        position += length
    return None


def _size_header(bits: int) -> tuple[int, int]:
    """SizeHeader: bits are read from the least significant one on."""
    small, bits = bits & 1, bits >> 1
    height, bits = _side(bits, small)
    ratio, bits = bits & 7, bits >> 3
    if ratio == 0:
        return _side(bits, small)[0], height
    across, down = RATIOS[ratio]
    return height * across // down, height


def _side(bits: int, small: int) -> tuple[int, int]:
    """One side's pixels and the bits that follow it: eights in 5 bits, or a selector and 9, 13, 18 or 30 bits."""
    if small:
        return ((bits & 31) + 1) * 8, bits >> 5
    count = (9, 13, 18, 30)[bits & 3]
    return (bits >> 2 & ((1 << count) - 1)) + 1, bits >> 2 + count
