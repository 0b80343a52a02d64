"""Elo against a sequential loop and evalica, its rounds against plain ones, and its window against the full replay."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.counts import count
from analysis.elo import LANES, PRESETS, EloSettings, Replay, histories, play, replayed, window
from analysis.selection import Selection
from analysis.votes import Floats, Ints, Votes
from tests.analysis.made_counts import counts_of
from tests.analysis.made_votes import pair_rows, vote_rows

Selected = Callable[..., Selection]
GAME = st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([0.0, 0.5, 1.0])).filter(lambda g: g[0] != g[1])


def one_pass(games: list[tuple[int, int, float]], n: int, k: float = 4.0, start: float = 1000.0) -> Floats:
    """The ratings after the games in their order, through `play` with a single lane."""
    first, second, score = (np.array(column)[:, None] for column in zip(*games, strict=True))
    ratings = np.full((n, 1), start)
    play(ratings, first, second, score, k)
    return ratings[:, 0]


@settings(deadline=None)
@given(st.lists(GAME, min_size=1, max_size=30), st.floats(1, 64))
def test_one_lane_is_elo_as_it_is_written(games: list[tuple[int, int, float]], k: float) -> None:
    ratings = [1000.0] * 5
    for a, b, score in games:
        expected = 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400))
        ratings[a] += k * (score - expected)
        ratings[b] -= k * (score - expected)
    assert one_pass(games, 5, k) == pytest.approx(ratings, abs=1e-9)


def test_one_pass_is_that_of_evalica() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(5, size=500)
    second = (first + rng.integers(1, 5, size=500)) % 5
    score = rng.choice([0.0, 0.5, 1.0], size=500)
    winner = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}
    found = evalica.elo(first.tolist(), second.tolist(), [winner[s] for s in score], k=4, initial=1000).scores
    ours = one_pass(list(zip(first, second, score, strict=True)), 5)
    assert np.abs(ours - found.loc[list(range(5))].to_numpy()).max() < 1e-9


def test_lanes_are_histories_of_their_own() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(5, size=(60, 7))
    second = (first + rng.integers(1, 5, size=(60, 7))) % 5
    score = rng.choice([0.0, 0.5, 1.0], size=(60, 7))
    together = np.full((5, 7), 1000.0)
    play(together, first, second, score, 32)
    for lane in range(7):
        alone = np.full((5, 1), 1000.0)
        play(alone, first[:, [lane]], second[:, [lane]], score[:, [lane]], 32)
        assert np.array_equal(together[:, lane], alone[:, 0])


def plain(votes: Votes, n: int, rounds: int, seed: int, *, replace: bool = True) -> Floats:
    """Rounds (rounds, n) of a second implementation: rows resampled or shuffled, replayed one by one as written."""
    rng = np.random.default_rng(seed)
    games = list(zip(votes.left.tolist(), votes.right.tolist(), ((votes.outcome + 1) / 2).tolist(), strict=True))
    found = np.zeros((rounds, n))
    for ratings in found:
        for row in rng.choice(len(games), len(games), replace=replace):
            a, b, score = games[row]
            change = 32 * (score - 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400)))
            ratings[a] += change
            ratings[b] -= change
    return found


@pytest.mark.parametrize("kind", get_args(Replay))
def test_the_rounds_agree_with_plain_ones(selected: Selected, kind: Replay) -> None:
    """Mean, standard deviation and quantiles of two implementations agree within Monte-Carlo error."""
    votes = selected(vote_rows(9, {0.5: {"x": 100, "y": 0, "z": -50}}, participants=9, not_sure=0.1)).rated
    (counts,) = count(votes)
    ours = histories(counts, EloSettings(rounds=4000, seed=4, replay=kind), counts.votes)
    theirs = plain(votes, 3, 1500, 11, replace=kind == "resamples").T
    sd = theirs.std(axis=1)
    assert np.abs(ours.mean(axis=1) - theirs.mean(axis=1)).max() < 4 * sd.max() / np.sqrt(1500)
    assert ours.std(axis=1) == pytest.approx(sd, rel=4 / np.sqrt(2 * 1500))
    tails = [0.025, 0.5, 0.975]
    assert np.quantile(ours, tails, axis=1) == pytest.approx(np.quantile(theirs, tails, axis=1), abs=0.3 * sd.max())


def test_shuffles_replay_the_votes_themselves(selected: Selected) -> None:
    """One vote has one order; two votes have two; a resample of two votes has four."""
    (counts,) = count(selected(pair_rows(("a", "b", "left"), ("a", "b", "right"))).rated)
    shuffled = histories(counts, EloSettings(rounds=400, replay="shuffles"), 2)
    drawn = histories(counts, EloSettings(rounds=400), 2)
    assert len(np.unique(shuffled[0].round(6))) == 2
    assert len(np.unique(drawn[0].round(6))) == 4


def random_games(rng: np.random.Generator, truth: Floats, steps: int, lanes: int) -> tuple[Ints, Ints, Floats]:
    first = rng.integers(len(truth), size=(steps, lanes))
    second = (first + rng.integers(1, len(truth), size=(steps, lanes))) % len(truth)
    wins = rng.random((steps, lanes)) < 1 / (1 + 10 ** ((truth[second] - truth[first]) / 400))
    return first, second, np.where(rng.random((steps, lanes)) < 0.1, 0.5, wins)


@pytest.mark.parametrize(("n", "k"), [(3, 64), (7, 32), (7, 16), (12, 32)])
def test_the_window_gives_what_a_full_replay_gives(n: int, k: float) -> None:
    """The same games, all of them and the last ones alone: no rating differs by 1e-8 points."""
    truth = np.linspace(-150, 150, n)
    counts = counts_of(truth, 100_000, 3, not_sure=0.1)
    last = window(counts, k, 1)
    assert last < 30_000
    games = random_games(np.random.default_rng(5), truth, 2 * last, 40)
    full, short = np.zeros((2, n, 40))
    play(full, *games, k)
    play(short, *(part[-last:] for part in games), k)
    assert np.abs(full - short).max() < 1e-8
    assert np.abs(full).max() > 50


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.floats(1, 690), st.floats(0, 2000))
def test_no_vote_moves_two_histories_apart(seed: int, k: float, spread: float) -> None:
    """The module's argument: the difference of two histories with the same votes never grows, and keeps its sum."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(0, spread, (2, 5, 30))
    other += (one - other).mean(axis=0)
    games = random_games(rng, np.zeros(5), 20, 30)
    before = np.linalg.norm(one - other, axis=0)
    play(one, *games, k)
    play(other, *games, k)
    assert (np.linalg.norm(one - other, axis=0) <= before + 1e-9 * (1 + spread)).all()
    assert np.abs((one - other).sum(axis=0)).max() < 1e-9 * (1 + spread)


def test_the_window_does_not_grow_with_the_votes() -> None:
    """Ten times the votes of the same shares need the same time, which a smaller K makes longer."""
    counts = counts_of(np.linspace(-100, 100, 5), 30_000, 3)
    more = replace(counts, table=10 * counts.table)
    assert window(counts, 32, 1) == pytest.approx(window(more, 32, 1), rel=0.15)
    assert window(more, 16, 1) > 1.5 * window(more, 32, 1)


def test_few_votes_are_all_replayed(selected: Selected) -> None:
    (counts,) = count(selected(vote_rows(9, {0.5: {"x": 0, "y": 0}})).rated)
    assert window(counts, 32, 1) == counts.votes
    assert replayed(counts, EloSettings(rounds=10)).replayed == counts.votes


def test_a_window_gives_the_rounds_of_a_full_replay() -> None:
    """Mean and spread over rounds, short and whole, agree within Monte-Carlo error."""
    counts = counts_of(np.array([100.0, 0.0, -60.0]), 12_000, 3, not_sure=0.1)
    last = window(counts, 32, 1)
    assert last < counts.votes / 4
    short = histories(counts, EloSettings(rounds=2000, seed=1), last)
    whole = histories(counts, EloSettings(rounds=500, seed=2), counts.votes)
    assert np.abs(short.mean(axis=1) - whole.mean(axis=1)).max() < 4 * whole.std() / np.sqrt(500)
    assert short.std(axis=1) == pytest.approx(whole.std(axis=1), rel=0.12)


def test_rounds_are_independent(selected: Selected) -> None:
    """Rounds of one block, and of neighbouring blocks, share no stream: nothing correlates, shifted or not."""
    (counts,) = count(selected(vote_rows(9, {0.5: {"x": 0, "y": 0}})).rated)
    rounds = histories(counts, EloSettings(rounds=4 * LANES), 200)[0].reshape(4, LANES)
    series = np.concatenate([rounds, np.roll(rounds, 1, axis=1), np.roll(rounds, 2, axis=1)])
    found = np.corrcoef(series)
    np.fill_diagonal(found, 0)
    assert np.abs(found).max() < 5 / np.sqrt(LANES)


def test_scales_do_not_share_their_streams() -> None:
    """Two rates with the same counts get other rounds, or their errors would go together."""
    one = counts_of(np.zeros(3), 300, 1)
    other = replace(one, items=tuple(replace(item, rate=0.5) for item in one.items))
    found = [histories(counts, EloSettings(rounds=300), 300)[0] for counts in (one, other)]
    assert abs(np.corrcoef(found)[0, 1]) < 0.3


@pytest.mark.parametrize("name", PRESETS)
def test_presets_replay(selected: Selected, name: str) -> None:
    (counts,) = count(selected(vote_rows(9, {0.5: {"x": 100, "y": 0, "z": -50}}, participants=5)).rated)
    found = replayed(counts, PRESETS[name])
    ratings = histories(counts, PRESETS[name], found.replayed)
    middle = np.median(ratings, axis=1) if PRESETS[name].summary == "median" else ratings.mean(axis=1)
    assert np.array_equal(found.rating, middle)
    assert found.rating[0] > found.rating[2]
    assert (found.low <= found.high).all()
    assert ratings.shape == (3, PRESETS[name].rounds)


def test_settings_move_the_score_as_they_should(selected: Selected) -> None:
    (counts,) = count(selected(vote_rows(9, {0.5: {"x": 100, "y": 0, "z": -50}}, participants=40)).rated)
    default = replayed(counts, EloSettings(rounds=200))
    again = replayed(counts, EloSettings(rounds=200))
    elsewhere = replayed(counts, EloSettings(rounds=200, start=-500))
    calmer = replayed(counts, EloSettings(rounds=200, k=8))
    assert np.array_equal(default.rating, again.rating)
    assert elsewhere.rating == pytest.approx(default.rating, abs=1e-8)
    assert default.rating.sum() == pytest.approx(0, abs=1e-6)
    assert (calmer.high - calmer.low).max() < (default.high - default.low).min()


def test_progress_counts_every_vote() -> None:
    counts = counts_of(np.array([10.0, 0.0, -10.0]), 30_000)
    told: list[int] = []
    replayed(counts, EloSettings(rounds=50), told.append)
    assert sum(told) == counts.votes
    assert min(told) >= 0
    assert len(told) > 10
