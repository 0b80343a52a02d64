"""The commands as a researcher types them: what they print, write and refuse."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analysis.cli import cli
from tests.analysis.made_votes import Rows, pair_rows, stimulus_rows, vote_rows, write_csv

Write = Callable[[Rows], Path]
TRUTH = {0.5: {"gan": 60, "mse": -60}}


def run(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.fixture
def votes(write_votes: Write) -> Path:
    return write_votes(vote_rows(3, TRUTH))


def test_report_writes_a_folder_and_says_where(votes: Path, tmp_path: Path) -> None:
    stimuli = write_csv(tmp_path / "stimuli.csv", stimulus_rows(vote_rows(3, TRUTH)))
    folder = tmp_path / "out" / "report"
    for _ in range(2):
        result = run("report", votes, "--stimuli", stimuli, "-o", folder, "--rounds", 50)
        assert f"Report: {folder / 'report.html'}" in result.output
        assert "SIMULATED" in result.stderr
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert {"report.html", "report.json", "ratings.csv", "verdicts.csv", "raters.csv", "settings.json"} <= files
        assert files - {"settings.json"} == set(json.loads((folder / "settings.json").read_text())["files"])
    assert "mean bpp" in (folder / "report.html").read_text()


def test_report_as_json_is_json(votes: Path, tmp_path: Path) -> None:
    found = json.loads(run("report", votes, "-o", tmp_path / "report", "--rounds", 50, "--json").stdout)
    assert found["report"] == str(tmp_path / "report" / "report.html")
    assert found["simulated"] is True
    assert {row["method"] for row in found["ratings"]} == {"bradley-terry", "elo"}
    assert all(isinstance(row[name], float) for row in found["ratings"] for name in ("rate", "rating", "low", "high"))


def test_report_leaves_a_foreign_folder_alone(votes: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    result = run("report", votes, "-o", tmp_path / "mine", code=1)
    assert "nothing in it is replaced" in result.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_report_with_other_stimuli_writes_nothing(votes: Path, tmp_path: Path) -> None:
    rows = stimulus_rows(vote_rows(3, TRUTH))
    rows[0]["sha256"] = "0"
    stimuli = write_csv(tmp_path / "stimuli.csv", rows)
    result = run("report", votes, "--stimuli", stimuli, "-o", tmp_path / "report", code=1)
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "report").exists()


def test_rate_writes_or_prints(votes: Path, tmp_path: Path) -> None:
    printed = run("rate", votes).stdout
    run("rate", votes, "-o", tmp_path / "ratings.csv")
    assert (tmp_path / "ratings.csv").read_text() == printed
    rows = list(csv.DictReader(printed.splitlines()))
    assert [(row["condition"], row["method"], row["interval"]) for row in rows] == [
        ("gan@0.50", "bradley-terry", "both"),
        ("mse@0.50", "bradley-terry", "both"),
    ]
    for over in ("participants", "sources", "votes"):
        rows = list(csv.DictReader(run("rate", votes, "--resample", over).stdout.splitlines()))
        assert {row["interval"] for row in rows} == {over}


def test_rate_by_elo(votes: Path) -> None:
    words = ("rate", votes, "--method", "elo", "--rounds", 60)
    first, again = run(*words).stdout, run(*words, "--resample", "votes").stdout
    other = run(*words, "--seed", 2).stdout
    assert first == again != other
    assert {row["method"] for row in csv.DictReader(first.splitlines())} == {"elo"}
    assert "resamples votes only" in run(*words, "--resample", "both", code=2).stderr


def test_rounds_and_seed_do_not_touch_bradley_terry(votes: Path) -> None:
    assert run("rate", votes).stdout == run("rate", votes, "--rounds", 7, "--seed", 9).stdout


def test_rate_says_why_there_is_no_rating(write_votes: Write, tmp_path: Path) -> None:
    path = write_votes(pair_rows(("a", "b", "left"), ("a", "b", "left")))
    result = run("rate", path, "-o", tmp_path / "ratings.csv", code=1)
    assert "determines no rating: no stated rate: (a) never lost a vote" in result.stderr
    assert not (tmp_path / "ratings.csv").exists()
    result = run("rate", path, "--ridge", 0.5)
    assert "pulled together by a ridge of 0.5" in result.stderr


def test_only_chooses_among_questions(write_votes: Write) -> None:
    rows = vote_rows(3, TRUTH)
    for row in rows[::2]:
        row["asks_for"] = "closer"
    path = write_votes(rows)
    assert "choose one with --only asks_for=prefer" in run("rate", path, code=1).stderr
    assert "Left out: 120 votes (asks_for is not closer)" in run("rate", path, "--only", "asks_for=closer").stderr
    assert "is not COLUMN=VALUE" in run("rate", path, "--only", "choice=left", code=2).stderr
    assert "chosen twice" in run("rate", path, "--only", "study=a", "--only", "study=b", code=2).stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--k", "0"),
        ("--k", "nan"),
        ("--ridge", "-1"),
        ("--ridge", "inf"),
        ("--start", "inf"),
        ("--rounds", "0"),
        ("--seed", "-1"),
        ("--resample", "images"),
        ("--method", "mle"),
    ],
)
def test_wrong_usage_ends_with_two(votes: Path, words: tuple[str, str]) -> None:
    assert words[0] in run("rate", votes, *words, code=2).stderr


def test_labels_are_written(votes: Path, tmp_path: Path) -> None:
    words = ("labels", votes, "--hallucinated", "gan@0.50", "--faithful", "mse@0.50", "-o", tmp_path / "labels.csv")
    assert f"8 labels: {tmp_path / 'labels.csv'}" in run(*words).stdout
    rows = list(csv.DictReader((tmp_path / "labels.csv").read_text().splitlines()))
    assert sum(int(row["votes"]) for row in rows) == 240
    assert "knows gan@0.50, mse@0.50" in run(*words[:3], "gan", *words[4:], code=1).stderr
    assert "is the input itself" in run(*words[:-1], votes, code=1).stderr


def test_convert_then_report(tmp_path: Path) -> None:
    source = tmp_path / "plain.csv"
    source.write_text("left,right,winner,participant\n" + "A,B,left,p\nA,B,right,q\nB,A,tie,r\n" * 4)
    run("convert", source, "--from", "plain", "-o", tmp_path / "votes.csv")
    run("report", tmp_path / "votes.csv", "-o", tmp_path / "report", "--rounds", 20)
    result = run("convert", source, "--from", "hific", "-o", tmp_path / "other.csv", code=1)
    assert "the column rater is missing" in result.stderr
    assert not (tmp_path / "other.csv").exists()


LABELS = ("labels", "--hallucinated", "a", "--faithful", "b", "-o", "x")


@pytest.mark.parametrize("words", [("report", "-o", "x"), ("rate",), LABELS])
def test_a_missing_file_is_one_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = run(words[0], tmp_path / "none.csv", *words[1:], code=1)
    assert result.stderr == f"Error: {tmp_path / 'none.csv'} does not exist; check the name.\n"


def test_long_work_shows_progress(votes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.progress.MANY_VOTES", 100)
    lines = run("rate", votes, "--method", "elo", "--rounds", 50).stderr.splitlines()
    told = [line for line in lines if line.startswith("Elo:")]
    assert len(told) == 10
    assert told[-1] == "Elo: 100%"


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = "import sys, analysis.cli; print(sorted({'numpy', 'pandas', 'scipy', 'jinja2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_elo_does_not_speak_of_bradley_terrys_intervals(write_votes: Write) -> None:
    path = write_votes(vote_rows(3, TRUTH, sources=3, participants=2))
    said = run("rate", path).stderr
    assert "intervals speak for other participants, judging these images only" in said
    assert "t has 1 degree of freedom only" in said
    said = run("rate", path, "--method", "elo", "--rounds", 20, "--ridge", 0.1).stderr
    assert "update noise of Elo, no confidence interval" in said
    assert "images" not in said
    assert "ridge" not in said
    assert "freedom" not in said


def test_one_vote_gets_no_interval_and_the_reason(write_votes: Write) -> None:
    path = write_votes(pair_rows(("a", "b", "left")))
    result = run("rate", path, "--resample", "votes", "--ridge", 0.1)
    assert "no intervals: the ridge sets these ratings, since (a) never lost a vote" in result.stderr
    assert {row["interval"] for row in csv.DictReader(result.stdout.splitlines())} == {"none"}


def test_votes_across_rates_that_link_nothing_are_told(write_votes: Write, tmp_path: Path) -> None:
    rows = vote_rows(3, {rate: {"x": 0, "y": 0} for rate in (0.3, 0.5)})
    rows.append({**rows[0], "vote": 9999, "left": "x@0.30", "left_codec": "x", "left_rate": 0.3, "choice": "left"})
    rows[-1] |= {"right": "y@0.50", "right_codec": "y", "right_rate": 0.5}
    path = write_votes(rows)
    for words in (("rate", path), ("report", path, "-o", tmp_path / "report", "--rounds", 20)):
        said = run(*words).stderr
        assert f"Left out: 1 vote (across rates that they put on no common scale: line {len(rows) + 1})." in said
        assert "Not rated" not in said
    assert json.loads((tmp_path / "report" / "settings.json").read_text())["rated_votes"] == len(rows) - 1


def test_rate_by_other_models(write_votes: Write, tmp_path: Path) -> None:
    path = write_votes(vote_rows(3, TRUTH, votes=60, not_sure=0.15))
    for words, model in (
        (("--method", "thurstone"), "ties=glenn-david; threshold="),
        (("--ties", "rao-kupper"), "ties=rao-kupper; eta="),
        (("--ties", "half"), "ties=half; shrinks the scale"),
        (("--side-bias",), "; side_bias="),
        (("--ridge", "0.2"), "; ridge=0.2"),
    ):
        result = run("rate", path, *words)
        assert all(model in row["model"] for row in csv.DictReader(result.stdout.splitlines()))
    assert "count as half a win each, which shrinks the scale" in run("rate", path, "--ties", "half").stderr
    assert "votes that are not sure are dropped" in run("rate", path, "--ties", "dropped").stderr
    said = run("rate", path, "--side-bias").stderr
    assert "0.5 bpp: side bias: the left side draws the press by " in said
    assert "likelihood ratio " in said
    (side,) = json.loads(run("rate", path, "--side-bias", "--scale", "jod", "--json").stdout)["side_bias"]
    assert side["in"] == "jod"
    assert side["low"] < side["side_bias"] < side["high"]


def test_rate_writes_the_covariance_beside(votes: Path, tmp_path: Path) -> None:
    covariance = tmp_path / "covariance.csv"
    result = run("rate", votes, "--anchor", "mse", "--covariance", covariance)
    assert f"Covariance: {covariance}" in result.stderr
    (row,) = csv.DictReader(covariance.read_text().splitlines())
    assert (row["condition_a"], row["anchor"]) == ("gan@0.50", "mse@0.50")
    result = run("rate", votes, "--covariance", covariance, "-o", tmp_path / "ratings.csv")
    assert f"Covariance: {covariance}" in result.stdout
    assert len(covariance.read_text().splitlines()) == 4
    assert "is named for both tables" in run("rate", votes, "--covariance", "x.csv", "-o", "./x.csv", code=2).stderr
    assert "is the input itself" in run("rate", votes, "--covariance", votes, code=1).stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--method", "thurstone", "--ties", "davidson"), "thurstone takes --ties glenn-david, half, dropped"),
        (("--ties", "glenn-david"), "bradley-terry takes --ties davidson, rao-kupper, half, dropped"),
        (("--method", "elo", "--side-bias", "--anchor", "gan"), "Elo has no --anchor and no --side-bias"),
        (("--method", "elo", "--scale", "jod"), "Elo has no --scale"),
        (("--ties", "some"), "is not one of"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(votes: Path, words: tuple[str, ...], says: str) -> None:
    assert says in " ".join(run("rate", votes, *words, code=2).stderr.split())


def test_presets_of_elo_are_printed_and_single_settings_replaced(votes: Path) -> None:
    def settings(*words: object) -> str:
        rows = list(csv.DictReader(run("rate", votes, "--method", "elo", *words).stdout.splitlines()))
        return rows[0]["model"]

    assert settings() == "start=1000; k=32; rounds=1000; seed=1; replay=resamples; summary=mean"
    assert settings("--preset", "arena") == "start=1000; k=4; rounds=100; seed=1; replay=resamples; summary=median"
    found = settings("--preset", "mucped22", "--rounds", 40, "--seed", 3)
    assert found == "start=2000; k=30; rounds=40; seed=3; replay=shuffles; summary=mean"
    shuffled = run("rate", votes, "--method", "elo", "--replay", "shuffles", "--rounds", 20)
    assert "95% of the shuffles of votes: update noise of Elo" in shuffled.stderr


def test_a_bootstrap_is_offered_by_name(votes: Path) -> None:
    words = ("rate", votes, "--interval", "bootstrap", "--rounds", 400)
    for over in ("participants", "sources", "votes"):
        drawn, computed = (
            list(csv.DictReader(run(*command, "--resample", over).stdout.splitlines()))
            for command in (words, ("rate", votes))
        )
        assert {row["interval"] for row in drawn} == {over}
        assert "interval=bootstrap; rounds=400; seed=1; separated=0; unfinished=0" in drawn[0]["model"]
        for one, other in zip(drawn, computed, strict=True):
            assert one["rating"] == other["rating"]
            widths = [float(row["high"]) - float(row["low"]) for row in (one, other)]
            assert 0.6 < widths[0] / widths[1] < 1.2
    anchored = list(csv.DictReader(run(*words, "--resample", "votes", "--anchor", "mse").stdout.splitlines()))
    assert [(row["condition"], row["low"]) for row in anchored if not row["low"]] == [("mse@0.50", "")]
    assert all(float(row["low"]) < float(row["rating"]) < float(row["high"]) for row in anchored if row["low"])


def test_rounds_of_a_bootstrap_without_ratings_are_told(write_votes: Write) -> None:
    path = write_votes(pair_rows(*[("a", "b", "left")] * 9, ("a", "b", "right")))
    result = run("rate", path, "--interval", "bootstrap", "--resample", "votes", "--rounds", 300)
    assert "of 300 rounds determined no finite ratings and are left out, too many for an interval" in result.stderr
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [(row["low"], row["interval"]) for row in rows] == [("", "none")] * 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "A bootstrap resamples one thing: add --resample"),
        (("--resample", "both"), "A bootstrap resamples one thing: add --resample"),
        (("--resample", "votes", "--side-bias"), "The bootstrap has no --side-bias"),
        (("--resample", "votes", "--ridge", "1"), "The bootstrap has no --ridge"),
        (("--resample", "votes", "--method", "thurstone"), "The bootstrap has no --method thurstone"),
        (("--resample", "votes", "--ties", "rao-kupper"), "The bootstrap has no --ties rao-kupper"),
        (("--method", "elo"), "has no --interval bootstrap"),
    ],
)
def test_a_bootstrap_of_what_it_cannot_do_is_wrong_usage(votes: Path, words: tuple[str, ...], says: str) -> None:
    result = run("rate", votes, "--interval", "bootstrap", *words, code=2)
    assert says in " ".join(result.stderr.split())
