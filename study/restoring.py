"""A whole database into another one, from a backup or straight from the old one: all of it arrives, or nothing does."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Table, exists, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session as OrmSession

from study import deeds, ledger, tables
from study.backup import Backup, Watch, silent
from study.db import Database, first_line
from study.errors import Refused
from study.models import Study
from study.storage import Store


class Holds(NamedTuple):
    """What stands in a database that something is to be put into."""

    studies: int
    rows: bool


def holds(database: Database) -> Holds:
    """What a database holds that `restore --replace` would delete.

    Raises:
        Refused: it has tables of something else.
    """
    if database.is_empty():
        return Holds(0, rows=False)
    with database.read() as db:
        return _holds(database, db.connection())


def restore(
    database: Database, backup: Backup, store: Store | None, *, replace: bool = False, watch: Watch = silent
) -> None:
    """Put a checked backup into an empty database, or with `replace` in the place of what is there.

    Images come first, since one too many harms nothing; then all tables in one transaction, at the revision that the
    backup has, which is then brought to the newest. Who is refused has the old database still.

    Raises:
        Refused: the database is not empty, or does not take the rows.
    """
    for sha256 in (backup.manifest.images or ()) if store else ():
        assert store is not None  # noqa: S101 - for the type checker
        store.put(sha256, backup.image(sha256))
        watch("Kept images", 1)
    manifest = backup.manifest
    try:
        with database.migrating() as connection:
            _make_room(database, connection, replace=replace)
            database.bring(connection, manifest.revision)
            made = _tables_of(connection, manifest.tables)
            for extent in manifest.tables:
                _fill(connection, made[extent.name], backup.lines(extent.name), watch)
                tables.count_from(connection, made[extent.name], extent.next_id)
            database.bring(connection)
            _record(connection, "restored", sha256=backup.sha256)
    except (DBAPIError, ValueError) as error:
        why = first_line(error) if isinstance(error, DBAPIError) else str(error)
        raise Refused(f"The backup does not fit into {database.name} ({why}); nothing was changed there.") from error


def move(source: Database, target: Database, watch: Watch = silent) -> list[tables.Extent]:
    """Copy a whole database into another, empty one, and compare both; the source is only read.

    Raises:
        Refused: a study is open, the target is not empty, or what arrived differs; then nothing stays in the target.
    """
    with source.read() as db, target.migrating() as connection:
        _check_nobody_votes(db)
        _make_room(target, connection, replace=False)
        target.bring(connection)
        read = db.connection()
        lines = {table.name: tables.Lines(read, table) for table in tables.found(read)}
        made = {table.name: table for table in tables.found(connection)}
        for name, of_table in lines.items():
            _fill(connection, made[name], of_table, watch)
            tables.count_from(connection, made[name], of_table.extent.next_id)
        extents = [of_table.extent for of_table in lines.values()]
        for extent in extents:
            _compare(connection, made[extent.name], extent, watch)
        _record(connection, "moved", from_="SQLite" if source.is_sqlite else "PostgreSQL")
    return extents


def _check_nobody_votes(db: OrmSession) -> None:
    name = db.scalar(select(Study.name).where(Study.state == "open").order_by(Study.name).limit(1))
    if name is not None:
        raise Refused(
            f"Study `{name}` is open, and votes would be left behind: "
            f"`manage.py study pause {name}`, stop the server, then move."
        )


def _holds(database: Database, connection: Connection) -> Holds:
    found = tables.found(connection)
    foreign = sorted({table.name for table in found} - ledger.Export.metadata.tables.keys())
    if foreign:
        raise Refused(f"{database.name} has tables of something else ({foreign[0]}): name a database of its own.")
    rows = any(connection.scalar(select(exists().select_from(table))) for table in found)
    by_name = {table.name: table for table in found}
    studies = connection.scalar(select(func.count()).select_from(by_name["study"])) if "study" in by_name else 0
    return Holds(studies or 0, rows)


def _make_room(database: Database, connection: Connection, *, replace: bool) -> None:
    """Drop the tables that are there, which are empty or not wanted any more."""
    found = _holds(database, connection)
    if found.rows and not replace:
        raise Refused(
            f"{database.name} is not empty ({found.studies} studies): name an empty one in STUDY_DATABASE_URL, "
            "or delete what it holds with `restore --replace`."
        )
    for table in reversed(tables.found(connection)):
        table.drop(connection)
    connection.execute(text(f"DROP TABLE IF EXISTS {tables.REVISION_TABLE}"))


def _tables_of(connection: Connection, extents: Iterable[tables.Extent]) -> dict[str, Table]:
    """The tables that stand there now, which are those of the backup.

    Raises:
        ValueError: they are not.
    """
    made = {table.name: table for table in tables.found(connection)}
    wanted = {extent.name: {column.name for column in extent.columns} for extent in extents}
    if wanted != {name: {column.name for column in table.columns} for name, table in made.items()}:
        raise ValueError("its tables are not those of its revision")
    return made


def _fill(connection: Connection, table: Table, lines: Iterable[bytes], watch: Watch) -> None:
    def watched() -> Iterator[bytes]:
        for number, line in enumerate(lines, start=1):
            yield line
            if number % tables.AT_ONCE == 0:
                watch(f"Filled {table.name}", tables.AT_ONCE)

    number = tables.fill(connection, table, watched())
    watch(f"Filled {table.name}", number % tables.AT_ONCE)


def _compare(connection: Connection, table: Table, extent: tables.Extent, watch: Watch) -> None:
    lines = tables.Lines(connection, table)
    for _ in lines:
        pass
    watch(f"Compared {table.name}", extent.rows)
    found = lines.extent
    if (found.rows, found.sha256) != (extent.rows, extent.sha256):
        raise Refused(f"Table {table.name} arrived otherwise than it left, so nothing was moved: report this.")


def _record(connection: Connection, did: str, **detail: str) -> None:
    with OrmSession(connection, join_transaction_mode="rollback_only") as db:
        deeds.record(db, deeds.COMMAND_LINE, did, **{name.rstrip("_"): said for name, said in detail.items()})
