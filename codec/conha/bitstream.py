"""The container of a coded picture, `.cnha`: docs/bitstream.md says byte by byte what it holds.

    "CNHA" version flags model(8) width height crc(symbols) n │ n x [length crc] │ crc(all before) │ n streams

Numbers are little-endian. 32 bytes, and 8 more for each stream; a picture has two streams or more, so 48 bytes or more
are none of theirs. CRCs tell damage, not intent: whoever changes a file on purpose can make them anew.
"""

import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codec.errors import Refusal

MAGIC = b"CNHA"
VERSION = 1
GREY = 1
"""The only flag: the picture has one channel."""
MOST_PIXELS = 100_000_000
"""Of a picture whose sides have been rounded up to multiples of 16."""
SLICE = 2**18
"""Symbols of a stream at most, so that what a decoder sets aside for one stays small."""
FEWEST = 8
"""A shorter stream is coded as if it had so many symbols."""

_FIXED = struct.Struct("<4sBB8sIIIH")
_STREAM = struct.Struct("<II")
_CRC = struct.Struct("<I")


class BadFile(Refusal):
    """A file that cannot be decoded."""


class NotOurs(BadFile):
    """It does not begin as a `.cnha` file does."""


class CutOff(BadFile):
    """Its end is missing."""


class Damaged(BadFile):
    """A checksum, or something that follows from others, is wrong."""


class AnotherVersion(BadFile):
    """A later program wrote it."""


class AnotherModel(BadFile):
    """Another model wrote it than the one at hand."""


class TooLarge(BadFile):
    """More pixels than are decoded here."""


@dataclass(frozen=True)
class Picture:
    """A coded picture: `model` is the identity's first 8 bytes, `symbols_crc` goes on from `started_crc`."""

    width: int
    height: int
    grey: bool
    model: bytes
    symbols_crc: int
    streams: tuple[bytes, ...]


@dataclass(frozen=True)
class Head:
    """What stands before the streams, checked: the picture without its streams, and their lengths and CRCs."""

    picture: Picture
    lengths: tuple[int, ...]
    crcs: tuple[int, ...]
    size: int


def overhead(streams: int) -> int:
    """Bytes of a file with so many streams that are none of theirs."""
    return _FIXED.size + _STREAM.size * streams + _CRC.size


def started_crc(width: int, height: int, *, grey: bool, model: bytes) -> int:
    """The CRC-32 of what a header says of a picture; that of its symbols goes on from it."""
    return zlib.crc32(struct.pack("<BB8sII", VERSION, GREY * grey, model, width, height))


def slices(symbols: int) -> list[int]:
    """How many symbols each stream has: as many as it can, and the last one the rest."""
    return [min(SLICE, symbols - start) for start in range(0, symbols, SLICE)]


def longest(symbols: int) -> int:
    """Bytes that a stream of so many symbols can have at most.

    A symbol has 16 bits, or as an escape of up to 2^26 away 16 and 8 groups of 4, and the coder ends with 8 bytes,
    all in whole words of 4.
    """
    return 12 + 6 * max(symbols, FEWEST)


def too_many_pixels(width: int, height: int) -> bool:
    """Whether a picture is beyond what is coded."""
    return (width + -width % 16) * (height + -height % 16) > MOST_PIXELS


def pack(picture: Picture) -> bytes:
    """The file of a picture."""
    count = len(picture.streams)
    head = _FIXED.pack(
        MAGIC, VERSION, GREY * picture.grey, picture.model, picture.width, picture.height, picture.symbols_crc, count
    )
    head += b"".join(_STREAM.pack(len(stream), zlib.crc32(stream)) for stream in picture.streams)
    return head + _CRC.pack(zlib.crc32(head)) + b"".join(picture.streams)


def unpack(data: bytes) -> Picture:
    """The picture of a whole file.

    Raises:
        BadFile: it is none, in one of the ways above. Nothing of a size that the file claims is set aside before.
    """
    head = _head(data, len(data))
    return _with_streams(head, data[head.size :])


def read(path: Path) -> Picture:
    """As `unpack`; what is no such file is not read beyond its head, however large it is."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = _head(file.read(overhead(2**16 - 1)), size)
        file.seek(head.size)
        return _with_streams(head, file.read(sum(head.lengths)))


def check_streams(picture: Picture, symbols: Sequence[int]) -> None:
    """Be silent where the streams can be those of so many symbols each.

    Raises:
        Damaged: there are others, or one is longer than its symbols can be.
    """
    if len(picture.streams) != len(symbols):
        raise Damaged(f"It has {len(picture.streams)} streams where a picture of its size has {len(symbols)}.")
    for stream, count in zip(picture.streams, symbols, strict=True):
        if len(stream) > longest(count):
            raise Damaged(f"A stream has {len(stream)} bytes, more than its {count} symbols can have.")


def _head(data: bytes, size: int) -> Head:
    """The head of a file of so many bytes, of which `data` are the first."""
    _refuse_strangers(data)
    if size < _FIXED.size:
        raise CutOff("It ends before its header does.")
    _, _, flags, model, width, height, crc, count = _FIXED.unpack_from(data)
    before = overhead(count)
    if size < before:
        raise CutOff("It ends before its header does.")
    if zlib.crc32(data[: before - _CRC.size]) != _CRC.unpack_from(data, before - _CRC.size)[0]:
        raise Damaged("Its header is damaged: the checksum is wrong.")
    pairs = tuple(_STREAM.iter_unpack(data[_FIXED.size : before - _CRC.size]))
    lengths, crcs = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
    _refuse_claims(flags, width, height, lengths)
    if size != before + sum(lengths):
        short = size < before + sum(lengths)
        raise CutOff("Its end is missing.") if short else Damaged("Something follows its end.")
    return Head(Picture(width, height, bool(flags & GREY), model, crc, ()), lengths, crcs, before)


def _refuse_strangers(data: bytes) -> None:
    if not data or not MAGIC.startswith(data[: len(MAGIC)]):
        raise NotOurs("It is no .cnha file.")
    if len(data) <= len(MAGIC):
        raise CutOff("It ends before its header does.")
    if data[len(MAGIC)] != VERSION:
        raise AnotherVersion(f"It is of version {data[len(MAGIC)]}, and this program knows version {VERSION}.")


def _refuse_claims(flags: int, width: int, height: int, lengths: tuple[int, ...]) -> None:
    if flags & ~GREY:
        raise AnotherVersion(f"It has flags ({flags}) that this program does not know.")
    if not width or not height or not lengths:
        raise Damaged("It claims to have no pixels, or no streams.")
    if too_many_pixels(width, height):
        raise TooLarge(f"It claims {width} x {height} pixels; up to {MOST_PIXELS // 10**6} million are decoded.")
    if any(length < 8 or length % 4 or length > longest(SLICE) for length in lengths):
        raise Damaged("A stream has a length that no stream can have.")


def _with_streams(head: Head, payload: bytes) -> Picture:
    """The picture with its streams out of what follows the head."""
    streams: list[bytes] = []
    start = 0
    for length, crc in zip(head.lengths, head.crcs, strict=True):
        stream = payload[start : start + length]
        if len(stream) != length:
            raise CutOff("Its end is missing.")  # it was cut while it was read
        if zlib.crc32(stream) != crc:
            raise Damaged(f"Its stream {len(streams) + 1} of {len(head.lengths)} is damaged: the checksum is wrong.")
        streams.append(stream)
        start += length
    found = head.picture
    return Picture(found.width, found.height, found.grey, found.model, found.symbols_crc, tuple(streams))
