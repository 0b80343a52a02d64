"""The commands, as a researcher types them: on good input, and one sentence on bad."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from study.app import create_app
from study.cli import cli
from study.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SECRET = "of no server, and of forty characters too"  # noqa: S105 - of no server
Run = Callable[..., Result]


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


HOSTS = ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here"))]


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", f"sqlite:///{tmp_path / 'deep' / 'kept.sqlite'}")
    monkeypatch.setenv("STUDY_MEDIA", str(tmp_path / "media"))
    monkeypatch.setenv("STUDY_SECRET_KEY", SECRET)


@pytest.fixture
def run() -> Run:
    def invoked(*words: object) -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words])

    return invoked


@pytest.fixture
def good(run: Run) -> Callable[..., str]:
    def checked(*words: object) -> str:
        result = run(*words)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return result.stdout

    return checked


def refused(result: Result) -> str:
    """The one sentence, without a traceback and with exit code 1."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_a_studys_life(good: Callable[..., str], maker: Any, tmp_path: Path) -> None:
    folder = maker.fill(sources=3).write()
    assert "3 pairs" in good("check", folder)
    assert "Loaded 12 images and 3 pairs as the draft `birds`" in good("load", folder, "--name", "birds")
    assert "`birds` is open: people take part at /s/birds" in good("open", "birds")
    assert "paused" in good("pause", "birds")
    good("open", "birds")
    assert "birds: open; 0 of 0 participants complete" in good("status")
    written = good("votes", "birds", "-o", tmp_path / "out" / "votes.csv")
    assert f"Wrote {tmp_path / 'out' / 'votes.csv'} (0 rows)" in written
    assert "closed" in good("close", "birds")
    assert "at the newest revision" in good("db", "check")
    assert "at the newest revision" in good("db", "upgrade")


def test_status_is_for_scripts_too(good: Callable[..., str], run: Run, maker: Any) -> None:
    folder = maker.fill().write()
    good("load", folder)
    one = json.loads(good("status", "tiny", "--json"))
    assert (one["name"], one["state"], one["votes"], one["pairs"]) == ("tiny", "draft", 0, 2)
    assert json.loads(good("status", "--json")) == [one]
    assert "No study `none` is loaded" in refused(run("status", "none", "--json"))


def test_loading_twice_and_replacing_a_draft(good: Callable[..., str], run: Run, maker: Any) -> None:
    folder = maker.fill().write()
    good("load", folder)
    assert "is loaded already" in refused(run("load", folder))
    good("load", folder, "--replace")
    good("open", "tiny")
    assert "only a draft can be replaced" in refused(run("load", folder, "--replace"))
    assert "cannot be made open" in refused(run("open", "tiny"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["load", "none"], "none is no folder"),
        (["check", "none"], "none is no folder"),
        (["open", "none"], "is empty"),
        (["status"], "is empty"),
        (["votes", "none"], "is empty"),
        (["db", "check"], "is empty"),
    ],
)
def test_what_is_not_there_is_said(run: Run, tmp_path: Path, words: list[str], says: str) -> None:
    assert says in refused(run(*words))
    assert not (tmp_path / "deep").exists()


def test_unknown_studies_are_said(good: Callable[..., str], run: Run) -> None:
    good("db", "upgrade")
    assert good("status") == "No study is loaded: `manage.py study load FOLDER` loads one.\n"
    for words in (["open", "x"], ["pause", "a\0b"], ["close", ""], ["votes", "x"], ["status", "x"]):
        assert "is loaded: `manage.py study status` lists" in refused(run(*words))


@pytest.mark.parametrize("half_way", [0, 2])
def test_closing_says_who_is_cut_off(good: Callable[..., str], maker: Any, tmp_path: Path, half_way: int) -> None:
    said = " ".join(good("close", "--help").split())
    assert "who is half-way is cut off" in said
    assert "`pause`" in said
    good("load", maker.fill().write())
    good("open", "tiny")
    app = create_app(Settings(os.environ["STUDY_DATABASE_URL"], tmp_path / "media"), SECRET)
    for _ in range(half_way):
        client = app.test_client()
        token = re.search(r'csrf_token" value="([^"]+)', client.get("/s/tiny").text)
        assert token
        client.post("/s/tiny/step", data={"csrf_token": token[1], "step": "consent", "action": "agree"})
    app.extensions["database"].dispose()
    closed = good("close", "tiny")
    said = f"Cut off half-way: {half_way} of {half_way}. Waiting, or `pause`, would let people finish."
    assert (said in closed) == bool(half_way)


def test_a_bad_name_is_refused(run: Run, maker: Any) -> None:
    assert "`study.name` is 'a/b'" in refused(run("load", maker.fill().write(), "--name", "a/b"))


def test_a_file_that_is_no_database_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "kept.sqlite").write_text("no database at all, but long enough to be looked at " * 40)
    assert "file is not a database; see STUDY_DATABASE_URL" in refused(run("status"))


def test_a_server_that_is_away_is_said_without_the_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/none")
    message = refused(run("status"))
    assert "s3cret" not in message
    assert "see STUDY_DATABASE_URL" in message


def test_a_place_that_cannot_be_written_is_said(good: Callable[..., str], run: Run, maker: Any, tmp_path: Path) -> None:
    good("load", maker.fill().write())
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'}" in refused(run("votes", "tiny", "-o", tmp_path / "file" / "votes.csv"))
    assert f"{tmp_path / 'media'} is a folder" in refused(run("votes", "tiny", "-o", tmp_path / "media"))


def test_serving_needs_a_secret(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDY_SECRET_KEY")
    assert "STUDY_SECRET_KEY is not set" in refused(run("serve"))


def test_serving_needs_the_newest_revision(run: Run, empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty SQLite file is brought there; an empty PostgreSQL database, which somebody made, is not touched."""
    monkeypatch.setenv("STUDY_DATABASE_URL", empty_url)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refused(run("serve", "--port", port))
    assert (f"127.0.0.1:{port} cannot be used" if empty_url.startswith("sqlite") else "is empty") in message


@pytest.mark.parametrize("host", HOSTS)
def test_a_port_that_is_taken_is_said(run: Run, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        written = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        assert f"{written} cannot be used (Address already in use)" in refused(
            run("serve", "--host", host, "--port", port)
        )


def test_a_start_empties_sqlites_log_that_a_withdrawal_had_to_leave(
    run: Run, good: Callable[..., str], maker: Any, tmp_path: Path
) -> None:
    good("load", maker.fill().write())
    path = tmp_path / "deep" / "kept.sqlite"
    with closing(sqlite3.connect(path)) as other, socket.create_server(("127.0.0.1", 0)) as taken:
        other.execute("UPDATE study SET name = 'large'")
        other.commit()
        log = path.with_name(f"{path.name}-wal")
        assert log.stat().st_size > 0
        refused(run("serve", "--port", taken.getsockname()[1]))
        assert log.stat().st_size == 0


@pytest.mark.parametrize("host", ["a..b", "no such machine"])
def test_a_host_that_is_none_is_said(run: Run, host: str) -> None:
    assert f"{host}:8000 cannot be used" in refused(run("serve", "--host", host))


def test_wrong_usage_is_exit_code_2(run: Run) -> None:
    for words in (["load"], ["new", "x", "--kind", "guess"], ["serve", "--port", "0"], ["nothing"], ["open", "a", "b"]):
        assert run(*words).exit_code == 2


@pytest.fixture(params=HOSTS)
def served(good: Callable[..., str], maker: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that `study serve` started, by either kind of internet address."""
    host = request.param
    family, written = (socket.AF_INET6, f"[{host}]") if ":" in host else (socket.AF_INET, host)
    good("load", maker.fill().write())
    good("open", "tiny")
    with socket.create_server((host, 0), family=family) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "study.cli", "serve", "--host", host, "--port", str(port), "--workers", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"http://{written}:{port}/health", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"http://{written}:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert f"Serving studies at http://{written}:{port}/s/NAME" in said
    assert "Traceback" not in said


def test_gunicorn_serves_a_study_and_knows_the_scheme_behind_a_proxy(served: str) -> None:
    with httpx.Client(base_url=served, trust_env=False) as client:
        page = client.get("/s/tiny")
        assert page.status_code == 200
        assert "Secure" not in page.headers["Set-Cookie"]
        behind = client.get("/s/tiny", headers={"X-Forwarded-Proto": "https", "Cookie": ""})
        assert "Secure" in behind.headers["Set-Cookie"]
        assert client.get("/s/none").status_code == 404


WALK = """
import re, sys
from study.app import create_app

client = create_app().test_client()
find = lambda name, page: re.search(name + '" (?:value|content)="([^"]+)', page)[1]
for step, action in (("consent", "agree"), ("instructions", "next")):
    form = {"csrf_token": find("csrf_token", client.get("/s/tiny").text), "step": step, "action": action}
    assert client.post("/s/tiny/step", data=form).status_code == 303
token, state = find("csrf-token", client.get("/s/tiny").text), client.get("/s/tiny/trial").get_json()
while state["step"] == "trial":
    client.get(state["trial"]["left"]["url"]).close()
    ballot = {"trial": state["trial"]["id"], "key": state["trial"]["key"], "choice": "left"}
    state = client.post("/s/tiny/vote", json=ballot, headers={"X-CSRFToken": token}).get_json()
assert state["step"] == "thanks"
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_serving_loads_no_numpy_pandas_torch_or_image_library(good: Callable[..., str], maker: Any) -> None:
    good("load", maker.fill().write())
    good("open", "tiny")
    done = subprocess.run(
        [sys.executable, "-c", WALK], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {"flask", "sqlalchemy", "study"} <= loaded
    assert not loaded & {"numpy", "pandas", "torch", "scipy", "PIL", "httpx", "alembic", "codec", "analysis"}


def test_help_loads_no_heavy_library() -> None:
    code = "import sys; from study.cli import cli; cli(['load', '--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"flask", "sqlalchemy", "alembic", "PIL", "msgspec", "httpx"}
