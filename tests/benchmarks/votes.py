"""How quick a vote is, beside the least that it could cost: `python -m tests.benchmarks.votes`.

The floor is a bare Flask view with one committed insert, on the same engine, with the same server settings, driven by
the same client in the same run. Saturation keeps 16 connections busy without a pause. Participants are Locust's: they
take the whole walk and think between votes. PostgreSQL is measured where TEST_POSTGRES_URL names a server.
"""

import asyncio
import csv
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import httpx
from sqlalchemy import make_url

from study.db import Database
from tests.benchmarks import clients, floor, studies
from tests.benchmarks.databases import databases, upgraded
from tests.benchmarks.serving import ROOT, THREADS, WORKERS, Server

CONNECTIONS = 16
A_SECOND = 5
"""How many of Locust's participants come each second; from the last one on they are watched."""
THINK_S = 5.0
"""Seconds between two votes of a participant, in the mean: 60 pairs take about five minutes."""
LARGE_BLOCK = '[study]\nname = "original"\n[design]\nblock = 1000\n'


@click.command()
@click.option("--votes", default=6000, show_default=True, help="Votes at saturation, about.")
@click.option("--seconds", default=40, show_default=True, help="How long participants are watched.")
@click.option("--participants", default=50, show_default=True, help="On SQLite.")
@click.option("--participants-postgres", default=500, show_default=True, help="On PostgreSQL.")
def main(votes: int, seconds: int, participants: int, participants_postgres: int) -> None:
    """Measure, and print the table."""
    many = {"sqlite": participants, "postgresql": participants_postgres}
    click.echo(f"{WORKERS} workers of {THREADS} threads, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    click.echo("| database | measure | a second | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|---|")
    for made in databases():
        with made as url:
            kind = make_url(url).get_backend_name()
            show(kind, f"floor, {CONNECTIONS} connections", *measure_floor(url, votes))
            show(kind, f"votes, {CONNECTIONS} connections", *measure_votes(url, votes))
            show(kind, f"votes, {many[kind]} participants", *measure_walks(url, many[kind], seconds))


def measure_floor(url: str, votes: int) -> tuple[float, list[float]]:
    """Requests a second of the bare view, and their latencies in seconds."""
    database = Database(url)
    with database.engine.begin() as connection:
        floor.TABLE.metadata.drop_all(connection)
        floor.TABLE.metadata.create_all(connection)
    database.dispose()
    server = Server({"FLOOR_DATABASE_URL": url}, "tests.benchmarks.floor:create_app()")
    server.start()
    try:
        return asyncio.run(saturate_floor(server.port, votes))
    finally:
        server.stop()


async def saturate_floor(port: int, votes: int) -> tuple[float, list[float]]:
    """Keep every connection busy with rows."""
    left = iter(range(votes))

    async def work(connection: clients.Connection) -> None:
        for _ in left:
            row = {"trial": secrets.token_urlsafe(16), "key": secrets.token_urlsafe(16), "choice": "left"}
            await connection.post("/vote", "", row)

    return await saturate(port, work)


def measure_votes(url: str, votes: int) -> tuple[float, list[float]]:
    """Votes a second, and their latencies in seconds."""
    with study(url, LARGE_BLOCK) as server:
        people: deque[clients.Begun] = deque()
        while sum(person.state["progress"]["of"] for person in people) < votes:
            with httpx.Client(base_url=server.address, trust_env=False, timeout=30) as client:
                people.append(clients.begin(client, studies.NAME, studies.SECRET, len(people)))
        return asyncio.run(saturate_votes(server.port, people))


async def saturate_votes(port: int, people: deque[clients.Begun]) -> tuple[float, list[float]]:
    """Keep every connection busy with the votes of one participant after the other."""

    async def work(connection: clients.Connection) -> None:
        while people:
            person = people.popleft()
            headers, state = f"Cookie: {person.cookie}\r\nX-CSRFToken: {person.token}\r\n", person.state
            while state["step"] == "trial":
                state = await connection.post(f"/s/{studies.NAME}/vote", headers, ballot(state["trial"]))

    return await saturate(port, work)


def ballot(trial: dict[str, str]) -> dict[str, object]:
    """A ballot with all that a page sends."""
    return {
        "trial": trial["id"], "key": trial["key"], "choice": "left", "response_ms": 2345, "flips": 3, "left_ms": 2345,
        "right_ms": 2344, "reference_ms": 2343, "zoomed": False, "hidden_ms": 0, "viewport_width": 1280,
        "viewport_height": 800, "device_pixel_ratio": 1.25, "device_pixels_per_pixel": 1, "pixel_exact": True,
        "bytes_verified": True, "left_x": 100, "left_y": 120, "right_x": 700, "right_y": 120,
    }  # fmt: skip


async def saturate(port: int, work: Callable[[clients.Connection], Awaitable[None]]) -> tuple[float, list[float]]:
    """Let `work` use every connection at once; requests a second and latencies."""
    connections = [clients.Connection(port) for _ in range(CONNECTIONS)]
    for connection in connections:
        await connection.open()
    began = time.perf_counter()
    await asyncio.gather(*(work(connection) for connection in connections))
    took = time.perf_counter() - began
    for connection in connections:
        connection.close()
    latencies = [latency for connection in connections for latency in connection.latencies]
    return len(latencies) / took, latencies


def measure_walks(
    url: str, participants: int, seconds: int, *, start_s: float | None = None, think_s: float = THINK_S
) -> tuple[float, list[float]]:
    """Votes a second and their latencies while Locust's participants take the study."""
    start_s = participants / A_SECOND if start_s is None else start_s
    with study(url, '[study]\nname = "original"\n') as server, tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "latencies.csv"
        command = [
            *(sys.executable, "-m", "locust", "--headless", "--only-summary", "--loglevel", "ERROR"),
            *("--locustfile", str(ROOT / "tests/benchmarks/locustfile.py"), "--host", server.address),
            *("--users", str(participants), "--spawn-rate", str(participants / start_s)),
            *("--run-time", f"{seconds + start_s:g}s"),
        ]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "LATENCIES": str(out), "THINK_S": str(think_s)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not out.exists():
            raise click.ClickException(f"Locust failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        with out.open(newline="") as file:
            rows = [(float(row["at"]), float(row["seconds"])) for row in csv.DictReader(file)]
    everybody = min(at for at, _ in rows) + start_s
    watched = [(at, took) for at, took in rows if at >= everybody]
    span = max(at for at, _ in watched) - everybody
    return len(watched) / span, [took for _, took in watched]


@contextmanager
def study(url: str, toml: str) -> Iterator[Server]:
    """A server of a fresh simulation on this database."""
    database = Database(url)
    database.downgrade("base")
    upgraded(url)
    with tempfile.TemporaryDirectory() as place:
        media = Path(place) / "media"
        studies.make(database, media, Path(place) / "folder", toml=toml)
        database.dispose()
        places = {"STUDY_DATABASE_URL": url, "STUDY_MEDIA": str(media), "STUDY_SECRET_KEY": studies.SECRET}
        places["STUDY_LIMITS_URL"] = "none"  # these voters are quicker than any person, and meant to be
        server = Server(places)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def show(kind: str, measure: str, rate: float, latencies: list[float]) -> None:
    """Print one row."""
    cuts = statistics.quantiles(latencies, n=100)
    p50, p95, p99 = (f"{cuts[at - 1] * 1000:.1f}" for at in (50, 95, 99))
    click.echo(f"| {kind} | {measure} | {rate:.0f} | {p50} | {p95} | {p99} |")


if __name__ == "__main__":
    main()
