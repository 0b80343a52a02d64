"""Drawn study folders, and a server that they are put on."""

import csv
import hashlib
import io
import os
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from PIL import Image

from study.cli import cli
from study.walking import server

SIDE = 96
WINDOW = {"x": 2, "y": 3, "width": 120, "height": 128}  # around the crop, in pixels of the source
CROP = {"x": 8, "y": 16, "width": SIDE, "height": SIDE}
SOURCES = ("harbour", "meadow", "tower")
CONDITIONS = ("avif@0.50", "jpeg@0.50", "webp@0.50")
HEADER = (
    "source,source_sha256,source_width,source_height,tag,crop_x,crop_y,crop_width,crop_height,condition,codec,rate,"
    "rate_matched,path,sha256,context_path,bpp,bytes,encoder,bitstream_sha256,model,leak,"
    "context_sha256,context_x,context_y,context_width,context_height"
).split(",")


def noise(name: str, width: int = SIDE, height: int = SIDE) -> bytes:
    """A PNG of noise, in which a single pixel out of place or out of value shows."""
    pixels = random.Random(name).randbytes(3 * width * height)
    out = io.BytesIO()
    Image.frombytes("RGB", (width, height), pixels).save(out, "PNG")
    return out.getvalue()


def put(folder: Path, content: bytes) -> str:
    """Write a PNG by its content; the SHA-256."""
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / "images" / f"{sha256}.png").write_bytes(content)
    return sha256


def drawn_folder(folder: Path, toml: str, sources: Iterable[str] = SOURCES, side: int = SIDE) -> Path:
    """A study folder of these sources, three conditions and catch images; with larger windows where the study asks."""
    around = 'view = "context"' in toml
    (folder / "images").mkdir(parents=True)
    (folder / "study.toml").write_text(toml, encoding="utf-8")
    rows = []
    for source in sources:
        for condition in ("reference", *CONDITIONS, "catch"):
            name = f"{source}/{condition}"
            crop = put(folder, noise(name, side, side))
            window = put(folder, noise(f"{name} around", WINDOW["width"], WINDOW["height"])) if around else ""
            rows.append(row(source, condition, crop, window) | {"crop_width": side, "crop_height": side})
    with (folder / "stimuli.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, HEADER, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def row(source: str, condition: str, sha256: str, window: str) -> dict[str, Any]:
    codec, _, rate = condition.partition("@")
    made = condition != "reference"
    return {
        "source": source,
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
        "source_width": 640,
        "source_height": 480,
        **{f"crop_{edge}": length for edge, length in CROP.items()},
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
        "context_path": f"images/{window}.png" if window else "",
        "context_sha256": window,
        **{f"context_{edge}": length if window else "" for edge, length in WINDOW.items()},
    }


def toml(name: str, *, study: str = "", **design: object) -> str:
    """A study.toml of 9 rating trials and 1 catch trial in two blocks, after 2 practice trials."""
    rates = {"catch_rate": 0.1, "identical_rate": 0.0, "repeat_rate": 0.0}
    numbers = {"trials": 9, "block": 5, "practice": 2, "practice_rounds": 1, "minimum_view_ms": 0, **rates, **design}
    lines = [f"{key} = {value}" for key, value in numbers.items()]
    return "\n".join(["[study]", f'name = "{name}"', study, "[design]", *lines, ""])


@dataclass
class Server:
    """A running server, and a way to put studies on it."""

    address: str
    folder: Path
    environ: dict[str, str]
    names: Iterator[int] = field(default_factory=count)

    def open_study(self, study: str = "", *, sources: int = len(SOURCES), side: int = SIDE, **design: object) -> str:
        """Load a drawn study with these settings and open it; the address for participants."""
        name = f"web{next(self.names)}"
        more = [f"place{number}" for number in range(len(SOURCES), sources)]
        drawn = drawn_folder(self.folder / name, toml(name, study=study, **design), [*SOURCES, *more], side)
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


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server on a fresh SQLite database in this folder."""
    environ = {
        "STUDY_DATABASE_URL": f"sqlite:///{folder / 'study.sqlite'}",
        "STUDY_MEDIA": str(folder / "media"),
        "STUDY_SECRET_KEY": "a key for tests, of forty characters!!!!",
    }
    result = CliRunner().invoke(cli, ["db", "upgrade"], env=environ, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    with server({**os.environ, **environ}) as address:
        yield Server(address, folder, environ)
