"""Votes that pairs still need: fewer where more are there, none where the wish is met, refused where none would do."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analysis.needed import NEEDED_COLUMNS, Pair, Wish, clusters, correlations, needed, needed_csv, told
from analysis.planning import Clusters, correlation, exact_votes
from analysis.rating import Settings, rate
from analysis.selection import Selection
from tests.analysis.made_votes import Rows, vote_rows

Selected = Callable[..., Selection]
TRUTH = {0.5: {"gan": 60, "mse": -60, "jpeg": 0}}


def pairs(selection: Selection, wish: Wish, settings: Settings | None = None) -> dict[tuple[str, str], Pair]:
    scales = rate(selection, settings or Settings(), ("bradley-terry",))
    names = [item.condition for item in scales[0].counts.items]
    return {(names[pair.first], names[pair.second]): pair for pair in needed(scales, wish)}


def test_errors_are_those_of_the_intervals_and_more_votes_need_fewer(selected: Selected) -> None:
    few, many = (selected(vote_rows(1, TRUTH, votes=votes, participants=30, sources=20)) for votes in (10, 40))
    wish = Wish(60, participants=500, sources=500)
    before, after = pairs(few, wish), pairs(many, wish)
    assert before.keys() == after.keys()
    scale = before["gan@0.50", "jpeg@0.50"].scale
    for pair in before.values():
        variance = scale.uncertainty.variance(scale.uncertainty.contrast(pair.first, pair.second))
        assert pair.standard_error == pytest.approx(np.sqrt(variance))
        assert pair.difference == pytest.approx(scale.rating[pair.first] - scale.rating[pair.second])
    for names, pair in before.items():
        assert pair.votes_needed > after[names].votes_needed >= 0


def test_without_clusters_the_formula_is_plain(selected: Selected) -> None:
    selection = selected(vote_rows(1, TRUTH, votes=10, participants=30))
    settings = Settings(over="votes")
    for pair in pairs(selection, Wish(40), settings).values():
        p = 1 / (1 + 10 ** (-pair.difference / 400))
        have = (400 / np.log(10)) ** 2 / (pair.standard_error**2 * p * (1 - p))
        assert pair.votes_needed == np.ceil(exact_votes(40) - have)
        assert have > pair.votes  # others' votes say something as well
    assert all(pair.votes_needed == 0 for pair in pairs(selection, Wish(400), settings).values())


def test_levels_are_shared_among_the_pairs_of_a_rate(selected: Selected) -> None:
    selection = selected(vote_rows(1, TRUTH, votes=10, participants=30))
    alone, shared = (pairs(selection, Wish(40, bonferroni=each), Settings(over="votes")) for each in (False, True))
    for names, pair in alone.items():
        more = shared[names].votes_needed - pair.votes_needed
        assert more == pytest.approx(exact_votes(40, 0.05 / 3) - exact_votes(40), abs=1)


def test_where_no_number_of_votes_would_do_it_is_none(selected: Selected) -> None:
    selection = selected(vote_rows(1, TRUTH, votes=3, participants=8, sources=6))
    scales = rate(selection, Settings())
    assert correlations(scales, Wish(3))[1] == correlation(80, 80)  # too few votes to tell
    assert {pair.votes_needed for pair in needed(scales, Wish(3))} == {None}
    lines = " ".join(told(scales, Wish(3)))
    assert "3 of 3 pairs: no number of votes" in lines
    assert "a spread is assumed" in lines


def test_clusters_are_those_of_which_the_intervals_speak(selected: Selected) -> None:
    selection = selected(vote_rows(1, TRUTH, participants=9, sources=7))
    scale = rate(selection, Settings())[0]
    assert clusters(scale, Wish(), 0.1, 0.2) == (Clusters(9, 0.1), Clusters(7, 0.2))
    assert clusters(scale, Wish(participants=50, sources=20), 0.1, 0.2) == (Clusters(50, 0.1), Clusters(20, 0.2))
    assert clusters(replace(scale, over="participants"), Wish(), 0.1, 0.2) == (Clusters(9, 0.1),)
    assert clusters(replace(scale, over="votes"), Wish(), 0.1, 0.2) == ()


def test_a_scale_without_ratings_still_has_needs(selected: Selected) -> None:
    rows = [row | {"choice": "left" if row["left_codec"] == "gan" else "right"} for row in unbeaten()]
    found = pairs(selected(rows), Wish(50, participants=1000, sources=1000))
    pair = found["gan@0.50", "mse@0.50"]
    assert pair.difference is None
    assert pair.standard_error is None
    assert pair.votes_needed is not None
    assert pair.votes_needed > 200


def unbeaten() -> Rows:
    return vote_rows(1, {0.5: {"gan": 0, "mse": 0}}, participants=40, sources=20, votes=3)


def test_the_file_has_a_row_a_pair(selected: Selected) -> None:
    selection = selected(vote_rows(1, TRUTH | {1.0: {"gan": 10, "mse": 0}}, participants=9, sources=7))
    text = needed_csv(rate(selection, Settings()), selection, Wish(50))
    header, *rows = text.splitlines()
    assert header == ",".join(NEEDED_COLUMNS)
    assert len(rows) == 3 + 1
    assert rows[0].startswith("0.5,gan@0.50,jpeg@0.50,")
