"""The walk over HTTP: steps, pages, the JSON door, headers and failures."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, template_rendered
from jinja2 import Template
from sqlalchemy import select, update

from study.app import paragraphs
from study.db import Database
from study.models import PlatformIdentity, Session, Study, Trial, Vote

Load = Callable[..., str]
Browse = Callable[..., Any]


PLAIN = "[design]\nidentical_rate = 0\nrepeat_rate = 0\npractice_rounds = 1\n"
"""Rating and catch trials alone, after one round of practice."""


def title(response: Any) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", response.text, re.DOTALL)
    assert found, response.text
    return found[1].strip()


def test_a_whole_walk(load: Load, browse: Browse) -> None:
    load(
        sources=4,
        toml=f"{PLAIN}block = 3\ncatch_rate = 0.5\n[links]\ncompletion = 'https://example.org/done?cc=1&x=2'",
    )
    browser = browse()
    assert "6 pairs" in browser.get().text or "8 pairs" in browser.get().text
    browser.step("consent", "agree")
    assert title(browser.get()) == "How it works"
    browser.step("instructions", "next")
    steps, done, state = [], [], browser.state()
    while state["step"] != "thanks":
        steps.append(state["step"])
        if state["step"] == "break":
            assert (state["trial"], state["next"]) == (None, None)
            assert title(browser.get()) == "A short break"
            browser.step("break", "next")
            state = browser.state()
        else:
            assert title(browser.get()) == state["trial"]["question"]
            state = browser.vote(state["trial"]).get_json()
        done.append(state["progress"]["done"])
    assert steps == ["trial"] * 5 + ["break"] + ["trial"] * 3
    assert done == [0, 0, 1, 2, 3, 3, 4, 5, 6]
    page = browser.get()
    assert title(page) == "Thank you"
    assert "All 6 answers are saved" in page.text
    assert 'href="https://example.org/done?cc=1&amp;x=2"' in page.text


def test_the_completion_link_is_nowhere_before_the_last_vote_is_saved(load: Load, browse: Browse) -> None:
    load(toml="[links]\ncompletion = 'https://example.org/done'")
    browser = browse().begin()
    browser.finish()
    assert not any("example.org" in response.text for response in browser.seen)
    assert "example.org" in browser.get().text


def test_next_is_fetched_ahead_but_not_over_a_break(load: Load, browse: Browse) -> None:
    load(sources=4, toml="[design]\npractice = 0\ncatch_rate = 0\nblock = 2")
    browser = browse().begin()
    first = browser.state()
    assert first["next"] is not None
    second = browser.vote(first["trial"]).get_json()
    assert (second["trial"], second["next"]) == (first["next"], None)


def test_a_trial_says_what_the_contract_says(load: Load, browse: Browse) -> None:
    asked = "[study]\nreference = 'on_demand'\ndevice_pixels_per_pixel = 2\n"
    load(toml=asked + "[design]\nminimum_view_ms = 750\npractice = 0")
    state = browse().begin().state()
    trial = state["trial"]
    image = {"url", "sha256", "width", "height"}
    assert set(state) == {"step", "trial", "next", "progress", "undo"}
    assert set(state["progress"]) == {"done", "of", "seconds_left"}
    assert set(trial) == {
        "id", "key", "practice", "correcting", "layout", "reference_mode", "flicker_ms", "loupe", "mark_region",
        "question", "choices", "minimum_view_ms", "device_pixels_per_pixel", "outline", "left", "right", "reference",
    }  # fmt: skip
    for side in ("left", "right", "reference"):
        assert set(trial[side]) == image
        assert trial[side]["url"] == f"/media/{trial[side]['sha256']}.png"
        assert (trial[side]["width"], trial[side]["height"]) == (8, 8)
    assert (trial["practice"], trial["reference_mode"], trial["layout"]) == (False, "on_demand", "side_by_side")
    assert (trial["minimum_view_ms"], trial["device_pixels_per_pixel"]) == (750, 2)
    assert trial["choices"] == ["left", "right"]


def test_the_reference_stays_on_the_server_where_the_study_never_shows_it(load: Load, browse: Browse) -> None:
    load(toml="[study]\nreference = 'never'\n[design]\npractice = 0\ncatch_rate = 0")
    browser = browse().begin()
    assert browser.state()["trial"]["reference"] is None
    assert 'id="reference"' not in browser.get().text


def test_images_and_sides_are_those_that_were_planned(database: Database, load: Load, browse: Browse) -> None:
    load(sources=3, toml=PLAIN)
    browser = browse().begin()
    with database.read() as db:
        trials = {t.public: t for t in db.scalars(select(Trial))}
        shown, state = [], browser.state()
        while state["trial"]:
            trial, planned = state["trial"], trials[state["trial"]["id"]]
            left, right = (planned.pair.b, planned.pair.a) if planned.flipped else (planned.pair.a, planned.pair.b)
            assert (trial["left"]["sha256"], trial["right"]["sha256"]) == (left.sha256, right.sha256)
            assert trial["practice"] == (planned.kind == "practice")
            shown.append(planned.position)
            state = browser.vote(trial).get_json()
    assert shown == list(range(1, 6))


def test_reload_back_and_a_second_tab_show_the_same_step(database: Database, load: Load, browse: Browse) -> None:
    load(toml=PLAIN)
    browser = browse().begin()
    trial = browser.state()["trial"]
    assert [browser.state()["trial"]["id"] for _ in range(3)] == [trial["id"]] * 3
    assert browser.get("/trial", again="1").get_json()["trial"]["id"] == trial["id"]  # no reload
    browser.vote(trial)
    with database.read() as db:
        reloads = {row.position: row.reloads for row in db.execute(select(Trial.position, Trial.reloads))}
        shown = {row.position: row.shown_at for row in db.execute(select(Trial.position, Trial.shown_at))}
    assert reloads == {1: 3, 2: 0, 3: 0, 4: 0}
    assert sorted(position for position, at in shown.items() if at) == [1, 2]


@pytest.mark.parametrize(
    ("step", "action"),
    [
        ("consent", "agree"),
        ("consent", "decline"),
        ("instructions", "next"),
        ("break", "next"),
        ("thanks", "next"),
        ("", "next"),
    ],
)
def test_a_stale_step_changes_nothing(database: Database, load: Load, browse: Browse, step: str, action: str) -> None:
    load()
    browser = browse().begin()
    before = browser.state()
    assert browser.step(step, action).status_code == 303
    assert browser.state() == before
    with database.read() as db:
        assert [session.outcome for session in db.scalars(select(Session))] == ["open"]


def test_going_on_before_agreeing_is_nobodys(load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    assert browser.step("instructions", "next").status_code == 401
    assert browser.get("/trial").status_code == 401
    assert browser.step("instructions", "agree").status_code == 303
    assert browser.get("/trial").status_code == 401


def test_an_unknown_action_is_malformed(load: Load, browse: Browse) -> None:
    load()
    assert browse().step("consent", "jump").status_code == 400


def test_who_declined_stays_declined(load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    form = {"csrf_token": browser.token(), "step": "consent"}
    browser.client.post("/s/tiny/step", data=form | {"action": "decline"})
    browser.client.post("/s/tiny/step", data=form | {"action": "agree"})
    assert title(browser.get()) == "That is fine"
    response = browser.get("/trial")
    assert (response.status_code, response.get_json()["error"]["code"]) == (409, "not_open")


STATES = {"paused": (423, "paused"), "closed": (410, "closed"), "draft": (404, "unknown_study")}


@pytest.mark.parametrize("state", STATES)
def test_a_study_that_is_not_open_says_so(database: Database, load: Load, browse: Browse, state: str) -> None:
    load()
    browser = browse().begin()
    with database.write() as db:
        db.execute(update(Study).values(state=state))
    for response in (browser.get(), browse().get()):
        assert response.status_code == STATES[state][0]
        assert title(response)
    answer = browser.get("/trial")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == STATES[state]


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_who_is_done_sees_the_thanks_whatever_became_of_the_study(
    database: Database, load: Load, browse: Browse, state: str
) -> None:
    load(toml="[links]\ncompletion = 'https://example.org/done'")
    browser = browse().begin()
    browser.finish()
    with database.write() as db:
        db.execute(update(Study).values(state=state))
    assert "https://example.org/done" in browser.get().text


def test_a_full_study_says_so_but_lets_those_finish_who_began(load: Load, browse: Browse) -> None:
    load(toml="[design]\nparticipants = 1")
    late = browse()
    form = {"csrf_token": late.token(), "step": "consent", "action": "agree"}
    browser = browse().begin()
    assert late.client.post("/s/tiny/step", data=form).status_code == 410
    refused = browse().get()
    assert (refused.status_code, title(refused)) == (410, "All places are taken")
    assert browser.finish()["step"] == "thanks"


def test_unknown_addresses_get_a_page_and_unknown_studies_a_code(app: Flask, browse: Browse) -> None:
    client = app.test_client()
    for path in ("/", "/s/none", "/s/none/step/x", "/s/%00", "/s/" + "x" * 300, "/nothing"):
        response = client.get(path)
        assert response.status_code == 404
        assert title(response)
    answer = client.get("/s/none/trial")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "unknown_study")
    assert client.post("/s/none").status_code in {400, 405}


@pytest.fixture
def backs(app: Flask) -> Iterator[list[str | None]]:
    """The `back` of every message page that is rendered."""
    seen: list[str | None] = []

    def note(_app: Flask, template: Template, context: dict[str, Any], **_: object) -> None:
        if template.name == "message.html":
            seen.append(context["back"])

    with template_rendered.connected_to(note, app):
        yield seen


def test_a_stale_form_leads_back_to_the_study_and_not_to_a_reload_that_posts_again(
    load: Load, browse: Browse, backs: list[str | None]
) -> None:
    load()
    page = browse().client.post("/s/tiny/step", data={"csrf_token": "old", "step": "consent", "action": "agree"})
    assert (page.status_code, title(page)) == (400, "This page is out of date")
    assert "go on with the study from its own page" in page.text
    assert "reload" not in page.text
    assert backs == ["/s/tiny"]


@pytest.mark.parametrize("path", ["/s/shut", "/nothing", "/s/none", "/s/none/", "/s/tiny/nothing", "/s/-/step"])
def test_no_page_leads_back_to_where_nobody_can_go_on(
    load: Load, browse: Browse, backs: list[str | None], path: str
) -> None:
    load("tiny")
    load("shut", state="closed")
    browser = browse()
    assert browser.keep(browser.client.get(path, follow_redirects=True)).status_code >= 400
    assert backs == [None]


def test_forms_that_fail_lead_back_where_the_study_still_goes_on(
    load: Load, browse: Browse, backs: list[str | None]
) -> None:
    load("tiny")
    load("shut", state="closed")
    browser = browse()
    form = {"csrf_token": browser.token(), "step": "consent"}
    for study, action, status in (("tiny", "jump", 400), ("tiny", "next", 401), ("shut", "agree", 401)):
        assert browser.client.post(f"/s/{study}/step", data=form | {"action": action}).status_code == status
    assert browser.client.post("/s/none/step", data=form | {"action": "next"}).status_code == 404
    assert browser.client.get("/s/tiny/step").status_code == 405  # as the address bar asks after a form
    assert backs == ["/s/tiny", "/s/tiny", "/s/shut", None, "/s/tiny"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/s/tiny/step", {"POST", "OPTIONS"}),
        ("GET", "/s/tiny/vote", {"POST", "OPTIONS"}),
        ("DELETE", "/s/tiny", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/health", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_an_address_says_which_methods_it_takes(app: Flask, method: str, path: str, allowed: set[str]) -> None:
    response = app.test_client().open(path, method=method)
    assert response.status_code == 405
    assert [set(value.split(", ")) for value in response.headers.getlist("Allow")] == [allowed]


def test_a_slash_at_the_end_of_a_link_is_no_other_address(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    for query in ({}, {"PROLIFIC_PID": "5f1e"}):
        response = browser.get("/", **query)
        assert (response.status_code, response.location) == (302, "/s/tiny")
    browser.begin()
    with database.read() as db:
        assert db.scalars(select(PlatformIdentity.value)).all() == ["5f1e"]


def test_every_answer_carries_its_headers_and_an_own_request_id(load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    browser.get("/trial")
    browser.get("/none")
    browser.post({})
    browser.fetch("/health")
    browser.fetch("/static/page.css")
    for response in browser.seen:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert ("no-store" in response.headers["Cache-Control"]) == ("/static/" not in response.request.path)
    identifiers = [response.headers["X-Request-ID"] for response in browser.seen]
    assert len(set(identifiers)) == len(identifiers)


def test_pages_have_no_inline_script_or_style(load: Load, browse: Browse) -> None:
    load(toml="[design]\nblock = 1")
    browser = browse()
    pages = [browser.get().text]
    browser.begin()
    pages += [browser.get().text]
    browser.finish()
    pages += [response.text for response in browser.seen if response.mimetype == "text/html"]
    assert len(pages) > 8
    for page in pages:
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page), page


def test_health_answers_from_the_database(app: Flask) -> None:
    response = app.test_client().get("/health")
    assert (response.status_code, response.get_json()) == (200, {"status": "ok", "database": "ok"})


def test_an_unforeseen_failure_is_a_page_or_json_with_the_number_in_the_log(
    app: Flask, load: Load, browse: Browse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load()
    browser = browse().begin()
    token, trial = browser.token(), browser.state()["trial"]
    monkeypatch.setattr("study.describing.describe", lambda *_: 1 / 0)
    caplog.clear()
    answer = browser.vote_with(token, trial)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (500, "internal")
    number = answer.headers["X-Request-ID"]
    assert number in error["message"]
    assert "ZeroDivisionError" in caplog.text
    assert number in caplog.text
    assert "ZeroDivisionError" not in answer.text
    monkeypatch.undo()
    assert browser.vote_with(token, trial).get_json()["duplicate"] is False  # nothing had been saved


def test_texts_are_parted_at_blank_lines() -> None:
    assert paragraphs("One\ntwo\n\n three \n \n\n\nfour\n") == ["One\ntwo", "three", "four"]
    assert paragraphs(" \n") == []
    assert paragraphs("a\r\n\r\nb") == ["a", "b"]


def test_everything_in_the_trial_page_comes_from_the_server(database: Database, load: Load, browse: Browse) -> None:
    """A vote's row, its trial and its session agree after a whole walk."""
    load(sources=3, toml=PLAIN)
    browse().begin().finish()
    with database.read() as db:
        votes = db.scalars(select(Vote).order_by(Vote.id)).all()
        assert [vote.trial.position for vote in votes] == list(range(1, len(votes) + 1))
        assert all(vote.key == vote.trial.key for vote in votes)
        assert all(vote.trial.shown_at <= vote.voted_at for vote in votes)
        assert json.dumps([vote.choice for vote in votes]) == json.dumps(["left"] * 5)


LANGUAGES = "[study]\nlanguages = ['de', 'ar', 'en']\n"


def spoken(response: Any) -> tuple[str, str]:
    found = re.search(r'<html lang="(\w+)" dir="(\w+)">', response.text)
    assert found, response.text
    return found[1], found[2]


@pytest.mark.parametrize(
    ("accepted", "asked", "language"),
    [
        ("", "", "de"),
        ("fr, it", "", "de"),
        ("en-GB, de;q=0.5", "", "en"),
        ("ar-EG", "", "ar"),
        ("en", "ar", "ar"),
        ("en", "fr", "en"),
        ("en", "<b>", "en"),
    ],
)
def test_the_language_is_what_the_link_or_the_browser_asks_for(
    load: Load, browse: Browse, accepted: str, asked: str, language: str
) -> None:
    load(toml=LANGUAGES)
    browser = browse()
    if asked:
        response = browser.client.get(browser.at, query_string={"lang": asked})
        assert (response.status_code, response.location) == (302, "/s/tiny")
    assert spoken(browser.fetch(browser.at, **{"Accept-Language": accepted}))[0] == language


def test_a_session_keeps_its_language_and_the_door_asks_in_it(database: Database, load: Load, browse: Browse) -> None:
    load(toml=f"{LANGUAGES}[translations.ar]\nquestion = 'أيهما؟'")
    browser = browse().begin(lang="ar")
    assert browser.state()["trial"]["question"] == "أيهما؟"
    assert browser.get(lang="en").status_code == 302
    assert spoken(browser.get()) == ("ar", "rtl")
    assert browser.state()["trial"]["question"] == "أيهما؟"
    with database.read() as db:
        assert db.scalars(select(Session.language)).all() == ["ar"]
        assert db.scalars(select(PlatformIdentity.parameter)).all() == []


def test_a_failure_speaks_the_language_of_the_page_before_it(load: Load, browse: Browse) -> None:
    load(toml=LANGUAGES)
    load("shut", toml=LANGUAGES, state="closed")
    browser = browse()
    browser.get(lang="ar")
    form = {"csrf_token": "old", "step": "consent", "action": "agree"}
    stale = browser.client.post("/s/tiny/step", data=form)
    assert (stale.status_code, spoken(stale), title(stale)) == (400, ("ar", "rtl"), "هذه الصفحة قديمة")
    assert title(browser.fetch("/s/shut")) == "انتهت هذه الدراسة"


def test_what_a_page_cannot_do_is_said_in_its_language(load: Load, browse: Browse, caplog: Any) -> None:
    load(toml=LANGUAGES)
    browser = browse()
    browser.get(lang="ar")
    refused = browser.step("consent", "jump")
    assert (refused.status_code, spoken(refused)) == (400, ("ar", "rtl"))
    assert "لا يستطيع الخادم" in refused.text
    assert "`action`" not in refused.text
    assert "`action`" in caplog.text
    long = browser.get(a="x" * 3000)
    assert (long.status_code, title(long)) == (400, "هذا الرابط طويل جدًا")


def test_pay_comes_with_the_duration_first(load: Load, browse: Browse) -> None:
    load(toml="[texts]\npay = 'You get 3 <euros>.'\nconsent = 'The rest.'")
    page = browse().get().text
    assert page.index("minute") < page.index("You get 3 &lt;euros&gt;.") < page.index("The rest.")
    load("unpaid")
    assert browse("unpaid").get().text.count('class="lead"') == 1
