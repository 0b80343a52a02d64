"""A study folder in: stimuli.csv and its images, read, hashed, and refused row by row where something is wrong."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from study import png
from study import spec as specs
from study.errors import Refused
from study.rows import Row, rows, shown

FILE = "stimuli.csv"
STIMULI_COLUMNS = (
    "source", "source_sha256", "source_width", "source_height", "tag",
    "crop_x", "crop_y", "crop_width", "crop_height",
    "condition", "codec", "rate", "rate_matched", "path", "sha256", "context_path",
    "bpp", "bytes", "encoder", "bitstream_sha256", "model", "leak",
)  # fmt: skip
"""What the reader demands of stimuli.csv; further columns are ignored."""
CONTEXT_COLUMNS = ("context_sha256", "context_x", "context_y", "context_width", "context_height")
"""What it demands as well of a row that has a `context_path`."""

REFERENCE = "reference"
CATCH = "catch"


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
class Window:
    """A larger rectangle around a crop, in pixels of the source."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Image:
    """A PNG below the folder, of width x height pixels; `prefix` begins the names of its columns."""

    prefix: str
    path: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Stimulus:
    """A row: the PNG of a crop and, where there is one, of the window around it.

    `rate` and `bpp` stay as they are written, so that votes.csv repeats them exactly.
    """

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
    context_path: str = ""
    context_sha256: str = ""
    window: Window | None = None

    @property
    def images(self) -> list[Image]:
        """Its PNGs."""
        images = [Image("", self.path, self.sha256, self.crop.width, self.crop.height)]
        if self.window:
            images.append(
                Image("context_", self.context_path, self.context_sha256, self.window.width, self.window.height)
            )
        return images


@dataclass(frozen=True)
class StudyFolder:
    """A study folder without a fault: the spec, the rows in the file's order, and the SHA-256 of stimuli.csv."""

    path: Path
    spec: specs.Spec
    stimuli: tuple[Stimulus, ...]
    stimuli_sha256: str


Watch = Callable[[Sequence[Stimulus]], AbstractContextManager[Iterable[Stimulus]]]
"""Hands the rows on one by one and shows how far they are."""
Fault = Callable[[Refused], None]
"""Is told of each fault; what reads goes on where it returns."""


def refuse(fault: Refused) -> None:
    """Go on with nothing."""
    raise fault


def read(path: Path, watch: Watch = nullcontext, fault: Fault = refuse) -> StudyFolder:
    """Read a whole study folder; every image is opened and hashed, which `watch` may show.

    Where `fault` returns, faulty rows are left out of what is given back, and rows are compared only where each of them
    can be read.

    Raises:
        Refused: the first fault, with file, line, column and remedy; or one that leaves nothing to read on with.
    """
    if not path.is_dir():
        raise Refused(f"{path} is no folder: give the study folder that `codec stimuli` wrote.")
    spec = specs.read(path)
    table = path / FILE
    try:
        content = table.read_bytes()
    except FileNotFoundError as error:
        raise Refused(f"{table} is missing: make it with `manage.py codec stimuli`.") from error
    lines = list(rows(table, content, STIMULI_COLUMNS, CONTEXT_COLUMNS))
    stimuli = tuple(_stimuli(lines, fault))
    if not lines:
        raise Refused(f"{table} has no rows: make it again with `manage.py codec stimuli`.")
    if len(stimuli) == len(lines):
        _check_together(table, stimuli, fault)
    with watch(stimuli) as watched:
        for stimulus in watched:
            for image in stimulus.images:
                _check_image(table, path, stimulus, image, fault)
    return StudyFolder(path, spec, stimuli, sha256(content))


def _stimuli(lines: Iterable[Row], fault: Fault) -> Iterator[Stimulus]:
    for row in lines:
        try:
            yield _stimulus(row)
        except Refused as refusal:
            fault(refusal)


def _stimulus(row: Row) -> Stimulus:
    condition = row.name("condition")
    rated = condition not in {REFERENCE, CATCH}
    crop = _crop(row)
    window = _window(row, crop)
    return Stimulus(
        line=row.line,
        crop=crop,
        condition=condition,
        codec=row.name("codec", empty=not rated),
        rate=row.number("rate") if rated else _nothing(row, "rate"),
        rate_matched=row.flag("rate_matched") if rated else True,
        path=row.cells["path"],
        sha256=row.hash("sha256"),
        bpp=row.number("bpp") if rated or row.cells["bpp"] else "",
        leak=row.flag("leak") if row.cells["leak"] else False,
        context_path=row.cells["context_path"],
        context_sha256=row.hash("context_sha256") if window else "",
        window=window,
    )


def _nothing(row: Row, column: str) -> str:
    if row.cells[column]:
        raise row.refuse(column, f"is not empty, but `{row.cells['condition']}` has none: empty the cell.")
    return ""


def _crop(row: Row) -> Crop:
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


def _window(row: Row, crop: Crop) -> Window | None:
    """The larger window that the row speaks of, if it has one."""
    if not row.cells["context_path"]:
        for column in CONTEXT_COLUMNS:
            if row.cells[column]:
                raise row.refuse(column, "is not empty, but `context_path` is: empty the cell, or name the PNG there.")
        return None
    window = Window(
        x=row.whole("context_x", 0),
        y=row.whole("context_y", 0),
        width=row.whole("context_width", 1),
        height=row.whole("context_height", 1),
    )
    source = crop.source
    for edge, size, whole in (("x", "width", source.width), ("y", "height", source.height)):
        start, end = getattr(window, edge), getattr(window, edge) + getattr(window, size)
        inner, outer = getattr(crop, edge), getattr(crop, edge) + getattr(crop, size)
        if end > whole:
            raise row.refuse(
                f"context_{edge}", f"the window ends at {end}, outside the source ({size} {whole}): cut it inside."
            )
        if start > inner or end < outer:
            raise row.refuse(
                f"context_{edge}",
                f"the window from {start} to {end} does not hold the crop from {inner} to {outer}: cut a larger one.",
            )
    return window


def _check_together(table: Path, stimuli: tuple[Stimulus, ...], fault: Fault) -> None:
    """What one row alone cannot show: rows that contradict or repeat one another, crops without a reference."""
    first: dict[tuple[object, ...], tuple[object, int]] = {}
    for row in stimuli:
        for column, about, value, says in _claims(row):
            earlier, line = first.setdefault((column, about), (value, row.line))
            if value != earlier:
                fault(Refused(f"{table}, line {row.line}, column `{column}`: {says} (line {line})."))
    referenced = {row.crop for row in stimuli if row.condition == REFERENCE}
    for row in stimuli:
        if row.crop not in referenced:
            referenced.add(row.crop)  # said once a crop
            fault(
                Refused(
                    f"{table}, line {row.line}, column `condition`: the crop at {row.crop.x},{row.crop.y} of "
                    f"`{row.crop.source.name}` has no `reference` row; make the folder again."
                )
            )


def _claims(row: Stimulus) -> list[tuple[str, object, object, str]]:
    """What a row says of things that other rows speak of too: column, of what, which value, and the refusal."""
    crop, name, condition = row.crop, row.crop.source.name, row.condition
    place = (name, crop.x, crop.y, crop.width, crop.height)
    return [
        ("source", name, crop.source, f"`{name}` has another SHA-256 or size; give each image a name of its own"),
        ("tag", place, crop.tag, "the same crop has another tag; keep one"),
        ("context_x", place, row.window, "the same crop has another window, or only one of the two rows has one"),
        ("rate", condition, row.rate, f"`{condition}` has another rate; a condition has one"),
        ("codec", condition, row.codec, f"`{condition}` has another codec; a condition has one"),
        ("condition", (place, condition), row.line, f"the crop has `{condition}` already; keep one of the rows"),
    ]


def _check_image(table: Path, folder: Path, stimulus: Stimulus, image: Image, fault: Fault) -> None:
    found = _image_fault(folder, image)
    if found:
        column, says = found
        fault(Refused(f"{table}, line {stimulus.line}, column `{image.prefix}{column}`: {says}"))


def _image_fault(folder: Path, image: Image) -> tuple[str, str] | None:
    """The column whose claim an image breaks, and how."""
    again = "make the folder again with `manage.py codec stimuli`."
    path = image_path(folder, image)
    if path is None:
        return "path", f"{shown(image.path)} leads outside the study folder; name a file below it."
    if not path.is_file():
        return "path", f"{path} is missing; {again}"
    content = path.read_bytes()
    if sha256(content) != image.sha256:
        return "sha256", f"{path} has another SHA-256, so it was changed after it was made; {again}"
    said = png.fault(content, image.width, image.height)
    return ("path", f"{path} {said}; {again}") if said else None


def image_path(folder: Path, image: Image) -> Path | None:
    """Where the PNG lies, or None where its path leaves the folder."""
    if "\0" in image.path or not image.path:
        return None
    path = (folder / image.path).resolve()
    return path if path.is_relative_to(folder.resolve()) and path != folder.resolve() else None


def sha256(content: bytes) -> str:
    """How an image is named."""
    return hashlib.sha256(content).hexdigest()
