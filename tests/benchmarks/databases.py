"""Fresh databases at the newest revision, of each kind that can be had; they go away."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import create_engine, make_url, text

from study.db import Database


def databases() -> Iterator[AbstractContextManager[str]]:
    """Addresses: of a file, and of a database on the server that TEST_POSTGRES_URL names, if it names one."""
    yield sqlite()
    if os.environ.get("TEST_POSTGRES_URL"):
        yield postgres(os.environ["TEST_POSTGRES_URL"])


@contextmanager
def sqlite() -> Iterator[str]:
    """A file in the folder for temporary files, which should be on a real disk."""
    with tempfile.TemporaryDirectory() as folder:
        yield upgraded(f"sqlite:///{folder}/study.sqlite")


@contextmanager
def postgres(server: str) -> Iterator[str]:
    """A database of its own on this server."""
    url, name = make_url(server).set(drivername="postgresql+psycopg"), f"bench_{secrets.token_hex(8)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        try:
            yield upgraded(url.set(database=name).render_as_string(hide_password=False))
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def upgraded(url: str) -> str:
    """The same address, with tables behind it."""
    database = Database(url)
    database.upgrade()
    database.dispose()
    return url
