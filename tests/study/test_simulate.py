"""`study simulate` against a real server: marked, repeatable, resumable, and refused in one sentence."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select, update

from study.cli import cli
from study.copying import copy_study
from study.db import Database
from study.errors import Refused
from study.loading import change_state
from study.models import Condition, Participant, Session, Stimulus, Study, Trial, Vote, now
from study.settings import ROOT
from study.walking import Images, Walker, server

SECRET = "a secret of forty characters for the tests"  # noqa: S105 - of no server
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Simulate = Callable[..., Result]
Load = Callable[..., str]
CONDITIONS = ("avif@0.50", "jpeg@0.50", "webp@0.50")
TOML = "[design]\ntrials = 6\nblock = 4\npractice = 1\ncatch_rate = 0.2\n"


@pytest.fixture
def environ(database_url: str, media: Path) -> dict[str, str]:
    return {"STUDY_DATABASE_URL": database_url, "STUDY_MEDIA": str(media), "STUDY_SECRET_KEY": SECRET}


@pytest.fixture
def simulate(environ: dict[str, str]) -> Simulate:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["simulate", *arguments], env=environ, catch_exceptions=False)

    return run


def answers(database: Database, study: str) -> list[dict[str, Any]]:
    """What everybody answered, in the order of beginning and showing, by what does not depend on the copy's name."""
    query = (
        select(
            Session.ordinal, Trial.position, Trial.kind, Trial.flipped, Trial.expected, Vote.choice, Vote.response_ms
        )
        .join(Trial, Trial.session_id == Session.id)
        .join(Vote, Vote.trial_id == Trial.id)
        .join(Study, Study.id == Session.study_id)
        .where(Study.name == study)
        .order_by(Session.ordinal, Trial.position)
    )
    with database.read() as db:
        return [dict(row) for row in db.execute(query).mappings()]


def test_everybody_walks_to_the_end_and_is_marked(database: Database, load: Load, simulate: Simulate) -> None:
    load("tiny", conditions=CONDITIONS, toml=TOML)
    result = simulate("tiny", "--participants", "4", "--seed", "3", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    trials = 1 + 6 + 1
    assert said["study"] == "tiny-simulated"
    assert said["votes_cast"] == 4 * trials
    with database.read() as db:
        assert db.scalars(select(Participant.simulated)).all() == [True] * 4
        assert db.scalars(select(Vote.simulated).distinct()).all() == [True]
        assert db.scalars(select(Session.outcome)).all() == ["complete"] * 4
        human = db.scalars(select(Study).where(Study.name == "tiny")).one()
        assert not human.simulated
        assert db.scalar(select(func.count()).where(Session.study_id == human.id)) == 0
    known = [row for row in answers(database, "tiny-simulated") if row["expected"]]
    assert len(known) == 4 * 2
    assert all(row["choice"] == row["expected"] for row in known)


WIDE = """[study]
not_sure = true
layout = "flip"
languages = ["de", "en"]
[ask]
age = true
vision = true
display = true
colour_plates = 3
screen_size = true
[screening]
catches_missed = 1
[design]
trials = 10
block = 4
practice = 2
practice_rounds = 3
catch_rate = 0.5
identical_rate = 0.5
repeat_rate = 0.5
"""


@sqlite_only
def test_every_step_is_walked_and_who_misses_too_much_is_screened_out(
    database: Database, load: Load, simulate: Simulate
) -> None:
    load("tiny", conditions=CONDITIONS, sources=3, crops=2, toml=WIDE)
    result = simulate("tiny", "--participants", "5", "--seed", "3", "--lapse", "0.5", "--json")
    assert result.exit_code == 0, result.output
    with database.read() as db:
        sessions = db.scalars(select(Session).where(Session.ended_at.is_not(None))).all()
        assert {session.outcome for session in sessions} == {"complete", "screened_out"}
        assert len(sessions) == 5
        assert json.loads(result.stdout)["votes_cast"] == db.scalar(select(func.count(Vote.id)))
        whole = [session.ordinal for session in sessions if session.outcome == "complete"]
    rows = answers(database, "tiny-simulated")
    for ordinal in whole:
        kinds = [row["kind"] for row in rows if row["ordinal"] == ordinal]
        assert {kind: kinds.count(kind) for kind in ("rating", "catch", "identical", "repeat")} == {
            "rating": 10, "catch": 5, "identical": 5, "repeat": 5,
        }  # fmt: skip
        assert kinds.count("practice") in {2, 4, 6}
    assert {row["choice"] for row in rows if row["kind"] == "identical"} == {"left", "right", "not_sure"}


@sqlite_only
def test_a_simulation_ends_where_the_study_is_full(database: Database, load: Load, simulate: Simulate) -> None:
    """6 pairs, 2 votes each, 5 trials a session: two whole sessions, and one of the two that are left."""
    load("tiny", conditions=CONDITIONS, toml="[design]\ntrials = 5\nvotes_per_pair = 2\npractice_rounds = 1\n")
    for _ in range(2):  # the second time nothing is left to do
        result = simulate("tiny", "--participants", "9", "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["participants"] == 3
        assert "Study `tiny-simulated` was full with 3 participants." in result.stderr
        ratings = [row for row in answers(database, "tiny-simulated") if row["kind"] == "rating"]
        assert len(ratings) == 6 * 2


@sqlite_only
def test_a_copy_that_was_closed_is_refused(database: Database, load: Load, simulate: Simulate) -> None:
    load("tiny", toml=TOML)
    with database.write() as db:
        copy_study(db, "tiny", "tiny-simulated")
        change_state(db, "tiny-simulated", "closed")
    result = simulate("tiny", "--participants", "2")
    assert result.exit_code == 1
    assert "Study `tiny-simulated` is closed: open it, or name another copy with `--into`." in result.output


def test_a_step_that_leads_back_to_itself_is_no_endless_walk() -> None:
    page = '<form><input name="csrf_token" value="t"><input name="step" value="screen"></form>'
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(200, text=page)

    walker = Walker("http://study.test", "tiny", httpx.MockTransport(answer), Images())
    with pytest.raises(Refused, match="The step `screen` of /s/tiny does not end"):
        walker.finish(lambda _trial: {})
    assert asked == ["GET", "POST"] * 3


@sqlite_only
def test_truth_and_settings_are_written_and_kept(
    database: Database, load: Load, simulate: Simulate, media: Path
) -> None:
    """They can be given again; a second start takes no others, and says who was away for too long."""
    load("tiny", conditions=CONDITIONS, crops=2, toml=TOML)
    asked = ("tiny", "--participants", "2", "--source-taste", "40")
    result = simulate(*asked)
    folder = media.parent / "simulated" / "tiny-simulated"
    assert str(folder / "truth.csv") in result.output
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [(row["source"], row["condition"]) for row in rows] == [
        (source, condition) for source in ("source0", "source1") for condition in CONDITIONS
    ]
    assert len({row["rating"] for row in rows}) == len(rows)
    said = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    assert said["simulated"] is True
    assert said["settings"]["source_taste"] == 40
    assert said["truth_sha256"] == hashlib.sha256((folder / "truth.csv").read_bytes()).hexdigest()

    given = simulate(*asked, "--into", "given", "--truth", str(folder / "truth.csv"))
    assert given.exit_code == 0, given.output
    assert (folder.parent / "given" / "truth.csv").read_text() == (folder / "truth.csv").read_text()
    assert answers(database, "given") == answers(database, "tiny-simulated")

    refused = simulate(*asked, "--seed", "2")
    assert refused.exit_code == 1
    assert "was simulated with other settings" in refused.output

    with database.write() as db:
        copy = select(Study.id).where(Study.name == "tiny-simulated").scalar_subquery()
        gone = update(Session).where(Session.ordinal == 2, Session.study_id == copy)
        db.execute(gone.values(outcome="open", ended_at=None, active_at=now() - timedelta(hours=3)))
    result = simulate(*asked)
    assert result.exit_code == 1
    assert "1 of 2 simulated participants were away for longer than `design.resume_hours` allows" in result.output


@sqlite_only
def test_votes_depend_neither_on_jobs_nor_on_an_interruption(
    database: Database, load: Load, simulate: Simulate, environ: Mapping[str, str]
) -> None:
    """Four who come one by one answer as two who are cut off, and go on with two more and all at a time."""
    load("tiny", conditions=CONDITIONS, sources=5, crops=2, toml="[design]\ntrials = 24\nblock = 15\npractice = 1\n")
    options = ("--seed", "9", "--taste", "80", "--side-bias", "30", "--lapse", "0.2")
    whole = simulate("tiny", "--into", "whole", "--participants", "4", "--jobs", "1", *options)
    assert whole.exit_code == 0, whole.output
    whole = answers(database, "whole")
    assert len({row["response_ms"] for row in whole}) > len(whole) / 2
    command = [sys.executable, "-m", "study.cli", "simulate", "tiny", "--into", "cut", "--participants", "2", *options]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not answers(database, "cut") and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: the server is told as well
    said, _ = process.communicate(timeout=60)
    cut = answers(database, "cut")
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith(b"Error: Stopped before the end: the same command goes on")
    assert 0 < len(cut) < len(whole)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    again = simulate("tiny", "--into", "cut", "--participants", "4", "--jobs", "4", *options)
    assert again.exit_code == 0, again.output
    assert answers(database, "cut") == whole


@sqlite_only
def test_a_given_truth_is_gone_by(database: Database, load: Load, simulate: Simulate, tmp_path: Path) -> None:
    load("tiny", conditions=CONDITIONS, toml='[study]\nasks_for = "more_different"\n' + TOML)
    truth = tmp_path / "given.csv"
    truth.write_text("condition,rating\navif@0.50,9000\njpeg@0.50,0\nwebp@0.50,-9000\n", encoding="utf-8")
    assert simulate("tiny", "--participants", "3", "--truth", str(truth)).exit_code == 0
    ranks = {condition: rank for rank, condition in enumerate(("avif@0.50", "jpeg@0.50", "webp@0.50"))}
    with database.read() as db:
        names = dict(db.execute(select(Stimulus.id, Condition.name).join(Condition)).all())
        votes = db.scalars(select(Vote).join(Trial).where(Trial.kind == "rating")).all()
        assert len(votes) == 3 * 6
        for vote in votes:
            pair = vote.trial.pair
            sides = (pair.b_id, pair.a_id) if vote.trial.flipped else (pair.a_id, pair.b_id)
            left, right = (ranks[names[side]] for side in sides)
            # The question asks which differs more, so the press names the lower rating.
            assert vote.choice == ("left" if left > right else "right")


@sqlite_only
@pytest.mark.parametrize("option", ["--taste", "--source-taste", "--side-bias", "--lapse", "--not-sure"])
@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_numbers_that_are_not_finite_are_wrong_usage(
    option: str, number: str, database: Database, load: Load, simulate: Simulate
) -> None:
    load("tiny", toml=TOML)
    result = simulate("tiny", option, number)
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.output
    with database.read() as db:
        assert db.scalars(select(Study.name)).all() == ["tiny"]


REFUSALS = [
    (("nothing",), "No study `nothing`"),
    (("tiny", "--into", "other"), "is for people"),
    (("tiny", "--participants", "31"), "is for 30 participants"),
    (("tiny", "--truth", "nowhere.csv"), "cannot be read"),
    (("tiny", "--truth", "half.csv"), "nothing of `jpeg@0.50`"),
]


@sqlite_only
@pytest.mark.parametrize(("arguments", "says"), REFUSALS)
def test_refusals_leave_nothing_behind(
    arguments: tuple[str, ...], says: str, database: Database, load: Load, simulate: Simulate
) -> None:
    load("tiny", conditions=CONDITIONS, toml=TOML + "participants = 30\n")
    load("other")
    with CliRunner().isolated_filesystem():
        Path("half.csv").write_text("condition,rating\navif@0.50,0\nwebp@0.50,0\n", encoding="utf-8")
        result = simulate(*arguments)
    assert result.exit_code == 1
    assert says in result.output
    assert result.output.count("\n") == 1
    with database.read() as db:
        assert set(db.scalars(select(Study.name))) == {"tiny", "other"}


@sqlite_only
def test_images_that_changed_are_refused(load: Load, simulate: Simulate, media: Path) -> None:
    load("tiny", toml=TOML)
    for path in media.glob("*.png"):
        path.write_bytes(path.read_bytes() + b"?")
    result = simulate("tiny", "--participants", "1")
    assert result.exit_code == 1
    assert "has other bytes than its name says" in result.output


@sqlite_only
def test_a_server_that_cannot_start_says_why(environ: dict[str, str]) -> None:
    with (
        pytest.raises(Refused, match="STUDY_SECRET_KEY is not set"),
        server({**os.environ, **environ, "STUDY_SECRET_KEY": ""}),
    ):
        pass


@sqlite_only
def test_a_server_is_stopped_whatever_happens(environ: dict[str, str]) -> None:
    def fail() -> None:
        with server({**os.environ, **environ}) as address:
            assert httpx.get(f"{address}/health", trust_env=False).status_code == 200
            raise RuntimeError(address)

    with pytest.raises(RuntimeError) as failure:
        fail()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{failure.value}/health", trust_env=False)
