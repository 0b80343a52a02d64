"""A report is made again from what its settings name, and every byte that differs is told."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analysis.cli import cli
from tests.analysis.made_votes import stimulus_rows, vote_rows, write_csv

TRUTH = {0.3: {"avif": 60, "jpeg": -60, "webp": 0}}


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A report whose every option is another than the default, beside its files."""
    rows = vote_rows(5, TRUTH, votes=40)
    for at, row in enumerate(rows):
        row["response_ms"] = 1500 + at
    votes = write_csv(tmp_path / "votes.csv", rows)
    stimuli = write_csv(tmp_path / "stimuli.csv", stimulus_rows(rows))
    report = tmp_path / "report"
    options = "--resample participants --alpha 0.0125 --seed 3 --rounds 7 --k 16.5 --start 0 --summary median".split()
    options += ["--replay", "shuffles", "--screen", "time=1", "--primary", "avif@0.30,jpeg@0.30"]
    done = run("report", votes, "--stimuli", stimuli, *options, "-o", report)
    assert done.exit_code == 0, done.output
    return report


def test_a_report_that_is_made_again_is_the_same(made: Path) -> None:
    done = run("repeat", made)
    assert done.exit_code == 0, done.output
    files = sum(path.is_file() for path in made.rglob("*"))
    assert done.output == f"{made}: all {files} files are the same\n"
    assert not list(made.parent.glob(".*"))


def test_what_differs_is_named(made: Path) -> None:
    ratings = made / "ratings.csv"
    ratings.write_text(ratings.read_text().replace("avif", "afiv", 1))
    (made / "wins.csv").unlink()
    done = run("repeat", made, "--json")
    assert done.exit_code == 1
    told = json.loads(done.output)
    assert (told["same"], told["differ"], told["versions"]) == (False, ["ratings.csv", "wins.csv"], {})


def test_other_versions_are_told_and_compared_all_the_same(made: Path) -> None:
    settings = made / "settings.json"
    said = json.loads(settings.read_text())
    said["versions"]["numpy"] = "1.0"
    settings.write_text(json.dumps(said, indent=1) + "\n")
    done = run("repeat", made)
    assert done.exit_code == 1
    assert "numpy: the report was made with 1.0, this is" in done.output
    assert "settings.json differs\n" in done.output
    assert "ratings.csv differs" not in done.output


def test_files_are_found_elsewhere_where_they_are_named(made: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = [(tmp_path / name).rename(elsewhere / f"my-{name}") for name in ("votes.csv", "stimuli.csv")]
    done = run("repeat", made)
    assert done.exit_code == 1
    assert "votes.csv does not exist" in done.output
    assert run("repeat", made, "--votes", moved[0], "--stimuli", moved[1]).exit_code == 0


def test_votes_that_are_not_those_of_the_report_are_refused(made: Path, tmp_path: Path) -> None:
    votes = tmp_path / "votes.csv"
    votes.write_text(votes.read_text() + "\n")
    done = run("repeat", made)
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {votes} has another SHA-256 than the votes.csv of {made}; name the right")


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"made_by": "analysis verdicts", "votes": 1, "files": 2}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    done = run("repeat", tmp_path)
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert "settings.json is not" in done.output
    assert run("repeat", tmp_path / "absent").exit_code == 1


def test_a_frozen_design_and_sessions_beside_the_votes_are_taken_along(tmp_path: Path) -> None:
    design, sessions, history = (tmp_path / name for name in ("design.toml", "sessions.csv", "history.csv"))
    design.write_text("[study]\nname = 'x'\n")
    history.write_text("did,sessions,votes\nuncovered,3,90\n")
    sessions.write_text("participant,session,outcome\np00,s00,complete\n")
    digest = hashlib.sha256(design.read_bytes()).hexdigest()
    votes = write_csv(tmp_path / "votes.csv", [row | {"config": digest} for row in vote_rows(5, TRUTH, votes=40)])
    report = tmp_path / "report"
    assert run("report", votes, "--rounds", 5, "-o", report).exit_code == 0
    assert "uncovered" in (report / "settings.json").read_text()
    done = run("repeat", report)
    assert done.exit_code == 0, done.output
    design.unlink()
    done = run("repeat", report)
    assert done.exit_code == 1
    assert "holds no design.toml" in done.output
