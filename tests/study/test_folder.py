"""A study folder is read whole, or refused with file, line, column and remedy."""

import csv
import hashlib
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study import folder
from study.errors import Refused


def refusal(path: Path) -> str:
    with pytest.raises(Refused) as caught:
        folder.read(path)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 500
    return caught.value.message


def put(maker: Any, row: dict[str, str], content: bytes) -> None:
    """Give a row other bytes, with their true hash."""
    row["sha256"] = hashlib.sha256(content).hexdigest()
    row["path"] = f"images/{row['sha256']}.png"
    (maker.path / row["path"]).write_bytes(content)


def test_a_good_folder_is_read_in_the_order_of_its_rows(maker: Any) -> None:
    maker.fill(sources=2, crops=2)
    read = folder.read(maker.write())
    assert [row.condition for row in read.stimuli[:4]] == ["reference", "catch", "jpeg@0.50", "webp@0.50"]
    assert [row.line for row in read.stimuli] == list(range(2, 18))
    assert (read.stimuli[0].codec, read.stimuli[0].rate, read.stimuli[2].rate) == ("", "", "0.50")
    assert read.stimuli_sha256 == hashlib.sha256((maker.path / "stimuli.csv").read_bytes()).hexdigest()
    assert read.spec.study.name == "tiny"


def test_unknown_columns_a_byte_order_mark_windows_line_ends_and_blank_lines_are_no_fault(maker: Any) -> None:
    maker.fill()
    for row in maker.rows:
        row["psnr"] = "31.5"
    table = maker.write() / "stimuli.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert len(folder.read(maker.path).stimuli) == 8


ROWS: list[tuple[dict[str, str], str, str]] = [
    ({"source": "=cmd"}, "source", "is no name"),
    ({"source": ""}, "source", "is no name"),
    ({"source": "a b"}, "source", "is no name"),
    ({"tag": "+1"}, "tag", "is no name"),
    ({"condition": "-x"}, "condition", "is no name"),
    ({"codec": ""}, "codec", "is no name"),
    ({"rate": ""}, "rate", "not a number above 0"),
    ({"rate": "0"}, "rate", "not a number above 0"),
    ({"rate": "nan"}, "rate", "not a number above 0"),
    ({"rate": "0,5"}, "rate", "not a number above 0"),
    ({"rate": "1_0"}, "rate", "not a number above 0"),
    ({"rate": "0.25"}, "rate", "has another rate"),
    ({"codec": "mozjpeg"}, "codec", "has another codec"),
    ({"bpp": "-1"}, "bpp", "not a number above 0"),
    ({"rate_matched": "yes"}, "rate_matched", "neither 0 nor 1"),
    ({"leak": "2"}, "leak", "neither 0 nor 1"),
    ({"sha256": "ABC"}, "sha256", "is no SHA-256"),
    ({"sha256": "0" * 64}, "sha256", "has another SHA-256"),
    ({"source_sha256": ""}, "source_sha256", "is no SHA-256"),
    ({"source_sha256": "0" * 64}, "source", "has another SHA-256 or size"),
    ({"source_width": "1.5"}, "source_width", "not a whole number"),
    ({"source_width": "65"}, "source", "has another SHA-256 or size"),
    ({"crop_x": "-1"}, "crop_x", "not a whole number"),
    ({"crop_width": "0"}, "crop_width", "not a whole number"),
    ({"crop_x": "57"}, "crop_x", "outside the source (width 64)"),
    ({"crop_y": "41"}, "crop_y", "outside the source (height 48)"),
    ({"crop_x": "1" * 5000}, "crop_x", "not a whole number"),
    ({"crop_x": "16"}, "condition", "has no `reference` row"),
    ({"tag": "faces"}, "tag", "has another tag"),
    ({"condition": "webp@0.50", "codec": "webp"}, "condition", "has `webp@0.50` already"),
    ({"path": ""}, "path", "leads outside"),
    ({"path": "."}, "path", "leads outside"),
    ({"path": "../stimuli.png"}, "path", "leads outside"),
    ({"path": "/etc/passwd"}, "path", "leads outside"),
    ({"path": "images/none.png"}, "path", "is missing"),
    ({"path": "images"}, "path", "is missing"),
]


@pytest.mark.parametrize(("cells", "column", "says"), ROWS, ids=[f"{column}: {says}" for _, column, says in ROWS])
def test_a_bad_row_is_refused_with_its_place(maker: Any, cells: dict[str, str], column: str, says: str) -> None:
    maker.fill(sources=2)
    maker.rows[6] |= cells
    message = refusal(maker.write())
    assert says in message
    found = re.search(r"stimuli\.csv, line (\d+), column `(\w+)`: ", message)
    assert found, message
    assert found[2] == column
    assert int(found[1]) in {8, 9}  # a contradiction is noticed at the second of the two rows


WINDOW = {"context_x": "0", "context_y": "0", "context_width": "24", "context_height": "20"}


def widen(maker: Any, draw_png: Any) -> Any:
    """Give every row of one source with crops at 0 and 8 pixels a window of 24 x 20."""
    maker.fill(sources=1, crops=2)
    for at, row in enumerate(maker.rows):
        content = draw_png((at, 1, 1), 24, lines=20)
        row["context_sha256"] = hashlib.sha256(content).hexdigest()
        row["context_path"] = f"images/{row['context_sha256']}.png"
        (maker.path / row["context_path"]).write_bytes(content)
        row.update(WINDOW)
    return maker


def test_windows_are_read_and_their_images_held_against_them(maker: Any, draw_png: Any) -> None:
    read = folder.read(widen(maker, draw_png).write())
    assert {row.window for row in read.stimuli} == {folder.Window(0, 0, 24, 20)}
    for row in read.stimuli:
        assert [(image.width, image.height) for image in row.images] == [(8, 8), (24, 20)]
        assert row.images[1].sha256 == row.context_sha256


WINDOWS: list[tuple[dict[str, str], str, str]] = [
    ({"context_sha256": ""}, "context_sha256", "is no SHA-256"),
    ({"context_sha256": "0" * 64}, "context_sha256", "has another SHA-256"),
    ({"context_path": ""}, "context_sha256", "is not empty, but `context_path` is"),
    (dict.fromkeys(("context_path", "context_sha256", *WINDOW), ""), "context_x", "or only one of the two rows"),
    ({"context_path": "images/none.png"}, "context_path", "is missing"),
    ({"context_path": "../elsewhere.png"}, "context_path", "leads outside"),
    ({"context_x": ""}, "context_x", "not a whole number"),
    ({"context_width": "0"}, "context_width", "not a whole number"),
    ({"context_x": "1"}, "context_x", "from 1 to 25 does not hold the crop from 0 to 8"),
    ({"context_height": "7"}, "context_y", "from 0 to 7 does not hold the crop from 0 to 8"),
    ({"context_width": "65"}, "context_x", "ends at 65, outside the source (width 64)"),
    ({"context_y": "40", "crop_y": "40"}, "context_y", "ends at 60, outside the source (height 48)"),
    ({"context_width": "25"}, "context_x", "has another window"),
]


@pytest.mark.parametrize(("cells", "column", "says"), WINDOWS, ids=[f"{column}: {says}" for _, column, says in WINDOWS])
def test_a_bad_window_is_refused_with_its_place(
    maker: Any, draw_png: Any, cells: dict[str, str], column: str, says: str
) -> None:
    widen(maker, draw_png).rows[2] |= cells
    message = refusal(maker.write())
    assert f"stimuli.csv, line 4, column `{column}`: " in message
    assert says in message


def test_a_window_of_another_size_than_its_row_says_is_refused(maker: Any, draw_png: Any) -> None:
    for row in widen(maker, draw_png).rows:
        row["context_width"] = "26"
    message = refusal(maker.write())
    assert "stimuli.csv, line 2, column `context_path`" in message
    assert "is 24x20, but its row says 26x20" in message


def test_the_rows_of_references_and_catches_have_no_rate(maker: Any) -> None:
    maker.fill()
    maker.rows[1]["rate"] = "0.50"
    assert "line 3, column `rate`: is not empty" in refusal(maker.write())


def test_a_link_that_leaves_the_folder_is_refused(maker: Any, tmp_path: Path) -> None:
    maker.fill()
    target = maker.path / maker.rows[2]["path"]
    target.rename(tmp_path / "elsewhere.png")
    target.symlink_to(tmp_path / "elsewhere.png")
    assert "leads outside" in refusal(maker.write())


def corrupted(content: bytes) -> bytes:
    """The same chunks and lengths with pixels that do not inflate."""
    at = content.index(b"IDAT") + 4
    end = content.index(b"IEND") - 8
    body = bytes(len(content[at:end]))
    return content[:at] + body + zlib.crc32(b"IDAT" + body).to_bytes(4) + content[end + 4 :]


IMAGES: list[tuple[str, Callable[..., bytes], str]] = [
    ("another size", lambda png: png((1, 2, 3), 9), "is 9x9, but its row says 8x8"),
    ("16 bits", lambda png: png((1, 2, 3), depth=16), "is not 8-bit RGB (bit depth 16"),
    ("grey", lambda png: png((1, 2, 3), kind=0), "is not 8-bit RGB (bit depth 8, PNG colour type 0)"),
    ("alpha", lambda png: png((1, 2, 3), kind=6), "PNG colour type 6"),
    ("transparency", lambda png: png((1, 2, 3), extra=b"tRNS"), "carries transparency (chunk tRNS)"),
    ("gamma", lambda png: png((1, 2, 3), extra=b"gAMA"), "carries a gamma or primaries chunk (chunk gAMA)"),
    ("profile", lambda png: png((1, 2, 3), extra=b"iCCP"), "carries a colour profile (chunk iCCP)"),
    ("time", lambda png: png((1, 2, 3), extra=b"tIME"), "carries a time (chunk tIME)"),
    ("text", lambda png: png((1, 2, 3), extra=b"tEXt"), "carries text (chunk tEXt)"),
    ("cut short", lambda png: png((1, 2, 3))[:-12], "is no whole PNG"),
    ("cut shorter", lambda png: png((1, 2, 3))[:20], "is no whole PNG"),
    ("another format", lambda _png: b"\xff\xd8\xff\xe0 not a PNG", "is no whole PNG"),
    ("empty", lambda _png: b"", "is no whole PNG"),
    ("damaged pixels", lambda png: corrupted(png((1, 2, 3))), "cannot be decoded"),
]


@pytest.mark.parametrize(("make", "says"), [row[1:] for row in IMAGES], ids=[row[0] for row in IMAGES])
def test_an_image_that_cannot_be_shown_exactly_is_refused(maker: Any, draw_png: Any, make: Any, says: str) -> None:
    maker.fill()
    put(maker, maker.rows[2], make(draw_png))
    message = refusal(maker.write())
    assert says in message
    assert "stimuli.csv, line 4, column `path`" in message


def test_a_table_without_a_demanded_column_is_refused(maker: Any) -> None:
    maker.fill()
    for column in folder.STIMULI_COLUMNS:
        rows = [{key: value for key, value in row.items() if key != column} for row in maker.rows]
        with (maker.write() / "stimuli.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        assert f"stimuli.csv, line 1: column `{column}` is missing" in refusal(maker.path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("webp@0.50,webp", "webp@0.50,webp,", 1), "line 5: 23 cells under 22 columns"),
        (lambda text: text[: text.rindex("webp")], "line 9: "),
        (lambda text: text.replace("source0,", '"source0,', 1), "line "),
        (lambda text: text.replace("leak", "path"), "column `path` is there twice"),
        (lambda text: text.split("\n")[0] + "\n", "has no rows"),
        (lambda _text: "", "column `source` is missing"),
        (lambda text: text.replace("source1", "source\ud8001", 1), "line 6: byte "),
        (lambda text: text.replace("source1", "source\x001", 1), "line 6"),
    ],
)
def test_a_damaged_table_is_refused(maker: Any, change: Callable[[str], str], says: str) -> None:
    table = maker.fill().write() / "stimuli.csv"
    table.write_bytes(change(table.read_text()).encode(errors="surrogatepass"))
    assert says in refusal(maker.path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "is no folder" in refusal(tmp_path / "none")
    (tmp_path / "study.toml").touch()
    assert "stimuli.csv is missing: make it with `manage.py codec stimuli`" in refusal(tmp_path)
