"""`analysis raters` and --screen as a researcher types them: both sets of ratings, every reason, nothing deleted."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analysis.cli import cli
from analysis.options import RULES as OFFERED
from analysis.quality import FILES
from analysis.rules import RULES
from tests.analysis.made_votes import Rows, vote_rows, write_csv
from tests.analysis.test_raters import study_rows

Write = Callable[[Rows], Path]


def run(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def votes(write_votes: Write) -> Path:
    rows = study_rows()
    wrong = {"kind": "catch", "participant": "p04"}
    return write_votes([row | ({"choice": "right"} if wrong.items() <= row.items() else {}) for row in rows])


def test_options_offer_every_rule() -> None:
    assert tuple(rule.name for rule in RULES) == OFFERED


def test_files_tell_each_participant_each_rule_and_both_ratings(votes: Path, tmp_path: Path) -> None:
    before, folder = votes.read_bytes(), tmp_path / "raters"
    for _ in range(2):
        result = run("raters", votes, "-o", folder, "--screen", "catch_accuracy=0.5")
    assert f"Raters: {folder / 'quality.csv'}" in result.stdout
    assert "screened out: p04 (catch_accuracy 0 < 0.5)" in result.stderr
    assert {path.name for path in folder.iterdir()} == set(FILES)
    assert votes.read_bytes() == before
    quality = table(folder / "quality.csv")
    assert len(quality) == 6 * 6
    assert [row["participant"] for row in quality if row["excluded"] == "1"] == ["p04"]
    assert {row["chosen"] for row in quality if row["rule"] == "likelihood"} == {"0"}
    assert [row["participant"] for row in table(folder / "raters.csv") if row["excluded"] == "1"] == ["p04"]
    both = table(folder / "screened.csv")
    alone = {row["condition"]: row for row in table_of(run("rate", votes).stdout)}
    kept = {row["condition"]: row for row in table_of(run("rate", votes, "--screen", "catch_accuracy=0.5").stdout)}
    for row in both:
        assert [row[name] for name in ("rating", "low", "high", "votes")] == [
            alone[row["condition"]][name] for name in ("rating", "low", "high", "votes")
        ]
        assert [row[f"kept_{name}"] for name in ("rating", "low", "high", "votes")] == [
            kept[row["condition"]][name] for name in ("rating", "low", "high", "votes")
        ]
        assert int(row["kept_votes"]) < int(row["votes"])


def table_of(text: str) -> list[dict[str, str]]:
    lines = text.splitlines()
    return list(csv.DictReader(lines[next(n for n, line in enumerate(lines) if line.startswith("rate,")) :]))


def test_without_rules_both_ratings_are_the_same_and_likelihood_is_reported(votes: Path, tmp_path: Path) -> None:
    record = json.loads(run("raters", votes, "-o", tmp_path / "raters", "--json").stdout)
    assert all(row["rating"] == row["kept_rating"] for row in record["ratings"])
    assert {row["rule"] for row in record["rules"]} == set(OFFERED)
    likelihood = next(row for row in record["rules"] if row["rule"] == "likelihood")
    assert (likelihood["how"], likelihood["excluded"], likelihood["participants"]) == ("simulated", 0, 6)
    assert all(0 <= float(row["reliability"]) <= 1 for row in record["participants"])
    assert record["simulated"] is True


def test_plain_votes_have_raters_too(write_votes: Write, tmp_path: Path) -> None:
    path = write_votes(vote_rows(1, {0.5: {"gan": 50, "mse": 0}}))
    run("raters", path, "-o", tmp_path / "raters")
    assert {row["value"] for row in table(tmp_path / "raters" / "quality.csv") if row["rule"] != "likelihood"} == {""}


def test_votes_that_never_decide_have_raters_too(write_votes: Write, tmp_path: Path) -> None:
    rows = [row | {"choice": "not_sure"} for row in vote_rows(1, {0.5: {"gan": 50, "mse": 0}})]
    run("raters", write_votes(rows), "-o", tmp_path / "raters")
    assert {row["likelihood"] for row in table(tmp_path / "raters" / "raters.csv")} == {""}
    assert table(tmp_path / "raters" / "agreement.csv")[0]["alpha"] == ""


@pytest.mark.parametrize("command", ["rate", "report"])
def test_screening_says_whom_it_leaves_out(votes: Path, tmp_path: Path, command: str) -> None:
    output = ["-o", tmp_path / "out"] if command == "report" else []
    result = run(command, votes, *output, "--rounds", 50, "--screen", "catch_accuracy=0.5")
    assert "screened out: p04 (catch_accuracy 0 < 0.5)" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["catches=1"], 2, "is not RULE=LIMIT"),
        (["time"], 2, "is not RULE=LIMIT"),
        (["time=soon"], 2, "is not a valid float"),
        (["time=nan"], 2, "not a finite number"),
        (["time=-1"], 2, "not in the range"),
        (["time=100", "--screen", "time=200"], 2, "time is chosen twice"),
        (["likelihood=1.5"], 1, "a different taste is no fault"),
        (["catch_accuracy=2"], 1, "leaves no participant"),
    ],
)
def test_bad_rules_are_refused_and_nothing_is_written(
    votes: Path, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    result = run("raters", votes, "-o", tmp_path / "raters", "--screen", *words, code=code)
    assert said in result.stderr
    assert not (tmp_path / "raters").exists()


def test_a_folder_of_somebody_else_is_left_alone(votes: Path, tmp_path: Path) -> None:
    write_csv(tmp_path / "mine.csv", [{"a": 1}])
    assert "holds files but no quality.csv" in run("raters", votes, "-o", tmp_path, code=1).stderr
