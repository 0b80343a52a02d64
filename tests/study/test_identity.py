"""Who is asking: the cookie, the link's parameters, and the simulated participants' mark."""

import base64
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select, update

from study import vote_rows
from study.copying import copy_study
from study.db import Database
from study.identity import SIMULATED, simulated_token
from study.models import Participant, PlatformIdentity, Session, Study, Trial, Vote

Load = Callable[..., str]
Browse = Callable[..., Any]


def participants(database: Database) -> list[Participant]:
    with database.read() as db:
        return list(db.scalars(select(Participant).order_by(Participant.id)))


def identities(database: Database) -> list[tuple[str, str]]:
    with database.read() as db:
        found = db.scalars(select(PlatformIdentity).order_by(PlatformIdentity.parameter, PlatformIdentity.id))
        return [(identity.parameter, identity.value) for identity in found]


def test_nothing_is_stored_before_the_participant_agrees(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    browser.get(PROLIFIC_PID="5f1e")
    assert browser.get().status_code == 200
    assert participants(database) == []
    browser.step("consent", "agree")
    assert len(participants(database)) == 1
    assert identities(database) == [("PROLIFIC_PID", "5f1e")]


def test_parameters_are_kept_once_and_leave_the_address(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    response = browser.get(PROLIFIC_PID="5f1e", STUDY_ID="s", SESSION_ID="7")
    assert (response.status_code, response.location) == (302, "/s/tiny")
    browser.begin()
    browser.get(PROLIFIC_PID="5f1e", STUDY_ID="other")
    assert identities(database) == [("PROLIFIC_PID", "5f1e"), ("SESSION_ID", "7"), ("STUDY_ID", "s")]


def test_who_declines_leaves_no_identity(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    browser.get(PROLIFIC_PID="5f1e")
    browser.step("consent", "decline")
    assert "no answer was stored" in browser.get().text
    assert identities(database) == []
    with database.read() as db:
        assert [session.outcome for session in db.scalars(select(Session))] == ["declined"]
    browser.get(PROLIFIC_PID="5f1e")  # a second thought, by the platform's link
    browser.step("consent", "agree")
    assert identities(database) == [("PROLIFIC_PID", "5f1e")]


@pytest.mark.parametrize("parameter", ["PROLIFIC_PID", "workerId", "participant"])
def test_a_name_alone_opens_nobodys_session(database: Database, load: Load, browse: Browse, parameter: str) -> None:
    load()
    first = browse().begin(**{parameter: "7"})
    trial = first.vote(first.state()["trial"]).get_json()["trial"]
    guesser = browse()
    page = guesser.get(**{parameter: "7"})
    assert page.status_code == 403
    assert "You have begun this study in another browser: go on there." in page.text
    assert guesser.get("/trial").status_code == 401
    assert first.get(**{parameter: "7"}).status_code == 302  # the same person by the same link
    assert first.state()["trial"]["id"] == trial["id"]
    assert len(participants(database)) == 1


def test_a_refused_name_leaves_the_browsers_own_session_as_it_was(load: Load, browse: Browse) -> None:
    load()
    browse().begin(participant="7")
    mine = browse().begin(participant="8")
    trial = mine.state()["trial"]["id"]
    assert mine.get(participant="7").status_code == 403
    assert mine.state()["trial"]["id"] == trial


def test_who_came_but_has_not_begun_may_begin_in_either_browser_but_only_once(
    database: Database, load: Load, browse: Browse
) -> None:
    load()
    browsers = [browse(), browse()]
    for browser in browsers:
        assert browser.get(PROLIFIC_PID="5f1e").status_code == 302
        assert browser.get().status_code == 200
    browsers[0].begin()
    late = browsers[1].step("consent", "agree")
    assert late.status_code == 403
    assert "go on there" in late.text
    assert len(participants(database)) == 1
    assert browsers[1].get("/trial").status_code == 401


@pytest.mark.parametrize("parameter", ["PROLIFIC_PID", "workerId", "participant"])
@pytest.mark.parametrize("value", ["{{%PROLIFIC_PID%}}", "${workerId}", "%%ID%%", "{id"])
def test_a_link_that_nobody_filled_in_names_nobody(
    database: Database, load: Load, browse: Browse, parameter: str, value: str
) -> None:
    load()
    for _ in range(2):
        browse().begin(**{parameter: value, "batch": "{a}"})
    assert len({participant.pseudonym for participant in participants(database)}) == 2
    assert identities(database) == [("batch", "{a}"), ("batch", "{a}")]


def test_a_double_click_on_agree_makes_one_participant(
    app: Flask, database: Database, load: Load, browse: Browse
) -> None:
    load()
    browser = browse()
    form = {"csrf_token": browser.token(), "step": "consent", "action": "agree"}
    cookie, at_once = browser.client.get_cookie("study"), Barrier(2)

    def click(_number: int) -> int:
        tab = app.test_client()
        tab.set_cookie("study", cookie.value)
        at_once.wait()
        return tab.post("/s/tiny/step", data=form).status_code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(click, range(2))) == [303, 303]
    assert len(participants(database)) == 1
    with database.read() as db:
        assert len(db.scalars(select(Session)).all()) == 1


def test_another_person_at_the_same_browser_is_another_participant(
    database: Database, load: Load, browse: Browse
) -> None:
    load()
    browser = browse().begin(participant="1")
    mine = browser.state()["trial"]["id"]
    browser.begin(participant="2")
    assert browser.state()["trial"]["id"] != mine
    assert len({participant.pseudonym for participant in participants(database)}) == 2
    assert identities(database) == [("participant", "1"), ("participant", "2")]
    theirs = browser.state()["trial"]["id"]
    for who, trial in (("1", mine), ("2", theirs), ("2", theirs), ("1", mine)):
        assert browser.get(participant=who).status_code == 302
        assert browser.state()["trial"]["id"] == trial
    assert browse().get(participant="1").status_code == 403  # that browser, and no other


def test_who_only_looks_takes_no_place_from_those_who_share_the_browser(
    database: Database, load: Load, browse: Browse
) -> None:
    load(sources=4)
    browser = browse().begin(participant="1")
    mine = browser.state()["trial"]["id"]
    for number in range(2, 12):
        assert browser.get(participant=str(number)).status_code == 302
        assert "I agree" in browser.get().text
    browser.get(participant="1")
    assert browser.state()["trial"]["id"] == mine
    assert len(participants(database)) == 1


def test_a_browser_remembers_the_last_few_of_many_and_its_cookie_stays_small(load: Load, browse: Browse) -> None:
    load(sources=4)
    browser = browse()
    for number in range(9):
        browser.begin(participant=str(number), junk="x" * 900)
        assert len(browser.client.get_cookie("study").value) < 4000
    for number in range(9):
        assert browser.get(participant=str(number)).status_code == (302 if number >= 3 else 403), number


def test_pseudonyms_hide_the_person_and_differ_between_studies(database: Database, load: Load, browse: Browse) -> None:
    load("one")
    load("two")
    for study in ("one", "two"):
        browse(study).begin(PROLIFIC_PID="5f1e0000")
    browse("one").begin()
    pseudonyms = [participant.pseudonym for participant in participants(database)]
    assert len(set(pseudonyms)) == 3
    assert all(re.fullmatch(r"p[0-9a-f]{16}", pseudonym) for pseudonym in pseudonyms)
    assert not any("5f1e0000" in pseudonym for pseudonym in pseudonyms)


def test_one_browser_takes_part_in_several_studies(load: Load, browse: Browse) -> None:
    for name in ("one", "two"):
        load(name)
    browser = browse("one").begin()
    trial = browser.state()["trial"]["id"]
    browser.at = "/s/two"
    browser.begin()
    browser.at = "/s/one"
    assert browser.state()["trial"]["id"] == trial


def test_the_cookie_stays_small(load: Load, browse: Browse) -> None:
    browser = browse("s0")
    for number in range(6):
        load(f"s{number}")
        browser.at = f"/s/s{number}"
        response = browser.get(PROLIFIC_PID="é" * 200, junk="x" * 200)
        assert response.status_code == 302
        assert len(response.headers["Set-Cookie"]) < 4096
    assert browser.get().status_code == 200


@pytest.mark.parametrize(
    "query", [{"a": "x" * 3000}, {f"p{n}": "x" for n in range(300)}, {"n" * 101: "x"}, {"a": "é" * 300}]
)
def test_a_link_that_says_too_much_is_refused(load: Load, browse: Browse, query: dict[str, str]) -> None:
    load()
    response = browse().get(**query)
    assert response.status_code == 400
    assert "ask whoever sent it for a shorter one" in response.text


def test_odd_characters_in_a_link_reach_no_table(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    browser.client.get("/s/tiny?a=%00b%0a&%00=c&PROLIFIC_PID=é%00&d=%ff&e=<b>")
    browser.begin()
    assert identities(database) == [("PROLIFIC_PID", "é"), ("a", "b"), ("d", "%FF"), ("e", "<b>")]


def test_the_cookie_is_signed_and_out_of_reach_of_scripts_and_other_sites(
    app: Flask, load: Load, browse: Browse
) -> None:
    load()
    cookie = browse().get().headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    secure = app.test_client().get("/s/tiny", base_url="https://study.example").headers["Set-Cookie"]
    assert "Secure" in secure.split("; ")


def test_a_forged_cookie_is_nobodys(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    token, trial = browser.token(), browser.state()["trial"]
    value = browser.client.get_cookie("study").value
    with database.read() as db:
        stored = db.scalars(select(Participant.token)).one()
    payload = json.dumps({"studies": {"tiny": {"token": stored}}}).encode()
    forged = [
        base64.urlsafe_b64encode(payload).decode().rstrip("=") + value[value.index(".") :],
        URLSafeTimedSerializer("another key").dumps({"studies": {"tiny": {"token": stored}}}),
        value[:-9] + ("A" if value[-9] != "A" else "B") + value[-8:],
        "",
        "x" * 3000,
    ]
    for cookie in forged:
        browser.client.set_cookie("study", cookie)
        for response in (browser.get("/trial"), browser.vote_with(token, trial)):
            assert (response.status_code, response.get_json()["error"]["code"]) == (401, "no_session")
    with database.read() as db:
        assert db.scalars(select(Vote)).all() == []


def test_a_cookie_of_another_study_is_foreign(load: Load, browse: Browse) -> None:
    load("one")
    load("two")
    browser = browse("one").begin()
    browser.at = "/s/two"
    assert browser.get("/trial").status_code == 401


def test_no_address_of_a_participant_is_stored(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    browser.client.environ_base["REMOTE_ADDR"] = "203.0.113.77"
    browser.begin(PROLIFIC_PID="x").finish()
    with database.engine.connect() as connection:
        for table in Vote.metadata.sorted_tables:
            assert "203.0.113" not in repr(connection.execute(select(table)).all())


@pytest.fixture
def simulation(database: Database, load: Load) -> str:
    load()
    with database.write() as db:
        return copy_study(db, "tiny", "copy").name


def token(app: Flask, name: str) -> str:
    return simulated_token(str(app.secret_key), name)


def test_a_token_marks_a_participant_of_the_simulation_for_good(
    app: Flask, database: Database, simulation: str, browse: Browse
) -> None:
    browser = browse(simulation).begin(simulated=token(app, simulation), participant="1")
    browser.get(participant="1")  # coming back without the token
    browser.finish()
    assert [participant.simulated for participant in participants(database)] == [True]
    with database.read() as db:
        votes = db.scalars(select(Vote)).all()
        assert votes
        assert all(vote.simulated for vote in votes)
    assert SIMULATED not in dict(identities(database))


def test_a_simulation_refuses_people(database: Database, simulation: str, browse: Browse) -> None:
    for query in ({}, {"PROLIFIC_PID": "x"}):
        browser = browse(simulation)
        for response in (browser.get(**query), browser.get()):
            assert response.status_code == 403
            assert "This is a simulation" in response.text
    assert participants(database) == []


def test_a_person_cannot_agree_to_a_simulation_by_hand(database: Database, simulation: str, browse: Browse) -> None:
    browser = browse("tiny")
    form = {"csrf_token": browser.token(), "step": "consent", "action": "agree"}
    response = browser.client.post(f"/s/{simulation}/step", data=form)
    assert response.status_code == 401
    browser.at = f"/s/{simulation}"
    assert browser.get(participant="1").status_code == 403
    with browser.client.session_transaction() as cookie:  # as one that was signed before the study was a simulation
        cookie["studies"] = {simulation: {"token": "t"}}
    page = browser.client.post(f"/s/{simulation}/step", data=form)
    assert page.status_code == 403
    assert "This is a simulation" in page.text
    assert participants(database) == []


def test_a_person_cannot_take_over_a_simulated_participant(
    app: Flask, database: Database, simulation: str, browse: Browse
) -> None:
    browse(simulation).begin(simulated=token(app, simulation), participant="3")
    person = browse(simulation)
    assert person.get(participant="3").status_code == 403
    assert person.get("/trial").status_code == 401
    assert len(participants(database)) == 1


def test_a_simulated_participant_resumes_by_name_and_token_in_another_browser(
    app: Flask, database: Database, simulation: str, browse: Browse
) -> None:
    link = {SIMULATED: token(app, simulation), "participant": "3"}
    first = browse(simulation).begin(**link)
    trial = first.vote(first.state()["trial"]).get_json()["trial"]
    second = browse(simulation)
    assert second.get(**link).status_code == 302
    assert second.state()["trial"]["id"] == trial["id"]
    assert len(participants(database)) == 1


def test_a_simulated_participant_may_agree_twice(
    app: Flask, database: Database, simulation: str, browse: Browse
) -> None:
    browser = browse(simulation)
    browser.get(simulated=token(app, simulation), participant="1")
    form = {"csrf_token": browser.token(), "step": "consent", "action": "agree"}
    for _ in range(2):
        assert browser.client.post(f"/s/{simulation}/step", data=form).status_code == 303
    assert [participant.simulated for participant in participants(database)] == [True]


def test_participants_are_simulated_because_their_study_is(
    app: Flask, database: Database, simulation: str, browse: Browse
) -> None:
    """Whatever a cookie says: the study's row has the last word."""
    person = browse("tiny")
    with person.client.session_transaction() as cookie:
        cookie["studies"] = {"tiny": {"token": "t", SIMULATED: True}}
    person.step("consent", "agree")
    browse(simulation).begin(simulated=token(app, simulation))
    assert [participant.simulated for participant in participants(database)] == [False, True]


def test_a_human_study_refuses_tokens(app: Flask, simulation: str, database: Database, browse: Browse) -> None:
    for signed in (token(app, "tiny"), token(app, simulation)):
        response = browse("tiny").get(simulated=signed)
        assert response.status_code == 403
        assert "from people only" in response.text
    assert participants(database) == []


@pytest.mark.parametrize("kind", ["another key", "another study", "another salt", "unsigned", "empty"])
def test_only_a_token_signed_for_this_simulation_counts(app: Flask, simulation: str, browse: Browse, kind: str) -> None:
    key = str(app.secret_key)
    signed = {
        "another key": simulated_token(key[::-1], simulation),
        "another study": simulated_token(key, "tiny"),
        "another salt": URLSafeTimedSerializer(key, salt="cookie-session").dumps(simulation),
        "unsigned": simulation,
        "empty": "",
    }
    assert browse(simulation).get(simulated=signed[kind]).status_code == 403


def test_an_old_token_is_refused(app: Flask, simulation: str, browse: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = token(app, simulation)
    monkeypatch.setattr("study.identity.SIMULATED_FOR_S", -1)
    assert browse(simulation).get(simulated=signed).status_code == 403


def test_the_mark_is_on_the_vote_whatever_becomes_of_the_participant(
    app: Flask, database: Database, simulation: str, browse: Browse
) -> None:
    browse(simulation).begin(simulated=token(app, simulation)).finish()
    with database.write() as db:
        db.execute(update(Participant).values(simulated=False))
    with database.read() as db:
        study = db.scalars(select(Study).where(Study.name == simulation)).one()
        assert {record["simulated"] for record in vote_rows.records(db, study)} == {"1"}
        assert db.scalars(select(Trial)).all()
