"""Crowd-BT against a plain optimisation of the whole likelihood, and on simulated spammers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from analysis.counts import Counts
from analysis.reliability import _reliabilities as reliability_of
from analysis.reliability import crowd, reliability
from analysis.votes import Floats
from tests.analysis.made_counts import counts_of


def answered(eta: Floats, votes: int, seed: int, scores: Floats, *, not_sure: float = 0.0) -> Counts:
    """`votes` of each of several participants, who follow the scores with the chances `eta`."""
    rng, n = np.random.default_rng(seed), len(scores)
    first, second = np.triu_indices(n, 1)
    person = np.repeat(np.arange(len(eta)), votes)
    pair = rng.integers(len(first), size=len(person))
    follows = rng.random(len(person)) < eta[person]
    won = rng.random(len(person)) < expit(scores[first[pair]] - scores[second[pair]])
    outcome = np.where(rng.random(len(person)) < not_sure, 2, np.where(won == follows, 0, 1))
    rows, many = np.unique(np.stack([person, np.zeros_like(person), 3 * pair + outcome]), axis=1, return_counts=True)
    table = np.bincount(3 * pair + outcome, minlength=3 * len(first)).reshape(-1, 3)
    return Counts(counts_of(np.zeros(n), 10).items, first, second, table, *rows, many)


SCORES = np.array([-1.5, -0.5, 0.0, 0.7, 1.3])


@pytest.mark.parametrize("seed", [1, 2])
def test_maximum_is_that_of_a_plain_optimisation(seed: int) -> None:
    eta = np.array([0.95, 0.9, 0.8, 0.97, 0.5, 0.85])
    counts = answered(eta, 60, seed, SCORES, not_sure=0.1)
    found = reliability([counts])
    assert found.finished

    def cost(x: Floats) -> float:
        s, eta = x[:5], x[5:]
        total = 0.0
        for person, cell, many in zip(counts.participant, counts.cell, counts.cell_votes, strict=True):
            i, j = counts.first[cell // 3], counts.second[cell // 3]
            if cell % 3 == 1:
                i, j = j, i
            if cell % 3 < 2:
                total += many * np.log(eta[person] * expit(s[i] - s[j]) + (1 - eta[person]) * expit(s[j] - s[i]))
        return -total - float((np.log(expit(s)) + np.log(expit(-s))).sum())

    start = np.concatenate([np.zeros(5), np.full(6, 0.9)])
    plain = minimize(cost, start, method="L-BFGS-B", bounds=[(-10, 10)] * 5 + [(0, 1)] * 6, options={"ftol": 1e-14})
    assert -found.log_likelihood == pytest.approx(plain.fun, abs=1e-6)
    np.testing.assert_allclose(found.scores[0], plain.x[:5], atol=2e-3)
    np.testing.assert_allclose(found.eta, plain.x[5:], atol=2e-3)


def test_spammers_and_inverters_are_found() -> None:
    eta = np.array([0.97] * 16 + [0.5] * 3 + [0.05])
    found = reliability([answered(eta, 400, 3, SCORES)])
    np.testing.assert_allclose(found.eta, eta, atol=0.12)
    assert found.random_share[16:19] == pytest.approx(1, abs=0.24)
    assert np.corrcoef(found.scores[0], SCORES)[0, 1] > 0.99


def test_no_near_point_is_higher_and_mirrored_answers_mirror_the_scores() -> None:
    counts = answered(np.array([0.9, 0.8, 0.6]), 30, 4, SCORES)
    votes, found = crowd([counts]), reliability([counts])
    rng = np.random.default_rng(1)
    for _ in range(50):
        near = found.scores[0] + rng.normal(0, 0.01, 5), np.clip(found.eta + rng.normal(0, 0.01, 3), 0, 1)
        assert votes.value(*near) <= found.log_likelihood + 1e-12
    mirrored = Counts(counts.items, counts.first, counts.second, counts.table[:, [1, 0, 2]], counts.participant,
                      counts.source, counts.cell - counts.cell % 3 + np.array([1, 0, 2])[counts.cell % 3],
                      counts.cell_votes)  # fmt: skip
    np.testing.assert_allclose(reliability([mirrored]).scores[0], -found.scores[0], atol=1e-6)


def test_a_participant_has_one_reliability_over_all_scales() -> None:
    one, two = (answered(np.array([0.95, 0.55]), 300, seed, SCORES) for seed in (5, 6))
    together = reliability([one, two])
    assert [len(scores) for scores in together.scores] == [5, 5]
    assert together.votes.tolist() == [600, 600]
    assert together.eta[1] < 0.7
    assert together.eta[0] > 0.85


@given(st.integers(0, 10_000))
def test_reliabilities_are_the_best_for_the_scores(seed: int) -> None:
    """Where the slope is 0, or at an end that it points out of."""
    rng = np.random.default_rng(seed)
    votes = crowd([answered(rng.random(8), int(rng.integers(1, 12)), seed, SCORES)])
    s = rng.normal(0, 2, 5)
    eta = reliability_of(votes, s, rng.random(8))
    follows = expit(s[votes.better] - s[votes.worse])
    ratio = votes.wins * (2 * follows - 1) / votes.chance(s, eta)
    slope = np.bincount(votes.who, ratio, 8)
    assert (np.abs(slope[(eta > 0) & (eta < 1)]) < 1e-4).all()
    assert (slope[eta == 0] <= 1e-9).all()
    assert (slope[eta == 1] >= -1e-9).all()


def test_one_unbeaten_item_stays_finite() -> None:
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    table = np.array([[9, 0, 0], [9, 0, 0], [9, 0, 0]])
    counts = Counts(counts_of(np.zeros(3), 10).items, first, second, table, np.zeros(3, int), np.zeros(3, int),
                    np.array([0, 3, 6]), np.full(3, 9))  # fmt: skip
    found = reliability([counts])
    assert np.abs(found.scores[0]).max() < 5
    assert found.eta[0] == pytest.approx(1, abs=1e-9)
