"""The door from study to analysis: the golden votes.csv and what it must give."""

from pathlib import Path

import numpy as np
import pytest

from analysis.checks import catches, left_presses
from analysis.counts import count
from analysis.rating import Settings, rate
from analysis.selection import Selection, select
from analysis.votes import VOTES_COLUMNS, read_votes

GOLDEN = Path(__file__).parent / "golden" / "votes.csv"


@pytest.fixture
def selection() -> Selection:
    return select(read_votes(GOLDEN))


def test_the_golden_file_has_every_column_in_order() -> None:
    assert tuple(GOLDEN.read_text().splitlines()[0].split(",")) == VOTES_COLUMNS


def test_what_is_rated_and_what_is_not(selection: Selection) -> None:
    assert selection.total == 61
    assert len(selection.rated) == 48
    assert {out.reason: out.votes for out in selection.left_out} == {
        "replaced by a later correction": 1,
        "practice votes": 4,
        "catch votes": 4,
        "identical votes": 2,
        "repeat votes": 1,
        "preview votes": 1,
    }
    assert selection.rated.simulated
    assert selection.rated.participants == ("ada", "ben", "cem", "dor", "researcher")
    assert selection.asked["asks_for"] == "prefer"
    assert selection.asked["reference"] == "always"


def test_counts_of_every_pair(selection: Selection) -> None:
    low, high = count(selection.rated)
    assert [item.condition for item in low.items] == ["avif@0.30", "hific@0.30", "jpeg@0.30"]
    assert low.table.tolist() == [[3, 8, 1], [8, 3, 1], [9, 2, 1]]
    assert [item.condition for item in high.items] == ["avif@0.50", "jpeg@0.50"]
    assert high.table.tolist() == [[9, 3, 0]]
    assert (low.participants, low.sources) == (4, 3)


def test_the_simple_rate_has_the_odds_of_its_votes(selection: Selection) -> None:
    scale = rate(selection, Settings())[1]
    assert scale.rating == pytest.approx(np.array([1, -1]) * 200 * np.log10(3))
    assert (scale.over, scale.reason) == ("participants", "3 images are too few to speak for others (at least 5)")


def test_known_answers_and_sides(selection: Selection) -> None:
    found = catches(selection)
    assert found is not None
    assert (found.passed.hits, found.passed.total, found.perfect) == (3, 4, 3)
    presses = left_presses(selection)["pairs of the same image"]
    assert (presses.hits, presses.total) == (1, 1)
