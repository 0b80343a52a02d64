"""Small tables that people bring (tags, sizes): read strictly, refused with file, line, column and remedy."""

import csv
from dataclasses import dataclass
from pathlib import Path

from codec.errors import Refusal


@dataclass(frozen=True)
class Cell:
    """One cell, with what is needed to say where it stands."""

    text: str
    file: Path
    line: int
    column: str

    def refuse(self, what: str, remedy: str) -> Refusal:
        """The refusal of this cell, to be raised."""
        return Refusal(f"{self.file}, line {self.line}, column {self.column}: {what}; {remedy}.")


def read_table(path: Path, *columns: str) -> list[dict[str, Cell]]:
    """Read the rows of a UTF-8 CSV with a header. A column given as `a|b` may be called either; `a` is used first.

    Columns that are not asked for are ignored.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            chosen = [_choose(path, list(reader.fieldnames or []), column) for column in columns]
            return [
                {name: Cell(row[name] or "", path, reader.line_num, name) for name in chosen}
                for row in reader
                if any(row.values())
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else failure
        raise Refusal(f"{path} cannot be read as a UTF-8 CSV table ({reason}); save it as one.") from None


def _choose(path: Path, header: list[str], column: str) -> str:
    names = column.split("|")
    for name in names:
        if name in header:
            return name
    raise Refusal(f"{path}, line 1: there is no column {' or '.join(names)}; add it to the header row.")
