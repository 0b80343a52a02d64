"""Locust's participants: each takes the walk from the link to the thanks, thinking between votes.

Run by `tests.benchmarks.votes`, or by hand against the server of a simulation named `bench`. The latency of every vote
goes to the file that LATENCIES names. Images are left out: they are cached for ever, and a proxy serves them.
"""

import csv
import itertools
import os
import re
import time
from typing import Any

from locust import FastHttpUser, between, events, task
from locust.exception import StopUser

from study.identity import SIMULATED, simulated_token
from tests.benchmarks import studies
from tests.benchmarks.clients import STEP, TOKEN

THINK_S = float(os.environ.get("THINK_S", "2"))
"""Mean seconds between an answer and the next vote."""
numbers = itertools.count(1)
latencies: list[tuple[float, float]] = []


class Participant(FastHttpUser):
    """One simulated participant; a vote every two seconds or so, and the pages before the first one quickly."""

    thinking = between(0.5 * THINK_S, 1.5 * THINK_S)
    address = f"/s/{studies.NAME}"

    def on_start(self) -> None:
        """Follow the link."""
        link = {SIMULATED: simulated_token(studies.SECRET, studies.NAME), "participant": str(next(numbers))}
        self.client.get(self.address, params=link, name="link")
        self.state: dict[str, Any] = {"step": ""}
        self.token = ""

    def wait_time(self) -> float:
        """Seconds until the next step."""
        seconds: float = self.thinking() if self.state["step"] == "trial" else 0.1
        return seconds

    @task
    def go_on(self) -> None:
        """Vote on the open trial, or leave the open step."""
        if self.state["step"] == "trial":
            self.vote(self.state["trial"])
            return
        page = self.client.get(self.address, name="page").text
        token, step = TOKEN.search(page), STEP.search(page)
        self.token = token[1] if token else ""
        if step:
            action = "agree" if step[1] == "consent" else "next"
            form = {"csrf_token": self.token, "step": step[1], "action": action}
            self.client.post(f"{self.address}/step", data=form, name="step")
        elif re.search(r'id="trial"', page):
            self.state = self.client.get(f"{self.address}/trial", name="trial").json()
        else:
            raise StopUser

    def vote(self, trial: dict[str, Any]) -> None:
        """Choose a side."""
        ballot = {"trial": trial["id"], "key": trial["key"], "choice": "left", "response_ms": 2000}
        began = time.perf_counter()
        answer = self.client.post(f"{self.address}/vote", json=ballot, headers={"X-CSRFToken": self.token}, name="vote")
        latencies.append((began, time.perf_counter() - began))
        self.state = answer.json() if answer.ok else {"step": ""}


@events.quitting.add_listener
def write(environment: Any, **_: Any) -> None:
    """Keep what was measured; a failed request makes Locust exit with 1."""
    environment.process_exit_code = 1 if environment.stats.total.num_failures else 0
    with open(os.environ["LATENCIES"], "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("at", "seconds"))
        writer.writerows(latencies)
