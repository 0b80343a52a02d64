"""The last vote may be corrected once: a new row that names the old one, kept once however often it is sent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from study.db import Database
from study.models import Session, Trial, Vote

Load = Callable[..., str]
Browse = Callable[..., Any]
PLAIN = "[design]\npractice = 0\ncatch_rate = 0\nidentical_rate = 0\nrepeat_rate = 0\n"


def votes(database: Database) -> list[tuple[str, int | None]]:
    with database.read() as db:
        return [(row.choice, row.corrects) for row in db.execute(select(Vote.choice, Vote.corrects).order_by(Vote.id))]


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


@pytest.fixture
def voted(load: Load, browse: Browse) -> Any:
    """A participant with one vote, "left", of four."""
    load(sources=4, toml=PLAIN)
    browser = browse().begin()
    assert browser.state()["undo"] is False
    assert browser.vote(browser.state()["trial"], "left").get_json()["undo"] is True
    return browser


def test_the_last_vote_is_corrected_by_a_row_that_names_it(database: Database, voted: Any) -> None:
    here = voted.state()
    last = voted.get("/last").get_json()
    assert last["trial"]["correcting"] == {"choice": "left"}
    assert last["next"] == here["trial"]
    assert (last["progress"], last["undo"]) == (here["progress"], True)
    answer = voted.vote(last["trial"], "right").get_json()
    assert answer == {**here, "saved": True, "duplicate": False, "undo": False}
    assert votes(database) == [("left", None), ("right", 1)]
    assert code(voted.get("/last")) == (409, "not_open")


def test_a_trial_shows_its_correction_key_only_for_its_correction(database: Database, voted: Any) -> None:
    last = voted.get("/last").get_json()["trial"]
    with database.read() as db:
        trial = db.scalars(select(Trial).where(Trial.public == last["id"])).one()
        assert (last["key"], trial.key != trial.correction_key) == (trial.correction_key, True)
    keys = {response.get_json()["trial"]["key"] for response in voted.seen if response.request.path.endswith("/trial")}
    assert last["key"] not in keys


def test_the_same_correction_again_is_one(database: Database, voted: Any) -> None:
    last = voted.get("/last").get_json()["trial"]
    first, again = voted.vote(last, "right"), voted.vote(last, "right")
    assert again.get_json() == first.get_json() | {"duplicate": True}
    assert code(voted.vote(last, "left")) == (409, "already_cast")
    assert votes(database) == [("left", None), ("right", 1)]


def test_the_vote_itself_sent_again_is_a_duplicate_after_its_correction(database: Database, voted: Any) -> None:
    last = voted.get("/last").get_json()["trial"]
    voted.vote(last, "right")
    with database.read() as db:
        key = db.scalar(select(Trial.key).where(Trial.public == last["id"]))
    assert voted.vote(last | {"key": key}, "left").get_json()["duplicate"] is True
    assert code(voted.vote(last | {"key": key}, "right")) == (409, "already_cast")
    assert votes(database) == [("left", None), ("right", 1)]


def test_a_vote_is_not_corrected_once_the_next_one_is_cast(database: Database, voted: Any) -> None:
    last = voted.get("/last").get_json()
    voted.vote(last["next"], "left")
    assert code(voted.vote(last["trial"], "right")) == (409, "not_open")
    assert votes(database) == [("left", None), ("left", None)]


def test_a_trial_that_has_no_vote_cannot_be_corrected(database: Database, voted: Any) -> None:
    with database.read() as db:
        second = db.scalars(select(Trial).where(Trial.position == 2)).one()
    ballot = {"trial": second.public, "key": second.correction_key, "choice": "left"}
    assert code(voted.post(ballot)) == (409, "not_open")
    assert len(votes(database)) == 1


@pytest.mark.parametrize("block", [1, 2])
def test_no_vote_is_corrected_over_a_break(database: Database, load: Load, browse: Browse, block: int) -> None:
    load(sources=4, toml=PLAIN + f"block = {block}")
    browser = browse().begin()
    for _ in range(block):
        browser.vote(browser.state()["trial"], "left")
    assert browser.state()["undo"] is False
    assert code(browser.get("/last")) == (409, "not_open")
    browser.step("break", "next")
    assert browser.state()["undo"] is False
    assert code(browser.get("/last")) == (409, "not_open")


def test_practice_and_the_last_vote_of_all_stand(load: Load, browse: Browse) -> None:
    load(sources=2, toml="[design]\npractice = 1\npractice_rounds = 1\nidentical_rate = 0\nrepeat_rate = 0")
    browser = browse().begin()
    assert browser.vote(browser.state()["trial"]).get_json()["undo"] is False
    assert code(browser.get("/last")) == (409, "not_open")
    assert browser.finish()["undo"] is False
    assert code(browser.get("/last")) == (409, "not_open")


@pytest.mark.parametrize("put_right", [True, False])
def test_the_answer_that_counts_is_the_last_one(
    database: Database, load: Load, browse: Browse, put_right: bool
) -> None:
    """A catch trial that was answered wrongly and put right is no miss, and the other way round."""
    catches = PLAIN.replace("catch_rate = 0", "catch_rate = 1")
    load(sources=3, toml=f"{catches}block = 4\n[screening]\ncatches_missed = 1")
    browser = browse().begin()
    state, changed = browser.state(), 0
    while state["step"] == "trial":
        trial, right = state["trial"], expected(database, state["trial"]["id"])
        if right is None or state["next"] is None:
            state = browser.vote(trial, right or "left").get_json()
            continue
        choices = [right, "left" if right == "right" else "right"]
        browser.vote(trial, choices[put_right])
        state = browser.vote(browser.get("/last").get_json()["trial"], choices[not put_right]).get_json()
        changed += 1
    assert changed > 0
    assert state["step"] == ("break" if put_right else "warning")


def expected(database: Database, public: str) -> str | None:
    with database.read() as db:
        return db.scalar(select(Trial.expected).where(Trial.public == public))


def test_two_tabs_correct_once(app: Flask, database: Database, voted: Any) -> None:
    last, token = voted.get("/last").get_json()["trial"], voted.token()
    answers = at_once(app, voted, token, [(last, "right"), (last, "right"), (last, "right")])
    assert sorted(answer.get_json()["duplicate"] for answer in answers) == [False, True, True]
    assert votes(database) == [("left", None), ("right", 1)]


def test_a_correction_and_the_next_vote_at_once_are_kept_or_refused(app: Flask, database: Database, voted: Any) -> None:
    """Whichever comes second: a correction after the next vote is refused, the next vote after a correction is not."""
    for _ in range(3):
        last, token = voted.get("/last").get_json(), voted.token()
        correction, vote = at_once(app, voted, token, [(last["trial"], "right"), (last["next"], "left")])
        assert vote.status_code == 200
        assert correction.status_code == 200 or code(correction) == (409, "not_open")
    with database.read() as db:
        rows = db.execute(select(Vote.id, Vote.trial_id, Vote.corrects).order_by(Vote.id)).all()
        trial_of = {row.id: row.trial_id for row in rows}
        for row in rows:
            if row.corrects is not None:
                assert trial_of[row.corrects] == row.trial_id
                later = [other.id for other in rows if other.corrects is None and other.trial_id > row.trial_id]
                assert all(row.id < other for other in later)


def at_once(app: Flask, browser: Any, token: str, ballots: list[tuple[dict[str, Any], str]]) -> list[Any]:
    """What the server says to ballots that tabs of one browser send at the same moment."""
    ready, cookie = Barrier(len(ballots)), browser.client.get_cookie("study").value

    def send(ballot: tuple[dict[str, Any], str]) -> Any:
        tab = app.test_client()
        tab.set_cookie("study", cookie)
        trial, choice = ballot
        ready.wait()
        body = {"trial": trial["id"], "key": trial["key"], "choice": choice}
        return tab.post("/s/tiny/vote", json=body, headers={"X-CSRFToken": token})

    with ThreadPoolExecutor(len(ballots)) as pool:
        return list(pool.map(send, ballots))


def test_a_session_that_moved_on_between_reading_and_writing_is_judged_anew(
    database: Database, voted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another tab votes after our ballot was judged: ours writes nothing on what it had read."""
    last, token = voted.get("/last").get_json(), voted.token()
    writing, done = Database.writing, []

    def late(self: Database, connection: Any) -> Any:
        if not done:
            done.append(True)
            assert voted.vote_with(token, last["next"], "right").status_code == 200
        return writing(self, connection)

    monkeypatch.setattr(Database, "writing", late)
    assert code(voted.vote_with(token, last["trial"], "right")) == (409, "not_open")
    assert votes(database) == [("left", None), ("right", None)]


def test_a_session_that_is_ended_meanwhile_takes_no_vote(
    database: Database, voted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, token = voted.state(), voted.token()
    writing, done = Database.writing, []

    def late(self: Database, connection: Any) -> Any:
        if not done:
            done.append(True)
            with database.write() as db:
                ended = select(Session.started_at).scalar_subquery()
                db.execute(update(Session).values(outcome="screened_out", ended_at=ended))
        return writing(self, connection)

    monkeypatch.setattr(Database, "writing", late)
    assert code(voted.vote_with(token, here["trial"])) == (409, "not_open")
    assert len(votes(database)) == 1
