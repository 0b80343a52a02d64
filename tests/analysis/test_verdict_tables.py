"""The command and its files: every table has its columns, numbers agree across them, and bad input is one sentence."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analysis.cli import cli
from analysis.verdict_tables import FILES
from tests.analysis.made_votes import Rows, stimulus_rows, vote_rows, write_csv

Write = Callable[[Rows], Path]
TRUTH = {0.3: {"x": 80, "y": 0, "z": -80}, 0.5: {"x": 160, "y": 80, "z": 0}}


def run(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def linked_rows() -> Rows:
    """Votes within two rates and across them, tagged, some pairs drawn by a plan."""
    rows = vote_rows(5, TRUTH, votes=60, not_sure=0.05)
    merged = {
        name: rating for rate, of in TRUTH.items() for name, rating in ((f"{c}@{rate:.2f}", r) for c, r in of.items())
    }
    for row in vote_rows(6, {0.0: merged}, votes=60):
        for side in ("left", "right"):
            name = str(row[f"{side}_codec"])
            row |= {side: name, f"{side}_codec": name[0], f"{side}_rate": float(name[2:])}
        rows.append(row)
    for at, row in enumerate(rows):
        tag = "text" if int(str(row["source"])[-2:]) % 2 else "face"
        row |= {"vote": at + 1, "tag": tag, "strategy": "priority" if at % 3 else "balanced"}
        row |= {"session": f"s-{row['participant']}", "position": at + 1}
        for side in ("left", "right"):
            row[f"{side}_sha256"] = f"{row['source']}{row[side]}"
    return rows


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_linked_study_fills_every_table(write_votes: Write, tmp_path: Path) -> None:
    rows = linked_rows()
    votes, folder = write_votes(rows), tmp_path / "out"
    stimuli = write_csv(tmp_path / "stimuli.csv", stimulus_rows(rows))
    sessions = write_csv(
        tmp_path / "sessions.csv",
        [
            {"participant": f"p{at:02d}", "session": f"s-p{at:02d}", "vision": ("normal", "corrected")[at % 2]}
            for at in range(12)
        ],
    )
    for _ in range(2):
        result = run("verdicts", votes, "--stimuli", stimuli, "--sessions", sessions, "--primary", "x,y", "-o", folder)
    assert result.stdout == f"Verdicts: {folder}\n"
    assert "SIMULATED" in result.stderr
    assert {path.name for path in folder.iterdir()} == set(FILES)
    verdicts = table(folder / "verdicts.csv")
    assert len(verdicts) == 15
    assert [row["family"] for row in verdicts].count("confirmatory") == 2
    ratings = {}
    run("rate", votes, "-o", tmp_path / "ratings.csv")
    for row in table(tmp_path / "ratings.csv"):
        ratings[row["condition"]] = float(row["rating"])
    for row in verdicts:
        expected = ratings[row["condition_a"]] - ratings[row["condition_b"]]
        assert float(row["difference"]) == pytest.approx(expected, abs=0.002)
        assert row["interval"] == "both"
        assert (row["verdict"] == "better") == (float(row["p_holm"]) <= 0.05)
    ranks = table(folder / "ranks.csv")
    assert [int(row["rank"]) for row in ranks] == [1, 2, 3, 4, 5, 6]
    assert all(int(row["rank_low"]) <= int(row["rank"]) <= int(row["rank_high"]) for row in ranks)
    assert {row["by"] for row in table(folder / "parts.csv")} == {"rate", "source", "tag"}
    equal = table(folder / "equal_preference.csv")
    assert {(row["codec_a"], row["codec_b"]) for row in equal} == {(a, b) for a in "xyz" for b in "xyz" if a != b}
    assert any(row["bpp_b"] for row in equal)
    assert {row["bpp_a"] for row in equal if row["condition_a"] == "x@0.30"} == {"0.3035"}  # median of the sources' bpp
    checks = {(row["check"], row["of"]) for row in table(folder / "fit.csv")}
    assert {("deviance", ""), ("same_ratings", "vision"), ("same_ratings", "half of session")} <= checks
    assert len(table(folder / "residuals.csv")) == 15
    shares = table(folder / "random_share.csv")
    assert [row["share"] for row in shares] == ["all"] * 6 + ["random"] * 6
    found = json.loads((folder / "verdicts.json").read_text())
    assert found["confirmatory"] == [["x", "y"]]
    assert set(found["files"]) == set(FILES) - {"verdicts.json"}
    assert found["stimuli"]["file"] == "stimuli.csv"
    assert any("drawn at random" in line for line in found["findings"])
    assert {row["simulated"] for row in verdicts} == {"1"}
    assert {row["votes_sha256"] for row in verdicts} == {found["votes"]["sha256"]}


def test_the_same_votes_give_the_same_bytes_and_another_unit_the_same_verdicts(
    write_votes: Write, tmp_path: Path
) -> None:
    votes = write_votes(vote_rows(5, TRUTH, votes=40))
    for name, words in (("one", ()), ("two", ()), ("jod", ("--scale", "jod"))):
        run("verdicts", votes, "-o", tmp_path / name, *words)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert "random_share.csv" not in {path.name for path in (tmp_path / "one").iterdir()}
    elo, jod = table(tmp_path / "one" / "verdicts.csv"), table(tmp_path / "jod" / "verdicts.csv")
    for row, other in zip(elo, jod, strict=True):
        assert float(other["difference"]) == pytest.approx(float(row["difference"]) / 190.8485, abs=2e-5)
        assert (row["p"], row["verdict"]) == (other["p"], other["verdict"])


def test_json_is_what_the_folder_holds(write_votes: Write, tmp_path: Path) -> None:
    votes = write_votes(vote_rows(5, TRUTH, votes=40))
    result = run("verdicts", votes, "--method", "thurstone", "-o", tmp_path / "out", "--json")
    found = json.loads(result.stdout)
    held = json.loads((tmp_path / "out" / "verdicts.json").read_text())
    assert found.pop("verdicts") == str(tmp_path / "out")
    held.pop("files")
    assert found == held
    assert found["settings"]["method"] == "thurstone"


@pytest.mark.parametrize("words", ["x", "x,", "x,x", "x,y,z"])
def test_a_primary_pair_has_two_names(write_votes: Write, tmp_path: Path, words: str) -> None:
    result = run("verdicts", write_votes(vote_rows(5, TRUTH)), "--primary", words, "-o", tmp_path / "out", code=2)
    assert "is not A,B with two different conditions or codecs" in result.stderr


def test_nothing_is_written_where_something_is_refused(write_votes: Write, tmp_path: Path) -> None:
    votes = write_votes(vote_rows(5, TRUTH))
    result = run("verdicts", votes, "--primary", "x,nobody", "-o", tmp_path / "out", code=1)
    assert "no votes put x and nobody on one scale" in result.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    assert "nothing in it is replaced" in run("verdicts", votes, "-o", tmp_path / "mine", code=1).stderr
    assert not (tmp_path / "out").exists()


def test_one_condition_pair_and_few_votes_are_judged_as_far_as_they_go(write_votes: Write, tmp_path: Path) -> None:
    """No ratings of a separated rate, no interval of one participant: rows say so, and the command ends well."""
    rows = vote_rows(5, {0.3: {"x": 0, "y": 0}}, participants=1, votes=20)
    lost = vote_rows(6, {0.9: {"x": 0, "y": 0}}, votes=3)
    for at, row in enumerate(lost):
        row |= {"vote": 100 + at, "choice": "left" if row["left_codec"] == "x" else "right"}
    result = run("verdicts", write_votes(rows + lost), "-o", tmp_path / "out")
    assert "Not rated, 0.9 bpp" in result.stderr
    (row,) = table(tmp_path / "out" / "verdicts.csv")
    assert (row["rate_a"], row["interval"], row["verdict"]) == ("0.3", "sources", "undecided")
    checks = {(row["rates"], row["check"]) for row in table(tmp_path / "out" / "fit.csv")}
    assert ("0.9", "not_rated") in checks
    assert all(row["reason"] for row in table(tmp_path / "out" / "parts.csv"))
