"""One vote a trial: sent twice, sent at once, sent wrongly, and never changed."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from study import voting
from study.db import Database
from study.errors import Malformed
from study.models import Session, Study, Trial, Vote, now

Load = Callable[..., str]
Browse = Callable[..., Any]
WHOLE = {
    "response_ms": 2345, "flips": 3, "left_ms": 2345, "right_ms": 2344, "reference_ms": 2343, "zoomed": True,
    "hidden_ms": 12, "viewport_width": 1280, "viewport_height": 800, "device_pixel_ratio": 1.25,
    "device_pixels_per_pixel": 1, "pixel_exact": True, "bytes_verified": False,
    "left_x": 100, "left_y": -20.5, "right_x": 700, "right_y": 120, "geometry_changes": 2,
}  # fmt: skip


def votes(database: Database) -> list[Vote]:
    with database.read() as db:
        return list(db.scalars(select(Vote).order_by(Vote.id)))


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


def test_a_vote_is_saved_with_all_its_circumstances(database: Database, load: Load, browse: Browse) -> None:
    load(toml="[design]\npractice = 0")
    browser = browse().begin()
    state = browser.state()
    answer = browser.vote(state["trial"], "right", **WHOLE).get_json()
    assert (answer["saved"], answer["duplicate"], answer["step"]) == (True, False, "trial")
    assert answer["trial"] == state["next"]
    assert "feedback" not in answer
    (vote,) = votes(database)
    assert {name: getattr(vote, name) for name in WHOLE} == WHOLE
    assert (vote.choice, vote.simulated, vote.corrects) == ("right", False, None)


def test_only_trial_key_and_choice_are_required(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    assert browser.vote(browser.state()["trial"]).status_code == 200
    (vote,) = votes(database)
    assert {getattr(vote, name) for name in voting.CIRCUMSTANCES} == {None}


def test_the_same_ballot_again_gets_the_same_answer_and_no_second_vote(
    database: Database, load: Load, browse: Browse
) -> None:
    load()
    browser = browse().begin()
    trial = browser.state()["trial"]
    first, again = browser.vote(trial, response_ms=900), browser.vote(trial, response_ms=1900)
    assert again.status_code == 200
    assert again.get_json() == first.get_json() | {"duplicate": True}
    assert [vote.response_ms for vote in votes(database)] == [900]


def test_another_choice_for_the_same_trial_is_refused(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    trial = browser.state()["trial"]
    browser.vote(trial, "left")
    assert code(browser.vote(trial, "right")) == (409, "already_cast")
    assert [vote.choice for vote in votes(database)] == ["left"]


@pytest.mark.parametrize("choices", [("left", "left"), ("left", "right")])
def test_two_ballots_at_once_make_one_vote(
    app: Flask, database: Database, load: Load, browse: Browse, choices: tuple[str, str]
) -> None:
    """Two tabs of one browser: whoever comes second is a duplicate or is refused, and nobody meets a 500."""
    load(sources=4, toml="[design]\npractice = 0\ncatch_rate = 0")
    browser = browse().begin()
    token, trials = browser.token(), []
    for _ in range(4):
        trial = browser.state()["trial"]
        trials.append(trial)
        at_once = Barrier(2)
        cookie = browser.client.get_cookie("study")

        def send(choice: str, trial: Any = trial, at_once: Barrier = at_once, cookie: Any = cookie) -> Any:
            tab = app.test_client()
            tab.set_cookie("study", cookie.value)
            at_once.wait()
            return tab.post(
                "/s/tiny/vote",
                json={"trial": trial["id"], "key": trial["key"], "choice": choice},
                headers={"X-CSRFToken": token},
            )

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(send, choices))
        saved = [answer.get_json()["duplicate"] for answer in answers if answer.status_code == 200]
        if choices[0] == choices[1]:
            assert sorted(saved) == [False, True]
        else:
            assert saved == [False]
            assert {code(answer) for answer in answers if answer.status_code != 200} == {(409, "already_cast")}
    cast = votes(database)
    assert len(cast) == len({vote.trial_id for vote in cast}) == 4


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_race_that_the_unique_index_decides_is_answered_as_a_duplicate(
    database: Database, load: Load, browse: Browse
) -> None:
    """Another writer has inserted the vote and not committed yet: ours is refused by the index, then finds it."""
    load(toml="[design]\npractice = 0")
    browser = browse().begin()
    trial, token = browser.state()["trial"], browser.token()
    with ThreadPoolExecutor(1) as pool, database.write() as other:
        stored = other.scalars(select(Trial).where(Trial.public == trial["id"])).one()
        other.add(Vote(trial_id=stored.id, key=stored.key, choice="left", simulated=False, voted_at=now()))
        other.flush()
        ballot = {"trial": trial["id"], "key": trial["key"], "choice": "left"}
        ours = pool.submit(browser.post, ballot, token)
        deadline = time.monotonic() + 10
        while not waiting(database):
            assert time.monotonic() < deadline, "our vote never came to wait for the other one"
        other.commit()
        answer = ours.result()
    assert (answer.status_code, answer.get_json()["duplicate"]) == (200, True)
    assert len(votes(database)) == 1


def waiting(database: Database) -> bool:
    """Whether some statement waits for another transaction to end."""
    with database.read() as db:
        return bool(
            db.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO vote%'"
                )
            )
        )


def test_trials_are_answered_in_their_order(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    state = browser.state()
    assert code(browser.vote(state["next"])) == (409, "not_open")
    assert votes(database) == []
    browser.vote(state["trial"])
    assert browser.vote(state["next"]).status_code == 200


def test_a_step_between_trials_takes_no_votes(database: Database, load: Load, browse: Browse) -> None:
    load(toml="[design]\npractice = 0\ncatch_rate = 0\nblock = 1")
    browser = browse()
    browser.step("consent", "agree")
    with database.read() as db:
        trials = [{"id": t.public, "key": t.key} for t in db.scalars(select(Trial).order_by(Trial.position))]
    assert code(browser.vote(trials[0])) == (409, "not_open")
    browser.step("instructions", "next")
    assert browser.vote(trials[0]).get_json()["step"] == "break"
    assert code(browser.vote(trials[1])) == (409, "not_open")
    browser.step("break", "next")
    assert browser.vote(trials[1]).get_json()["step"] == "thanks"
    assert len(votes(database)) == 2


def test_the_last_vote_completes_the_session(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    assert browser.finish() == {
        "saved": True, "duplicate": False, "step": "thanks", "trial": None, "next": None,
        "progress": {"done": 2, "of": 2, "seconds_left": 0}, "undo": False,
    }  # fmt: skip
    with database.read() as db:
        session = db.scalars(select(Session)).one()
        last = db.scalar(select(func.max(Vote.voted_at)))
        assert (session.outcome, session.ended_at) == ("complete", last)


def test_practice_is_answered_with_feedback(load: Load, browse: Browse) -> None:
    load(toml="[design]\npractice = 2\npractice_rounds = 1")
    browser = browse().begin()
    expected: list[str] = []
    state = browser.state()
    for _ in range(2):
        trial = state["trial"]
        assert trial["practice"]
        original = next(side for side in ("left", "right") if trial[side] == trial["reference"])
        state = browser.vote(trial, "left").get_json()
        assert state["feedback"] == {"correct": original == "left", "expected": original, "again": False}
        expected.append(original)
    assert not state["trial"]["practice"]
    assert sorted(expected) == ["left", "right"]


@pytest.mark.parametrize(("state", "expected"), [("paused", (423, "paused")), ("closed", (410, "closed"))])
def test_a_study_that_takes_no_votes_says_so_but_still_answers_for_saved_ones(
    database: Database, load: Load, browse: Browse, state: str, expected: tuple[int, str]
) -> None:
    load()
    browser = browse().begin()
    token, here = browser.token(), browser.state()
    browser.vote(here["trial"])
    with database.write() as db:
        db.execute(update(Study).values(state=state))
    ballot = {"trial": here["next"]["id"], "key": here["next"]["key"], "choice": "left"}
    assert code(browser.post(ballot, token)) == expected
    again = browser.post(ballot | {"trial": here["trial"]["id"], "key": here["trial"]["key"]}, token)
    assert (again.status_code, again.get_json()["duplicate"]) == (200, True)
    assert len(votes(database)) == 1


BALLOT = {"trial": "a", "key": "b", "choice": "left"}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"choice": "middle"}, "`choice`: Invalid enum value 'middle'."),
    ({"choice": None}, "`choice`: Expected `str`, got `null`."),
    ({"trial": "a\0b"}, "`trial`: "),
    ({"trial": "a\n"}, "`trial`: "),
    ({"trial": "x" * 65}, "`trial`: "),
    ({"trial": 7}, "`trial`: Expected `str`, got `int`."),
    ({"response_ms": -1}, "`response_ms`: Expected `int` >= 0."),
    ({"response_ms": 2**31}, "`response_ms`: Expected `int` <= 2147483647."),
    ({"response_ms": 1.5}, "`response_ms`: Expected `int | null`, got `float`."),
    ({"response_ms": "9"}, "`response_ms`: Expected `int | null`, got `str`."),
    ({"response_ms": True}, "`response_ms`: Expected `int | null`, got `bool`."),
    ({"zoomed": 1}, "`zoomed`: Expected `bool | null`, got `int`."),
    ({"device_pixel_ratio": 0}, "`device_pixel_ratio`: Expected `float` > 0.0."),
    ({"left_x": 1e300}, "`left_x`: Expected `float` <= 1000000.0."),
    ({"left_x": [1]}, "`left_x`: Expected `float | null`, got `array`."),
    ({"region_x": 1, "region_y": 2, "region_width": 3}, "`region_height`: a region needs region_x, region_y, "),
    ({"region_width": 0}, "`region_width`: Expected `int` >= 1."),
    ({"simulated": False}, "Object contains unknown field `simulated`."),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message for _, message in BAD])
def test_a_value_of_the_wrong_type_or_range_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed) as caught:
        voting.read_ballot(json.dumps(BALLOT | change).encode())
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"response_ms": -1}, "`response_ms`: Expected `int` >= 0."),
        ({"choice": "not_sure"}, '`choice`: this study takes "left" or "right".'),
        ({"key": "x" * 22}, "`key`: it is not the key of this trial."),
        ({"key": "\ud800"}, "The body is not JSON"),
    ],
)
def test_a_malformed_ballot_saves_nothing(
    database: Database, load: Load, browse: Browse, change: dict[str, Any], message: str
) -> None:
    load()
    browser = browse().begin()
    trial = browser.state()["trial"]
    response = browser.post({"trial": trial["id"], "key": trial["key"], "choice": "left", **change})
    assert code(response) == (400, "malformed")
    assert response.get_json()["error"]["message"].startswith(message)
    assert votes(database) == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"trial": NaN}', b"[" * 10_000, b'{"trial": "\\ud800"}']
)
def test_what_is_no_ballot_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        voting.read_ballot(body)


def test_not_sure_is_taken_where_the_study_offers_it(database: Database, load: Load, browse: Browse) -> None:
    load(toml="[study]\nnot_sure = true")
    browser = browse().begin()
    trial = browser.state()["trial"]
    assert trial["choices"] == ["left", "right", "not_sure"]
    assert browser.vote(trial, "not_sure").get_json()["feedback"]["correct"] is False
    assert [vote.choice for vote in votes(database)] == ["not_sure"]


REGION = {"region_x": 2, "region_y": 0, "region_width": 6, "region_height": 8}


def test_a_region_is_kept_in_pixels_of_the_crop(database: Database, load: Load, browse: Browse) -> None:
    load(toml="[study]\nmark_region = true")
    browser = browse().begin()
    trial = browser.state()["trial"]
    for change, named in (({"region_x": 3}, "region_width"), ({"region_y": 1}, "region_height")):
        response = browser.vote(trial, **REGION | change)
        assert code(response) == (400, "malformed")
        assert response.get_json()["error"]["message"].startswith(f"`{named}`: the region ends outside the crop")
    assert browser.vote(trial, **REGION).status_code == 200
    (vote,) = votes(database)
    assert {name: getattr(vote, name) for name in voting.REGION} == REGION


def test_a_region_is_refused_where_the_study_asks_for_none(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    assert code(browser.vote(browser.state()["trial"], **REGION)) == (400, "malformed")
    assert votes(database) == []


def test_a_vote_is_never_changed_or_deleted(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    browser.vote(browser.state()["trial"])
    with pytest.raises(TypeError, match="stays as it was cast"), database.write() as db:
        db.scalars(select(Vote)).one().choice = "right"
    with pytest.raises(TypeError, match="stays as it was cast"), database.write() as db:
        db.delete(db.scalars(select(Vote)).one())
    for statement in (update(Vote).values(choice="right"), delete(Vote)):
        with pytest.raises(TypeError, match="only ever added"), database.write() as db:
            db.execute(statement)
    assert [vote.choice for vote in votes(database)] == ["left"]


def test_the_database_itself_holds_one_vote_a_trial_one_key_and_one_correction(
    database: Database, load: Load, browse: Browse
) -> None:
    load()
    browser = browse().begin()
    browser.vote(browser.state()["trial"])
    (first,) = votes(database)

    def add(**cells: Any) -> None:
        row = {"trial_id": first.trial_id, "choice": "left", "simulated": False, "voted_at": now(), "corrects": None}
        with database.write() as db:
            db.execute(insert(Vote).values(row | cells))

    with pytest.raises(IntegrityError):
        add(key="another")
    with pytest.raises(IntegrityError):
        add(key=first.key, corrects=first.id)
    with pytest.raises(IntegrityError):
        add(key="choice", choice="both", corrects=first.id)
    with pytest.raises(IntegrityError):
        add(key="nothing", corrects=first.id + 7)
    add(key="corrected", corrects=first.id)
    with pytest.raises(IntegrityError):
        add(key="corrected again", corrects=first.id)
    assert len(votes(database)) == 2


def test_only_a_ballot_field_reaches_the_table() -> None:
    assert set(voting.CIRCUMSTANCES) < set(Vote.__table__.columns.keys())
    ballot = voting.read_ballot(json.dumps({"trial": "a", "key": "b", "choice": "left", **WHOLE}).encode())
    assert {name: getattr(ballot, name) for name in voting.CIRCUMSTANCES} == WHOLE | dict.fromkeys(voting.REGION)
