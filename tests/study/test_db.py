"""The database: durable, strict, patient, and honest about what it cannot do."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from study import db as databases
from study.db import Database
from study.errors import Refused
from study.models import Session, Source, Study, now

Load = Callable[..., str]
Browse = Callable[..., Any]


def study(name: str = "s", at: datetime | None = None) -> Study:
    return Study(
        name=name, state="draft", simulated=False, design="", config="", stimuli_sha256="", loaded_at=at or now()
    )


def test_sqlite_keeps_what_it_acknowledged_and_checks_references(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.read() as db:
        pragmas = {
            name: db.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    database.dispose()


def test_references_must_exist(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as db:
        db.add(Source(study_id=7, name="x", sha256="", width=1, height=1))


def test_a_failed_write_leaves_nothing(database: Database) -> None:
    def fails() -> None:
        with database.write() as db:
            db.add(study())
            db.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with database.read() as db:
        assert db.scalars(select(Study)).all() == []


def test_a_read_is_one_moment(database: Database) -> None:
    with database.read() as before:
        assert before.scalars(select(Study)).all() == []
        with database.write() as db:
            db.add(study())
        assert before.scalars(select(Study)).all() == []
    with database.read() as after:
        assert len(after.scalars(select(Study)).all()) == 1


def test_sqlites_writers_wait_for_one_another_from_the_start(sqlite_url: str) -> None:
    """A read that turns into a write would fail at once, its snapshot being stale; BEGIN IMMEDIATE waits instead."""
    database = Database(sqlite_url)
    with database.write() as db:
        db.add(study("kept"))

    def add_one() -> None:
        with database.write() as db:
            kept = db.scalars(select(Study).where(Study.name == "kept")).one()
            kept.design += "x"

    writers = [threading.Thread(target=add_one) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with database.read() as db:
        assert db.scalars(select(Study.design)).one() == "x" * 8
    database.dispose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "BUSY_TIMEOUT_MS", 50)


@pytest.mark.usefixtures("impatient")
def test_a_busy_database_is_said_to_be_busy_and_loses_nothing(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    token, trial = browser.token(), browser.state()["trial"]
    with database.write() as other:
        other.execute(select(Session).with_for_update())
        answer = browser.vote_with(token, trial)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) >= 1
    again = browser.vote_with(token, trial).get_json()
    assert (again["saved"], again["duplicate"]) == (True, False)


@pytest.mark.usefixtures("impatient")
def test_a_busy_database_gets_a_page_where_a_page_was_asked_for(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    form = {"csrf_token": browser.token(), "step": "consent", "action": "agree"}
    with database.write() as other:
        other.execute(select(Study).with_for_update())
        page = browser.client.post("/s/tiny/step", data=form)
        assert (page.status_code, page.mimetype) == (503, "text/html")
    assert browser.client.post("/s/tiny/step", data=form).status_code == 303


def test_a_database_that_is_away_is_busy(app: Flask, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    load()

    def away(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection unexpectedly"))

    monkeypatch.setattr("sqlalchemy.engine.Engine.connect", away)
    response = app.test_client().get("/health")
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "busy")


def test_moments_come_back_in_utc_to_the_millisecond(database: Database) -> None:
    east = timezone(timedelta(hours=9))
    with database.write() as db:
        db.add(study("a", datetime(2026, 3, 1, 8, 59, 59, 123000, tzinfo=east)))
    with database.read() as db:
        assert db.scalars(select(Study.loaded_at)).one() == datetime(2026, 2, 28, 23, 59, 59, 123000, tzinfo=UTC)
    with pytest.raises(StatementError, match="has no time zone"), database.write() as db:
        db.add(study("b", datetime(2026, 3, 1)))  # noqa: DTZ001 - that is the point
    assert now().microsecond % 1000 == 0


def test_an_old_database_is_refused_with_the_command_that_mends_it(empty_url: str) -> None:
    database = Database(empty_url)
    database.upgrade()
    database.check()
    with database.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '20200101_before'"))
    with pytest.raises(Refused, match=r"is at revision 20200101_before, .*: run `manage.py study db upgrade`"):
        database.check()
    database.dispose()


def test_an_empty_database_is_refused_and_not_made_by_asking(empty_url: str, tmp_path: Path) -> None:
    database = Database(empty_url)
    with pytest.raises(Refused, match=r"is empty: .*`manage.py study db upgrade` makes its tables") as caught:
        database.check()
    assert ("study load" in caught.value.message) == database.is_sqlite  # on PostgreSQL it makes no tables
    database.dispose()
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_never_shows_the_password() -> None:
    database = Database("postgresql+psycopg://me:s3cret@127.0.0.1:1/none")
    assert "s3cret" not in database.name
    assert "me:***@127.0.0.1:1/none" in database.name
