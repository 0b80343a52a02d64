"""How much may be asked in a short time: of a session, of an address; and who is never held up."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask

from study import limits
from study.app import create_app
from study.cli import cli
from study.copying import copy_study
from study.db import Database
from study.errors import Refused
from study.identity import simulated_token
from study.settings import Settings

SECRET = "a secret of forty characters for the tests"  # noqa: S105 - of no server
OUTSIDE = "203.0.113.77"
Load = Callable[..., str]
Browse = Callable[..., Any]


@pytest.fixture
def app(database: Database, database_url: str, media: Path) -> Iterator[Flask]:
    """The server with its limits, as `study serve` has them."""
    made = create_app(Settings(database_url, media, "memory://"), SECRET)
    yield made
    made.extensions["database"].dispose()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "A_SESSION", "3 per 10 seconds")
    monkeypatch.setattr(limits, "AN_ADDRESS", "3 per 10 minutes")


def from_outside(browser: Any, address: str = OUTSIDE) -> Any:
    browser.client.environ_base["REMOTE_ADDR"] = address
    return browser


def test_a_script_is_held_up_and_nothing_is_lost(few: None, app: Flask, load: Load, browse: Browse) -> None:
    load(sources=8)
    browser = browse().begin()
    token, state = browser.token(), browser.get("/trial").get_json()
    answers = []
    for _ in range(4):
        answers.append(browser.vote_with(token, state["trial"]))
        if answers[-1].status_code == 200:
            state = answers[-1].get_json()
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    error = answers[-1].get_json()["error"]
    assert error["code"] == "too_many"
    assert "Nothing is lost" in error["message"]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
    other = browse().begin()
    assert other.vote(other.state()["trial"]).status_code == 200  # another session has its own count


def test_steps_are_limited_with_a_friendly_page(few: None, app: Flask, load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    codes = [browser.step("break", "next").status_code for _ in range(4)]
    assert codes[0] == 303
    assert codes[-1] == 429
    page = browser.seen[-1]
    assert page.mimetype == "text/html"
    assert "Nothing is lost" in page.text
    assert "Retry-After" in page.headers


def test_a_quick_human_is_never_held_up(app: Flask, load: Load, browse: Browse) -> None:
    load(sources=12, toml="[design]\npractice = 0\ncatch_rate = 0\nidentical_rate = 0\nrepeat_rate = 0")
    browser = from_outside(browse()).begin()
    token, state = browser.token(), browser.state()
    for _ in range(12):
        response = browser.vote_with(token, state["trial"])
        assert response.status_code == 200, response.text
        state = response.get_json()
    assert state["step"] == "thanks"


def test_a_lab_of_two_hundred_behind_one_address_may_begin(app: Flask) -> None:
    amount, minutes = (int(word) for word in limits.AN_ADDRESS.split() if word.isdigit())
    assert minutes == 10
    assert amount >= 200 * 4  # each opens the link, and reloads three times


def test_links_are_opened_so_often_from_an_address_and_then_no_more(
    few: None, app: Flask, load: Load, browse: Browse
) -> None:
    load()
    codes = [from_outside(browse()).get(PROLIFIC_PID=str(n)).status_code for n in range(4)]
    assert codes == [302, 302, 302, 429]
    assert from_outside(browse(), "203.0.113.78").get(PROLIFIC_PID="x").status_code == 302
    assert from_outside(browse()).get().status_code == 200  # an open page stays open


def test_agreements_are_counted_by_address_too(few: None, app: Flask, load: Load, browse: Browse) -> None:
    load()
    codes = [from_outside(browse()).step("consent", "agree").status_code for _ in range(4)]
    assert codes == [303, 303, 303, 429]


def test_people_behind_a_proxy_are_told_apart_where_it_is_declared(
    few: None, database_url: str, media: Path, load: Load
) -> None:
    load()
    made = create_app(Settings(database_url, media, "memory://", proxies=1), SECRET)
    ask = lambda address: made.test_client().get("/s/tiny?x=1", headers={"X-Forwarded-For": address})  # noqa: E731
    assert [ask(f"9.9.9.9, {OUTSIDE}").status_code for _ in range(4)] == [302, 302, 302, 429]
    assert ask("9.9.9.9, 203.0.113.78").status_code == 302
    made.extensions["database"].dispose()


def test_a_header_that_no_declared_proxy_wrote_changes_nothing(
    few: None, app: Flask, load: Load, browse: Browse
) -> None:
    load()
    codes = []
    for number in range(4):
        browser = from_outside(browse())
        response = browser.client.get("/s/tiny?x=1", headers={"X-Forwarded-For": f"198.51.100.{number}"})
        codes.append(response.status_code)
    assert codes == [302, 302, 302, 429]


def test_simulated_participants_may_be_quick(
    few: None, app: Flask, database: Database, load: Load, browse: Browse
) -> None:
    load(sources=6)
    with database.write() as db:
        copy_study(db, "tiny", "copy")
    browser = browse("copy").begin(simulated=simulated_token(SECRET, "copy"))
    assert browser.finish()["step"] == "thanks"


def test_what_is_counted_holds_no_address_and_no_token(app: Flask, load: Load, browse: Browse) -> None:
    load()
    browser = from_outside(browse())
    browser.begin(PROLIFIC_PID="5f1e").finish()
    kept = repr(vars(app.extensions["limiter_of_study"].storage))
    with browser.client.session_transaction() as cookie:
        token = cookie["studies"]["tiny"]["token"]
    assert "participant.step" in kept
    assert OUTSIDE not in kept
    assert token not in kept
    assert "5f1e" not in kept


def test_votes_go_on_where_the_counter_is_away(
    load: Load, monkeypatch: pytest.MonkeyPatch, browse: Browse, app: Flask
) -> None:
    load()
    browser = browse().begin()
    storage = app.extensions["limiter_of_study"].storage
    monkeypatch.setattr(storage, "incr", lambda *_, **__: 1 / 0)
    assert browser.vote(browser.state()["trial"]).status_code == 200


@pytest.mark.parametrize("url", ["nonsense://x", "x", "redis+nonsense://x"])
def test_a_counter_that_cannot_be_is_refused_before_anything_is_served(
    url: str, database_url: str, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused, match="STUDY_LIMITS_URL cannot be used"):
        create_app(Settings(database_url, media, url), SECRET)
    monkeypatch.setenv("STUDY_SECRET_KEY", SECRET)
    monkeypatch.setenv("STUDY_LIMITS_URL", url)
    refused = CliRunner().invoke(cli, ["serve"])
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "STUDY_LIMITS_URL" in refused.stderr
