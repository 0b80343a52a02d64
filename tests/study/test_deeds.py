"""The log of researchers' deeds: only added to, and in the transaction of the deed."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select, update

from study import deeds, loading
from study.db import Database
from study.errors import Refused
from study.ledger import Deed

Load = Callable[..., str]


def test_lines_come_back_in_their_order_with_what_was_said(database: Database) -> None:
    with database.write() as db:
        deeds.record(db, "ada", "results", "tiny", sha256="a" * 64, files=["ratings.csv"])
        deeds.record(db, deeds.COMMAND_LINE, "exported", "other")
        deeds.record(db, "ada", "logged_in")
    with database.read() as db:
        lines = deeds.read(db)
        assert [(line.who, line.did, line.study) for line in lines] == [
            ("ada", "results", "tiny"), (deeds.COMMAND_LINE, "exported", "other"), ("ada", "logged_in", ""),
        ]  # fmt: skip
        assert lines[0].detail == {"sha256": "a" * 64, "files": ["ratings.csv"]}
        assert lines[0].at.tzinfo is not None
        assert [line.did for line in deeds.read(db, "other")] == ["exported"]
        assert [line.did for line in deeds.read(db, did=("logged_in", "results"))] == ["results", "logged_in"]
        assert [line.did for line in deeds.read(db, newest=2)] == ["exported", "logged_in"]


def test_a_word_that_the_log_does_not_have_is_a_fault(database: Database) -> None:
    with database.write() as db, pytest.raises(ValueError, match="no word 'peeked'"):
        deeds.record(db, "ada", "peeked", "tiny")


def test_no_line_is_changed_or_deleted(database: Database) -> None:
    with database.write() as db:
        deeds.record(db, "ada", "logged_in")
    for statement in (update(Deed).values(who="bob"), delete(Deed)):
        with database.write() as db, pytest.raises(TypeError, match="only ever added"):
            db.execute(statement)
    with database.write() as db:
        db.scalars(select(Deed)).one().who = "bob"
        with pytest.raises(TypeError, match="stays as it was written"):
            db.flush()
        db.rollback()


def test_what_becomes_of_a_study_is_in_the_log_with_who_did_it(database: Database, load: Load) -> None:
    load(state="draft")
    for state in ("open", "paused", "open", "closed"):
        with database.write() as db:
            loading.change_state(db, "tiny", state, who="ada")
    with database.write() as db, pytest.raises(Refused):
        loading.change_state(db, "tiny", "open", who="bob")
    with database.read() as db:
        lines = deeds.read(db, "tiny")
        study = loading.find(db, "tiny")
        assert [line.did for line in lines] == ["loaded", "opened", "paused", "opened", "closed"]
        assert [line.who for line in lines] == [deeds.COMMAND_LINE, "ada", "ada", "ada", "ada"]
        assert lines[0].detail == {"sha256": study.stimuli_sha256, "sessions": 0, "votes": 0}
        assert study.closed_at is not None
