"""How deep an AVIF's samples are: the decoder behind Pillow gives 8 bits of 10 and 12 without a word.

Source: ISO/IEC 14496-12 (boxes) and the AV1 Codec ISO Media File Format Binding, 2.3 (av1C).
"""

import struct
from pathlib import Path

PIXELS = (b"mdat", b"free", b"skip")
MARKED = b"av1C\x81"  # the box's kind; then a marker bit and version 1


def avif_depth(path: Path) -> int:
    """The most bits of a sample in any picture of the file (its alpha and tiles too): 8, 10 or 12."""
    return max((_depth(box) for box in _descriptions(path)), default=8)


def _descriptions(path: Path) -> list[bytes]:
    """The boxes on the outermost level that hold no pixels."""
    boxes = []
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            body = length - 8
            if length == 1:  # its length follows, in 64 bits
                body = int.from_bytes(file.read(8), "big") - 16
            if kind in PIXELS and body >= 0 and length:
                file.seek(body, 1)
            else:
                boxes.append(file.read(body) if body >= 0 else file.read())
    return boxes


def _depth(box: bytes) -> int:
    """Of every AV1 configuration inside: 8 bits, with high_bitdepth 10, with twelve_bit too 12."""
    depth, place = 8, box.find(MARKED)
    while 0 <= place < len(box) - 6:
        flags = box[place + 6]  # seq_tier_0, high_bitdepth, twelve_bit, ...
        if flags & 0x40:
            depth = max(depth, 12 if flags & 0x20 else 10)
        place = box.find(MARKED, place + 4)
    return depth
