"""The database: engine, SQLite's pragmas, sessions, and the schema's migrations. Flask is not known here."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, orm
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from study import freezing
from study.errors import Refused
from study.settings import ROOT

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger("study")
freezing.guard()

BUSY_TIMEOUT_MS = 5000
"""How long a writer waits for another one before the participant is asked to try again."""
FORGETTING_MS = 500
"""How long emptying SQLite's log, during which nobody writes, waits for those who read."""


class Database:
    """One engine, and transactions on it: `with database.read() as db` or `with database.write() as db`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        # A writer takes SQLite's lock at the start: a read that turns into a write can meet SQLITE_BUSY at once,
        # without the busy timeout, because its snapshot is stale.
        self._writing = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        # A reader sees one moment, as SQLite's always do: sessions.csv must agree with votes.csv.
        one_moment = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reading = self.engine.execution_options(**one_moment)

    @contextmanager
    def read(self) -> Iterator[orm.Session]:
        """A transaction on one moment of the database, rolled back at its end."""
        with orm.Session(self._reading, expire_on_commit=False) as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[orm.Session]:
        """A transaction that is committed at its end, or rolled back where anything was raised."""
        with orm.Session(self._writing, expire_on_commit=False) as db, db.begin():
            yield db

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection without an ORM around it, for the few requests that must be quick; nothing is begun on it."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def reading(self, connection: Connection) -> Iterator[None]:
        """Reads on such a connection: of one moment on SQLite, each of its own on PostgreSQL.

        There a transaction that only reads would cost two more messages, and still show each statement its own moment.
        """
        if not self.is_sqlite:
            connection.execution_options(isolation_level="AUTOCOMMIT")
        with connection.begin():
            yield

    @contextmanager
    def writing(self, connection: Connection) -> Iterator[None]:
        """The transaction of `write` on such a connection."""
        chosen = {"sqlite_begin": "IMMEDIATE"} if self.is_sqlite else {"isolation_level": "READ COMMITTED"}
        connection.execution_options(**chosen)
        with connection.begin():
            yield

    def forget_deleted(self) -> None:
        """Empty SQLite's log of writes, which holds what was deleted until then. Call it outside of a transaction.

        Where a long read stands in the way it is left for the next call, with a line in the log: votes do not wait for
        it. PostgreSQL's vacuum frees the place of deleted rows in its own time.
        """
        if not self.is_sqlite:
            return
        try:
            with self.engine.connect() as connection:
                busy = _empty_log(connection.connection.driver_connection)
        except (sqlite3.OperationalError, SQLAlchemyError) as error:
            log.warning("deleted rows stay in the database's log until the next withdrawal or start: %s", error)
            return
        if busy:
            log.warning("deleted rows stay in the database's log until the next withdrawal or start: it is being read")

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite's."""
        return self.engine.dialect.name == "sqlite"

    def is_empty(self) -> bool:
        """Whether no table stands in it; a file that is not there is not made by asking."""
        if self.is_sqlite and not Path(str(self.engine.url.database)).exists():
            return True
        return not inspect(self.engine).get_table_names()

    def upgrade(self, revision: str = "head") -> None:
        """Bring the schema to a revision by the migrations; SQLite's folder and file are made where missing."""
        with self.migrating() as connection:
            self.bring(connection, revision)

    def bring(self, connection: Connection, revision: str = "head") -> None:
        """The same inside of a migration's transaction."""
        from alembic import command

        command.upgrade(_alembic(connection), revision)

    def downgrade(self, revision: str) -> None:
        """Take the schema back to a revision; `base` is an empty database."""
        from alembic import command

        with self.migrating() as connection:
            command.downgrade(_alembic(connection), revision)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """The transaction of a migration.

        SQLite alters a table by writing it anew and dropping the old one, which rows that refer to it would forbid:
        so references are not checked on the way, which only a connection outside of a transaction can be told, but
        all of them at the end.

        Raises:
            Refused: a row would refer to nothing; nothing was changed.
        """
        if self.is_sqlite:
            Path(str(self.engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
        with self._writing.connect() as connection:
            raw: Any = connection.connection.driver_connection
            try:
                if self.is_sqlite:
                    raw.execute("PRAGMA foreign_keys=OFF")
                with connection.begin():
                    yield connection
                    if self.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise Refused(f"{self.name} has rows that refer to nothing: restore it from its last copy.")
            finally:
                if self.is_sqlite:
                    raw.execute("PRAGMA foreign_keys=ON")

    def check(self) -> None:
        """Be silent where the schema is the newest one.

        Raises:
            Refused: it is not.
        """
        from alembic.script import ScriptDirectory

        if self.is_empty():
            makes = "`manage.py study load` or " if self.is_sqlite else ""  # what an administrator made is not touched
            raise Refused(f"{self.name} is empty: {makes}`manage.py study db upgrade` makes its tables.")
        at, head = self.revision(), ScriptDirectory.from_config(_alembic()).get_current_head()
        if at != head:
            raise Refused(
                f"{self.name} is at revision {at or 'none'}, this code needs {head}: run `manage.py study db upgrade`."
            )

    def revision(self) -> str | None:
        """The revision that the schema is at, or None where it is at none."""
        from alembic.migration import MigrationContext

        with self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @property
    def name(self) -> str:
        """The database's address without its password."""
        return f"The database {self.engine.url.render_as_string(hide_password=True)}"


def connect(url: str) -> Database:
    """The database at `url`.

    Raises:
        Refused: the address cannot be read.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise Refused(
            "STUDY_DATABASE_URL is no address of a database: write `sqlite:///FILE` or `postgresql://...`."
        ) from error
    if parts.get_backend_name() == "sqlite" and parts.database in {None, "", ":memory:"}:
        raise Refused("STUDY_DATABASE_URL names no file, and votes in memory would be lost: write `sqlite:///FILE`.")
    return Database(url)


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgres)
    else:
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    pictures: dict[Any, Any] = {}
    event.listen(engine, "connect", lambda _, entry: entry.info.update(pictures=pictures))
    return engine


def _prepare_postgres(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Wait as long for another writer as SQLite does, not for ever."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
    connection.commit()


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Durable and strict; FULL because under NORMAL an acknowledged commit can vanish at power loss."""
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - for the type checker
    connection.isolation_level = None  # Python's own BEGIN comes too late and is never IMMEDIATE
    kept = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
    # What is deleted is overwritten, and so are copies that SQLite leaves where it moves rows.
    for pragma in (*kept, f"busy_timeout={BUSY_TIMEOUT_MS}", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _empty_log(connection: Any) -> bool:
    """Whether somebody stood in the way; the connection waits afterwards as long as it did before."""
    connection.execute(f"PRAGMA busy_timeout={FORGETTING_MS}")
    try:
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")


def knows(revision: str) -> bool:
    """Whether this code has the migration to a revision."""
    from alembic.script import ScriptDirectory

    return any(script.revision == revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions())


def _alembic(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    attributes: dict[str, Any] = {"connection": connection}
    return Config(toml_file=ROOT / "pyproject.toml", attributes=attributes)


def first_line(error: Exception) -> str:
    """The driver's message, without its statement and hints."""
    return str(getattr(error, "orig", error)).strip().partition("\n")[0]
