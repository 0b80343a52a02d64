"""The migrations build what the models say, on both databases, and can be taken back."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Inspector, MetaData, Table, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from study.db import Database
from study.ledger import Base
from study.models import Session, Study, Vote

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations" / "versions"


@pytest.fixture
def empty(empty_url: str):
    database = Database(empty_url)
    yield database
    database.dispose()


def checks(inspector: Inspector) -> dict[tuple[str, str], str]:
    """Every CHECK as the database spells it, by table and name."""
    return {
        (table, str(check["name"])): check["sqltext"]
        for table in inspector.get_table_names()
        for check in inspector.get_check_constraints(table)
    }


def test_the_migrations_build_what_the_models_say(empty: Database) -> None:
    empty.upgrade()
    with empty.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_the_migrations_check_the_values_that_the_models_check(empty: Database) -> None:
    """Alembic does not compare CHECKs, so that a new word of an enumeration would be missed."""
    Base.metadata.create_all(empty.engine)
    modelled = checks(inspect(empty.engine))
    Base.metadata.drop_all(empty.engine)
    empty.upgrade()
    assert checks(inspect(empty.engine)) == modelled
    assert set(modelled) == {
        (table.name, str(constraint.name))
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert ("vote", "ck_vote_choice") in modelled


def test_downgrading_leaves_nothing_and_upgrading_again_works(empty: Database) -> None:
    empty.upgrade()
    empty.downgrade("base")
    assert inspect(empty.engine).get_table_names() == ["alembic_version"]
    empty.upgrade()
    empty.check()


BEGUN = datetime(2026, 1, 31, 12)  # noqa: DTZ001 - as the tables hold it


def add(database: Database, name: str, row: dict[str, object]) -> None:
    """Put a row into a table as it is now, whatever the models say."""
    with database.engine.begin() as connection:
        connection.execute(insert(Table(name, MetaData(), autoload_with=connection)), row)


def add_vote(database: Database) -> None:
    """One vote of session 3, with all that it refers to: rows that refer to a table must not hinder its change."""
    add(database, "source", {"id": 1, "study_id": 1, "name": "s", "sha256": "", "width": 8, "height": 8})
    add(database, "crop", {"id": 1, "source_id": 1, "tag": "", "x": 0, "y": 0, "width": 8, "height": 8})
    for number in (1, 2):
        add(database, "condition", {"id": number, "study_id": 1, "name": str(number), "codec": "", "rate": ""})
        stimulus = {"id": number, "crop_id": 1, "condition_id": number, "sha256": "", "bpp": ""}
        add(database, "stimulus", stimulus)
    add(database, "pair", {"id": 1, "study_id": 1, "kind": "rating", "a_id": 1, "b_id": 2})
    trial = {"id": 1, "session_id": 3, "pair_id": 1, "public": "t", "key": "k", "kind": "rating", "block": 1}
    add(database, "trial", trial | {"position": 1, "flipped": False, "reloads": 0})
    vote = {"trial_id": 1, "key": "k", "choice": "left", "simulated": False, "voted_at": BEGUN}
    add(database, "vote", vote)


def test_sessions_of_an_older_release_stand_where_they_stood(empty: Database) -> None:
    """Rows of the first tables survive the way up and down: who had read the instructions still has."""
    empty.upgrade("20261122_first_tables")
    study = {"id": 1, "name": "old", "state": "open", "simulated": False, "design": "", "config": "",
             "stimuli_sha256": "", "loaded_at": BEGUN}  # fmt: skip
    add(empty, "study", study)
    for number, outcome, instructed in ((1, "open", False), (2, "open", True), (3, "complete", True)):
        person = {"id": number, "study_id": 1, "token": str(number), "pseudonym": str(number), "simulated": False}
        add(empty, "participant", person | {"created_at": BEGUN})
        session = {"id": number, "study_id": 1, "participant_id": number, "ordinal": number, "outcome": outcome,
                   "instructed": instructed, "block": 2, "language": "en", "started_at": BEGUN, "active_at": BEGUN,
                   "ended_at": None if outcome == "open" else BEGUN}  # fmt: skip
        add(empty, "session", session)
    add_vote(empty)
    empty.upgrade()
    empty.check()
    with empty.read() as db:
        sessions = db.scalars(select(Session).order_by(Session.id))
        found = [(s.id, s.outcome, s.prepared, s.practised, s.warned_at, s.block, s.turn) for s in sessions]
    assert found == [
        (1, "open", 0, False, None, 2, 0),
        (2, "open", 1, False, None, 2, 0),
        (3, "complete", 1, False, None, 2, 0),
    ]
    with empty.read() as db:
        assert db.scalars(select(Vote)).one().trial.session_id == 3
    empty.downgrade("20261122_first_tables")
    with empty.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM vote")).scalar() == 1
        rows = connection.execute(text("SELECT id, outcome, instructed FROM session ORDER BY id")).all()
    assert [(row.id, row.outcome, bool(row.instructed)) for row in rows] == [
        (1, "open", False),
        (2, "open", True),
        (3, "complete", True),
    ]


def test_a_study_of_an_older_release_has_been_paused_since_its_last_sign_of_life(empty: Database) -> None:
    empty.upgrade("20261122_first_tables")
    for number, state in ((1, "paused"), (2, "paused"), (3, "open")):
        study = {"id": number, "name": str(number), "state": state, "simulated": False, "design": "", "config": "",
                 "stimuli_sha256": "", "loaded_at": BEGUN}  # fmt: skip
        add(empty, "study", study)
    for number, study in ((1, 1), (2, 1), (3, 3)):
        person = {"id": number, "study_id": study, "token": str(number), "pseudonym": str(number), "simulated": False}
        add(empty, "participant", person | {"created_at": BEGUN})
        session = {"id": number, "study_id": study, "participant_id": number, "outcome": "open", "instructed": True,
                   "block": 1, "language": "en", "started_at": BEGUN}  # fmt: skip
        session["active_at"] = BEGUN.replace(minute=number)
        add(empty, "session", session)
    empty.upgrade()
    with empty.read() as db:
        paused = [study.paused_at for study in db.scalars(select(Study).order_by(Study.id))]
    assert paused == [BEGUN.replace(minute=2, tzinfo=UTC), None, None]
    empty.downgrade("20261122_first_tables")
    with empty.engine.connect() as connection:
        rows = connection.execute(text("SELECT state FROM study ORDER BY id")).scalars().all()
    assert rows == ["paused", "paused", "open"]


def test_the_database_itself_refuses_a_word_that_no_enumeration_has(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as db:
        db.execute(
            text(
                "INSERT INTO study (name, state, simulated, design, config, stimuli_sha256, loaded_at) "
                "VALUES ('a', 'ajar', false, '', '', '', '2026-01-01 00:00:00')"
            )
        )


def test_migrations_are_named_by_their_day() -> None:
    names = [path.name for path in MIGRATIONS.glob("*.py")]
    assert names
    assert all(re.fullmatch(r"20\d{6}_\w+\.py", name) for name in names)
