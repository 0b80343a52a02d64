"""The JSON door against its documented schema: no request makes it fail, and no answer is undocumented."""

from collections.abc import Callable

import pytest
import yaml
from flask import Flask

from study import errors
from study.voting import Ballot
from tests.benchmarks import fuzz

Load = Callable[..., str]


@pytest.mark.slow
def test_whatever_is_sent_the_answer_is_documented(app: Flask, load: Load) -> None:
    load(sources=6, toml=fuzz.TOML)
    fuzzed = fuzz.Fuzz(app, "tiny")
    for operation in fuzzed.operations():
        fuzzed.run(operation, 150 if operation.label.startswith("POST") else 30)
    lasts = {(status, code) for label, status, code in fuzzed.seen if label.endswith("/last")}
    assert {(200, ""), (409, "not_open")} <= lasts
    votes = {(status, code) for label, status, code in fuzzed.seen if label.startswith("POST")}
    assert {(200, ""), (400, "malformed"), (400, "csrf"), (404, "unknown_trial")} <= votes


def test_the_document_knows_every_part_of_a_ballot() -> None:
    document = yaml.safe_load(fuzz.DOCUMENT.read_text(encoding="utf-8"))
    ballot = document["components"]["schemas"]["Ballot"]
    assert list(ballot["properties"]) == list(Ballot.__struct_fields__)


def test_the_document_knows_every_code_that_is_answered() -> None:
    said = fuzz.DOCUMENT.read_text(encoding="utf-8")
    # Of pages, which are no part of the door.
    elsewhere = {"simulated", "elsewhere", "unknown_participant", "full", "link_too_long", "owners_only"}
    kinds = {kind.code for kind in errors.Problem.__subclasses__()} - elsewhere
    assert {"busy", "internal", "wrong_method"} < kinds
    assert [kind for kind in sorted(kinds) if kind not in said] == []
