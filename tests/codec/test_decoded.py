"""Anybody's decoded images are taken in with the real size of their bitstreams, or refused."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from codec.decoded import DecodedFolder, find_decoded, given
from codec.errors import Refusal

Array = NDArray[np.uint8]


@pytest.fixture
def folder(tmp_path: Path, photo: Callable[..., Array]) -> Path:
    for index, name in enumerate(("a", "sub/b.v2")):
        path = tmp_path / "decoded" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(40, 20, seed=index)).save(path)
        path.with_suffix(".bin").write_bytes(bytes(50 + index))
    return tmp_path / "decoded"


def found(folder: Path) -> DecodedFolder:
    return find_decoded("mine", "0.50", folder, ["a", "sub/b.v2"])


def test_a_bitstream_beside_the_picture_counts_every_byte(folder: Path, photo: Callable[..., Array]) -> None:
    Image.fromarray(photo(9, 9)).save(folder / "unused.png")
    candidate = given(found(folder), "sub/b.v2", photo(40, 20, seed=9), 0.05)
    assert (candidate.condition, candidate.bytes, candidate.bpp) == ("mine@0.50", 51, 51 * 8 / 800)
    assert candidate.bitstream_sha256 == hashlib.sha256(bytes(51)).hexdigest()
    assert candidate.matched
    assert np.array_equal(candidate.decode(), photo(40, 20, seed=1))


def test_a_rate_that_is_missed_is_seen(folder: Path, photo: Callable[..., Array]) -> None:
    (folder / "a.bin").write_bytes(bytes(60))
    assert not given(found(folder), "a", photo(40, 20), 0.05).matched
    assert given(found(folder), "a", photo(40, 20), 0.2).matched


@pytest.mark.parametrize("rows", ["a.png,77\nsub/b.v2.png,88\n", "a,77\nsub/b.v2,88\nother,99\n"])
def test_bytes_csv_instead_of_bitstreams(rows: str, folder: Path, photo: Callable[..., Array]) -> None:
    for path in folder.rglob("*.bin"):
        path.unlink()
    (folder / "bytes.csv").write_text("file,bytes\n" + rows)
    candidate = given(found(folder), "a", photo(40, 20), 0.05)
    assert (candidate.bytes, candidate.bitstream_sha256) == (77, "")
    assert "bytes.csv" in candidate.encoder


def test_a_bitstream_beside_bytes_csv_counts_where_they_agree(folder: Path, photo: Callable[..., Array]) -> None:
    plain = given(found(folder), "a", photo(40, 20), 0.05)
    (folder / "bytes.csv").write_text("file,bytes\na.png,50\nsub/b.v2,51\n")
    both = given(found(folder), "a", photo(40, 20), 0.05)
    assert (both.bytes, both.bitstream_sha256) == (50, hashlib.sha256(bytes(50)).hexdigest())
    assert both.encoder == plain.encoder == "decoded images as given"
    before = found(folder).files["a"].digest()
    (folder / "a.bin").write_bytes(b"x" * 50)
    assert found(folder).files["a"].digest() != before


def test_the_digest_follows_everything_that_counts(folder: Path, photo: Callable[..., Array]) -> None:
    before = found(folder).files["a"].digest()
    assert found(folder).files["a"].digest() == before
    (folder / "a.bin").write_bytes(bytes(49) + b"x")
    stream = found(folder).files["a"].digest()
    Image.fromarray(photo(40, 20, seed=5)).save(folder / "a.png")
    assert len({before, stream, found(folder).files["a"].digest()}) == 3


def write(name: str, data: bytes = b"x") -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: (folder / "a.png").unlink(),
            r"decoded has no PNG, PPM, BMP or TIFF of a; add what mine decoded",
        ),
        (lambda folder: (folder / "a.png").rename(folder / "a.jpg"), r"has no PNG, PPM, BMP or TIFF of a"),
        (lambda folder: (folder / "a.bin").unlink(), r"has no bitstream of a; put exactly one beside its picture"),
        (write("a.bit"), r"has 2 bitstreams of a; put exactly one"),
        (write("a.bin", b""), r"a\.bin is empty; put the real bitstream there"),
        (write("a.bmp"), r"a\.bmp and .*a\.png are both a's decoded picture; remove one"),
        (
            write("bytes.csv", b"file,bytes\na.png,50\n"),
            r"bytes\.csv has no row for b\.v2\.png; add its file and bytes",
        ),
        (
            write("bytes.csv", b"file,bytes\na,49\nsub/b.v2,51\n"),
            r"a\.bin has 50 bytes, and .*bytes\.csv says 49; put the real bitstream there, or correct the table\.",
        ),
        (write("bytes.csv", b"file,bytes\na,5.5\n"), r"bytes\.csv, line 2, column bytes: '5\.5' is no number of bytes"),
        (write("bytes.csv", b"file,bytes\na,0\n"), r"line 2, column bytes: '0' is no number"),
        (write("bytes.csv", b"file,bytes\na,5\na,6\n"), r"line 3, column file: a is listed twice; leave one"),
        (write("bytes.csv", b"name\n"), r"bytes\.csv, line 1: there is no column file"),
    ],
)
def test_what_cannot_be_used_is_refused(spoil: Callable[[Path], object], message: str, folder: Path) -> None:
    spoil(folder)
    with pytest.raises(Refusal, match=message):
        found(folder)


def test_another_size_than_the_source_is_refused(folder: Path, photo: Callable[..., Array]) -> None:
    with pytest.raises(Refusal, match=r"a\.png is 40x20 and not 20x40 like its source; give the whole decoded"):
        given(found(folder), "a", photo(20, 40), 0.05)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"gone is no folder; --decoded mine@0.50 needs one"):
        found(tmp_path / "gone")
