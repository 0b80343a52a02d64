"""A study folder in: stimuli.csv and its images, read, hashed, and refused row by row where something is wrong.

Pillow is used here and nowhere else in the study.
"""

import csv
import hashlib
import io
import math
import re
import struct
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from study import spec as specs
from study.errors import Refused

FILE = "stimuli.csv"
STIMULI_COLUMNS = (
    "source", "source_sha256", "source_width", "source_height", "tag",
    "crop_x", "crop_y", "crop_width", "crop_height",
    "condition", "codec", "rate", "rate_matched", "path", "sha256", "context_path",
    "bpp", "bytes", "encoder", "bitstream_sha256", "model", "leak",
)  # fmt: skip
"""What the reader demands of stimuli.csv; further columns are ignored."""

REFERENCE = "reference"
CATCH = "catch"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]{0,199}")
HASH = re.compile(r"[0-9a-f]{64}")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
UNWANTED_CHUNKS = {
    **dict.fromkeys(("iCCP", "sRGB", "cICP", "mDCV", "cLLI"), "a colour profile"),
    **dict.fromkeys(("gAMA", "cHRM"), "a gamma or primaries chunk"),
    **dict.fromkeys(("tEXt", "zTXt", "iTXt", "eXIf"), "text"),
    "tIME": "a time",
    "tRNS": "transparency",
    "acTL": "an animation",
}


@dataclass(frozen=True)
class Source:
    """An uncompressed original; width and height in pixels, upright."""

    name: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Crop:
    """A rectangle of a source, in its pixels."""

    source: Source
    tag: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Stimulus:
    """A row: one PNG. `rate` and `bpp` stay as they are written, so that votes.csv repeats them exactly."""

    line: int
    crop: Crop
    condition: str
    codec: str
    rate: str
    rate_matched: bool
    path: str
    sha256: str
    bpp: str
    leak: bool


@dataclass(frozen=True)
class StudyFolder:
    """A study folder without a fault: the spec, the rows in the file's order, and the SHA-256 of stimuli.csv."""

    path: Path
    spec: specs.Spec
    stimuli: tuple[Stimulus, ...]
    stimuli_sha256: str


Watch = Callable[[Sequence[Stimulus]], AbstractContextManager[Iterable[Stimulus]]]
"""Hands the rows on one by one and shows how far they are."""


def read(path: Path, watch: Watch = nullcontext) -> StudyFolder:
    """Read a whole study folder; every image is opened and hashed, which `watch` may show.

    Raises:
        Refused: the first fault, with file, line, column and remedy.
    """
    if not path.is_dir():
        raise Refused(f"{path} is no folder: give the study folder that `codec stimuli` wrote.")
    spec = specs.read(path)
    table = path / FILE
    try:
        content = table.read_bytes()
    except FileNotFoundError as error:
        raise Refused(f"{table} is missing: make it with `manage.py codec stimuli`.") from error
    stimuli = tuple(_stimuli(table, content))
    if not stimuli:
        raise Refused(f"{table} has no rows: make it again with `manage.py codec stimuli`.")
    _check_together(table, stimuli)
    with watch(stimuli) as rows:
        for stimulus in rows:
            _check_image(table, path, stimulus)
    return StudyFolder(path, spec, stimuli, sha256(content))


@dataclass(frozen=True)
class _Row:
    table: Path
    line: int
    cells: dict[str, str]

    def refuse(self, column: str, says: str) -> Refused:
        return Refused(f"{self.table}, line {self.line}, column `{column}`: {says}")

    def name(self, column: str, *, empty: bool = False) -> str:
        text = self.cells[column]
        if (empty and not text) or NAME.fullmatch(text):
            return text
        raise self.refuse(
            column, f"{_shown(text)} is no name: begin with a letter or digit, then letters, digits and `. _ @ / -`."
        )

    def hash(self, column: str) -> str:
        if HASH.fullmatch(self.cells[column]):
            return self.cells[column]
        raise self.refuse(
            column, f"{_shown(self.cells[column])} is no SHA-256: write 64 hexadecimal digits in lower case."
        )

    def whole(self, column: str, least: int) -> int:
        text = self.cells[column]
        if re.fullmatch(r"[0-9]{1,9}", text) and int(text) >= least:
            return int(text)
        raise self.refuse(column, f"{_shown(text)} is not a whole number of at least {least}: write pixels in digits.")

    def number(self, column: str) -> str:
        text = self.cells[column]
        try:
            fine = math.isfinite(float(text)) and float(text) > 0 and text.isascii() and "_" not in text
        except ValueError:
            fine = False
        if fine and text == text.strip() and len(text) <= 32:
            return text
        raise self.refuse(column, f"{_shown(text)} is not a number above 0: write bits per pixel with a decimal point.")

    def flag(self, column: str) -> bool:
        if self.cells[column] in {"0", "1"}:
            return self.cells[column] == "1"
        raise self.refuse(column, f"{_shown(self.cells[column])} is neither 0 nor 1.")


def _shown(text: str) -> str:
    """A cell inside a sentence: quoted, on one line, and not at length."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def _rows(table: Path, content: bytes) -> Iterator[_Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused(f"{table}, line {line}: byte {error.start} is not UTF-8; save the file as UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        for column in STIMULI_COLUMNS:
            if header.count(column) != 1:
                fault = "missing" if column not in header else "there twice"
                raise Refused(
                    f"{table}, line 1: column `{column}` is {fault}; make the file with `manage.py codec stimuli`."
                )
        for cells in filter(None, reader):  # blank lines say nothing
            if len(cells) != len(header):
                raise Refused(
                    f"{table}, line {reader.line_num}: {len(cells)} cells under {len(header)} columns; "
                    "quote cells that hold commas, and end the file with a whole line."
                )
            yield _Row(table, reader.line_num, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise Refused(f"{table}, line {reader.line_num}: {error}; save the file as plain CSV.") from error


def _stimuli(table: Path, content: bytes) -> Iterator[Stimulus]:
    for row in _rows(table, content):
        condition = row.name("condition")
        rated = condition not in {REFERENCE, CATCH}
        yield Stimulus(
            line=row.line,
            crop=_crop(row),
            condition=condition,
            codec=row.name("codec", empty=not rated),
            rate=row.number("rate") if rated else _nothing(row, "rate"),
            rate_matched=row.flag("rate_matched") if rated else True,
            path=row.cells["path"],
            sha256=row.hash("sha256"),
            bpp=row.number("bpp") if rated or row.cells["bpp"] else "",
            leak=row.flag("leak") if row.cells["leak"] else False,
        )


def _nothing(row: _Row, column: str) -> str:
    if row.cells[column]:
        raise row.refuse(column, f"is not empty, but `{row.cells['condition']}` has none: empty the cell.")
    return ""


def _crop(row: _Row) -> Crop:
    source = Source(
        name=row.name("source"),
        sha256=row.hash("source_sha256"),
        width=row.whole("source_width", 1),
        height=row.whole("source_height", 1),
    )
    crop = Crop(
        source=source,
        tag=row.name("tag", empty=True),
        x=row.whole("crop_x", 0),
        y=row.whole("crop_y", 0),
        width=row.whole("crop_width", 1),
        height=row.whole("crop_height", 1),
    )
    for edge, size, whole in (("x", "width", source.width), ("y", "height", source.height)):
        if getattr(crop, edge) + getattr(crop, size) > whole:
            raise row.refuse(
                f"crop_{edge}", f"the crop ends at {getattr(crop, edge) + getattr(crop, size)}, outside the source "
                f"({size} {whole}): cut it inside."
            )  # fmt: skip
    return crop


def _check_together(table: Path, stimuli: tuple[Stimulus, ...]) -> None:
    """What one row alone cannot show: rows that contradict or repeat one another, crops without a reference."""
    first: dict[tuple[object, ...], tuple[object, int]] = {}
    for row in stimuli:
        for column, about, value, says in _claims(row):
            earlier, line = first.setdefault((column, about), (value, row.line))
            if value != earlier:
                raise Refused(f"{table}, line {row.line}, column `{column}`: {says} (line {line}).")
    referenced = {row.crop for row in stimuli if row.condition == REFERENCE}
    for row in stimuli:
        if row.crop not in referenced:
            raise Refused(
                f"{table}, line {row.line}, column `condition`: the crop at {row.crop.x},{row.crop.y} of "
                f"`{row.crop.source.name}` has no `reference` row; make the folder again."
            )


def _claims(row: Stimulus) -> list[tuple[str, object, object, str]]:
    """What a row says of things that other rows speak of too: column, of what, which value, and the refusal."""
    crop, name, condition = row.crop, row.crop.source.name, row.condition
    place = (name, crop.x, crop.y, crop.width, crop.height)
    return [
        ("source", name, crop.source, f"`{name}` has another SHA-256 or size; give each image a name of its own"),
        ("tag", place, crop.tag, "the same crop has another tag; keep one"),
        ("rate", condition, row.rate, f"`{condition}` has another rate; a condition has one"),
        ("codec", condition, row.codec, f"`{condition}` has another codec; a condition has one"),
        ("condition", (place, condition), row.line, f"the crop has `{condition}` already; keep one of the rows"),
    ]


def _check_image(table: Path, folder: Path, stimulus: Stimulus) -> None:
    def refuse(column: str, says: str) -> Refused:
        return Refused(f"{table}, line {stimulus.line}, column `{column}`: {says}")

    again = "make the folder again with `manage.py codec stimuli`."
    path = image_path(folder, stimulus)
    if path is None:
        raise refuse("path", f"{_shown(stimulus.path)} leads outside the study folder; name a file below it.")
    if not path.is_file():
        raise refuse("path", f"{path} is missing; {again}")
    content = path.read_bytes()
    if sha256(content) != stimulus.sha256:
        raise refuse("sha256", f"{path} has another SHA-256, so it was changed after it was made; {again}")
    fault = png_fault(content, stimulus.crop.width, stimulus.crop.height)
    if fault:
        raise refuse("path", f"{path} {fault}; {again}")


def image_path(folder: Path, stimulus: Stimulus) -> Path | None:
    """Where the stimulus's PNG lies, or None where its path leaves the folder."""
    if "\0" in stimulus.path or not stimulus.path:
        return None
    path = (folder / stimulus.path).resolve()
    return path if path.is_relative_to(folder.resolve()) and path != folder.resolve() else None


def sha256(content: bytes) -> str:
    """How an image is named."""
    return hashlib.sha256(content).hexdigest()


def png_fault(content: bytes, width: int, height: int) -> str | None:
    """What keeps a file from being shown exactly: anything but a whole, plain 8-bit RGB PNG of this size.

    The chunks are read here because Pillow opens 16-bit RGB as 8-bit without a word.
    """
    chunks = _chunks(content)
    if chunks is None:
        return "is no whole PNG"
    _, header = chunks[0]
    found_width, found_height, depth, colour = struct.unpack(">IIBB", header[:10])
    if (found_width, found_height) != (width, height):
        return f"is {found_width}x{found_height}, but its crop is {width}x{height}"
    if (depth, colour) != (8, 2):
        return f"is not 8-bit RGB (bit depth {depth}, PNG colour type {colour})"
    for kind, _ in chunks:
        if kind in UNWANTED_CHUNKS:
            return f"carries {UNWANTED_CHUNKS[kind]} (chunk {kind})"
    return None if _decodes(content) else "cannot be decoded"


def _chunks(content: bytes) -> list[tuple[str, bytes]] | None:
    """The PNG's chunks in order, or None where it is no PNG or ends early."""
    if not content.startswith(PNG_SIGNATURE):
        return None
    chunks: list[tuple[str, bytes]] = []
    at = len(PNG_SIGNATURE)
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
