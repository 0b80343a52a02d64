"""A pause costs nobody a session: no time passes by the clock that sessions expire by."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from study import export, loading, scheduling, steps
from study.db import Database
from study.errors import Full
from study.models import Participant, Session, Study

Load = Callable[..., str]
Browse = Callable[..., Any]
BEGUN = datetime(2026, 3, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
TWO = "[design]\npractice = 0\nparticipants = 2\nresume_hours = 2\n"


@pytest.fixture
def turn_to(monkeypatch: pytest.MonkeyPatch, database: Database) -> Callable[[datetime, str], None]:
    """`turn_to(moment, state)` opens or pauses the study at that moment."""

    def turned(moment: datetime, state: str) -> None:
        monkeypatch.setattr(loading, "now", lambda: moment)
        with database.write() as db:
            loading.change_state(db, "tiny", state)

    return turned


def begin(database: Database, who: str, at: datetime) -> int:
    with database.write() as db:
        study = scheduling.find(db, "tiny", lock=True)
        person = Participant(study_id=study.id, token=who, pseudonym=who, simulated=False, created_at=at)
        db.add(person)
        db.flush()
        return scheduling.begin(db, study, person, at).id


def step(database: Database, session: int, at: datetime) -> str:
    with database.read() as db:
        return steps.here(db, db.get_one(Session, session), at).step


def planned(database: Database, at: datetime) -> int:
    with database.read() as db:
        return sum(scheduling.counts(db, scheduling.find(db, "tiny"), at).values())


def test_a_pause_longer_than_resume_hours_ends_nobodys_session(
    database: Database, load: Load, turn_to: Callable[[datetime, str], None]
) -> None:
    load(toml=TWO)
    left = begin(database, "left long before", BEGUN - 3 * HOUR)
    here = begin(database, "here", BEGUN)
    pause, back = BEGUN + HOUR, BEGUN + 24 * HOUR
    before = planned(database, pause)
    turn_to(pause, "paused")
    for at in (pause, pause + 5 * HOUR, back):
        assert (step(database, left, at), step(database, here, at)) == ("expired", "instructions")
        assert planned(database, at) == before
    turn_to(back, "open")
    assert planned(database, back) == before
    with database.read() as db:
        study = scheduling.find(db, "tiny")
        assert (study.paused_at, db.get_one(Session, left).active_at) == (None, BEGUN - 3 * HOUR)
        moved = db.get_one(Session, here)
        assert (moved.active_at, moved.turn) == (back, 1)  # a vote that was judged before is judged anew
        scheduling.check_room(db, study, back)  # one place is free, as before the pause
    begin(database, "next", back)
    with pytest.raises(Full), database.read() as db:
        scheduling.check_room(db, scheduling.find(db, "tiny"), back)
    assert step(database, here, back + 2 * HOUR) == "instructions"
    assert step(database, here, back + 2 * HOUR + timedelta(seconds=1)) == "expired"
    assert step(database, left, back) == "expired"


def test_who_comes_back_after_a_long_pause_votes_and_is_open_in_files_meanwhile(
    database: Database, load: Load, browse: Browse, turn_to: Callable[[datetime, str], None], tmp_path: Path
) -> None:
    load(toml=TWO)
    browser = browse().begin()
    token, trial = browser.token(), browser.state()["trial"]
    with database.write() as db:
        at = db.scalars(select(Session.active_at)).one()
    turn_to(at + HOUR, "paused")
    with database.write() as db:  # all that was twenty hours ago
        db.execute(update(Session).values(active_at=at - 20 * HOUR))
        db.execute(update(Study).values(paused_at=at - 19 * HOUR))
    assert browser.vote_with(token, trial).get_json()["error"]["code"] == "paused"
    with database.read() as db:
        export.write(db, "tiny", tmp_path / "votes.csv")
    with (tmp_path / "sessions.csv").open(newline="") as file:
        assert [row["outcome"] for row in csv.DictReader(file)] == ["open"]
    turn_to(at, "open")
    assert browser.vote_with(token, trial).status_code == 200


def test_a_study_that_is_closed_in_its_pause_stands_still_no_more(
    database: Database, load: Load, turn_to: Callable[[datetime, str], None]
) -> None:
    load(toml=TWO)
    session = begin(database, "here", BEGUN)
    turn_to(BEGUN + HOUR, "paused")
    turn_to(BEGUN + 9 * HOUR, "closed")
    assert step(database, session, BEGUN + 9 * HOUR) == "expired"
