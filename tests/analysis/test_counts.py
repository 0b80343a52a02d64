"""Counts: what they keep of the votes, and how rates are linked."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.counts import count
from analysis.selection import Selection, select
from analysis.votes import parse_votes
from tests.analysis.made_votes import Rows, pair_rows, vote_rows

Selected = Callable[..., Selection]
CELLS = st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.sampled_from(["left", "right", "not_sure"]))
VOTE = st.tuples(CELLS, st.sampled_from("pqr"), st.sampled_from("xyz"))


def test_counts_of_a_handful(selected: Selected) -> None:
    rows = pair_rows(("a", "b", "left"), ("b", "a", "left"), ("b", "a", "right"), ("c", "b", "not_sure"))
    (counts,) = count(selected(rows).rated)
    assert (counts.first.tolist(), counts.second.tolist()) == ([0, 1], [1, 2])
    assert counts.table.tolist() == [[2, 1, 0], [0, 0, 1]]
    assert counts.votes == counts.participants == counts.sources == 4
    assert counts.about(0) == (3, 3, 3)
    assert counts.rates == (None,)


@settings(deadline=None, max_examples=60)
@given(st.lists(VOTE, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_counts_hold_every_vote_once_in_any_order(votes: list, random) -> None:
    votes = [vote for vote in votes if vote[0][0] != vote[0][1]] or [(("a", "b", "left"), "p", "x")]

    def counted(order: list):
        lines = [f"{who},{left},{right},{choice},{source}" for (left, right, choice), who, source in order]
        text = "participant,left,right,choice,source\n" + "\n".join(lines) + "\n"
        return count(select(parse_votes("votes.csv", text.encode())).rated)

    scales = counted(votes)
    assert sum(counts.votes for counts in scales) == len(votes)
    for counts in scales:
        assert np.array_equal(np.bincount(counts.cell, counts.cell_votes, counts.table.size), counts.table.ravel())
        won, shown, _ = counts.won_by_source()
        assert won.sum() == counts.votes
        assert shown.sum() == 2 * counts.votes
        assert [counts.about(item)[0] for item in range(len(counts.items))] == shown.sum(axis=1).tolist()
    shuffled = list(votes)
    random.shuffle(shuffled)
    for one, other in zip(scales, counted(shuffled), strict=True):
        for name in ("first", "second", "table", "participant", "source", "cell", "cell_votes"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_each_rate_is_a_scale(selected: Selected) -> None:
    scales = count(selected(vote_rows(1, {0.5: {"x": 0, "y": 0}, 0.3: {"x": 0, "y": 0}})).rated)
    assert [counts.rates for counts in scales] == [(0.3,), (0.5,)]
    assert [counts.votes for counts in scales] == [240, 240]


def test_a_vote_across_rates_links_them(selected: Selected) -> None:
    rows: Rows = vote_rows(1, {rate: {"x": 0, "y": 0} for rate in (0.3, 0.5, 0.75)})
    rows.append({**rows[0], "vote": 10_000, "left": "x@0.30", "left_rate": 0.3, "right": "y@0.75", "right_rate": 0.75})
    rows[-1] |= {"left_codec": "x", "right_codec": "y"}
    scales = count(selected(rows).rated)
    assert [counts.rates for counts in scales] == [(0.3, 0.75), (0.5,)]


@settings(deadline=None, max_examples=60)
@given(st.lists(VOTE, min_size=1, max_size=40))
def test_sides_split_every_pair_and_lose_no_vote(votes: list) -> None:
    """Against a loop: by pair, by which item stood left, by outcome, participant and source."""
    votes = [vote for vote in votes if vote[0][0] != vote[0][1]] or [(("b", "a", "left"), "p", "x")]
    lines = [f"{who},{left},{right},{choice},{source}" for (left, right, choice), who, source in votes]
    text = "participant,left,right,choice,source\n" + "\n".join(lines) + "\n"
    rated = select(parse_votes("votes.csv", text.encode())).rated
    (counts,) = count(rated)
    split, side = counts.by_side()
    names = [item.condition for item in counts.items]
    expected: dict[tuple, int] = {}
    for (left, right, choice), who, source in votes:
        a, b = sorted((left, right))
        outcome = 2 if choice == "not_sure" else int((choice == "left") != (a == left))
        key = (a, b, 1 if a == left else -1, outcome, who, source)
        expected[key] = expected.get(key, 0) + 1
    found = {}
    for cell, who, source, often in zip(split.cell, split.participant, split.source, split.cell_votes, strict=True):
        pair, outcome = divmod(int(cell), 3)
        a, b = names[split.first[pair]], names[split.second[pair]]
        found[a, b, int(side[pair]), outcome, rated.participants[who], rated.sources[source]] = int(often)
    assert found == expected
    assert np.array_equal(split.table[: len(counts.first)] + split.table[len(counts.first) :], counts.table)
    assert np.array_equal(np.bincount(split.cell, split.cell_votes, split.table.size), split.table.ravel())
    with pytest.raises(ValueError, match="sides of these votes were not counted"):
        split.by_side()


def test_many_possible_cells_are_counted_like_few(selected: Selected, monkeypatch: pytest.MonkeyPatch) -> None:
    votes = selected(vote_rows(3, {0.5: {"x": 0, "y": 0, "z": 0}}, not_sure=0.1)).rated
    votes = votes.take(np.arange(len(votes)) < 60)  # of 972 possible cells
    (dense,) = count(votes)
    monkeypatch.setattr("analysis.codes.ROOM", 0)
    monkeypatch.setattr("analysis.codes.SPARSE", 0)
    (sparse,) = count(votes)
    for name in ("participant", "source", "cell", "cell_votes", "first_left", "table"):
        assert np.array_equal(getattr(dense, name), getattr(sparse, name))


def test_votes_that_decide_are_counted_alone(selected: Selected) -> None:
    rows = pair_rows(("a", "b", "left"), ("b", "a", "not_sure"), ("c", "b", "not_sure"))
    (counts,) = count(selected(rows).rated)
    decided = counts.decided()
    assert (counts.votes, decided.votes) == (3, 1)
    assert decided.table.tolist() == [[1, 0, 0], [0, 0, 0]]
    assert [decided.about(item) for item in range(3)] == [(1, 1, 1), (1, 1, 1), (0, 0, 0)]
