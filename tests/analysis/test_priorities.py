"""Expected gains against plain quadrature and drawn votes; the tree links all conditions."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit, ndtr, xlogy
from scipy.stats import norm

from analysis.counts import Counts
from analysis.existence import components
from analysis.priorities import gain, gains, priority_rows, spanning_tree
from analysis.scales import Link
from analysis.votes import Floats
from tests.analysis.made_counts import counts_of

RATINGS = np.array([0.0, 40.0, -70.0, 300.0, -320.0])


def divergence(m: float, v: float, link: Link) -> float:
    """The mean divergence of the posterior of d from its prior N(m, v), by adaptive quadrature over d itself."""
    chance, prior = (expit if link == "logistic" else ndtr), norm(m, np.sqrt(v))
    ends = m - 12 * np.sqrt(v), m + 12 * np.sqrt(v)
    total = 0.0
    for sign in (1, -1):
        joint = partial(lambda sign, d: prior.pdf(d) * chance(sign * d), sign)
        logged = partial(lambda sign, d: prior.pdf(d) * xlogy(chance(sign * d), chance(sign * d)), sign)
        mean, inside = quad(joint, *ends, limit=200)[0], quad(logged, *ends, limit=200)[0]
        total += inside - mean * np.log(mean)
    return total


@pytest.mark.parametrize("link", ["logistic", "probit"])
@pytest.mark.parametrize(("m", "v"), [(0.0, 0.01), (0.3, 1.0), (-2.0, 4.0), (5.0, 0.5)])
def test_gain_is_the_expected_divergence(link: Link, m: float, v: float) -> None:
    assert gain(np.array(m), np.array(v), link) == pytest.approx(divergence(m, v, link), rel=1e-5, abs=1e-9)


@given(st.floats(-8, 8), st.floats(0, 9))
def test_gain_is_even_and_between_nothing_and_one_bit(m: float, v: float) -> None:
    there, back = gain(np.array([m, -m]), np.array([v, v]))
    assert there == pytest.approx(back, abs=1e-12)
    assert 0 <= there <= np.log(2)
    assert gain(np.array(m), np.array(v + 0.5)) >= there - 1e-9


def more_votes(counts: Counts, pair: int, times: int) -> Counts:
    table = counts.table.copy()
    table[pair] *= times
    return Counts(counts.items, counts.first, counts.second, table, counts.participant, counts.source, counts.cell,
                  counts.cell_votes * np.where(counts.cell // 3 == pair, times, 1))  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 9), st.integers(2, 30))
def test_gain_is_symmetric_and_falls_with_votes_of_the_pair(seed: int, pair: int, times: int) -> None:
    counts = counts_of(np.array([0.0, 10.0, -10.0, 20.0, -20.0]), 400, seed)
    before, after = gains(counts), gains(more_votes(counts, pair, times))
    i, j = counts.first[pair], counts.second[pair]
    np.testing.assert_array_equal(before.gain, before.gain.T)
    assert (before.gain.diagonal() == 0).all()
    assert after.gain[i, j] < before.gain[i, j]


def test_gain_falls_with_the_distance() -> None:
    """Where votes are many and even, who is far ahead wins anyway, and asking says little."""
    found = gains(counts_of(RATINGS, 40_000, 1)).gain
    assert found[3, 4] < found[0, 3] < found[0, 1]


@given(st.integers(2, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 10_000))))
def test_tree_spans_and_no_other_gains_more_by_a_swap(drawn: tuple[int, int]) -> None:
    n, seed = drawn
    found = np.random.default_rng(seed).uniform(0.001, 0.6, (n, n))
    found = (found + found.T) / 2
    first, second = spanning_tree(found)
    assert len(first) == n - 1
    assert components(n, first, second).max() == 0
    assert (np.diff(found[first, second]) <= 0).all()
    for gone in range(n - 1):  # what crosses the cut gains at most as much as the pair of the tree that does
        part = components(n, np.delete(first, gone), np.delete(second, gone))
        assert found[part[:, None] != part].max() <= found[first[gone], second[gone]] + 1e-12


def test_unlinked_and_unbeaten_conditions_come_first() -> None:
    made = counts_of(RATINGS, 3000, 2)
    inside = (made.first < 3) == (made.second < 3)
    table = np.where(inside[:, None], made.table, 0)[inside]
    rows = inside[made.cell // 3]
    place = np.cumsum(inside) - 1
    counts = Counts(made.items, made.first[inside], made.second[inside], table, made.participant[rows],
                    made.source[rows], 3 * place[made.cell[rows] // 3] + made.cell[rows] % 3,
                    made.cell_votes[rows])  # fmt: skip
    found = gains(counts)
    best = found.tree[:, 0]
    assert (best[0] < 3) != (best[1] < 3)


def test_rows_are_the_tree_or_every_pair_best_first() -> None:
    found = gains(counts_of(RATINGS, 300, 3))
    tree, every = list(priority_rows([found])), list(priority_rows([found], every=True))
    assert (len(tree), len(every)) == (4, 10)
    weights: Floats = np.array([float(str(row["priority"])) for row in every])
    assert (np.diff(weights) <= 0).all()
    assert tree[0] == every[0]
    assert {row["source"] for row in tree} == {""}
    assert sum(int(str(row["votes"])) for row in every) == 300
