"""Training images: which ones a folder holds, looked at once and listed in the run's images.csv.

Every image is decoded once before training, so that what cannot be used is known beforehand, and so that images are
known by their content: w is looked up by it, and whoever evaluates later can tell what was trained on.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from codec.conha.config import Data
from codec.errors import Refusal, listing
from codec.pixels import pixels_sha256, read_pixels
from codec.sources import picture_files
from codec.tables import read_table
from codec.workers import workers

COLUMNS = ("file", "split", "source_sha256", "width", "height", "skipped")


@dataclass(frozen=True)
class Picture:
    """An image to train on, or to validate with; `skipped` says why it is not used, where it is not."""

    file: Path
    split: str  # train or val
    source_sha256: str = ""
    width: int = 0
    height: int = 0
    skipped: str = ""


def find(data: Data) -> list[tuple[Path, str]]:
    """Each file with its split, in order: the folders' files, or those of them that the list names.

    Raises:
        Refusal: a folder is missing or empty, or the list names files that are not there.
    """
    if not data.train:
        raise Refusal("Name a folder of images: --set data.train=FOLDER.")
    if data.list:
        return _listed(data)
    found = [(path, "train") for path in _files(data.train, "data.train")]
    if data.val:
        found += [(path, "val") for path in _files(data.val, "data.val")]
    return found


def look_at(files: Sequence[tuple[Path, str]], least: int, jobs: int) -> list[Picture]:
    """Decode every image once; those that cannot be, or have a side below `least`, are marked as skipped.

    An image that is in both splits is taken out of `val`: it would be judged by what it was trained on.
    """
    chunk = max(1, -(-len(files) // 50))
    parts = [files[start : start + chunk] for start in range(0, len(files), chunk)]
    with workers(max(1, jobs)) as crew:
        looked = [
            picture for part in crew.run(partial(_look, least=least), parts, "Looking at images") for picture in part
        ]
    trained = {picture.source_sha256 for picture in looked if picture.split == "train" and not picture.skipped}
    return [_kept_apart(picture, trained) for picture in looked]


def usable(pictures: Iterable[Picture], split: str) -> list[Picture]:
    """Those of a split that are not skipped."""
    return [picture for picture in pictures if picture.split == split and not picture.skipped]


def refuse_none(pictures: Sequence[Picture], data: Data) -> None:
    """Be silent where there is something to train on.

    Raises:
        Refusal: there is nothing.
    """
    if not usable(pictures, "train"):
        reasons = listing([f"{picture.file.name}: {picture.skipped}" for picture in pictures], most=2)
        raise Refusal(f"{data.train} holds no image that can be trained on ({reasons}); name another as data.train.")


def as_csv(pictures: Iterable[Picture]) -> str:
    """images.csv of a run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in pictures:
        writer.writerow((one.file, one.split, one.source_sha256, one.width, one.height, one.skipped))
    return text.getvalue()


def from_csv(path: Path) -> list[Picture]:
    """What `as_csv` wrote.

    Raises:
        Refusal: it is no such table.
    """
    return [
        Picture(
            Path(row["file"].text), row["split"].text, row["source_sha256"].text,
            int(row["width"].text), int(row["height"].text), row["skipped"].text,
        )
        for row in read_table(path, *COLUMNS)
    ]  # fmt: skip


def _files(folder: str, key: str) -> list[Path]:
    if not Path(folder).is_dir():
        raise Refusal(f"{folder} is no folder; name a folder of images as {key}.")
    found = list(picture_files(Path(folder)))
    if not found:
        raise Refusal(f"{folder} holds no images; name another folder as {key}.")
    return found


def _listed(data: Data) -> list[tuple[Path, str]]:
    rows = [(row["file"], row["split"].text) for row in read_table(Path(data.list), "file", "split")]
    folders = {"train": Path(data.train), "val": Path(data.val or data.train)}
    chosen = [(cell, split) for cell, split in rows if split in folders]
    if not any(split == "train" for _, split in chosen):
        raise Refusal(f"{data.list} has no row whose split is train; write some.")
    for cell, split in chosen:
        if not (folders[split] / cell.text).is_file():
            raise cell.refuse(f"{cell.text} is not in {folders[split]}", "correct the row, or data.train")
    return sorted((folders[split] / cell.text, split) for cell, split in chosen)


def _look(files: Sequence[tuple[Path, str]], least: int) -> list[Picture]:
    return [_looked_at(path, split, least) for path, split in files]


def _looked_at(path: Path, split: str, least: int) -> Picture:
    try:
        pixels = read_pixels(path)
    except Refusal as refused:
        return Picture(path, split, skipped=refused.message.removeprefix(f"{path} "))
    height, width, _ = pixels.shape
    small = f"is {width} x {height} pixels, and a crop has {least} a side" if min(height, width) < least else ""
    return Picture(path, split, pixels_sha256(pixels), width, height, small)


def _kept_apart(picture: Picture, trained: set[str]) -> Picture:
    if picture.split != "val" or picture.skipped or picture.source_sha256 not in trained:
        return picture
    return Picture(
        picture.file, "val", picture.source_sha256, picture.width, picture.height, "is in the train split too"
    )
