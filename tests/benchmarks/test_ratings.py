"""The benchmark runs: a cell in a process of its own, the ledger goes on, and only what was measured is shown."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from analysis.counts import count
from analysis.votes import read_votes
from tests.benchmarks import answers, measuring, ours, peers, ratings, wrong
from tests.benchmarks.measuring import Cell
from tests.benchmarks.ratings import BOOTSTRAP, ELO, FIT, INTERVALS, Ledger, Pains, Row


@pytest.mark.parametrize("name", ["our_bootstrap", "our_fit", "our_elo", "our_intervals"])
def test_our_cells_measure(name: str) -> None:
    found = measuring.measured(sys.executable, Cell(name, 4, 500, 3, 0.05, 60, single=False))
    assert isinstance(found.get("seconds"), float), found
    assert 0 < found["seconds"] < 60
    assert found["runs"] >= 1


@pytest.mark.parametrize(
    "name", ["evalica_fit", "choix_fit", "choix_bootstrap", "lbfgs_fit", "lbfgs_bootstrap", "vectorised_elo"]
)
def test_peers_that_are_installed_here_run(name: str) -> None:
    assert measuring.function(name)(peers.made(4, 400), 2)() is not None


def test_a_cell_that_fails_says_why() -> None:
    found = measuring.measured(sys.executable, Cell("our_nothing", 4, 500, 3, 0.05, 60, single=False))
    assert "our_nothing" in found["why"]


def test_long_work_is_stopped_and_said_to_be_over() -> None:
    found = measuring.measured(sys.executable, Cell("vectorised_elo", 4, 20_000, 500, 0.05, 0.2, single=True))
    assert found == {"over": 0.2}


def ledger_of(path: Path, *found: tuple[Row, str, dict[str, object]]) -> Ledger:
    ledger = Ledger(path)
    for row, tool, one in found:
        ledger.add(row, tool, one)
    return ledger


SMALL, LARGE = (Row(BOOTSTRAP, 7, votes, single=True) for votes in (1531, 1_000_000))


def timed(seconds: float) -> dict[str, object]:
    return {"seconds": seconds, "runs": 3, "mb": 1.0}


def test_the_ratio_is_to_the_fastest_tool_that_does_the_same(tmp_path: Path) -> None:
    ledger = ledger_of(
        tmp_path / "l",
        (SMALL, "ours", timed(0.5)),
        (SMALL, "ours", timed(0.6)),
        (SMALL, "ours", timed(0.1)),
        (SMALL, "evalica", timed(3.0)),
        (SMALL, "multinomial L-BFGS", timed(9.0)),
        (SMALL, "choix", timed(0.01)),
        (SMALL, "arena-rank", {"over": 60}),
    )
    assert ratings.ratio(ledger, SMALL) == "6.0"
    assert ratings.ratio(ledger, LARGE) == "-"


def test_only_what_was_measured_is_shown(tmp_path: Path) -> None:
    ledger = ledger_of(
        tmp_path / "l",
        (SMALL, "ours", timed(0.0123)),
        (SMALL, "evalica", {"over": 60}),
        (LARGE, "ours", timed(1.5)),
        (LARGE, "choix", timed(0.5)),
    )
    assert ratings.table(Ledger(tmp_path / "x")) == ratings.table(Ledger(tmp_path / "x"))[:2]
    lines = ratings.table(ledger)
    assert len(lines) == 2 + 2 + 2
    assert lines[2].split(" | ")[3:9] == ["12.3 ms, 1 MB", "> 60 s", "", "", "", "-"]
    assert lines[3].split(" | ")[3:6] == ["1.5 s, 1 MB", "not run", "(500 ms, 1 MB)"]
    assert ratings.ratio(ledger, SMALL) == "> 4,878"


def test_the_ledger_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measured(_python: str, cell: Cell) -> dict[str, object]:
        asked.append(cell.name)
        return {"over": 1} if cell.name == "evalica_elo" else timed(0.01)

    monkeypatch.setattr(ratings, "measured", measured)
    row, more = Row(ELO, 4, 1531, single=True), Row(ELO, 4, 100_000, single=True)
    ratings.fill(Ledger(tmp_path / "l"), [row], "python", Pains(2, 1, 1, 5))
    assert asked == ["our_elo", "evalica_elo", "vectorised_elo", "our_elo", "vectorised_elo"]
    ratings.fill(Ledger(tmp_path / "l"), [row, more], "python", Pains(2, 1, 1, 5))
    assert asked[5:] == ["our_elo", "vectorised_elo", "our_elo", "vectorised_elo"]
    ratings.fill(Ledger(tmp_path / "l"), [Row(FIT, 4, 1531, single=True)], "python", Pains(2, 1, 1, 0))
    assert len(asked) == 9


def test_every_row_names_functions_that_exist() -> None:
    every = list(ratings.rows())
    assert len(every) == len(set(every)) == 2 * (4 * 9 + 2)
    for row in every:
        for tool in ratings.TASKS[row.task]:
            assert callable(measuring.function(row.cell(tool, 1, 1).name))
    assert {row.task for row in every} >= {BOOTSTRAP, FIT, ELO, INTERVALS}


def test_the_page_keeps_all_else() -> None:
    page = f"before\n{ratings.BEGIN}\nold\n{ratings.END}\nafter\n"
    once = ratings.placed(page, ["| new |"])
    assert once == f"before\n{ratings.BEGIN}\n\n| new |\n\n{ratings.END}\nafter\n"
    assert ratings.placed(once, ["| new |"]) == once


def test_our_votes_are_the_made_ones() -> None:
    made = peers.made(5, 3000)
    (counts,) = count(ours.coded(made, clusters=True))
    assert counts.votes == 3000
    assert counts.table[:, 2].sum() == (made.outcome == peers.TIE).sum()
    assert (counts.participants, counts.sources) == (40, 30)


def test_the_export_holds_the_made_votes(tmp_path: Path) -> None:
    made = peers.made(5, 300)
    ours.exported(tmp_path / "votes.csv", made)
    (counts,) = count(read_votes(tmp_path / "votes.csv"))
    (expected,) = count(ours.coded(made, clusters=True))
    assert np.array_equal(counts.table, expected.table)
    with (tmp_path / "votes.csv").open(newline="") as file:
        filled = [bool(cell) for cell in next(csv.DictReader(file)).values()]
    assert sum(filled) > 40


def test_tools_answer_in_elo_points_about_their_mean() -> None:
    truth = np.linspace(-150, 150, 5)
    for tool in ("evalica fit", "choix", "multinomial L-BFGS"):
        found = answers.answer(tool, peers.made(5, 60_000))["rating"]
        assert found == pytest.approx(truth, abs=20)
        assert sum(found) == pytest.approx(0, abs=1e-6)
    assert answers.answer("choix", wrong.few((0, 1), (1, 2)))["error"].startswith("ValueError")


def test_what_is_impossible_is_refused_by_ours_alone() -> None:
    lines = wrong.impossible(sys.executable)
    assert len(lines) == 2
    assert "ask about pairs across these groups" in lines[0]
    assert "never lost a vote" in lines[1]
    for line in lines:  # evalica gives ratings all the same
        assert all(rating.lstrip("-").isdigit() for rating in line.split(" | ")[2].split(", "))


def test_the_made_studies_have_the_truth_that_a_fit_to_all_would_give() -> None:
    """Ratings of many studies scatter around what differences of people and images leave of the true ones."""
    truth = wrong.population()
    found = np.mean([wrong.ours(wrong.study(seed), "votes")[0] for seed in range(60)], axis=0)
    assert np.abs(truth).max() < 90
    assert found == pytest.approx(truth, abs=12)
