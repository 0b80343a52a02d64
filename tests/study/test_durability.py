"""The server is killed between votes and acknowledgements: every acknowledged vote is in the export exactly once."""

import csv
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from study import export
from study.db import Database
from study.models import Trial

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 4
Load = Callable[..., str]


class Server:
    """gunicorn with two workers on a port of its own, which can be killed at once and started again."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.environment = os.environ | environment | {"PYTHONPATH": str(ROOT)}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "study.cli", "serve", "--port", str(self.port)]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, env=self.environment, stdout=quiet, stderr=quiet, start_new_session=True
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.address}/health", trust_env=False)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the server did not start")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """Kill the master and its workers, as a power cut would, if they still run."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Voter:
    """One participant, who sends each ballot until it is acknowledged."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, trust_env=False, timeout=5)
        self.acknowledged: list[tuple[str, str]] = []
        self.resent = 0

    def token(self) -> str:
        found = re.search(r'name="csrf[_-]token" (?:value|content)="([^"]+)"', self.client.get("/s/tiny").text)
        assert found
        return found[1]

    def begin(self) -> None:
        for step, action in (("consent", "agree"), ("instructions", "next")):
            form = {"csrf_token": self.token(), "step": step, "action": action}
            assert self.client.post("/s/tiny/step", data=form).status_code == 303
        self.held, self.state = self.token(), self.client.get("/s/tiny/trial").json()

    def vote(self) -> None:
        token, state = self.held, self.state
        while state["step"] == "trial":
            ballot = {"trial": state["trial"]["id"], "key": state["trial"]["key"], "choice": "right"}
            state = self._send(ballot, token)
            self.acknowledged.append((ballot["trial"], ballot["choice"]))

    def _send(self, ballot: dict[str, str], token: str) -> dict[str, Any]:
        for _ in range(2000):
            try:
                response = self.client.post("/s/tiny/vote", json=ballot, headers={"X-CSRFToken": token})
            except httpx.TransportError:
                self.resent += 1
                time.sleep(0.01)
                continue
            assert response.status_code == 200, response.text
            answer: dict[str, Any] = response.json()
            return answer
        raise AssertionError("the ballot was never acknowledged")


@pytest.mark.slow
def test_every_acknowledged_vote_survives_kill_9_exactly_once(
    database: Database, database_url: str, media: Path, load: Load, tmp_path: Path
) -> None:
    load(sources=30, toml="[design]\nblock = 1000\ncatch_rate = 0.5\npractice = 1\ntrials = 30")
    places = {"STUDY_DATABASE_URL": database_url, "STUDY_MEDIA": str(media), "STUDY_SECRET_KEY": "x" * 40}
    server = Server(places)
    server.start()
    try:
        voters = [Voter(server.address) for _ in range(PEOPLE)]
        for voter in voters:
            voter.begin()
        threads = [threading.Thread(target=voter.vote) for voter in voters]
        for thread in threads:
            thread.start()
        for wanted in (30, 90):
            wait_for(lambda wanted=wanted: sum(len(voter.acknowledged) for voter in voters) >= wanted)
            server.kill()
            server.start()
        for thread in threads:
            thread.join()
    finally:
        server.kill()
        for voter in voters:
            voter.client.close()
    assert sum(voter.resent for voter in voters) > 0
    assert [len(voter.acknowledged) for voter in voters] == [1 + 30 + 15] * PEOPLE
    assert exported(database, tmp_path) == Counter(vote for voter in voters for vote in voter.acknowledged)


def wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def exported(database: Database, folder: Path) -> Counter[tuple[str, str]]:
    """The trials and choices in votes.csv, by the names that the participants know the trials by."""
    with database.read() as db:
        export.write(db, "tiny", folder / "votes.csv")
        names = {str(row.id): row.public for row in db.execute(select(Trial.id, Trial.public))}
    with (folder / "votes.csv").open(newline="") as file:
        return Counter((names[row["trial"]], row["choice"]) for row in csv.DictReader(file))
