"""A PNG that is shown exactly as it is: 8-bit RGB without anything that would change its colours.

Pillow is used here and nowhere else in the study.
"""

import io
import math
import struct
import warnings

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UNWANTED_CHUNKS = {
    **dict.fromkeys(("iCCP", "sRGB", "cICP", "mDCV", "cLLI"), "a colour profile"),
    **dict.fromkeys(("gAMA", "cHRM"), "a gamma or primaries chunk"),
    **dict.fromkeys(("tEXt", "zTXt", "iTXt", "eXIf"), "text"),
    "tIME": "a time",
    "tRNS": "transparency",
    "acTL": "an animation",
}


def fault(content: bytes, width: int, height: int) -> str | None:
    """What keeps a file from being shown exactly: anything but a whole, plain 8-bit RGB PNG of this size.

    The chunks are read here because Pillow opens 16-bit RGB as 8-bit without a word.
    """
    chunks = _chunks(content)
    if chunks is None:
        return "is no whole PNG"
    _, header = chunks[0]
    found_width, found_height, depth, colour = struct.unpack(">IIBB", header[:10])
    if (found_width, found_height) != (width, height):
        return f"is {found_width}x{found_height}, but its row says {width}x{height}"
    if (depth, colour) != (8, 2):
        return f"is not 8-bit RGB (bit depth {depth}, PNG colour type {colour})"
    for kind, _ in chunks:
        if kind in UNWANTED_CHUNKS:
            return f"carries {UNWANTED_CHUNKS[kind]} (chunk {kind})"
    return None if _decodes(content) else "cannot be decoded"


def _chunks(content: bytes) -> list[tuple[str, bytes]] | None:
    """The PNG's chunks in order, or None where it is no PNG or ends early."""
    if not content.startswith(SIGNATURE):
        return None
    chunks: list[tuple[str, bytes]] = []
    at = len(SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8].decode("latin-1"), content[at + 8 : at + 8 + length]))
        at += 12 + length
        if chunks[-1][0] == "IEND":
            break
    whole = chunks and chunks[0][0] == "IHDR" and len(chunks[0][1]) == 13 and chunks[-1][0] == "IEND"
    return chunks if whole and at <= len(content) else None


def _decodes(content: bytes) -> bool:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return False
    return True


def psnr(content: bytes, other: bytes) -> float:
    """The peak signal-to-noise ratio of two plain PNGs of one size, in dB over all three channels.

    10 log10(255^2 / mean squared difference), infinite where no pixel differs (ITU-T J.340, clause 4).
    """
    from PIL import Image, ImageChops, ImageStat

    with Image.open(io.BytesIO(content)) as one, Image.open(io.BytesIO(other)) as two:
        found = ImageStat.Stat(ImageChops.difference(one, two))
    squared = math.fsum(found.sum2) / sum(found.count)
    return 10 * math.log10(255**2 / squared) if squared else math.inf
