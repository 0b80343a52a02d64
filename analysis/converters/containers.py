"""What votes come in: CSV, JSON (a list, or one record a line) and Parquet, told apart by their first bytes."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.columns import Column, coded
from analysis.converters.forms import Columns, each, utc
from analysis.files import FORMULA, FREE_TEXT, NUMBER, Cells, Refusal, Table, parse_plain, read_bytes

if TYPE_CHECKING:
    import pandas as pd

PARQUET = b"PAR1"
ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")  # half of a character that JSON writes in two
HALF = re.compile("[\ud800-\udfff]")  # one that stayed alone
NESTED = json.JSONEncoder(ensure_ascii=False, default=str)
SPACE, BETWEEN = re.compile("[ \t\r\n]*"), re.compile("[, \t\r\n]*")
SPECIAL = re.compile('[,"\r\n]')  # what a cell of CSV is quoted for
NEEDS = "Parquet needs pyarrow; install it with pip install -r analysis/requirements-parquet.txt, or use CSV"


def read_container(path: Path, required: Sequence[str], used: Collection[str], *, parquet: bool = False) -> Cells:
    """Read a file of any container as a table of text; where it has to be `parquet`, refuse any other.

    Columns that are neither required nor used keep their name and lose their cells, where the container lets them:
    a record of JSON may hold whole conversations. A "line" of a Parquet file is its row.
    """
    data = read_bytes(path)
    if data.startswith(PARQUET):
        return _parquet(path, data, required, used)
    if parquet:
        raise Refusal(f"{path} is no Parquet file; say what it is with --from votes, plain, ...")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return _json(path, data, required, used)
    found = parse_plain(path, data, required)
    if isinstance(found, Table):  # one that needed the parser
        return Cells(path, found.sha256, _coded(found.columns), found.lines)
    return found


def _coded(columns: Mapping[str, Sequence[str]]) -> Columns:
    """Return columns coded, once for all that is done with them."""
    return {name: coded(cells) for name, cells in columns.items()}


def _json(path: Path, data: bytes, required: Sequence[str], used: Collection[str]) -> Cells:
    wanted, columns, lines = set(required) | set(used), dict[str, list[str]](), list[int]()
    for line, record in _records(path, data):
        for name in record:
            if name not in columns:
                columns[name] = [""] * len(lines)
        for name, cells in columns.items():
            value = record.get(name) if name in wanted else ""
            cells.append(value if type(value) is str else _text(value))
        lines.append(line)
    _check_fields(path, columns, required, len(lines))
    return Cells(path, hashlib.sha256(data).hexdigest(), _coded(columns), lines)


def _records(path: Path, data: bytes) -> Iterator[tuple[int, dict[str, object]]]:
    """Give each record with the line on which it begins."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Refusal(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8 JSON.") from None
    decoder, place, line = json.JSONDecoder(), _skip(SPACE, text, 0), 1
    listed, halves = text[place] == "[", ESCAPED.search(text) is not None
    place, counted = _skip(SPACE, text, place + listed), 0
    while place < len(text) and not (listed and text[place] == "]"):
        line, counted = line + text.count("\n", counted, place), place
        try:
            record, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise Refusal(f"{path}, line {error.lineno}: not readable JSON ({error.msg}); export it again.") from None
        except (ValueError, RecursionError):  # a number of thousands of digits, or lists within lists within lists
            raise Refusal(f"{path}, line {line}: no JSON that a vote can be made from; export it again.") from None
        if not isinstance(record, dict):
            raise Refusal(f"{path}, line {line}: not a record with named fields; write each vote as one object.")
        if halves and HALF.search(NESTED.encode(record)):
            raise Refusal(f"{path}, line {line}: half of a character (a lone surrogate); export it again as UTF-8.")
        yield line, record
        place = _skip(BETWEEN, text, place)
    if listed and place >= len(text):
        raise Refusal(f"{path} breaks off before the list ends; copy or export it again.")


def _skip(characters: re.Pattern[str], text: str, place: int) -> int:
    found = characters.match(text, place)
    return found.end() if found else place


def _text(value: object) -> str:
    """Return a value of JSON or Parquet as the text of a cell."""
    if isinstance(value, str):
        return value
    if value is None or value != value:  # noqa: PLR0124 only NaN differs from itself
        return ""
    if isinstance(value, int | float):
        return _digits(value)
    if isinstance(value, datetime):
        return utc(value if value.tzinfo else value.replace(tzinfo=UTC))
    return NESTED.encode(value)


def _digits(value: float) -> str:
    """Return a number, or a truth, which is 0 or 1."""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    return repr(value)


def _check_fields(path: Path, columns: Mapping[str, Sequence[str]], required: Sequence[str], rows: int) -> None:
    if not rows:
        raise Refusal(f"{path} holds no votes; export it again once there is something in it.")
    for name in required:
        if name not in columns:
            found = ", ".join(list(columns)[:8]) + (", ..." if len(columns) > 8 else "")
            raise Refusal(f"{path}: the field {name} is missing (found: {found}); add it or export the file again.")


def _parquet(path: Path, data: bytes, required: Sequence[str], used: Collection[str]) -> Cells:
    import pandas as pd

    try:
        frame = pd.read_parquet(io.BytesIO(data))
    except ImportError:
        raise Refusal(f"{path} is a Parquet file: {NEEDS}.") from None
    except (ValueError, OSError) as error:
        what = str(error).splitlines()[0].rstrip(".")
        raise Refusal(f"{path} is not a readable Parquet file ({what}); export it again.") from None
    wanted = set(required) | set(used)
    empty = [""] * len(frame)
    columns = {str(name): _cells(frame[name]) if name in wanted else list(empty) for name in frame.columns}
    _check_fields(path, columns, required, len(frame))
    return Cells(path, hashlib.sha256(data).hexdigest(), _coded(columns), range(1, len(frame) + 1))


def _cells(series: "pd.Series[Any]") -> list[str]:
    cells = zip(series.tolist(), series.isna().tolist(), strict=True)
    return ["" if gone else _text(value.tolist() if hasattr(value, "tolist") else value) for value, gone in cells]


def csv_bytes(columns: Columns) -> bytes:
    """Return columns as CSV; text that a spreadsheet would run gets a leading apostrophe (docs/formats.md)."""
    rows = map(",".join, zip(*(_finished(name, cells) for name, cells in columns.items()), strict=True))
    return "\n".join([",".join(map(_quoted, columns)), *rows, ""]).encode()


def _finished(name: str, cells: Sequence[str]) -> Column:
    """Return a column as it stands in a file; in most of them nothing changes, which is quickly seen."""
    column = coded(cells)
    if SPECIAL.search("".join(column.cells)) or {cell[:1] for cell in column.cells} & set(FORMULA):
        return each(column, partial(_cell, name))
    return column


def _cell(name: str, cell: str) -> str:
    formula = cell.startswith(FORMULA) and (name in FREE_TEXT or not NUMBER.fullmatch(cell))
    return _quoted(f"'{cell}" if formula else cell)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if SPECIAL.search(cell) else cell


def json_bytes(columns: Columns, literal: Collection[str], *, lines: bool) -> bytes:
    """Return columns as JSON, a record a line: a list, or bare `lines`. Cells of `literal` columns stand unquoted."""

    def fields(name: str) -> Column:
        key, quoted = json.dumps(name), name not in literal
        return each(
            columns[name],
            lambda cell: f"{key}: {json.dumps(cell, ensure_ascii=False) if quoted else cell or 'null'}",
        )

    rows = map(", ".join, zip(*map(fields, columns), strict=True))
    if lines:
        return "".join(["{" + row + "}\n" for row in rows]).encode()
    return ("[\n{" + "},\n{".join(rows) + "}\n]\n").encode()


def parquet_bytes(path: Path, columns: Columns, whole: Collection[str], numbers: Collection[str]) -> bytes:
    """Return columns as Parquet: empty cells are missing, `whole` and `numbers` are numbers where all of them are."""
    import pandas as pd

    frame = pd.DataFrame({name: _typed(name, cells, whole, numbers) for name, cells in columns.items()})
    out = io.BytesIO()
    try:
        frame.to_parquet(out, index=False)
    except ImportError:
        raise Refusal(f"{path} cannot be written: {NEEDS}.") from None
    return out.getvalue()


def _typed(name: str, cells: Sequence[str], whole: Collection[str], numbers: Collection[str]) -> "pd.Series[Any]":
    import pandas as pd

    present = [cell or None for cell in cells]
    if name in whole and _all(cells, int):
        return pd.Series([cell and int(cell) for cell in present], dtype="Int64")
    if name in {*whole, *numbers} and _all(cells, float):
        return pd.Series([cell and float(cell) for cell in present], dtype="float64")
    return pd.Series(present, dtype="str")


def _all(cells: Sequence[str], kind: Callable[[str], object]) -> bool:
    try:
        return all(kind(cell) is not None for cell in coded(cells).cells if cell)
    except ValueError:
        return False
