"""A drawn study folder, the real server as a process of its own, and a real Chromium."""

import csv
import hashlib
import io
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Request,
    Route,
    expect,
)

from study.cli import cli
from study.walking import server

SIDE = 96
SOURCES = ("harbour", "meadow", "tower")
CONDITIONS = ("avif@0.50", "jpeg@0.50", "webp@0.50")
HEADER = (
    "source,source_sha256,source_width,source_height,tag,crop_x,crop_y,crop_width,crop_height,condition,codec,rate,"
    "rate_matched,path,sha256,context_path,bpp,bytes,encoder,bitstream_sha256,model,leak"
).split(",")


def noise(source: str, condition: str) -> bytes:
    """A PNG of noise, in which a single pixel out of place or out of value shows."""
    pixels = random.Random(f"{source}/{condition}").randbytes(3 * SIDE * SIDE)
    out = io.BytesIO()
    Image.frombytes("RGB", (SIDE, SIDE), pixels).save(out, "PNG")
    return out.getvalue()


def drawn_folder(folder: Path, toml: str) -> Path:
    """A study folder of three sources, three conditions and catch images."""
    (folder / "images").mkdir(parents=True)
    (folder / "study.toml").write_text(toml, encoding="utf-8")
    rows = []
    for source in SOURCES:
        for condition in ("reference", *CONDITIONS, "catch"):
            content = noise(source, condition)
            sha256 = hashlib.sha256(content).hexdigest()
            (folder / "images" / f"{sha256}.png").write_bytes(content)
            rows.append(row(source, condition, sha256))
    with (folder / "stimuli.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, HEADER, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def row(source: str, condition: str, sha256: str) -> dict[str, Any]:
    codec, _, rate = condition.partition("@")
    made = condition != "reference"
    return {
        "source": source,
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
        "source_width": 640,
        "source_height": 480,
        "crop_x": 8,
        "crop_y": 16,
        "crop_width": SIDE,
        "crop_height": SIDE,
        "condition": condition,
        "codec": codec if made else "",
        "rate": rate,
        "rate_matched": "1" if rate else "",
        "path": f"images/{sha256}.png",
        "sha256": sha256,
        "bpp": "0.5" if made else "",
        "bytes": "19200" if made else "",
        "encoder": "noise" if made else "",
        "bitstream_sha256": sha256 if made else "",
        "leak": "0",
    }


def toml(name: str, *, study: str = "", **design: object) -> str:
    """A study.toml of 9 rating trials and 1 catch trial in two blocks, after 2 practice trials."""
    numbers = {"trials": 9, "block": 5, "practice": 2, "catch_rate": 0.1, "minimum_view_ms": 0, **design}
    lines = [f"{key} = {value}" for key, value in numbers.items()]
    return "\n".join(["[study]", f'name = "{name}"', study, "[design]", *lines, ""])


@dataclass
class Server:
    """A running server, and a way to put studies on it."""

    address: str
    folder: Path
    environ: dict[str, str]
    names: Iterator[int] = field(default_factory=count)

    def open_study(self, study: str = "", **design: object) -> str:
        """Load a drawn study with these settings and open it; the address for participants."""
        name = f"web{next(self.names)}"
        drawn = drawn_folder(self.folder / name, toml(name, study=study, **design))
        self.command("load", str(drawn))
        self.command("open", name)
        return f"{self.address}/s/{name}"

    def command(self, *arguments: str) -> str:
        """Run a command of the study room on this server's database."""
        result = CliRunner().invoke(cli, arguments, env=self.environ, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    def references(self, address: str) -> set[str]:
        """The SHA-256 of every reference of a study."""
        with (self.folder / address.rpartition("/")[2] / "stimuli.csv").open(encoding="utf-8", newline="") as table:
            return {row["sha256"] for row in csv.DictReader(table) if row["condition"] == "reference"}

    def votes(self, address: str) -> list[dict[str, str]]:
        """The rows of votes.csv."""
        name = address.rpartition("/")[2]
        path = self.folder / f"{name}-votes" / "votes.csv"
        path.parent.mkdir(exist_ok=True)
        self.command("votes", name, "-o", str(path))
        with path.open(encoding="utf-8", newline="") as table:
            return list(csv.DictReader(table))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("site")
    environ = {
        "STUDY_DATABASE_URL": f"sqlite:///{folder / 'study.sqlite'}",
        "STUDY_MEDIA": str(folder / "media"),
        "STUDY_SECRET_KEY": "a key for tests, of forty characters!!!!",
    }
    result = CliRunner().invoke(cli, ["db", "upgrade"], env=environ, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    with server({**os.environ, **environ}) as address:
        yield Server(address, folder, environ)


@dataclass(frozen=True)
class Answer:
    """What the server said to one request."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes


class Visitor:
    """A participant at a browser of their own: a page, and what it asked for. With `record` every answer is kept."""

    def __init__(self, context: BrowserContext, address: str, *, record: bool) -> None:
        self.context = context
        self.address = address
        self.page = context.new_page()
        self.asked: list[str] = []
        self.answers: list[Answer] = []
        context.on("request", self._ask)
        if record:
            context.route("**/*", self._record)
        self.page.goto(address)

    def _ask(self, request: Request) -> None:
        self.asked.append(request.url)

    def _record(self, route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        kept = Answer(route.request.url, answer.status, answer.headers, answer.body())
        self.answers.append(kept)
        route.fulfill(status=kept.status, headers=kept.headers, body=kept.body)

    def begin(self) -> "Visitor":
        """Agree, read the instructions, and wait for the first trial."""
        self.page.get_by_role("button", name="I agree, begin").click()
        expect(self.page.get_by_role("heading")).to_have_text("How it works")
        self.page.get_by_role("button", name="Go on").click()
        return self.ready()

    def ready(self) -> "Visitor":
        """Wait until a choice counts."""
        expect(self.page.locator("#choose-left")).to_have_attribute("aria-disabled", "false")
        return self

    def vote(self, key: str = "ArrowLeft", *, practice: bool = False) -> None:
        """Answer the open trial by key, and wait for the server."""
        self.ready()
        with self.page.expect_response("**/vote"):
            self.page.keyboard.press(key)
        if practice:
            self.page.get_by_role("button", name="Go on").click()

    def votes_sent(self) -> int:
        return sum(url.endswith("/vote") for url in self.asked)


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """`visit(address)` is a new participant. No console error and no page error is overlooked."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def arrive(address: str, *, expects: str = "", record: bool = False, **options: Any) -> Visitor:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(10_000)
        contexts.append(context)

        def hear(message: Any) -> None:
            if message.type in {"error", "warning"} and not (expects and expects in message.text):
                complaints.append(message.text)

        context.on("console", hear)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        return Visitor(context, address, record=record)

    yield arrive
    for context in contexts:
        context.unroute_all(behavior="wait")
        context.close()
    assert complaints == []
