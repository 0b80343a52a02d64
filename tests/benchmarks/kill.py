"""Servers are killed while participants vote, and nothing may be lost or doubled: `python -m tests.benchmarks.kill`.

Participants post every ballot until it is acknowledged, then once more, and correct some. Meanwhile `kill -9` hits
single workers, and the server as a whole, at random moments. Afterwards votes.csv must hold every acknowledged vote
exactly once, with its correction where one was acknowledged, and nothing else. PostgreSQL is tried where
TEST_POSTGRES_URL names a server.
"""

import csv
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx
from sqlalchemy import make_url, select

from study import export
from study.db import Database
from study.models import Trial
from tests.benchmarks import clients, studies
from tests.benchmarks.databases import databases
from tests.benchmarks.serving import Server

CORRECTED = 0.2
"""The share of votes that are corrected."""
PATIENCE_S = 60
TOML = '[study]\nname = "original"\n[design]\ntrials = {trials}\nblock = 25\nidentical_rate = 0.1\nrepeat_rate = 0.1\n'


@dataclass
class Seen:
    """What the participants were told: choices that were acknowledged, by trial, and what went wrong on the way."""

    votes: dict[str, str] = field(default_factory=dict)
    corrections: dict[str, str] = field(default_factory=dict)
    sent: int = 0
    broken: int = 0
    found_saved: int = 0

    def add(self, other: "Seen") -> None:
        """Take in what another participant saw."""
        self.votes |= other.votes
        self.corrections |= other.corrections
        self.sent += other.sent
        self.broken += other.broken
        self.found_saved += other.found_saved


@dataclass(frozen=True)
class Outcome:
    """What a run found: the participants' account, the kills, and how votes.csv differs from the account."""

    seen: Seen
    workers_killed: int
    servers_killed: int
    lost: int
    doubled: int
    invented: int
    corrections_astray: int
    seconds: float

    @property
    def clean(self) -> bool:
        """Whether votes.csv is exactly what was acknowledged."""
        return not (self.lost or self.doubled or self.invented or self.corrections_astray)


class Person:
    """A participant who sends each ballot until it is acknowledged, and then again."""

    def __init__(self, server: Server, number: int) -> None:
        self.random = random.Random(number)
        self.number = number
        self.seen = Seen()
        self.client = httpx.Client(base_url=server.address, trust_env=False, timeout=10)

    def walk(self) -> None:
        """Take the study from the link to the thanks."""
        while True:
            here = self._insist(lambda: clients.begin(self.client, studies.NAME, studies.SECRET, self.number))
            if here.state["step"] != "trial":
                break
            state = here.state
            while state["step"] == "trial":
                state = self._answer(state["trial"], here.token)

    def _answer(self, trial: dict[str, Any], token: str) -> dict[str, Any]:
        choice = self.random.choice(("left", "right"))
        state = self._cast(trial, choice, token)
        self.seen.votes[trial["id"]] = choice
        if state["undo"] and self.random.random() < CORRECTED:
            last = self._insist(lambda: self._ask("GET", "/last"))["trial"]
            choice = self.random.choice(("left", "right"))
            state = self._cast(last, choice, token)
            self.seen.corrections[last["id"]] = choice
        return state

    def _cast(self, trial: dict[str, Any], choice: str, token: str) -> dict[str, Any]:
        """Send a ballot until it is acknowledged, and once more; what the second copy is told must agree."""
        body = {"trial": trial["id"], "key": trial["key"], "choice": choice}
        told = [
            self._insist(lambda: self._ask("POST", "/vote", json=body, headers={"X-CSRFToken": token})) for _ in "12"
        ]
        if not told[1]["duplicate"] or told[0]["trial"] != told[1]["trial"]:
            raise AssertionError(f"the second copy of {body} was told {told[1]}, the first {told[0]}")
        self.seen.found_saved += told[0]["duplicate"]
        return told[1]

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        self.seen.sent += 1
        response = self.client.request(method, f"/s/{studies.NAME}{path}", **more)
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise httpx.TransportError("busy")
        if response.status_code != httpx.codes.OK:
            raise AssertionError(f"{path} was answered with {response.status_code}: {response.text}")
        answer: dict[str, Any] = response.json()
        return answer

    def _insist(self, ask: Callable[[], Any]) -> Any:
        """The answer, however often the connection breaks on the way to it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                return ask()
            except httpx.TransportError:
                self.seen.broken += 1
                time.sleep(0.02)
        raise AssertionError(f"no answer within {PATIENCE_S} seconds")


class Killer(threading.Thread):
    """Kills a worker, or now and then the whole server, after random pauses; starts again what does not by itself."""

    def __init__(self, server: Server, pause_s: float) -> None:
        super().__init__()
        self.server = server
        self.pause_s = pause_s
        self.random = random.Random(pause_s)
        self.over = threading.Event()
        self.workers = self.servers = 0

    def run(self) -> None:
        """Until `over` is set."""
        while not self.over.wait(self.random.uniform(0.2, 1.8) * self.pause_s):
            workers = self.server.workers()
            if workers and self.random.random() < 0.7:
                os.kill(self.random.choice(workers), signal.SIGKILL)
                self.workers += 1
            else:
                self.server.kill()
                self.server.start()
                self.servers += 1


def run(url: str, folder: Path, *, votes: int, trials: int = 60, at_once: int = 8, pause_s: float = 1.0) -> Outcome:
    """Let participants cast about so many votes on a fresh study in this database, kill, and compare."""
    began = time.monotonic()
    database = Database(url)
    studies.make(database, folder / "media", folder / "folder", toml=TOML.format(trials=trials))
    places = {"STUDY_DATABASE_URL": url, "STUDY_MEDIA": str(folder / "media"), "STUDY_SECRET_KEY": studies.SECRET}
    server, seen, adding = Server(places), Seen(), threading.Lock()
    server.start()
    killer = Killer(server, pause_s)
    killer.start()

    def walk(number: int) -> None:
        if len(seen.votes) >= votes:
            return
        person = Person(server, number)
        with person.client:
            person.walk()
        with adding:
            seen.add(person.seen)

    try:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(walk, range(max(at_once, votes // 20))))
    finally:
        killer.over.set()
        killer.join()
        server.close()
    found = compare(database, folder / "votes.csv", seen)
    database.dispose()
    return Outcome(seen, killer.workers, killer.servers, *found, seconds=time.monotonic() - began)


def compare(database: Database, path: Path, seen: Seen) -> tuple[int, int, int, int]:
    """How many acknowledged votes are not in the export, are there twice, were never acknowledged, and how many
    corrections are not what was acknowledged, or name no vote of their trial."""
    with database.read() as db:
        export.write(db, studies.NAME, path)
        names = {str(row.id): row.public for row in db.execute(select(Trial.id, Trial.public))}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    first = Counter((names[row["trial"]], row["choice"]) for row in rows if not row["corrects"])
    trials = Counter(names[row["trial"]] for row in rows if not row["corrects"])
    trial_of = {row["vote"]: row["trial"] for row in rows if not row["corrects"]}
    later = [row for row in rows if row["corrects"]]
    astray = sum(trial_of.get(row["corrects"]) != row["trial"] for row in later)
    said = Counter((names[row["trial"]], row["choice"]) for row in later)
    told = Counter(seen.corrections.items())
    return (
        (Counter(seen.votes.items()) - first).total(),
        sum(number - 1 for number in trials.values()),
        (first - Counter(seen.votes.items())).total(),
        astray + (said - told).total() + (told - said).total(),
    )


@click.command()
@click.option("--votes", default=10_000, show_default=True)
@click.option("--pause", default=1.0, show_default=True, help="Mean seconds between two kills.")
def main(votes: int, pause: float) -> None:
    """Run on each database, print the table, and exit with 1 where a vote was lost or doubled."""
    columns = (
        "database", "votes", "corrections", "requests", "workers killed", "servers killed", "broken or busy",
        "saved unheard", "lost", "doubled", "invented", "corrections astray", "seconds",
    )  # fmt: skip
    click.echo(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    clean = True
    for made in databases():
        with made as url, tempfile.TemporaryDirectory() as folder:
            found = run(url, Path(folder), votes=votes, pause_s=pause)
        seen, clean = found.seen, clean and found.clean
        cells = (
            make_url(url).get_backend_name(), len(seen.votes), len(seen.corrections), seen.sent,
            found.workers_killed, found.servers_killed, seen.broken, seen.found_saved, found.lost,
            found.doubled, found.invented, found.corrections_astray, round(found.seconds),
        )  # fmt: skip
        click.echo(f"| {' | '.join(map(str, cells))} |")
    raise SystemExit(0 if clean else 1)


if __name__ == "__main__":
    main()
