"""Several hosts on one PostgreSQL: whoever gets a request, a vote is saved once, and quotas are those of all."""

import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from study import export
from study.db import Database
from study.identity import SIMULATED, simulated_token
from study.models import Session, Trial, Vote
from tests.benchmarks import studies
from tests.benchmarks.clients import STEP, TOKEN

ROOT = Path(__file__).resolve().parents[2]
PEOPLE, PLACES = 8, 6


@pytest.fixture
def hosts(postgres_upgraded: str, database_url: str, tmp_path: Path) -> Iterator[list[str]]:
    """Two servers on different ports, each as `study serve` starts it; all that they share is in their environment."""
    if database_url != postgres_upgraded:
        pytest.skip("SQLite takes one host")
    database = Database(database_url)
    toml = f"[design]\ntrials = 12\npractice = 0\nblock = 100\nparticipants = {PLACES}"
    studies.make(database, tmp_path / "media", tmp_path / "folder", toml=toml)
    database.dispose()
    places = {"STUDY_DATABASE_URL": database_url, "STUDY_MEDIA": str(tmp_path / "media")}
    environment = os.environ | places | {"STUDY_SECRET_KEY": studies.SECRET, "PYTHONPATH": str(ROOT)}
    started = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "study.cli", "serve", "--port", str(port), "--workers", "1", "--threads", "4"]
        output = (tmp_path / f"{port}.log").open("w")
        started.append((subprocess.Popen(command, env=environment, stdout=output, stderr=output), port, output))
    try:
        for process, port, _ in started:
            wait(process, port)
        yield [f"http://127.0.0.1:{port}" for _, port, _ in started]
    finally:
        for process, _, output in started:
            process.terminate()
            process.wait(20)
            output.close()


def wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
        except httpx.TransportError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


class Wanderer:
    """A participant whose every request may go to another host, as behind a proxy; every vote goes to all of them."""

    def __init__(self, hosts: list[str], number: int) -> None:
        self.hosts, self.number, self.drawn = hosts, number, random.Random(number)
        self.client = httpx.Client(trust_env=False, timeout=30)
        self.acknowledged: list[str] = []

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.client.request(method, self.drawn.choice(self.hosts) + path, **more)

    def walk(self) -> str:
        """To the end, or to where the study is full; which step that is."""
        with self.client:
            return self._walk()

    def _walk(self) -> str:
        address = f"/s/{studies.NAME}"
        link = {SIMULATED: simulated_token(studies.SECRET, studies.NAME), "participant": str(self.number)}
        self.ask("GET", address, params=link)
        while True:
            page = self.ask("GET", address)
            if page.status_code == httpx.codes.GONE:
                return "full"
            token, step = TOKEN.search(page.text), STEP.search(page.text)
            if step is None:
                break
            assert token is not None
            action = "agree" if step[1] == "consent" else "next"
            form = {"csrf_token": token[1], "step": step[1], "action": action}
            self.ask("POST", f"{address}/step", data=form)
        assert token is not None
        return self.vote(address, token[1])

    def vote(self, address: str, token: str) -> str:
        state = self.ask("GET", f"{address}/trial").json()
        while state["step"] == "trial":
            trial = state["trial"]
            ballot = {"trial": trial["id"], "key": trial["key"], "choice": "left"}
            answers = [
                self.client.post(f"{host}{address}/vote", json=ballot, headers={"X-CSRFToken": token})
                for host in self.drawn.sample(self.hosts, 2)
            ]
            assert [answer.status_code for answer in answers] == [200, 200], answers[-1].text
            assert [answer.json()["duplicate"] for answer in answers] == [False, True]
            self.acknowledged.append(trial["key"])
            state = answers[-1].json()
        return str(state["step"])


@pytest.mark.slow
def test_votes_over_two_hosts_are_saved_once_and_quotas_hold(
    hosts: list[str], database: Database, tmp_path: Path
) -> None:
    people = [Wanderer(hosts, number) for number in range(PEOPLE)]
    with ThreadPoolExecutor(PEOPLE) as pool:
        ends = Counter(pool.map(Wanderer.walk, people))
    assert ends == {"thanks": PLACES, "full": PEOPLE - PLACES}
    with database.read() as db:
        kept = list(db.scalars(select(Vote.key)))
        planned = db.scalar(select(func.count()).select_from(Trial)) or 0
        assert db.scalar(select(func.count()).where(Session.outcome == "complete")) == PLACES
        export.write(db, studies.NAME, tmp_path / "votes.csv")
    given = [key for person in people for key in person.acknowledged]
    assert sorted(kept) == sorted(given)
    assert len(given) == planned
    assert len((tmp_path / "votes.csv").read_text().splitlines()) == len(given) + 1
