"""The whole database as lines: each table's rows in the order of their numbers, alike from either kind of database.

A row is a JSON list of its cells; times are ISO-8601 in UTC without a zone, bytes are base64. What is read and written
are the tables that stand in the database, whichever revision made them.
"""

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.types import TypeEngine

AT_ONCE = 5000
"""Rows that are held at a time."""
REVISION_TABLE = "alembic_version"
KINDS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Boolean, "boolean"),
    (Integer, "integer"),
    (Numeric, "number"),
    (DateTime, "time"),
    (LargeBinary, "bytes"),
)
"""What a column holds, by the type that the database reports; everything else is text."""
READERS: dict[str, Callable[[Any], object]] = {
    "time": datetime.fromisoformat,
    "bytes": lambda said: base64.b64decode(said, validate=True),
    "number": float,
    "boolean": bool,
}


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column by its name and what it holds."""

    name: str
    kind: str


class Extent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table: its columns, how many rows, the SHA-256 of their lines, and the number of the row that comes next.

    The last one is kept because a number that was given is never given again, not even after an erasure.
    """

    name: str
    columns: tuple[Column, ...]
    rows: int
    sha256: str
    next_id: int


class Lines:
    """A table's rows as lines; once all have been taken, `extent` says how many there were and what they come to."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self.connection, self.table = connection, table
        self._rows, self._sha256 = 0, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        encode = msgspec.json.Encoder().encode
        query = select(self.table).order_by(self.table.c.id).execution_options(yield_per=AT_ONCE)
        with self.connection.execute(query) as rows:
            for row in rows:
                line = encode(list(row)) + b"\n"
                self._sha256.update(line)
                self._rows += 1
                yield line

    @property
    def extent(self) -> Extent:
        """What was read."""
        columns = tuple(map(_column, self.table.columns))
        following = next_id(self.connection, self.table)
        return Extent(str(self.table.name), columns, self._rows, self._sha256.hexdigest(), following)


def found(connection: Connection) -> list[Table]:
    """The tables that stand there, each after those that it refers to, but for the one that names the revision."""
    kept = MetaData()
    kept.reflect(connection)
    return [table for table in kept.sorted_tables if table.name != REVISION_TABLE]


def fill(connection: Connection, table: Table, lines: Iterable[bytes]) -> int:
    """Insert rows from their lines; how many.

    Raises:
        ValueError: a line is no row of this table.
    """
    columns = [_column(column) for column in table.columns]
    readers = [(at, READERS[column.kind]) for at, column in enumerate(columns) if column.kind in READERS]
    names, decode, number = [column.name for column in columns], msgspec.json.Decoder(list[Any]).decode, 0
    remaining = iter(lines)
    while some := list(itertools.islice(remaining, AT_ONCE)):
        connection.execute(insert(table), [_row(decode(line), names, readers) for line in some])
        number += len(some)
    return number


def next_id(connection: Connection, table: Table) -> int:
    """The number that the table's next row will get at least."""
    last = connection.scalar(select(func.max(table.c.id))) or 0
    given = _given_on_sqlite(connection, table) if _is_sqlite(connection) else _given_on_postgres(connection, table)
    return max(last, given) + 1


def count_from(connection: Connection, table: Table, following: int) -> None:
    """Let the next row get this number. SQLite's tables without a counter of their own go by their last row."""
    if not _is_sqlite(connection):
        sequence = func.pg_get_serial_sequence(table.name, "id")
        connection.execute(select(func.setval(sequence, following, False)))  # False: not given yet
    elif _has_counter(connection, table):
        said = {"name": table.name, "seq": following - 1}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), said)
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), said)


def _row(
    cells: Sequence[Any], names: Sequence[str], readers: Sequence[tuple[int, Callable[[Any], object]]]
) -> dict[str, Any]:
    if len(cells) != len(names):
        raise ValueError(f"{len(cells)} cells for {len(names)} columns")
    values = list(cells)
    for at, read in readers:
        if values[at] is not None:
            values[at] = read(values[at])
    return dict(zip(names, values, strict=True))


def _column(column: Any) -> Column:
    return Column(str(column.name), next((kind for base, kind in KINDS if isinstance(column.type, base)), "text"))


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _has_counter(connection: Connection, table: Table) -> bool:
    made = text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
    return "AUTOINCREMENT" in str(connection.scalar(made, {"name": table.name})).upper()


def _given_on_sqlite(connection: Connection, table: Table) -> int:
    if not _has_counter(connection, table):
        return 0
    counter = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return connection.scalar(counter, {"name": table.name}) or 0


def _given_on_postgres(connection: Connection, table: Table) -> int:
    sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, "id")))
    given = connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608 - its own name
    return int(given.last_value) if given.is_called else int(given.last_value) - 1
