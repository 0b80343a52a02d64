"""Files in and out: CSV tables that are refused with a reason, files and folders that appear whole or not at all."""

import csv
import hashlib
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from analysis.columns import plain_columns

if TYPE_CHECKING:
    from _csv import Reader


FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of one
FREE_TEXT = frozenset(("study", "participant", "session", "trial", "layout", "strategy"))
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


class Refusal(click.ClickException):
    """Bad input, told in one sentence: what, where and what to do. The command ends with exit code 1."""


@dataclass(frozen=True)
class Cells:
    """A table as text. `columns[name][row]` is a cell, `lines[row]` the line of the file on which the row begins."""

    path: Path
    sha256: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]

    def __len__(self) -> int:
        return len(self.lines)

    def refuse(self, row: int, column: str, what: str, remedy: str) -> NoReturn:
        """Raise the refusal of one cell."""
        raise Refusal(f"{self.path}, line {self.lines[row]}, column {column}: {what}; {remedy}.")


@dataclass(frozen=True)
class Table(Cells):
    """The same, with every cell held for itself."""

    columns: dict[str, list[str]]
    lines: list[int]


def read_table(path: Path, required: Sequence[str]) -> Table:
    """Read a UTF-8 CSV with a header row and at least one row below it; refuse it where it is not that."""
    return parse_table(path, read_bytes(path), required)


def parse_table(path: Path, data: bytes, required: Sequence[str]) -> Table:
    """Read the bytes of a CSV as `read_table` does; refusals name `path`."""
    reader = csv.reader(io.StringIO(_decode(path, data), newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    header: list[str] = []
    for line, row in _rows(path, reader):
        if not header:
            header = row
            _check_header(path, header, required)
            continue
        if len(row) != len(header):
            raise Refusal(
                f"{path}, line {line}: {len(row)} cells under {len(header)} columns; give each row one cell a column."
            )
        rows.append(row)
        lines.append(line)
    if not rows:
        raise Refusal(f"{path} has a header but no rows; export it again once there is something in it.")
    columns = {name: list(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}
    return Table(path, hashlib.sha256(data).hexdigest(), columns, lines)


def parse_plain(path: Path, data: bytes, required: Sequence[str]) -> Cells:
    """Read as `parse_table` does, a large file much faster where it needs no parser; see `columns`."""
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(hashlib.sha256, data)
        plain = plain_columns(data)
        if plain is None:
            return parse_table(path, data, required)
    if not plain.ascii:
        _decode(path, data)
    _check_header(path, plain.header, required)
    return Cells(path, digest.result().hexdigest(), plain, range(2, plain.rows + 2))


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, or refuse."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Refusal(f"{path} does not exist; check the name.") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be read ({error.strerror}); name a readable file.") from None


def _decode(path: Path, data: bytes) -> str:
    if not data.strip():
        raise Refusal(f"{path} is empty; export it again.")
    end = data.find(b"\0")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        end = error.start
    if end >= 0:
        line = data.count(b"\n", 0, end) + 1
        raise Refusal(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8 CSV.")
    return text


def _check_header(path: Path, header: list[str], required: Sequence[str]) -> None:
    for name in required:
        if name not in header:
            found = ", ".join(cell[:30] for cell in header[:8]) + (", ..." if len(header) > 8 else "")
            found = "".join(letter if letter.isprintable() else " " for letter in found)
            alone = len(header) == 1 and re.search("[;\t|]", header[0])
            remedy = "put commas between the columns" if alone else "add it or export the file again"
            raise Refusal(f"{path}, line 1: the column {name} is missing (found: {found}); {remedy}.")
    for name in header:
        if header.count(name) > 1:
            raise Refusal(f"{path}, line 1: the column {name or '(without a name)'} stands twice; keep one of them.")


def _rows(path: Path, reader: "Reader") -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, with the line on which each begins; refuse one that is none."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise Refusal(f"{path}, line {line}: not a readable CSV row ({error}); export the file again.") from None
        if row is None:
            return
        if row:
            yield line, row


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV text with a header and LF line ends. None is an empty cell, booleans are 0 or 1.

    Text that a spreadsheet would run as a formula gets a leading apostrophe (docs/formats.md), in columns of free text
    whatever it is, elsewhere unless it is a number.
    """
    return joined([columns, *([_cell(name, row[name]) for name in columns] for row in rows)])


def joined(rows: Iterable[Sequence[object]]) -> str:
    """Return rows of finished cells as CSV text with LF line ends; nothing in them is made safe here."""
    out = _Lines()
    # What is in the line terminator is quoted inside a cell, so both line ends are.
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return "".join(out)


class _Lines(list[str]):
    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def _cell(name: str, value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(FORMULA) and (name in FREE_TEXT or not NUMBER.fullmatch(value)):
        return f"'{value}"
    return int(value) if isinstance(value, bool) else value


def number(value: float | None) -> str:
    """Return a number as it stands in a cell: shortest form of up to ten digits, empty for None."""
    return "" if value is None else format(value, ".10g")


def write_file(path: Path, content: str | bytes, made_from: Path) -> None:
    """Write a file whole or not at all: beside its place, then renamed; never over the file that it was made from."""
    if path.is_dir():
        raise Refusal(f"{path} is a folder; name a file to write.")
    if path.resolve() == made_from.resolve():
        raise Refusal(f"{path} is the input itself; name another file to write.")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Refusal(f"{path} cannot be written ({error.strerror}); name a file in a folder that exists.") from None


def write_folder(folder: Path, files: Mapping[str, str | bytes], mark: str, known: Iterable[str] = ()) -> None:
    """Write a folder of files whole or not at all; replace an older one only where it is of the same kind.

    `mark` names the file that tells such a folder. A folder that lacks it, or holds a file that is neither among
    `files` nor `known` (see `check_folder`), is somebody's own and is refused. A name may lie in a folder of its own.
    """
    check_folder(folder, (*files, *known), mark)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        for name, content in files.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        _swap(partial, folder)
    except OSError as error:
        raise Refusal(f"{folder} cannot be written ({error.strerror}); name another folder.") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_folder(folder: Path, names: Iterable[str], mark: str) -> None:
    """Refuse a folder that may not be replaced; see `write_folder`. A name may be a pattern (`pictures/*.svg`)."""
    if folder.name in ("", "..") or folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise Refusal(f"{folder} cannot be replaced as a folder; name one of its own.")
    try:
        found = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        if found and mark not in found:
            what = f"{folder} holds files but no {mark}, so nothing in it is replaced"
            raise Refusal(f"{what}; name a new or empty folder.")
        inside = _inside(folder) if found else []
    except OSError as error:
        raise Refusal(f"{folder} cannot be read ({error.strerror}); name another folder.") from None
    patterns = tuple(names)
    if foreign := [name for name in inside if not any(fnmatchcase(name, pattern) for pattern in patterns)]:
        raise Refusal(f"{folder} holds {foreign[0]}, which is not part of it; move that file or name another folder.")


def _inside(folder: Path) -> list[str]:
    """Return the files below a folder, and the folders there that hold none, as names with slashes."""
    entries = (
        entry for entry in folder.rglob("*") if entry.is_symlink() or not entry.is_dir() or not any(entry.iterdir())
    )
    return sorted(entry.relative_to(folder).as_posix() for entry in entries)


def _swap(partial: Path, folder: Path) -> None:
    """Put the new folder in the place of the old one, which comes back if that fails."""
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(old)
    try:
        partial.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
