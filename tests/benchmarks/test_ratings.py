"""The benchmark runs: one cell of our own in a process of its own, and the table around it."""

import sys

import numpy as np
import pytest

from analysis.counts import count
from tests.benchmarks import ours, peers, ratings


@pytest.mark.parametrize("name", ["our_bootstrap", "our_fit", "our_elo", "our_intervals"])
def test_our_cells_measure(name: str) -> None:
    found = ratings.measured(sys.executable, ratings.Cell(name, 4, 500, 3, 0.05, single=False))
    assert isinstance(found["seconds"], float), found
    assert 0 < found["seconds"] < 60


@pytest.mark.parametrize(
    "name", ["evalica_fit", "choix_fit", "choix_bootstrap", "lbfgs_fit", "lbfgs_bootstrap", "vectorised_elo"]
)
def test_peers_that_are_installed_here_run(name: str) -> None:
    assert ratings.function(name)(peers.made(4, 400), 2)() is not None


def test_a_cell_that_fails_says_why() -> None:
    found = ratings.measured(sys.executable, ratings.Cell("our_nothing", 4, 500, 3, 0.05, single=False))
    assert found["seconds"] is None
    assert "our_nothing" in str(found["why"])


def test_long_work_is_extrapolated() -> None:
    calls = []

    def make(_data: object, rounds: int) -> object:
        return lambda: [calls.append(np.linalg.svd(np.ones((60, 60)))) for _ in range(rounds)]

    seconds, about = ratings.paced(make, None, 10**6, 0.05)
    assert about
    assert seconds > 1
    assert len(calls) < 10**5


def test_the_ratio_is_to_the_fastest_tool_that_does_the_same() -> None:
    row = {"ours": {"seconds": 0.5}, "a": {"seconds": 3.0}, "b": {"seconds": None}, ratings.FED: {"seconds": 0.1}}
    assert ratings.ratio(row) == "6.0"


def test_our_votes_are_the_made_ones() -> None:
    made = peers.made(5, 3000)
    (counts,) = count(ours.coded(made, clusters=True))
    assert counts.votes == 3000
    assert counts.table[:, 2].sum() == (made.outcome == peers.TIE).sum()
    assert (counts.participants, counts.sources) == (40, 30)
