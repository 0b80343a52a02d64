"""A study to try things on: folders made of a few pixels, a loaded study, and a browser without a screen."""

import csv
import hashlib
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from study import loading
from study.app import create_app
from study.db import Database
from study.folder import STIMULI_COLUMNS, read
from study.settings import Settings
from study.spec import renamed

SECRET = "a secret of forty characters for the tests"  # noqa: S105 - of no server
SIDE = 8
CONDITIONS = ("jpeg@0.50", "webp@0.50")
Row = dict[str, str]


def png(
    colour: tuple[int, int, int],
    side: int = SIDE,
    *,
    lines: int | None = None,
    depth: int = 8,
    kind: int = 2,
    extra: bytes = b"",
) -> bytes:
    """A PNG of one colour, written by hand so that faults can be put in; a square where no `lines` are given."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    channels = {0: 1, 2: 3, 6: 4}[kind]
    pixel = (*colour, 255)[:channels]
    sample = b"".join(value.to_bytes(1) * (depth // 8) for value in pixel)
    height = side if lines is None else lines
    body = b"".join(b"\0" + sample * side for _ in range(height))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, height, depth, kind, 0, 0, 0))
    extras = chunk(extra, b"\0" * 4) if extra else b""
    return b"\x89PNG\r\n\x1a\n" + header + extras + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def source_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


class FolderMaker:
    """Writes study folders; rows and texts can be changed before `write`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []
        self.toml = ""
        (path / "images").mkdir(parents=True)

    def add(self, source: str, condition: str, colour: tuple[int, int, int], crop: int = 0, **cells: str) -> Row:
        content = png(colour)
        digest = hashlib.sha256(content).hexdigest()
        (self.path / "images" / f"{digest}.png").write_bytes(content)
        codec, _, rate = condition.partition("@")
        row = dict.fromkeys(STIMULI_COLUMNS, "") | {
            "source": source, "source_sha256": source_hash(source), "source_width": "64", "source_height": "48",
            "tag": "", "crop_x": str(crop * SIDE), "crop_y": "0", "crop_width": str(SIDE), "crop_height": str(SIDE),
            "condition": condition, "codec": "" if condition in {"reference", "catch"} else codec, "rate": rate,
            "rate_matched": "1" if rate else "", "path": f"images/{digest}.png", "sha256": digest,
            "bpp": rate, "leak": "0",
        } | cells  # fmt: skip
        self.rows.append(row)
        return row

    def fill(self, sources: int = 2, crops: int = 1, conditions: tuple[str, ...] = CONDITIONS) -> "FolderMaker":
        for number in range(sources):
            for crop in range(crops):
                for at, condition in enumerate(("reference", "catch", *conditions)):
                    self.add(f"source{number}", condition, (number, crop, at), crop)
        return self

    def write(self) -> Path:
        table = io.StringIO()
        writer = csv.DictWriter(table, self.rows[0] if self.rows else STIMULI_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        (self.path / "stimuli.csv").write_text(table.getvalue(), encoding="utf-8")
        (self.path / "study.toml").write_text(self.toml, encoding="utf-8")
        return self.path


@pytest.fixture
def maker(tmp_path: Path) -> FolderMaker:
    return FolderMaker(tmp_path / "tiny")


@pytest.fixture
def media(tmp_path: Path) -> Path:
    return tmp_path / "media"


Load = Callable[..., str]


@pytest.fixture
def load(database: Database, media: Path, tmp_path: Path) -> Load:
    """`load(name, sources=..., conditions=..., toml=..., state=...)` loads a study and gives its name."""

    def loaded(name: str = "tiny", *, toml: str = "", state: str = "open", **size: Any) -> str:
        maker = FolderMaker(tmp_path / f"folder-{name}").fill(**size)
        maker.toml = toml
        found = read(maker.write())
        loading.load(database, found, renamed(found.spec, name), media)
        with database.write() as db:
            if state != "draft":
                loading.change_state(db, name, "open")
            if state not in {"draft", "open"}:
                loading.change_state(db, name, state)
        return name

    return loaded


@pytest.fixture
def app(database: Database, database_url: str, media: Path) -> Iterator[Flask]:
    made = create_app(Settings(database_url, media), SECRET)
    yield made
    made.extensions["database"].dispose()


class Browser:
    """A participant's browser: a cookie jar and the two things that pages do, forms and votes."""

    def __init__(self, client: FlaskClient, study: str) -> None:
        self.client = client
        self.at = f"/s/{study}"
        self.seen: list[TestResponse] = []

    def keep(self, response: TestResponse) -> TestResponse:
        response.get_data()  # reads a file to its end
        response.close()
        self.seen.append(response)
        return response

    def fetch(self, path: str, **headers: str) -> TestResponse:
        """Any address of the server."""
        return self.keep(self.client.get(path, headers=headers))

    def get(self, path: str = "", **query: str) -> TestResponse:
        return self.keep(self.client.get(self.at + path, query_string=query))

    def token(self) -> str:
        page = self.get().text
        found = re.search(r'name="csrf_token" value="([^"]+)"|name="csrf-token" content="([^"]+)"', page)
        assert found, page
        return found[1] or found[2]

    def step(self, step: str, action: str) -> TestResponse:
        form = {"csrf_token": self.token(), "step": step, "action": action}
        return self.keep(self.client.post(f"{self.at}/step", data=form))

    def begin(self, **query: str) -> "Browser":
        if query:
            assert self.get(**query).status_code == 302
        assert self.step("consent", "agree").status_code == 303
        assert self.step("instructions", "next").status_code == 303
        return self

    def state(self) -> dict[str, Any]:
        response = self.get("/trial")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.get_json()
        return found

    def post(self, ballot: object, token: str | None = None) -> TestResponse:
        headers = {"X-CSRFToken": token or self.token()}
        return self.keep(self.client.post(f"{self.at}/vote", json=ballot, headers=headers))

    def vote(self, trial: dict[str, Any], choice: str = "left", **more: Any) -> TestResponse:
        return self.post({"trial": trial["id"], "key": trial["key"], "choice": choice, **more})

    def vote_with(self, token: str, trial: dict[str, Any], choice: str = "left") -> TestResponse:
        """Vote without looking at the page first."""
        return self.post({"trial": trial["id"], "key": trial["key"], "choice": choice}, token)

    def finish(self, choice: str = "left") -> dict[str, Any]:
        """Vote and go on until the thanks."""
        state = self.state()
        while state["step"] != "thanks":
            if state["step"] == "break":
                assert self.step("break", "next").status_code == 303
                state = self.state()
                continue
            response = self.vote(state["trial"], choice)
            assert response.status_code == 200, response.text
            state = response.get_json()
        return state


Browse = Callable[..., Browser]


@pytest.fixture
def browse(app: Flask) -> Browse:
    """`browse(study)` opens a new browser, without cookies, at a study."""

    def opened(study: str = "tiny") -> Browser:
        return Browser(app.test_client(), study)

    return opened


@pytest.fixture
def draw_png() -> Callable[..., bytes]:
    return png
