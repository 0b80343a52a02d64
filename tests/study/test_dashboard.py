"""The dashboard over HTTP: who gets in, what viewers may not do, and what is never on its pages."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from study import deeds, loading, login, researchers, sessions
from study.app import create_app
from study.db import Database
from study.models import Participant, Session, now
from study.settings import Settings

Load = Callable[..., str]
Browse = Callable[..., Any]
PASSWORD = "a sentence is easy to keep"  # noqa: S105 - of nobody
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
PAGES = ("", "/participants", "/results", "/design", "/log", "/close", "/uncover")


class Desk:
    """A researcher's browser."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, status: int = 200) -> str:
        response = self.client.get(f"/researchers{path}")
        assert response.status_code == status, response.text
        return unescape(response.text)

    def post(self, path: str, form_on: str | None = None, **form: str) -> TestResponse:
        """Send the form of the page `form_on`, or of the page itself."""
        found = TOKEN.search(self.client.get(f"/researchers{form_on or path}").text)
        assert found
        return self.client.post(f"/researchers{path}", data={"csrf_token": found[1], **form})

    def log_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", name=name, password=password)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost little."""
    monkeypatch.setattr(researchers, "HASH", "pbkdf2:sha256:1")
    monkeypatch.setattr(researchers, "_nobodys", "")


@pytest.fixture
def visitor(app: Flask, database: Database) -> Desk:
    """Nobody yet; `ada` is an owner, `vic` a viewer."""
    with database.write() as db:
        researchers.add(db, "ada", "owner", PASSWORD)
        researchers.add(db, "vic", "viewer", PASSWORD)
    return Desk(app.test_client())


@pytest.fixture
def ada(visitor: Desk) -> Desk:
    assert visitor.log_in("ada").status_code == 303
    return visitor


@pytest.fixture
def vic(visitor: Desk) -> Desk:
    assert visitor.log_in("vic").status_code == 303
    return visitor


def cookie_line(response: TestResponse) -> str:
    return next(line for line in response.headers.getlist("Set-Cookie") if line.startswith(f"{login.COOKIE}="))


def test_without_a_login_every_page_leads_to_the_door_and_nothing_is_done(
    visitor: Desk, database: Database, load: Load
) -> None:
    load()
    for path in (
        "/",
        "/log",
        *(f"/studies/tiny{page}" for page in PAGES),
        "/studies/none",
        "/studies/tiny/participants/1",
    ):
        response = visitor.client.get(f"/researchers{path}")
        assert (response.status_code, response.headers["Location"]) == (303, "/researchers/login"), path
    response = visitor.post("/studies/tiny/close", form_on="/login")
    assert response.headers["Location"] == "/researchers/login"
    with database.read() as db:
        assert loading.find(db, "tiny").state == "open"


def test_the_cookie_is_the_researchers_alone_and_lasts_half_a_day(visitor: Desk) -> None:
    line = cookie_line(visitor.log_in("ada"))
    for manner in ("HttpOnly", "SameSite=Lax", "Path=/researchers", "Max-Age=43200"):
        assert manner in line
    assert "Secure" not in line
    assert visitor.client.get_cookie(login.COOKIE, path="/s/tiny") is None


def test_behind_https_the_cookie_never_travels_in_the_clear(visitor: Desk) -> None:
    token = TOKEN.search(visitor.client.get("/researchers/login", base_url="https://localhost").text)
    assert token
    form = {"csrf_token": token[1], "name": "ada", "password": PASSWORD}
    response = visitor.client.post("/researchers/login", data=form, base_url="https://localhost")
    assert "Secure" in cookie_line(response)


def test_where_a_login_leads_is_not_for_a_link_to_say(visitor: Desk) -> None:
    for path in ("/login?next=https://example.org", "/login?next=//example.org", "/login?url=https:example.org"):
        response = visitor.post(path, name="ada", password=PASSWORD, next="https://example.org")
        assert response.headers["Location"] == "/researchers/"
        visitor.client.delete_cookie(login.COOKIE, path="/researchers")


def test_a_login_ends_with_the_day_a_new_password_a_lock_or_the_button(
    app: Flask, ada: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.get("/")
    with monkeypatch.context() as later:
        later.setattr("itsdangerous.timed.time.time", lambda: now().timestamp() + 12 * 3600 + 60)
        ada.get("/", 303)
    ada.get("/")
    with database.write() as db:
        researchers.set_password(db, "ada", PASSWORD)
    ada.get("/", 303)
    ada.log_in("ada")
    with database.write() as db:
        researchers.lock(db, "ada")
    ada.get("/", 303)
    with database.write() as db:
        researchers.lock(db, "ada", locked=False)
    ada.log_in("ada")
    assert ada.post("/logout", form_on="/").headers["Location"] == "/researchers/login"
    ada.get("/", 303)


def test_a_cookie_that_was_made_up_is_nobodys(app: Flask, ada: Desk) -> None:
    signed = ada.client.get_cookie(login.COOKIE, path="/researchers")
    assert signed
    for value in ("", "x", signed.value[:-2], signed.value.replace(".", "..", 1), "WzEsIngiXQ.aaaa.bbbb"):
        ada.client.set_cookie(login.COOKIE, value, path="/researchers")
        ada.get("/", 303)
    with app.test_request_context():
        ada.client.set_cookie(login.COOKIE, login._signer().dumps([1, "another stamp"]), path="/researchers")
    ada.get("/", 303)


def test_a_forgotten_name_and_a_wrong_password_get_the_same_page(visitor: Desk) -> None:
    pages = [visitor.post("/login", name=name, password="wrong password") for name in ("ada", "nobody")]  # noqa: S106
    assert [page.status_code for page in pages] == [403, 403]
    hidden = [re.sub(r'value="[^"]*"', "", TOKEN.sub("", page.text)) for page in pages]
    assert hidden[0] == hidden[1]
    assert "do not belong together" in pages[0].text


def test_who_fails_too_often_is_told_how_long_to_wait(visitor: Desk) -> None:
    for _ in range(researchers.FREE_FAILURES):
        visitor.log_in("ada", "wrong password")
    response = visitor.log_in("ada")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert "try again in 1 second." in response.text


def test_every_form_needs_its_token(ada: Desk, database: Database, load: Load) -> None:
    load()
    for path in (
        "/login",
        "/logout",
        *(f"/studies/tiny/{word}" for word in ("open", "pause", "close", "uncover", "look")),
    ):
        response = ada.client.post(f"/researchers{path}", data={"typed": "tiny"})
        assert response.status_code == 400, path
        assert "Nothing was done." in response.text
    with database.read() as db:
        assert loading.find(db, "tiny").state == "open"
        assert loading.find(db, "tiny").uncovered_at is None


def test_viewers_see_everything_and_change_nothing(vic: Desk, database: Database, load: Load) -> None:
    load()
    for page in PAGES:
        text = vic.get(f"/studies/tiny{page}")
        assert "<button" not in text.replace('<button class="link">Log out</button>', ""), page
    for word in ("open", "pause", "close", "uncover", "cover", "look"):
        response = vic.post(f"/studies/tiny/{word}", form_on="/", typed="tiny")
        assert response.status_code == 403, word
        assert "ask an owner" in response.text
    with database.read() as db:
        assert (loading.find(db, "tiny").state, loading.find(db, "tiny").uncovered_at) == ("open", None)


def test_owners_start_pause_and_close_as_the_command_line_does(ada: Desk, database: Database, load: Load) -> None:
    load(state="draft")
    for action, state in (("open", "open"), ("pause", "paused"), ("open", "open"), ("close", "closed")):
        assert f"/studies/tiny/{action}" in ada.get("/studies/tiny")
        assert ada.post(f"/studies/tiny/{action}").status_code == 303
        with database.read() as db:
            assert loading.find(db, "tiny").state == state
    refused = ada.post("/studies/tiny/open", form_on="/studies/tiny/close".replace("close", ""))
    assert refused.status_code == 409
    with database.read() as db:
        assert [(line.who, line.did) for line in deeds.read(db, "tiny")][1:] == [
            ("ada", "opened"), ("ada", "paused"), ("ada", "opened"), ("ada", "closed"),
        ]  # fmt: skip
    assert "Study `tiny` is closed: it cannot be made open; `manage.py study load FOLDER" in unescape(refused.text)


def test_a_participant_is_on_the_pages_by_pseudonym_and_nothing_else(
    ada: Desk, database: Database, load: Load, browse: Browse
) -> None:
    load()
    person = browse().begin(PROLIFIC_PID="5f3a-secret-pid", STUDY_ID="campaign-7")
    person.finish()
    with database.read() as db:
        participant = db.scalars(select(Participant)).one()
        session = db.scalars(select(Session)).one()
    texts = [ada.get(f"/studies/tiny{page}") for page in ("", "/participants", f"/participants/{session.id}", "/log")]
    assert all(secret not in text for text in texts for secret in ("5f3a-secret-pid", "campaign-7", participant.token))
    assert participant.pseudonym in texts[1]
    assert participant.pseudonym in texts[2]
    assert "complete" in texts[2]
    ada.get(f"/studies/tiny/participants/{session.id + 1}", 404)
    ada.get("/studies/tiny/participants/99999999999999", 404)
    ada.get("/studies/nothing", 404)
    ada.get("/studies/%00", 404)


def test_a_preview_is_on_no_page(ada: Desk, database: Database, load: Load, browse: Browse) -> None:
    load()
    browse().begin().finish()
    with database.write() as db:
        db.execute(update(Participant).values(preview=True))
    assert "Nobody has begun yet" in ada.get("/studies/tiny/participants")
    text = ada.get("/studies/tiny")
    assert "<dt>complete</dt><dd>0" in text
    assert "<dt>rating votes</dt><dd>0" in text


def test_what_is_shown_of_a_study_is_what_people_did(ada: Desk, load: Load, browse: Browse) -> None:
    load(toml="[design]\npractice = 0\ncatch_rate = 0.5\nidentical_rate = 0\nrepeat_rate = 0\n")
    browse().begin().finish()
    half_way = browse().begin()
    half_way.vote(half_way.state()["trial"])
    declined = browse()
    declined.step("consent", "decline")
    text = ada.get("/studies/tiny")
    for shown in ("<dt>complete</dt><dd>1", "<dt>on the way</dt><dd>1", "<dt>declined</dt><dd>1", "block 1"):
        assert shown in text
    assert "on the way" in ada.get("/studies/tiny/participants")
    assert re.search(r"jpeg@0\.50.*<td class=\"h9\">", text, re.DOTALL)
    assert "tiny" in ada.get("/")
    assert "http://localhost/s/tiny" in text
    ada.post("/studies/tiny/close")
    for page in ("", "/participants"):
        assert "cut off" in ada.get(f"/studies/tiny{page}")
        assert "on the way" not in ada.get(f"/studies/tiny{page}")


def test_html_in_names_and_texts_is_shown_as_written(ada: Desk, database: Database, load: Load) -> None:
    load(toml="[texts]\ntitle = '<script>alert(1)</script>'\n")
    with database.write() as db:
        deeds.record(db, "<b>eve</b>", "exported", "tiny", file="<script>alert(2)</script>")
    for page in PAGES:
        raw = ada.client.get(f"/researchers/studies/tiny{page}").text
        assert "<script>alert" not in raw
        assert "<b>eve" not in raw


def test_no_page_lets_scripts_or_styles_in_from_elsewhere(ada: Desk, load: Load) -> None:
    load()
    for path in ("/", *(f"/studies/tiny{page}" for page in PAGES)):
        response = ada.client.get(f"/researchers{path}")
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert response.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! type=\"module\" src=\"/static/)", response.text)


def test_attempts_to_log_in_are_limited_by_address(database: Database, database_url: str, media: Any) -> None:
    app = create_app(
        Settings(database_url, media, limits_url="memory://"), "a secret of forty characters for the tests"
    )
    client, elsewhere = app.test_client(), {"REMOTE_ADDR": "192.0.2.7"}
    token = TOKEN.search(client.get("/researchers/login", environ_base=elsewhere).text)
    assert token
    said = [
        client.post("/researchers/login", data={"csrf_token": token[1], "name": f"n{number}"}, environ_base=elsewhere)
        for number in range(61)
    ]
    assert [response.status_code for response in said] == [403] * 60 + [429]
    app.extensions["database"].dispose()


def test_the_design_page_says_what_a_version_changed(ada: Desk, database: Database, load: Load) -> None:
    load(toml="[design]\ntrials = 30\n")
    load("tiny-2", state="draft", toml="[design]\ntrials = 40\n", conditions=("jpeg@0.50", "webp@0.50", "avif@0.50"))
    with database.write() as db:
        loading.find(db, "tiny-2").follows_id = loading.find(db, "tiny").id
        loading.find(db, "tiny-2").version = 2
    text = ada.get("/studies/tiny-2/design")
    for said in ("What changed since version 1", "design.trials: 30 -> 40", "stimuli: 2 added"):
        assert said in text
    assert "tiny-2" in ada.get("/studies/tiny/design")


def test_a_card_tells_the_times_and_the_screen_of_the_votes_that_count(
    ada: Desk, database: Database, load: Load, browse: Browse
) -> None:
    load(sources=4, toml="[design]\npractice = 0\ncatch_rate = 0\nidentical_rate = 0\nrepeat_rate = 0\n")
    person = browse().begin()
    seen = {"viewport_width": 1280, "viewport_height": 800, "device_pixel_ratio": 1.5, "pixel_exact": True}
    for took in (1000, 2000, 3000):
        person.vote(person.state()["trial"], response_ms=took, **seen)
    last = person.get("/last").get_json()["trial"]
    person.vote(last, "right", response_ms=9000, **(seen | {"pixel_exact": False}))
    with database.read() as db:
        card = sessions.card(db, loading.find(db, "tiny"), db.scalars(select(Session.id)).one(), now())
    assert card.response_s == [1.0, 2.0, 2.0]  # of 1, 2 and 9 s: the answer that was taken back is none
    assert (card.exact.hits, card.exact.trials) == (2, 3)
    assert [(screen["viewport_width"], screen["votes"]) for screen in card.screens] == [(1280, 3)]
    assert card.planned == 4
