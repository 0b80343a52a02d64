"""The migrations build what the models say, on both databases, and can be taken back."""

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Inspector, inspect, text
from sqlalchemy.exc import IntegrityError

from study.db import Database
from study.models import Base

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
