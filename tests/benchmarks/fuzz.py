"""Fuzzes the JSON door by its documented schema, with participants who walk on as they do it; prints what it saw.

    scripts/with-postgres .venv/bin/python -m tests.benchmarks.fuzz --examples 5000

Requests are made by schemathesis from docs/door.openapi.yaml, right ones and wrong ones. Most carry the cookie and the
token of a participant in the middle of a study, many the open trial's own keys: votes are saved, corrected, sent twice
and sent wrong, breaks are left, sessions end and begin. Every answer has to be documented, to fit its schema, and never
to be a 500; a ballot is refused as malformed exactly where the schema refuses it.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import schemathesis
import yaml
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "door.openapi.yaml"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BEYOND_THE_SCHEMA = ("this study takes", "region", "is not the key", "got `float`")
"""What a schema cannot say of a ballot: the study's own design, that a region is whole or absent, whose key it is, and
that 7.0 is no whole number."""


class Person:
    """A participant in a browser without a screen, who begins again as somebody else after the end."""

    def __init__(self, app: Flask, study: str) -> None:
        self.app, self.at = app, f"/s/{study}"
        self.begin()

    def begin(self) -> None:
        self.client = self.app.test_client()
        self.voted: list[tuple[str, str]] = []
        self.step("consent", "agree")
        self.walk()

    def walk(self) -> None:
        """Go on to the next trial; what stands between is left as a person would."""
        while True:
            state = self.client.get(f"{self.at}/trial").get_json()
            if state["step"] == "trial":
                self.trial, self.undo, self.token = state["trial"], state["undo"], self.csrf()
                return
            if state["step"] in {"thanks", "screened_out", "expired"}:
                self.begin()
                return
            self.step(state["step"], "next")

    def stand(self, *, undo: bool) -> None:
        """Go where the last answer may be changed, or to the beginning, where there is none."""
        if not undo:
            self.begin()
        while undo and not self.undo:
            ballot = {"trial": self.trial["id"], "key": self.trial["key"], "choice": "left"}
            answer = self.client.post(f"{self.at}/vote", json=ballot, headers={"X-CSRFToken": self.token})
            assert answer.status_code == 200, answer.text
            self.walk()

    def step(self, step: str, action: str) -> None:
        form = {"csrf_token": self.csrf(), "step": step, "action": action}
        assert self.client.post(f"{self.at}/step", data=form).status_code == 303

    def csrf(self) -> str:
        found = re.search(r'name="csrf[_-]token" (?:value|content)="([^"]+)"', self.client.get(self.at).text)
        assert found
        return found[1]

    def keys(self, chance: random.Random) -> tuple[str, str]:
        """A trial and a key that are the participant's: the open one's, an old one's, or the last one's correction."""
        which = chance.random()
        if which < 0.6 or not self.voted:
            return self.trial["id"], self.trial["key"]
        if which < 0.8:
            return chance.choice(self.voted)
        last = self.client.get(f"{self.at}/last")
        return (
            (last.get_json()["trial"]["id"], last.get_json()["trial"]["key"])
            if last.status_code == 200
            else self.voted[-1]
        )

    def cookie(self) -> str:
        cookie = self.client.get_cookie("study")
        assert cookie is not None
        return str(cookie.value)


class Fuzz:
    """The document, a person, and what has been seen so far: answers by operation, status and code."""

    def __init__(self, app: Flask, study: str, seed: int = 1) -> None:
        self.schema = schemathesis.openapi.from_path(DOCUMENT)
        self.schema.app = app
        document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
        ballot = {"$ref": "#/components/schemas/Ballot", "components": document["components"]}
        self.is_ballot = jsonschema_rs.Draft202012Validator(ballot).is_valid
        self.study, self.person, self.chance = study, Person(app, study), random.Random(seed)
        self.seen: Counter[tuple[str, int, str]] = Counter()

    def operations(self) -> Iterator[Any]:
        """Every operation; votes first, so that there is something to correct."""
        yield from sorted(
            (found.ok() for found in self.schema.get_all_operations()), key=lambda each: each.method != "post"
        )

    def run(self, operation: Any, examples: int) -> None:
        """So many requests to one operation, half of them meant to be wrong."""
        modes = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

        @settings(max_examples=examples, database=None, deadline=None, derandomize=True,
                  phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=st.one_of(modes))
        def ask(case: Any) -> None:
            self.ask(case)

        ask()

    def ask(self, case: Any) -> None:
        """Send one request, as it is or with what the person has, and judge the answer."""
        case.path_parameters = dict(case.path_parameters or {})
        if "name" in case.path_parameters and self.chance.random() < 0.9:
            case.path_parameters["name"] = self.study
        if case.operation.label.endswith("/last"):
            self.person.stand(undo=self.chance.random() < 0.5)
        if isinstance(case.body, dict) and self.chance.random() < 0.7:
            case.body |= dict(zip(("trial", "key"), self.person.keys(self.chance), strict=True))
        known = self.chance.random() < 0.95
        case.headers = {**(case.headers or {}), "X-CSRFToken": self.person.token if known else "stale"}
        case.cookies = {"study": self.person.cookie() if self.chance.random() < 0.95 else "forged"}
        response = case.call()
        case.validate_response(response, checks=CHECKS)
        self._note(case, response)

    def _note(self, case: Any, response: Any) -> None:
        said = json.loads(response.content) if response.content else {}
        error = said.get("error", {}) if isinstance(said, dict) else {}
        self.seen[case.operation.label, response.status_code, error.get("code", "")] += 1
        if case.operation.label.startswith("POST"):
            self._compare(case, response.status_code, error)
        if response.status_code == 200 and "saved" in said:
            self.person.voted.append((case.body["trial"], case.body["key"]))
            self.person.walk()

    def _compare(self, case: Any, status: int, error: dict[str, str]) -> None:
        """The schema's word on a ballot against the server's."""
        judged = error.get("code") not in {"csrf", "no_session", "wrong_method", "unknown_address"}
        if not judged or not isinstance(case.body, dict):
            return
        malformed = error.get("code") == "malformed"
        if self.is_ballot(case.body):
            beyond = any(words in error.get("message", "") for words in BEYOND_THE_SCHEMA)
            assert not malformed or beyond, (case.body, error)
        else:
            assert malformed, (case.body, status)


def main() -> None:
    """Fuzz a study of its own on SQLite, and print the table."""
    from study.app import create_app
    from study.db import Database
    from study.settings import Settings
    from tests.benchmarks import studies

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=2000, help="requests an operation")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        url, media = f"sqlite:///{place}/study.sqlite", Path(place) / "media"
        database = Database(url)
        database.upgrade()
        studies.make(database, media, Path(place) / "fuzz", toml=TOML)
        fuzz = Fuzz(create_app(Settings(url, media), studies.SECRET), "fuzz")
        for operation in fuzz.operations():
            fuzz.run(operation, wanted.examples)
        database.dispose()
    for (label, status, code), times in sorted(fuzz.seen.items()):
        sys.stdout.write(f"{label:24} {status} {code:16} {times:7}\n")
    sys.stdout.write(f"{'all':24} {'':20} {sum(fuzz.seen.values()):7}\n")


TOML = "[study]\nnot_sure = false\nmark_region = true\n[design]\nblock = 6\ntrials = 12\nminimum_view_ms = 0\n"

if __name__ == "__main__":
    main()
