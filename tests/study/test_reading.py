"""A participant's requests read that participant's rows: nothing grows with the number of votes that there are."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from study import steps
from study.db import Database

Said = list[tuple[str, Any]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_request_of_a_trial_reads_every_vote(
    app: Flask, load: Callable[..., str], browse: Callable[..., Any]
) -> None:
    load("tiny", sources=4, toml="[design]\npractice = 1\n")
    someone = browse().begin()
    state = someone.state()
    engine, said = app.extensions["database"].engine, Said()

    @event.listens_for(engine, "before_cursor_execute")
    def hear(_connection: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        said.append((statement, parameters))

    someone.vote(state["trial"])
    someone.state()
    someone.get()
    event.remove(engine, "before_cursor_execute", hear)
    plans = []
    with engine.connect() as connection:
        for statement, parameters in said:
            if statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans += [(row[3], statement) for row in rows]
    assert len(plans) > 10
    whole = ("SCAN vote", "SCAN trial", "SCAN session", "(corrects=?)")  # hardly any vote corrects another one
    assert not [plan for plan in plans if any(words in plan[0] for words in whole)]


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_postgresql_finds_no_way_through_all_votes_that_correct_none(database: Database) -> None:
    """Before its first ANALYZE it takes any index for a quick one, and nearly all votes correct none."""
    with database.engine.connect() as connection:
        statement = steps._TRIALS.compile(dialect=connection.dialect)
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", {"session": 1}).scalars().all()
    assert any("ix_vote_trial_id" in line or "Seq Scan on vote" in line for line in plan), plan
    assert not [line for line in plan if "Join Filter" in line or "corrects" in line], plan
