"""Circular triads: against all triads one by one, and Kendall's formula."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.counts import Counts
from analysis.triads import transitivity, triads
from analysis.votes import Item, Mask
from tests.analysis.made_studies import study_of


def tournament(seed: int, n: int, draws: float) -> Mask:
    rng = np.random.default_rng(seed)
    beat = np.zeros((n, n), bool)
    for a, b in combinations(range(n), 2):
        if rng.random() >= draws:
            beat[(a, b) if rng.random() < 0.5 else (b, a)] = True
    return beat


@given(st.integers(0, 10_000), st.integers(2, 8), st.sampled_from([0.0, 0.3]))
def test_triads_are_counted_and_kendall_agrees(seed: int, n: int, draws: float) -> None:
    beat = tournament(seed, n, draws)
    decided = circular = 0
    for three in combinations(range(n), 3):
        wins = beat[np.ix_(three, three)].sum(axis=1)
        decided += wins.sum() == 3
        circular += wins.tolist() == [1, 1, 1]
    found = triads(beat)
    assert (found.decided, found.circular) == (decided, circular)
    whole = n > 2 and beat.sum() == n * (n - 1) / 2
    assert (found.zeta is not None) == whole
    if whole:
        d = n * (n - 1) * (2 * n - 1) / 12 - (beat.sum(axis=1) ** 2).sum() / 2
        assert circular == pytest.approx(d)
        assert found.zeta == pytest.approx(1 - 24 * d / (n**3 - n if n % 2 else n**3 - 4 * n))
        assert -1e-9 <= (found.zeta or 0) <= 1


def test_participants_and_pooled_votes() -> None:
    """Two of three people agree on a > b > c; the third one goes round, and has one vote more on a pair, a draw."""
    items = tuple(Item(None, name, "") for name in "abc")
    first, second = np.triu_indices(3, 1)  # ab, ac, bc
    person = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    cell = np.array([0, 3, 6, 0, 3, 6, 0, 4, 6])
    table = np.bincount(cell, minlength=9).reshape(-1, 3)
    counts = Counts(items, first, second, table, person, person * 0, cell, np.ones(9, int))
    found = transitivity(counts)
    assert found is not None
    assert (found.pooled.decided, found.pooled.circular, found.pooled.zeta) == (1, 0, 1.0)
    assert (found.decided, found.circular, found.complete, found.even) == (3, 1, 3, 0)
    assert found.zeta == pytest.approx(2 / 3)


def test_random_answers_close_a_quarter_of_all_triads() -> None:
    found = transitivity(study_of(np.zeros(6), 5, participants=100, votes=3000))
    assert found is not None
    assert found.circular / found.decided == pytest.approx(0.25, abs=0.03)
    assert transitivity(study_of(np.zeros(2), 5)) is None
