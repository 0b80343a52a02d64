"""Elo against a sequential loop and evalica, and its bootstrap against a plain one."""

from collections.abc import Callable

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.counts import count
from analysis.elo import EloSettings, bootstrapped, play
from analysis.selection import Selection
from analysis.votes import Floats
from tests.analysis.made_votes import vote_rows

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


def test_the_bootstrap_agrees_with_a_plain_one(selected: Selected) -> None:
    """Resample rows, shuffle, replay in a loop: mean and spread agree within Monte-Carlo error."""
    votes = selected(vote_rows(9, {0.5: {"x": 100, "y": 0, "z": -50}}, participants=5, not_sure=0.1)).rated
    (counts,) = count(votes)
    ours = bootstrapped(counts, EloSettings(rounds=2000, seed=4))
    rng = np.random.default_rng(11)
    games = list(zip(votes.left.tolist(), votes.right.tolist(), ((votes.outcome + 1) / 2).tolist(), strict=True))
    plain = np.array(
        [one_pass([games[i] for i in rng.integers(len(games), size=len(games))], 3, 32) for _ in range(500)]
    )
    error = plain.std(axis=0) / np.sqrt(500)
    assert np.abs(ours.rating - (plain.mean(axis=0) - 1000)).max() < 4 * error.max()
    low, high = np.quantile(plain - 1000, [0.025, 0.975], axis=0)
    assert ours.low == pytest.approx(low, abs=20)
    assert ours.high == pytest.approx(high, abs=20)


def test_rounds_are_independent(selected: Selected) -> None:
    """Neighbouring rounds share no stream: shifting the rounds by one leaves no correlation."""
    (counts,) = count(selected(vote_rows(9, {0.5: {"x": 0, "y": 0}})).rated)
    rng_rounds = EloSettings(rounds=4000, seed=1)
    flat = np.array([bootstrapped(counts, EloSettings(rounds=1, seed=seed)).rating[0] for seed in range(200)])
    ours = bootstrapped(counts, rng_rounds)
    assert abs(np.corrcoef(flat[1:], flat[:-1])[0, 1]) < 0.2
    assert ours.high[0] - ours.low[0] == pytest.approx(2 * 1.96 * flat.std(), rel=0.25)


def test_settings_move_the_score_as_they_should(selected: Selected) -> None:
    (counts,) = count(selected(vote_rows(9, {0.5: {"x": 100, "y": 0, "z": -50}}, participants=40)).rated)
    default = bootstrapped(counts, EloSettings(rounds=200))
    again = bootstrapped(counts, EloSettings(rounds=200))
    elsewhere = bootstrapped(counts, EloSettings(rounds=200, start=-500))
    calmer = bootstrapped(counts, EloSettings(rounds=200, k=8))
    assert np.array_equal(default.rating, again.rating)
    assert elsewhere.rating == pytest.approx(default.rating, abs=1e-8)
    assert default.rating.sum() == pytest.approx(0, abs=1e-6)
    assert (calmer.high - calmer.low).max() < (default.high - default.low).min()


def test_progress_counts_every_vote(selected: Selected, monkeypatch: pytest.MonkeyPatch) -> None:
    (counts,) = count(selected(vote_rows(9, {0.5: {"x": 0, "y": 0}})).rated)
    whole = bootstrapped(counts, EloSettings(rounds=10))
    monkeypatch.setattr("analysis.elo.BLOCK", 70)
    told: list[int] = []
    bootstrapped(counts, EloSettings(rounds=10), told.append)
    assert sum(told) == counts.votes
    assert max(told) == 7
    assert whole.rating.shape == (2,)
