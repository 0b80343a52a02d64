"""`analysis plan` and `analysis priorities` as a researcher types them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.needed import NEEDED_COLUMNS, Wish
from analysis.planning import Clusters, correlation, exact_votes, most
from analysis.priorities import PRIORITIES_COLUMNS
from analysis.study_plan import fewest, study_plan, told
from tests.analysis.made_votes import Rows, pair_rows, vote_rows
from tests.analysis.test_rater_commands import run

TRUTH = {0.5: {"gan": 60, "mse": -60, "jpeg": 0}, 1.0: {"gan": 20, "mse": -20, "jpeg": 0}}


@pytest.fixture
def votes(write_votes: Callable[[Rows], Path]) -> Path:
    return write_votes(vote_rows(1, TRUTH, participants=20, sources=10))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_plan_from_nothing() -> None:
    found = json.loads(run("plan", "--conditions", 4, "--rates", 3, "--difference", 100, "--json").stdout)
    assert found["independent_votes_a_pair"] == 98
    assert found["independent_votes_a_pair_bonferroni"] == 152
    assert found["pairs_a_rate"] == 6
    assert found["votes"] == 18 * found["votes_a_pair"]
    assert found["votes_a_pair"] == pytest.approx(found["design_effect"] * exact_votes(100), abs=1)
    assert found["least_difference"] < 100
    text = run("plan", "--conditions", 4, "--rates", 3, "--difference", 100).stdout
    assert f"{found['votes_a_pair']} votes a pair" in text
    assert "98 independent votes a pair, 152 where all pairs of a rate share the level" in text


def test_a_plan_that_no_number_of_votes_meets_says_what_would() -> None:
    wish = Wish(50, participants=40, sources=30)
    plan = study_plan(wish, 4, 1)
    assert plan.votes is None
    assert "No number of votes by 40 participants on 30 images" in " ".join(told(plan))
    for name, number in plan.more.items():
        for clusters, enough in ((number, True), (number - 1, False)):
            ways = plan.ways | {name: Clusters(clusters, plan.ways[name].correlation)}
            assert (most(*ways.values()) > exact_votes(50)) is enough
            assert (
                study_plan(Wish(50, **{"participants": 40, "sources": 30, name: clusters}), 4, 1).votes is not None
            ) is enough
    assert fewest(1e9, "sources", plan.ways) is None


def test_what_the_results_speak_for_decides_what_clusters() -> None:
    for over, names in (("both", {"participants", "sources"}), ("sources", {"sources"}), ("votes", set())):
        assert set(study_plan(Wish(100), 3, 1, over).ways) == names
    assert study_plan(Wish(100), 3, 1, "votes").votes == 3 * 98
    assert study_plan(Wish(100), 3, 1).ways["sources"].correlation == correlation(80, 80)


def test_a_plan_from_votes(votes: Path, tmp_path: Path) -> None:
    output = tmp_path / "needed.csv"
    result = run("plan", votes, "-o", output, "--participants", 300, "--sources", 300)
    assert f"Needed: {output}" in result.stdout
    assert "Intraclass correlations" in result.stderr
    found = rows(output)
    assert tuple(found[0]) == NEEDED_COLUMNS
    assert len(found) == 6
    assert all(int(row["votes_needed"]) >= 0 for row in found)
    assert run("plan", votes, "--participants", 300, "--sources", 300).stdout == output.read_text()
    as_json = json.loads(run("plan", votes, "--json").stdout)
    assert [row["condition_a"] for row in as_json] == [row["condition_a"] for row in found]


@pytest.mark.parametrize(
    "words", [[], ["--conditions", 3, "-o", "x.csv"], ["VOTES", "--rates", 2], ["--conditions", 1]]
)
def test_plans_of_nothing_and_of_both_are_wrong_usage(votes: Path, words: list[object]) -> None:
    run("plan", *[votes if word == "VOTES" else word for word in words], code=2)


def test_priorities_link_all_conditions_of_each_rate(votes: Path, tmp_path: Path) -> None:
    output = tmp_path / "priorities.csv"
    result = run("priorities", votes, "-o", output)
    assert "4 pairs" in result.stdout
    assert "standard deviation of 300 Elo points" in result.stderr
    found = rows(output)
    assert tuple(found[0]) == PRIORITIES_COLUMNS
    for rate in ("0.5", "1"):
        pairs = [row for row in found if row["rate"] == rate]
        assert len(pairs) == 2
        assert len({row[name] for row in pairs for name in ("condition_a", "condition_b")}) == 3
        assert all(float(row["priority"]) > 0 for row in pairs)
    run("priorities", votes, "-o", output, "--all")
    assert len(rows(output)) == 6


def test_priorities_of_unlinked_and_unbeaten_conditions(write_votes: Callable[[Rows], Path], tmp_path: Path) -> None:
    path = write_votes(pair_rows(*[("a", "b", "left")] * 9, *[("c", "d", "left"), ("c", "d", "right")] * 4))
    run("priorities", path, "-o", tmp_path / "p.csv")
    found = rows(tmp_path / "p.csv")
    assert len(found) == 3
    assert {found[0]["condition_a"], found[0]["condition_b"]} & {"a", "b"}
    assert {found[0]["condition_a"], found[0]["condition_b"]} & {"c", "d"}
