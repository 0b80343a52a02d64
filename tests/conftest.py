"""Databases for tests: SQLite and PostgreSQL, each built by the migrations once, and fresh for every test."""

import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, Playwright, sync_playwright
from sqlalchemy import create_engine, make_url, text

from study.db import Database
from study.ledger import Base

# A shell that starts us in the background has Ctrl-C ignored, and so would every program that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests vote quicker than people: servers that they start count no requests. tests/study/test_limits.py has its own.
os.environ["STUDY_LIMITS_URL"] = "none"

# A slow machine is no counterexample; pytest's own timeout ends what hangs.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


class Postgres:
    """The throw-away server that TEST_POSTGRES_URL names: makes databases and drops them."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql+psycopg")

    def do(self, *statements: str) -> None:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def create(self) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self.do(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def url_of(self, name: str) -> str:
        return self.url.set(database=name).render_as_string(hide_password=False)

    def drop(self, name: str) -> None:
        self.do(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """The server; skips where none is named (`make test` always names one)."""
    url = os.environ.get("TEST_POSTGRES_URL")
    if not url:
        pytest.skip("TEST_POSTGRES_URL names no PostgreSQL server; `make test` starts one")
    return Postgres(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "template.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_upgraded(postgres: Postgres) -> Iterator[str]:
    """The address of one PostgreSQL database at the newest revision; emptied before each test that uses it."""
    name = postgres.create()
    upgrade(postgres.url_of(name))
    yield postgres.url_of(name)
    postgres.drop(name)


def empty_tables(url: str) -> None:
    """Delete every row and count from 1 again: ten times as quick as another database, five times as TRUNCATE."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), 1, false)"))
    engine.dispose()


def upgrade(url: str) -> None:
    database = Database(url)
    database.upgrade()
    database.dispose()


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'empty.sqlite'}"


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database without a table, of each kind in turn."""
    if request.param == "sqlite":
        yield request.getfixturevalue("empty_sqlite_url")
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url_of(name)
    server.drop(name)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of an SQLite database at the newest revision."""
    shutil.copyfile(sqlite_template, tmp_path / "study.sqlite")
    return f"sqlite:///{tmp_path / 'study.sqlite'}"


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a database at the newest revision without a row, of each kind in turn."""
    if request.param == "sqlite":
        sqlite: str = request.getfixturevalue("sqlite_url")
        return sqlite
    url: str = request.getfixturevalue("postgres_upgraded")
    empty_tables(url)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database at the newest revision, of each kind in turn."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One real Chromium for all tests: two at a time do not go together in one process."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or playwright.chromium.executable_path
    if not Path(path).exists():
        pytest.skip("no Chromium: scripts/find-chromium installs one")
    switches = ["--no-sandbox", "--disable-background-networking", "--no-first-run", "--disable-component-update"]
    # study.test is this machine, by a name that is no secure context.
    switches += ["--force-color-profile=srgb", "--host-resolver-rules=MAP study.test 127.0.0.1"]
    browser = playwright.chromium.launch(executable_path=path, args=switches)
    yield browser
    browser.close()
