"""Ratings of the random share beside those of all votes."""

from collections.abc import Callable

import pytest

from analysis.adaptive import shares
from analysis.rating import Settings, rate
from analysis.selection import Selection
from tests.analysis.made_votes import vote_rows

Selected = Callable[..., Selection]
TRUTH = {0.3: {"x": 80, "y": 0, "z": -80}}
SETTINGS = Settings(anchor="x")


def test_the_random_share_is_rated_for_itself(selected: Selected) -> None:
    rows = vote_rows(5, TRUTH, votes=60)
    for at, row in enumerate(rows):
        row |= {"strategy": "priority" if at % 4 else "balanced", "probability": 0.2 + 0.1 * (at % 4)}
    selection = selected(rows)
    scales = rate(selection, SETTINGS, ("bradley-terry",))
    found = shares(selection, SETTINGS, scales)
    assert found is not None
    assert (found.votes, found.random_votes) == (len(rows), len(rows) / 4)
    assert found.strategies == ("balanced", "priority")
    assert found.lowest == pytest.approx(0.2)
    assert found.everything == scales
    alone = rate(selected([row for row in rows if row["strategy"] == "balanced"]), Settings(), ("bradley-terry",))
    assert found.random[0].rating == pytest.approx(alone[0].rating)
    assert found.random[0].margin(0, 1) == pytest.approx(alone[0].margin(0, 1))


def test_without_a_random_share_there_is_nothing_beside(selected: Selected) -> None:
    selection = selected(vote_rows(5, TRUTH, strategy="priority"))
    found = shares(selection, SETTINGS, rate(selection, SETTINGS, ("bradley-terry",)))
    assert found is not None
    assert (found.random_votes, found.random, found.lowest) == (0, (), None)


@pytest.mark.parametrize("strategy", ["", "balanced", "full", "random"])
def test_plans_that_look_at_no_answer_are_not_adaptive(selected: Selected, strategy: str) -> None:
    selection = selected(vote_rows(5, TRUTH, strategy=strategy))
    assert shares(selection, SETTINGS, rate(selection, SETTINGS, ("bradley-terry",))) is None
