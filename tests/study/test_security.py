"""What one participant can find out or change: nothing of others, nothing of conditions, nothing outside media."""

import hashlib
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import select, update

from study.app import create_app
from study.db import Database
from study.models import Condition, Session, Source, Vote
from study.settings import Settings

Load = Callable[..., str]
Browse = Callable[..., Any]


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


def test_another_participants_trial_is_unknown(database: Database, load: Load, browse: Browse) -> None:
    load()
    mine, other = browse().begin(), browse().begin()
    trial = other.state()["trial"]
    assert code(mine.vote(trial)) == (404, "unknown_trial")
    assert code(mine.vote(trial | {"id": "x" * 22})) == (404, "unknown_trial")
    other.vote(trial, "right")
    assert code(mine.vote(trial, "left")) == (404, "unknown_trial")
    with database.read() as db:
        assert [vote.choice for vote in db.scalars(select(Vote))] == ["right"]


@pytest.mark.parametrize("token", ["", "x", "ImFiYyI.aR0.x"])
def test_a_vote_without_its_token_is_refused(database: Database, load: Load, browse: Browse, token: str) -> None:
    load()
    browser = browse().begin()
    trial = browser.state()["trial"]
    ballot = {"trial": trial["id"], "key": trial["key"], "choice": "left"}
    response = browser.client.post("/s/tiny/vote", json=ballot, headers={"X-CSRFToken": token} if token else {})
    assert code(response) == (400, "csrf")
    form = {"step": "consent", "action": "agree"} | ({"csrf_token": token} if token else {})
    page = browser.client.post("/s/tiny/step", data=form)
    assert (page.status_code, page.mimetype) == (400, "text/html")
    with database.read() as db:
        assert db.scalars(select(Vote)).all() == []


def test_another_browsers_token_is_refused(load: Load, browse: Browse) -> None:
    load()
    mine, other = browse().begin(), browse().begin()
    assert code(mine.vote_with(other.token(), mine.state()["trial"])) == (400, "csrf")


def test_a_request_that_is_too_long_is_refused(load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    response = browser.post({"trial": "x" * 70_000})
    assert code(response) == (413, "malformed")


@pytest.mark.parametrize(
    "path",
    [
        "../study.sqlite", "..%2fstudy.sqlite", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "....//x.png", "", ".",
        "a" * 64, "A" * 64 + ".png", "a" * 63 + ".png", "a" * 64 + ".jpg", "a" * 64 + ".png%0a", "a" * 64 + ".png%00",
    ],
)  # fmt: skip
def test_media_serves_images_by_content_and_nothing_else(app: Flask, media: Path, load: Load, path: str) -> None:
    load()
    (media / ("a" * 64)).write_text("no image")
    (media / ("a" * 64 + ".jpg")).write_text("no image")
    response = app.test_client().get(f"/media/{path}")
    assert response.status_code in {404, 308}
    assert "no image" not in response.text


def test_an_image_is_the_bytes_that_its_address_says_and_may_be_kept_for_ever(load: Load, browse: Browse) -> None:
    load()
    browser = browse().begin()
    image = browser.state()["trial"]["left"]
    response = browser.fetch(image["url"])
    assert hashlib.sha256(response.data).hexdigest() == image["sha256"]
    assert response.mimetype == "image/png"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")
    assert browser.fetch(image["url"], **{"If-None-Match": response.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("reverse", [False, True])
def test_headers_of_images_do_not_tell_when_they_were_loaded(
    app: Flask, media: Path, load: Load, reverse: bool
) -> None:
    load()
    for at, path in enumerate(sorted(media.iterdir(), reverse=reverse)):
        os.utime(path, (1_600_000_000 + at, 1_600_000_000 + at))  # as kept by an older release, in loading order
    for path in sorted(media.iterdir()):
        with app.test_client().get(f"/media/{path.name}") as response:
            headers = {name.lower(): value for name, value in response.headers if name not in {"Date", "X-Request-ID"}}
            assert headers["etag"] == f'"{path.stem}"'
            assert "last-modified" not in headers
        since = "Sun, 13 Sep 2020 12:26:41 GMT"  # a time tells nothing either, asked from the other side
        with app.test_client().get(f"/media/{path.name}", headers={"If-Modified-Since": since}) as response:
            assert response.status_code == 200
        for tag, status in ((path.stem, 304), ("0" * 64, 200)):
            with app.test_client().get(f"/media/{path.name}", headers={"If-None-Match": f'"{tag}"'}) as response:
                assert response.status_code == status
                assert "last-modified" not in {name.lower() for name, _ in response.headers}


class Tags(HTMLParser):
    """The tags of a page and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_in_every_text_of_a_study_is_shown_as_it_is_written(load: Load, browse: Browse) -> None:
    evil = "<b onclick=alert(1)>{name}</b>{{{{ 7 * 7 }}}}<script>alert(1)</script>\" '&amp;"
    texts = {name: evil.format(name=name) for name in ("title", "question", "consent", "instructions", "thanks")}
    toml = f"[study]\ncontact = '''{evil.format(name='contact')}'''\n[texts]\n"
    toml += "".join(f"{name} = '''{text}'''\n" for name, text in texts.items())
    load(toml=toml + "[design]\nblock = 1\n[links]\ncompletion = 'https://example.org/\"onclick=alert(1)'")
    browser = browse()
    browser.get()
    browser.begin()
    browser.finish()
    browser.get()
    assert browser.client.get("/s/tiny/trial").get_json()["step"] == "thanks"
    texts_of_pages = [response.text for response in browser.seen if response.mimetype == "text/html"]
    ours = '<script type="module" src="/static/'
    assert all(text.count("<script") == text.count(ours) for text in texts_of_pages)
    pages = [Tags(text) for text in texts_of_pages]
    assert len(pages) > 6
    plain = Tags(browse().client.get("/nothing").text).tags
    for page in pages:
        assert "b" not in page.tags
        assert "49" not in page.text.split()
    shown = "".join(page.text for page in pages)
    for name, text in {**texts, "contact": evil.format(name="contact")}.items():
        assert text.replace("{{{{", "{{").replace("}}}}", "}}") in shown, name
    assert "b" not in plain


def test_nothing_that_a_browser_receives_names_a_condition(database: Database, load: Load, browse: Browse) -> None:
    """Every header, address, page and JSON of two whole walks, reloads and errors included."""
    conditions = ("zorkcodec@0.37", "quuxcodec@0.37", "blipcodec@0.73", "florpcodec@0.73")
    load(
        sources=3,
        conditions=conditions,
        toml="[design]\nblock = 2\ncatch_rate = 0.5\npractice = 2\npractice_rounds = 1",
    )
    with database.read() as db:
        secrets = {s for row in db.execute(select(Condition.name, Condition.codec, Condition.rate)) for s in row if s}
        secrets |= set(db.scalars(select(Source.name))) | {"catch", "rating", "balanced", "probability", "expected"}
    secrets -= {"reference"}
    browser = browse()
    browser.get(PROLIFIC_PID="5f1e", note="x")
    browser.begin()
    walked, token = [], browser.token()
    while True:
        state = browser.state()
        if state["step"] == "thanks":
            break
        if state["step"] == "break":
            browser.step("break", "next")
            continue
        walked.append(state["trial"])
        for side in ("left", "right", "reference"):
            browser.fetch(state["trial"][side]["url"])
        browser.post({"trial": state["trial"]["id"]}, token)
        browser.vote_with(token, state["trial"])
        browser.vote_with(token, state["trial"], "right")
    browser.get()
    browser.get("/none")
    assert len(walked) == 2 + 6 + 3
    for response in browser.seen:
        body = response.data.decode("latin-1") if response.mimetype != "image/png" else ""
        if '"feedback"' in body:  # practice says what was expected, and practice shows no condition
            body = re.sub(r'"feedback":\{[^}]*\}', "", body)
        body = body.replace("{expected}", "")  # of the words that practice is told with
        said = f"{response.request.url} {response.headers} {body}"
        for secret in secrets:
            assert not re.search(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", said), (secret, said[:2000])
            assert quote(secret, safe="") not in said or secret.isalpha()


def test_trials_keys_and_tokens_cannot_be_guessed(database: Database, load: Load, browse: Browse) -> None:
    """The same seed twice: the same plan, and no name in common."""
    load("one", toml="[design]\nseed = 5")
    load("two", toml="[design]\nseed = 5")
    seen = []
    for study in ("one", "two"):
        trial = browse(study).begin().state()["trial"]
        seen.append(trial)
        assert len(trial["id"]) >= 20
        assert len(trial["key"]) >= 20
    one, two = seen
    assert one["left"] == two["left"]
    assert not {one["id"], one["key"]} & {two["id"], two["key"]}


def posts(app: Flask) -> list[str]:
    """Every address that takes a form or a ballot, with something in each place of it."""
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    paths = [re.sub("<[^>]*name>", "tiny", str(rule)).replace("<token>", "x") for rule in rules]
    return [re.sub(r"<any\((\w+)[^>]*>", r"\1", path) for path in paths]


def test_every_post_that_goes_by_the_cookie_needs_a_token_of_the_same_browser(
    app: Flask, database: Database, load: Load, browse: Browse
) -> None:
    load()
    browser, other = browse().begin(), browse().begin()
    foreign = other.token()
    found = posts(app)
    by_its_address = [path for path in found if "/withdraw/" in path]  # signed, and with no need of a cookie
    assert len(found) >= 3
    assert len(by_its_address) == 1
    for path in set(found) - set(by_its_address):
        for token in ("", "nonsense", foreign):
            response = browser.client.post(path, data={"csrf_token": token}, headers={"X-CSRFToken": token})
            assert response.status_code == 400, path
    with database.read() as db:
        assert db.scalars(select(Vote)).all() == []


EVIL = "<img src=x onerror=alert(1)>"
ASKED = "[ask]\nage = true\nvision = true\ndisplay = true\ncolour_plates = 1\nscreen_size = true\n"


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_pages_in_every_language_keep_to_their_policy_and_show_texts_as_written(
    load: Load, browse: Browse, language: str
) -> None:
    texts = "".join(f'{name} = "{EVIL}"\n' for name in ("title", "question", "consent", "instructions", "thanks"))
    offered, other = ('["en"]', "") if language == "en" else (f'["en", "{language}"]', f"[translations.{language}]\n")
    design = "[design]\nblock = 2\npractice = 0\n"
    load(
        sources=4,
        toml=f"[study]\nlanguages = {offered}\n[texts]\n{texts}{other}{texts if other else ''}{ASKED}{design}",
    )
    browser = browse()
    browser.get(lang=language)
    browser.step("consent", "agree")
    state = browser.state()
    seen = {state["step"]}
    while state["step"] != "thanks":
        if state["step"] == "trial":
            state = browser.vote(state["trial"]).get_json()
        else:
            assert browser.step(state["step"], "next").status_code == 303
            state = browser.state()
        seen.add(state["step"])
    browser.get()
    assert {"questions", "plates", "screen", "instructions", "trial", "break", "thanks"} <= seen
    pages = [response for response in browser.seen if response.mimetype == "text/html" and response.status_code == 200]
    for page in pages:
        assert f'lang="{language}"' in page.text
        assert EVIL not in page.text
        assert not re.search(r'<script(?![^>]*\bsrc=)|<style|\son\w+="|\sstyle=|javascript:', page.text)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & set(policy.split())
    assert any("&lt;img src=x onerror=alert(1)&gt;" in page.text for page in pages)


def test_no_address_of_a_participant_is_in_the_databases_file(database: Database, load: Load, browse: Browse) -> None:
    if not database.is_sqlite:
        pytest.skip("the tables of both databases are searched in test_identity.py")
    load()
    browser = browse()
    browser.client.environ_base["REMOTE_ADDR"] = "203.0.113.77"
    browser.begin(PROLIFIC_PID="a-name-that-is-kept").finish()
    path = Path(str(database.engine.url.database))
    kept = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    assert b"a-name-that-is-kept" in kept
    assert b"203.0.113" not in kept


@pytest.mark.parametrize("address", ["/s/tiny/trial", "/s/tiny/last"])
def test_a_cookie_of_another_server_opens_nothing(
    database_url: str, media: Path, load: Load, browse: Browse, address: str
) -> None:
    load()
    mine = browse().begin()
    stranger = create_app(Settings(database_url, media), "another secret of forty characters, or so")
    client = stranger.test_client()
    client.set_cookie("study", mine.client.get_cookie("study").value)
    assert code(client.get(address)) == (401, "no_session")
    stranger.extensions["database"].dispose()


def test_looking_at_the_last_answer_waits_for_no_writer(database: Database, load: Load, browse: Browse) -> None:
    """A read of one moment that locked a row would be refused where the row has changed since."""
    load(sources=4, toml="[design]\npractice = 0\ncatch_rate = 0\nidentical_rate = 0\nrepeat_rate = 0\n")
    browser = browse().begin()
    assert browser.vote(browser.state()["trial"]).status_code == 200
    with database.write() as db:
        db.execute(update(Session).values(language="de"))  # another tab, or a withdrawal, before its commit
        assert browser.get("/last").status_code == 200
