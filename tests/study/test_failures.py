"""What goes wrong outside of the study's own rules: storage, files, addresses; and what the log says of it."""

import io
import logging
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from gunicorn.config import Config
from sqlalchemy import event, select

from study import identity
from study.db import Database
from study.logs import ServerLog
from study.models import Participant, Vote

ROOT = Path(__file__).resolve().parents[2]
Load = Callable[..., str]
Browse = Callable[..., Any]


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


@pytest.mark.parametrize("path", ["/s/tiny/vote", "/s/tiny/trial", "/s/tiny/last", "/health"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "NONSENSE"])
def test_below_the_json_door_an_unknown_method_is_answered_in_json(
    app: Flask, load: Load, path: str, method: str
) -> None:
    load()
    response = app.test_client().open(path, method=method)
    assert code(response) in {(405, "wrong_method"), (400, "csrf"), (401, "no_session")}
    if response.status_code == 405:
        assert "OPTIONS" in response.headers["Allow"]


@pytest.mark.parametrize("path", ["/s/tiny/vote/", "/s/tiny/trial/x", "/s/tiny/last/x/y", "/s/a/vote/%0a", "/health/x"])
def test_below_the_json_door_an_unknown_address_is_answered_in_json(app: Flask, load: Load, path: str) -> None:
    load()
    assert code(app.test_client().get(path)) == (404, "unknown_address")


def test_an_image_that_vanished_is_named_in_the_log_and_found_again_when_it_is_back(
    media: Path, load: Load, browse: Browse, caplog: pytest.LogCaptureFixture
) -> None:
    load()
    browser = browse().begin()
    trial = browser.state()["trial"]
    name = trial["left"]["url"].rpartition("/")[2]
    kept = (media / name).rename(media / "away")
    response = browser.fetch(f"/media/{name}")
    assert (response.status_code, response.headers["Cache-Control"]) == (404, "no-store")
    assert f"{response.headers['X-Request-ID']} image {name} cannot be read" in caplog.text
    assert "ERROR" in {record.levelname for record in caplog.records}
    kept.rename(media / name)
    assert browser.fetch(f"/media/{name}").status_code == 200
    assert browser.vote(trial).status_code == 200


def test_an_invented_image_alarms_nobody(load: Load, browse: Browse, caplog: pytest.LogCaptureFixture) -> None:
    load()
    with caplog.at_level("INFO"):
        assert browse().fetch(f"/media/{'0' * 64}.png").status_code == 404
    assert f"image {'0' * 64}.png belongs to no study" in caplog.text
    assert {record.levelname for record in caplog.records} == {"INFO"}


PRAGMAS = {"the disk is full": "max_page_count = 1", "the database is read-only": "query_only = 1"}


@pytest.mark.parametrize("trouble", PRAGMAS)
def test_a_storage_that_takes_nothing_is_called_by_its_name_and_nothing_is_lost(
    app: Flask, load: Load, browse: Browse, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    load(sources=30, toml="[design]\nblock = 1000")
    browser = browse().begin()
    token, state = browser.token(), browser.state()
    database: Database = app.extensions["database"]
    if not database.is_sqlite and trouble == "the disk is full":
        pytest.skip("a PostgreSQL server's disk is not filled by a test")
    hinder = f"PRAGMA {PRAGMAS[trouble]}" if database.is_sqlite else "SET default_transaction_read_only = on"
    pad_pages(database)
    database.engine.dispose()

    def hindered(connection: Any, _entry: object) -> None:
        cursor = connection.cursor()
        cursor.execute(hinder)
        cursor.close()
        connection.commit()

    event.listen(database.engine, "connect", hindered)
    caplog.clear()
    ballot, refused, saved = until_refused(browser, token, state)
    assert code(refused) == (503, "busy")
    assert refused.headers["Retry-After"] == "30"
    lines = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert lines
    assert f"{refused.headers['X-Request-ID']} POST '/s/tiny/vote': {trouble}, so nothing can be saved" in caplog.text
    event.remove(database.engine, "connect", hindered)
    database.engine.dispose()
    again = browser.post(ballot)
    assert (again.status_code, again.get_json()["duplicate"]) == (200, False)
    with database.read() as db:
        assert len(db.scalars(select(Vote)).all()) == saved + 1


def pad_pages(database: Database) -> None:
    """Leave no free page in SQLite's file, so that growing is the only way to keep more."""
    if database.is_sqlite:
        with sqlite3.connect(str(database.engine.url.database), isolation_level=None) as connection:
            connection.execute("VACUUM")


MUCH = dict.fromkeys(("response_ms", "left_ms", "right_ms", "reference_ms", "hidden_ms"), 2**31 - 1)
MUCH |= dict.fromkeys(("left_x", "left_y", "right_x", "right_y", "device_pixel_ratio"), 1 / 3)


def until_refused(browser: Any, token: str, state: dict[str, Any]) -> tuple[dict[str, Any], Any, int]:
    """Vote, with much in each vote, until one is refused: that ballot, its answer, and how many were saved before."""
    for saved in range(100):
        ballot = {"trial": state["trial"]["id"], "key": state["trial"]["key"], "choice": "left", **MUCH}
        answer = browser.post(ballot, token)
        if answer.status_code != 200:
            return ballot, answer, saved
        state = answer.get_json()
    raise AssertionError("every vote was saved")


SECRETS = ("203.0.113.77", "platform-name-5f1e", "a-batch-0815")


def test_no_line_of_the_log_holds_a_cookie_an_address_or_a_platforms_name(
    app: Flask, database: Database, load: Load, browse: Browse, caplog: pytest.LogCaptureFixture
) -> None:
    load()
    caplog.set_level(logging.DEBUG)
    browser = browse()
    browser.client.environ_base["REMOTE_ADDR"] = SECRETS[0]
    browser.begin(PROLIFIC_PID=SECRETS[1], batch=SECRETS[2])
    browse().get(PROLIFIC_PID=SECRETS[1])  # refused: elsewhere
    browser.post({"trial": "x"})
    browser.fetch("/nothing?PROLIFIC_PID=" + SECRETS[1])
    browser.get("/trial/none", who=SECRETS[1])
    with database.read() as db, app.test_request_context():
        participant = db.scalars(select(Participant)).one()
        link = identity.withdraw_link(participant).removeprefix("http://localhost")
    browser.client.put(link)
    browser.client.post(link)
    browser.client.get(link + "x")
    cookie = browser.client.get_cookie("study").value
    key = link.rpartition("/")[2]
    assert "elsewhere" in caplog.text
    assert "/withdraw/..." in caplog.text
    for secret in (*SECRETS, cookie, participant.token, key):
        assert secret not in caplog.text


def test_a_row_that_the_database_refuses_is_not_repeated_in_the_log(
    app: Flask, load: Load, browse: Browse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    monkeypatch.setattr("study.identity.secrets.token_urlsafe", lambda _: "the-same-token-for-all")
    monkeypatch.setattr("study.identity._by_token", lambda *_: None)
    for number in range(2):
        browser = browse()
        browser.get(PROLIFIC_PID=f"platform-name-{number}")
        response = browser.step("consent", "agree")
    assert response.status_code == 500
    assert "IntegrityError" in caplog.text
    assert response.headers["X-Request-ID"] in caplog.text
    assert "the-same-token-for-all" not in caplog.text
    assert "platform-name" not in caplog.text


@pytest.fixture
def server_log() -> Iterator[tuple[ServerLog, io.StringIO]]:
    """gunicorn's log as `study serve` has it, and what comes out of it."""
    made, out = ServerLog(Config()), io.StringIO()
    handler = logging.StreamHandler(out)
    made.error_log.addHandler(handler)
    yield made, out
    made.error_log.removeHandler(handler)


def test_the_servers_own_log_leaves_out_who_asked_and_for_what(server_log: tuple[ServerLog, io.StringIO]) -> None:
    log, out = server_log
    log.warning("Invalid request from ip=203.0.113.77: Invalid Request Line 'GET /s/tiny?PROLIFIC_PID=5f1e'")
    log.exception("Error handling request %s %s", "GET", "/s/tiny?PROLIFIC_PID=5f1e")
    log.access(None, None, {"REMOTE_ADDR": "203.0.113.77"}, None)
    log.warning("Worker %s is slow", 7)
    log.exception("Exception in %s", "worker process")
    said = out.getvalue()
    assert "203.0.113.77" not in said
    assert "5f1e" not in said
    assert "A request that is no HTTP was refused." in said
    assert "Worker 7 is slow" in said
    assert "Exception in worker process" in said


class Served:
    """`study serve` on a port of its own, stopped and started again as a researcher would; what it printed."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.environment, self.log = os.environ | environment | {"PYTHONPATH": str(ROOT)}, log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as out:
            command = [sys.executable, "-m", "study.cli", "serve", "--port", str(self.port), "--workers", "1"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out)
        for _ in range(600):
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/health", trust_env=False)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@pytest.mark.slow
def test_a_restart_keeps_every_session_and_the_server_prints_nobodys_name(
    database: Database, database_url: str, media: Path, load: Load, tmp_path: Path
) -> None:
    load()
    database.dispose()
    places = {"STUDY_DATABASE_URL": database_url, "STUDY_MEDIA": str(media), "STUDY_SECRET_KEY": "x" * 40}
    served = Served(places, tmp_path / "log")
    try:
        once = {"Connection": "close"}  # a stopping server waits for a browser that keeps its connection
        with httpx.Client(base_url=f"http://127.0.0.1:{served.port}", headers=once, trust_env=False) as browser:
            browser.get("/s/tiny", params={"PROLIFIC_PID": SECRETS[1]})
            for step, action in (("consent", "agree"), ("instructions", "next")):
                form = {"csrf_token": token_of(browser), "step": step, "action": action}
                assert browser.post("/s/tiny/step", data=form).status_code == 303
            token, trial = token_of(browser), browser.get("/s/tiny/trial").json()["trial"]
            following = vote(browser, token, trial)["trial"]
            browser.post("/s/tiny/vote?who=" + SECRETS[1], content=b"{", headers={"X-CSRFToken": token})
            served.stop()
            served.start()
            assert browser.get("/s/tiny/trial").json()["trial"]["id"] == following["id"]
            assert vote(browser, token, following)["duplicate"] is False  # the page from before the restart
            assert vote(browser, token, trial)["duplicate"] is True
        with socket.create_connection(("127.0.0.1", served.port)) as raw:
            raw.sendall(b"GET /s/tiny?PROLIFIC_PID=" + SECRETS[1].encode() + b" NONSENSE/9\r\n\r\n")
            raw.recv(1000)
    finally:
        served.stop()
    printed = served.log.read_text()
    assert "Serving studies at" in printed
    assert "malformed" in printed
    assert "no HTTP was refused" in printed
    assert SECRETS[1] not in printed
    assert "127.0.0.1" not in printed.replace(f"127.0.0.1:{served.port}", "")


def token_of(browser: httpx.Client) -> str:
    found = re.search(r'name="csrf[_-]token" (?:value|content)="([^"]+)"', browser.get("/s/tiny").text)
    assert found
    return found[1]


def vote(browser: httpx.Client, token: str, trial: dict[str, Any]) -> dict[str, Any]:
    ballot = {"trial": trial["id"], "key": trial["key"], "choice": "left"}
    response = browser.post("/s/tiny/vote", json=ballot, headers={"X-CSRFToken": token})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_full_database_file_is_full_by_its_page_count(tmp_path: Path) -> None:
    """What the test above leans on: SQLite names this failure SQLITE_FULL."""
    with sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("INSERT INTO t VALUES (zeroblob(20000))")
    assert full.value.sqlite_errorname == "SQLITE_FULL"
