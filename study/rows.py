"""The lines of a CSV, cell by cell, each refused with file, line, column and remedy where it is no good."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from study.errors import Refused

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]{0,199}")
HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Row:
    """The cells of one line by their columns; what reads a cell refuses it with its place and the remedy."""

    table: Path
    line: int
    cells: dict[str, str]

    def refuse(self, column: str, says: str) -> Refused:
        """The refusal of a cell, to be raised."""
        return Refused(f"{self.table}, line {self.line}, column `{column}`: {says}")

    def name(self, column: str, *, empty: bool = False) -> str:
        """A name, as docs/formats.md spells them."""
        text = self.cells[column]
        if (empty and not text) or NAME.fullmatch(text):
            return text
        raise self.refuse(
            column, f"{shown(text)} is no name: begin with a letter or digit, then letters, digits and `. _ @ / -`."
        )

    def hash(self, column: str) -> str:
        """A SHA-256."""
        if HASH.fullmatch(self.cells[column]):
            return self.cells[column]
        raise self.refuse(
            column, f"{shown(self.cells[column])} is no SHA-256: write 64 hexadecimal digits in lower case."
        )

    def whole(self, column: str, least: int) -> int:
        """A whole number, not below the least."""
        text = self.cells[column]
        if re.fullmatch(r"[0-9]{1,9}", text) and int(text) >= least:
            return int(text)
        raise self.refuse(column, f"{shown(text)} is not a whole number of at least {least}: write pixels in digits.")

    def number(self, column: str) -> str:
        """A number above 0, as it is written."""
        text = self.cells[column]
        try:
            fine = math.isfinite(float(text)) and float(text) > 0 and text.isascii() and "_" not in text
        except ValueError:
            fine = False
        if fine and text == text.strip() and len(text) <= 32:
            return text
        raise self.refuse(column, f"{shown(text)} is not a number above 0: write bits per pixel with a decimal point.")

    def flag(self, column: str) -> bool:
        """0 or 1."""
        if self.cells[column] in {"0", "1"}:
            return self.cells[column] == "1"
        raise self.refuse(column, f"{shown(self.cells[column])} is neither 0 nor 1.")


def shown(text: str) -> str:
    """A cell inside a sentence: quoted, on one line, and not at length."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def rows(
    table: Path,
    content: bytes,
    demanded: Sequence[str],
    optional: Sequence[str],
    made_by: str = "make the file with `manage.py codec stimuli`",
) -> Iterator[Row]:
    """The rows below the header, with every demanded and optional column; a column that is absent is empty.

    `made_by` is the remedy where a column is missing.

    Raises:
        Refused: the file is no CSV in UTF-8, or a demanded column is missing.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused(f"{table}, line {line}: byte {error.start} is not UTF-8; save the file as UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        for column in (*demanded, *optional):
            times = header.count(column)
            if times > 1 or (times == 0 and column in demanded):
                fault = "there twice" if times else "missing"
                raise Refused(f"{table}, line 1: column `{column}` is {fault}; {made_by}.")
        for cells in filter(None, reader):  # blank lines say nothing
            if len(cells) != len(header):
                raise Refused(
                    f"{table}, line {reader.line_num}: {len(cells)} cells under {len(header)} columns; "
                    "quote cells that hold commas, and end the file with a whole line."
                )
            empty = dict.fromkeys(optional, "")
            yield Row(table, reader.line_num, empty | dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise Refused(f"{table}, line {reader.line_num}: {error}; save the file as plain CSV.") from error
