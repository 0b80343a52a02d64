"""`analysis metrics` as a researcher types it."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analysis.cli import cli
from analysis.metric_tables import COMBINATION_COLUMNS, FILES, METRICS_COLUMNS, YARDSTICKS_COLUMNS
from tests.analysis.made_metrics import stimuli, study
from tests.analysis.made_votes import write_csv


def run(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["metrics", *map(str, words)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    rows, quality, _ = study(1, participants=8, votes=60)
    shown = stimuli(rows, psnr=quality, lpips=quality, mine=quality)
    return write_csv(tmp_path / "votes.csv", rows), write_csv(tmp_path / "stimuli.csv", shown)


def test_files_hold_every_metric_part_and_yardstick(made: tuple[Path, Path], tmp_path: Path) -> None:
    votes, shown = made
    folder, texts = tmp_path / "metrics", []
    for _ in range(2):
        result = run(votes, "--stimuli", shown, "-o", folder)
        texts.append([(folder / name).read_bytes() for name in FILES])
    assert texts[0] == texts[1]
    assert result.stdout.count("\n") == 2
    assert "Agreement with votes: psnr 0." in result.stdout
    assert "Not used: mine; name a metric with --lower or --higher" in result.stderr
    assert "SIMULATED" in result.stderr
    metrics, bounds, combined = (table(folder / name) for name in FILES)
    assert [tuple(rows[0]) for rows in (metrics, bounds, combined)] == [
        METRICS_COLUMNS,
        YARDSTICKS_COLUMNS,
        COMBINATION_COLUMNS,
    ]
    assert {(row["metric"], row["better"]) for row in metrics} == {
        ("psnr", "higher"),
        ("lpips", "lower"),
        ("combination", ""),
    }
    whole = next(row for row in metrics if (row["metric"], row["tag"]) == ("psnr", ""))
    assert 0.6 < float(whole["low"]) < float(whole["score"]) < float(whole["high"]) < 0.9
    assert (whole["interval"], whole["weights"], whole["simulated"]) == ("both", "none", "1")
    assert len(bounds) == 2 * 3
    assert [row["metric"] for row in combined] == ["psnr", "lpips"]
    assert float(combined[0]["weight"]) == pytest.approx(-float(combined[1]["weight"]))


def test_json_has_numbers(made: tuple[Path, Path], tmp_path: Path) -> None:
    votes, shown = made
    words = (votes, "--stimuli", shown, "-o", tmp_path / "metrics", "--higher", "mine", "--json")
    record = json.loads(run(*words).stdout)
    assert record["not_used"] == []
    assert {row["metric"] for row in record["metrics"]} == {"psnr", "lpips", "mine", "combination"}
    assert all(isinstance(row["score"], float) for row in record["metrics"])
    assert record["simulated"] is True


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--lower", "none"], 1, "has no metric none"),
        (["--lower", "mine", "--higher", "mine"], 2, "named with --lower and with --higher"),
        (["--seed", "-1"], 2, "--seed"),
        (["--stimuli", "nowhere.csv"], 1, "nowhere.csv does not exist"),
    ],
)
def test_bad_words_are_refused_and_nothing_is_written(
    made: tuple[Path, Path], tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    votes, shown = made
    result = run(votes, "--stimuli", shown, "-o", tmp_path / "metrics", *words, code=code)
    assert said in result.stderr
    assert not (tmp_path / "metrics").exists()


def test_one_vote_a_cell_says_so(tmp_path: Path) -> None:
    rows, quality, _ = study(2, participants=6, sources=12, votes=12)
    once = {(row["source"], *sorted((str(row["left"]), str(row["right"])))): row for row in rows}
    votes = write_csv(tmp_path / "votes.csv", once.values())
    shown = write_csv(tmp_path / "stimuli.csv", stimuli(list(once.values()), psnr=quality))
    run(votes, "--stimuli", shown, "-o", tmp_path / "metrics")
    assert {row["value"] for row in table(tmp_path / "metrics" / "yardsticks.csv")} == {""}
    assert "0 crops and pairs have votes" in table(tmp_path / "metrics" / "yardsticks.csv")[0]["reason"]
