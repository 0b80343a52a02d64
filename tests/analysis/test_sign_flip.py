"""The sign-flip test against all signs spelled out, a binomial, and drawn signs."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SeedSequence
from scipy.stats import binomtest, permutation_test

from analysis import sign_flip as module
from analysis.sign_flip import flip_tests, net_wins, sign_flip
from tests.analysis.made_counts import counts_of

SEED = SeedSequence(1)
NET = st.lists(st.integers(-6, 6), min_size=1, max_size=9)


@given(NET)
def test_it_counts_all_signs(net: list[int]) -> None:
    every = product((1, -1), repeat=len(net))
    sums = [abs(sum(sign * d for sign, d in zip(signs, net, strict=True))) for signs in every]
    found = sign_flip(np.array(net), SEED)
    assert found.exact
    assert found.p == pytest.approx(np.mean(np.array(sums) >= abs(sum(net))), abs=1e-12)


def test_scipy_agrees() -> None:
    net = np.array([3, -1, 2, 2, 5, 1, -2, 4])
    expected = permutation_test((net.astype(float),), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip(net, SEED).p == pytest.approx(expected)


@given(st.integers(1, 40), st.integers(0, 40))
def test_single_votes_are_a_binomial_test(won: int, lost: int) -> None:
    net = np.array([1] * won + [-1] * lost)
    assert sign_flip(net, SEED).p == pytest.approx(binomtest(won, won + lost).pvalue)


def test_drawn_signs_are_near_the_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    net = np.random.default_rng(3).integers(-4, 7, 30)
    exact = sign_flip(net, SEED)
    monkeypatch.setattr(module, "EXACT", 0)
    drawn = sign_flip(net, SEED)
    assert exact.exact
    assert not drawn.exact
    assert drawn.p == pytest.approx(exact.p, abs=5 * np.sqrt(exact.p * (1 - exact.p) / module.DRAWS))
    assert drawn.p == sign_flip(net, SeedSequence(1)).p
    assert sign_flip(np.full(60, 3), SEED).p == 1 / (1 + module.DRAWS)


def test_net_wins_are_those_of_the_clusters() -> None:
    counts = counts_of(np.array([60.0, 0.0, -60.0]), 200, 4, not_sure=0.1, participants=5, sources=7)
    for cluster in (counts.participant, counts.source):
        net, pair, label = net_wins(counts, cluster)
        expected = np.zeros((3, cluster.max() + 1), int)
        for row, cell in enumerate(counts.cell):
            expected[cell // 3, cluster[row]] += (1, -1, 0)[cell % 3] * counts.cell_votes[row]
        for at in range(3):
            assert net[pair == at].tolist() == expected[at][expected[at] != 0].tolist()
            assert label[pair == at].tolist() == np.flatnonzero(expected[at]).tolist()
        assert [found.clusters for found in flip_tests(counts, cluster, SEED)] == (expected != 0).sum(axis=1).tolist()


def test_votes_that_are_not_sure_say_nothing() -> None:
    counts = counts_of(np.array([0.0, 0.0]), 20, not_sure=1.0)
    assert [(found.p, found.clusters) for found in flip_tests(counts, counts.participant, SEED)] == [(1.0, 0)]
