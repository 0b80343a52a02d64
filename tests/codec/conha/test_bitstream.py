"""The container: what is packed comes out, and whatever else is refused by name."""

import dataclasses
import re
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.conha import bitstream
from codec.conha.bitstream import Picture

PICTURE = Picture(70, 33, False, b"8 bytes!", 0x01020304, (b"abcdefgh", b"0123456789ab"))
DATA = bitstream.pack(PICTURE)
STREAMS = st.lists(st.binary(min_size=2, max_size=9).map(lambda word: word * 4), min_size=1, max_size=5)


@given(st.integers(1, 5000), st.integers(1, 5000), st.booleans(), st.integers(0, 2**32 - 1), STREAMS)
def test_what_is_packed_comes_out(width: int, height: int, grey: bool, crc: int, streams: list[bytes]) -> None:
    picture = Picture(width, height, grey, b"12345678", crc, tuple(streams))
    data = bitstream.pack(picture)
    assert bitstream.unpack(data) == picture
    assert len(data) == bitstream.overhead(len(streams)) + sum(len(stream) for stream in streams)


def test_two_streams_cost_48_bytes() -> None:
    assert bitstream.overhead(2) == 48


def test_the_specification_is_what_is_written() -> None:
    """Byte by byte, as docs/bitstream.md has it."""
    head = b"CNHA" + bytes([1, 0]) + b"8 bytes!" + struct.pack("<III", 70, 33, 0x01020304) + struct.pack("<H", 2)
    head += struct.pack("<IIII", 8, zlib.crc32(b"abcdefgh"), 12, zlib.crc32(b"0123456789ab"))
    assert head + struct.pack("<I", zlib.crc32(head)) + b"abcdefgh0123456789ab" == DATA


def test_the_document_has_the_constants_of_the_code() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "bitstream.md").read_text(encoding="utf-8")
    assert re.search(r"\b100,000,000\b", text)
    assert bitstream.MOST_PIXELS == 100_000_000
    assert re.search(r"\b262,144\b", text)
    assert bitstream.SLICE == 262_144


@pytest.mark.parametrize("size", range(len(DATA)))
def test_every_truncation_is_refused(size: int) -> None:
    with pytest.raises(bitstream.NotOurs if size == 0 else bitstream.CutOff):
        bitstream.unpack(DATA[:size])


@pytest.mark.parametrize("bit", range(len(DATA) * 8))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    changed = bytearray(DATA)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(bitstream.BadFile):
        bitstream.unpack(bytes(changed))


@given(st.binary(max_size=200))
def test_anything_else_is_refused(data: bytes) -> None:
    for candidate in (data, b"CNHA" + data, b"CNHA\1" + data):
        with pytest.raises(bitstream.BadFile):
            bitstream.unpack(candidate)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"width": 0}, bitstream.Damaged),
        ({"width": 2**32 - 1, "height": 2**32 - 1}, bitstream.TooLarge),
        ({"width": 1, "height": 6_250_001}, bitstream.TooLarge),
        ({"width": 10_000, "height": 10_001}, bitstream.TooLarge),
        ({"streams": ()}, bitstream.Damaged),
        ({"streams": (b"",)}, bitstream.Damaged),
        ({"streams": (b"123456789",)}, bitstream.Damaged),
        ({"streams": (bytes(bitstream.longest(bitstream.SLICE) + 4),)}, bitstream.Damaged),
    ],
)
def test_hostile_claims_with_good_checksums_are_refused(change: dict[str, object], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        bitstream.unpack(bitstream.pack(dataclasses.replace(PICTURE, **change)))


def resealed(data: bytes) -> bytes:
    """With the header's checksum made anew."""
    end = bitstream.overhead(2) - 4
    return data[:end] + struct.pack("<I", zlib.crc32(data[:end])) + data[end + 4 :]


def test_other_versions_and_flags_are_named() -> None:
    with pytest.raises(bitstream.AnotherVersion, match="version 7"):
        bitstream.unpack(resealed(DATA[:4] + b"\7" + DATA[5:]))
    with pytest.raises(bitstream.AnotherVersion, match="flags"):
        bitstream.unpack(resealed(DATA[:5] + b"\2" + DATA[6:]))


def test_a_tail_is_refused() -> None:
    with pytest.raises(bitstream.Damaged, match="follows"):
        bitstream.unpack(DATA + b"\0")


def test_a_file_is_read_no_further_than_its_head_claims(tmp_path: Path) -> None:
    path = tmp_path / "picture.cnha"
    path.write_bytes(DATA)
    assert bitstream.read(path) == PICTURE
    with path.open("r+b") as file:
        file.truncate(2**40)  # sparse: reading it would take a terabyte
    with pytest.raises(bitstream.Damaged):
        bitstream.read(path)


def test_streams_that_do_not_fit_the_picture_are_refused() -> None:
    bitstream.check_streams(PICTURE, [3, 3])
    for symbols in ([3], [3, 3, 3]):
        with pytest.raises(bitstream.Damaged):
            bitstream.check_streams(PICTURE, symbols)
    long = dataclasses.replace(PICTURE, streams=(bytes(bitstream.longest(3)), bytes(bitstream.longest(3) + 4)))
    with pytest.raises(bitstream.Damaged):
        bitstream.check_streams(long, [3, 3])


@given(st.integers(1, 2**20))
def test_slices_are_full_but_the_last(symbols: int) -> None:
    found = bitstream.slices(symbols)
    assert sum(found) == symbols
    assert all(size == bitstream.SLICE for size in found[:-1])
    assert 0 < found[-1] <= bitstream.SLICE
