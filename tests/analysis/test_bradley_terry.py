"""Bradley-Terry and Davidson against other programs, against their own derivatives, and where no maximum exists."""

import choix
import evalica
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, linprog, minimize

from analysis import bradley_terry as bt
from analysis.votes import Floats, Ints

TIGHT = 1e-9

Data = tuple[int, Ints, Ints, Ints]


@st.composite
def tables(draw: st.DrawFn, most: int = 12, *, tied: bool | None = None) -> Data:
    """Outcome counts of all pairs of three to five items; small counts make missing maxima likely."""
    n = draw(st.integers(3, 5))
    first, second = (np.array(index) for index in np.triu_indices(n, 1))
    cells = st.lists(st.integers(0, most), min_size=3 * len(first), max_size=3 * len(first))
    table = np.array(draw(cells)).reshape(-1, 3)
    if tied is False or (tied is None and draw(st.booleans())):
        table[:, 2] = 0
    used = table.sum(axis=1) > 0
    assume(used.any())
    return n, first[used], second[used], table[used]


def solvable(data: Data) -> bool:
    n, first, second, table = data
    return bool(
        len(np.union1d(first, second)) == n
        and bt.components(n, first, second).max() == 0
        and not len(bt.never_lost(n, first, second, table))
        and not bt.not_sure_unbounded(n, first, second, table)
    )


@settings(deadline=None, max_examples=60)
@given(tables())
def test_at_the_maximum_every_item_wins_as_often_as_expected(data: Data) -> None:
    """The likelihood equations, from the formula; the likelihood is concave, so they determine the maximum."""
    assume(solvable(data))
    n, first, second, table = data
    fitted = bt.fit(first, second, table)
    nu = 0.0 if fitted.log_nu is None else np.exp(fitted.log_nu)
    expected, observed, not_sure = np.zeros(n), np.zeros(n), 0.0
    for i, j, cells in zip(first, second, table, strict=True):
        a, b = np.exp([fitted.theta[i], fitted.theta[j]])
        total = a + b + nu * np.sqrt(a * b)
        chance = np.array([a, b, nu * np.sqrt(a * b)]) / total
        expected[[i, j]] += cells.sum() * (chance[:2] + chance[2] / 2)
        observed[[i, j]] += cells[:2] + cells[2] / 2
        not_sure += cells.sum() * chance[2]
    assert expected == pytest.approx(observed, abs=1e-7)
    assert not_sure == pytest.approx(table[:, 2].sum(), abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_without_ties_choix_and_evalica_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(7, 1)
    table = np.column_stack([rng.integers(5, 60, (21, 2)), np.zeros(21, int)])
    wins = np.repeat(np.stack([first, second], axis=1), table[:, 0], axis=0).tolist()
    wins += np.repeat(np.stack([second, first], axis=1), table[:, 1], axis=0).tolist()
    theta = bt.fit(first, second, table).theta
    assert np.abs(theta - choix.ilsr_pairwise(7, wins, max_iter=1000, tol=1e-13)).max() < TIGHT
    winners, losers = zip(*wins, strict=True)
    found = evalica.bradley_terry(winners, losers, [evalica.Winner.X] * len(wins), tolerance=1e-14, limit=100_000)
    scores = np.log(found.scores.loc[list(range(7))].to_numpy())
    assert np.abs(theta - (scores - scores.mean())).max() < TIGHT


@settings(deadline=None, max_examples=30)
@given(tables(tied=True))
def test_davidson_is_where_an_optimiser_ends(data: Data) -> None:
    assume(solvable(data) and data[3][:, 2].any())
    n, first, second, table = data
    fitted = bt.fit(first, second, table)

    def minus_log_likelihood(x: Floats) -> float:
        strength, nu = np.exp(x[:n]), np.exp(x[n])
        a, b = strength[first], strength[second]
        total = a + b + nu * np.sqrt(a * b)
        return -float((table * np.log(np.stack([a, b, nu * np.sqrt(a * b)], axis=1) / total[:, None])).sum())

    found = minimize(minus_log_likelihood, np.zeros(n + 1), method="BFGS", options={"gtol": 1e-7, "maxiter": 2000}).x
    assert fitted.log_likelihood >= -minus_log_likelihood(found) - 1e-9
    assert fitted.log_likelihood == pytest.approx(-minus_log_likelihood(found), abs=1e-4)
    if np.abs(fitted.theta).max() < 5:
        assert np.append(fitted.theta, fitted.log_nu) == pytest.approx(
            np.append(found[:n] - found[:n].mean(), found[n]), abs=5e-3
        )


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_derivatives_are_those_of_the_likelihood(tied: bool, ridge: float) -> None:
    rng = np.random.default_rng(1)
    first, second = np.triu_indices(4, 1)
    table = rng.integers(0, 9, (6, 3)) * [1, 1, tied]
    x = rng.normal(size=4 + tied)

    def gradient(x: Floats, entry: int) -> float:
        return float(bt.derivatives(x, first, second, table, ridge)[1][entry])

    value, slope, information = bt.derivatives(x, first, second, table, ridge)
    assert value == bt.log_likelihood(x, first, second, table, ridge)
    assert slope == pytest.approx(approx_fprime(x, bt.log_likelihood, 1e-7, first, second, table, ridge), abs=1e-4)
    curvature = np.stack([approx_fprime(x, gradient, 1e-7, entry) for entry in range(len(x))])
    assert information == pytest.approx(-curvature, abs=1e-4)
    cells = bt.cell_scores(x, 4, first, second).toarray()
    pulled = np.append(x[:4], [0.0] * tied)  # the ridge pulls ratings, not the share of not sure
    assert table.ravel() @ cells - ridge * pulled == pytest.approx(slope, abs=1e-12)
    chance = bt.probabilities(x, first, second, tied)
    assert chance.sum(axis=1) == pytest.approx(1)
    expected = (chance.ravel()[:, None] * cells).reshape(6, 3, -1).sum(axis=1)
    assert expected == pytest.approx(0, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(tables(), st.randoms(use_true_random=False))
def test_names_and_sides_do_not_matter(data: Data, random) -> None:
    assume(solvable(data))
    n, first, second, table = data
    fitted = bt.fit(first, second, table)
    order = list(range(n))
    random.shuffle(order)
    new = np.array(order)
    swap = np.array([random.random() < 0.5 for _ in first])
    one, other = np.where(swap, new[second], new[first]), np.where(swap, new[first], new[second])
    swapped = np.where(swap[:, None], table[:, [1, 0, 2]], table)
    again = bt.fit(one, other, swapped)
    assert again.theta[new] == pytest.approx(fitted.theta, abs=1e-7)
    assert again.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-8)
    assert fitted.theta.sum() == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(tables(), st.integers(2, 5))
def test_more_of_the_same_votes_change_only_the_information(data: Data, times: int) -> None:
    assume(solvable(data))
    _, first, second, table = data
    once, often = bt.fit(first, second, table), bt.fit(first, second, times * table)
    assert often.theta == pytest.approx(once.theta, abs=1e-7)
    assert often.information == pytest.approx(times * once.information, rel=1e-5, abs=1e-6)


def separated(n: int, first: Ints, second: Ints, table: Ints) -> bool:
    """Whether some direction (v, e) never lowers and somewhere raises the likelihood, by linear programming."""
    tied = table[:, 2].any()
    rows = []
    for i, j, cells in zip(first, second, table, strict=True):
        d, e = np.zeros(n + 1), np.zeros(n + 1)
        d[i], d[j], e[n] = 0.5, -0.5, 1
        levels = [d, -d, e] if tied else [d, -d]
        rows += [b - a for a, votes in zip(levels, cells, strict=False) if votes for b in levels if b is not a]
    bounds = [(-1, 1)] * n + [(-1, 1) if tied else (0, 0)]
    return bool(linprog(np.sum(rows, axis=0), A_ub=np.array(rows), b_ub=np.zeros(len(rows)), bounds=bounds).fun < -1e-7)


@settings(deadline=None, max_examples=150)
@given(tables(most=2))
def test_no_maximum_is_found_exactly_where_there_is_none(data: Data) -> None:
    n, first, second, table = data
    assume(len(np.union1d(first, second)) == n and bt.components(n, first, second).max() == 0)
    found = len(bt.never_lost(n, first, second, table)) > 0 or bt.not_sure_unbounded(n, first, second, table)
    assert found == separated(n, first, second, table)


def test_the_undefeated_are_named() -> None:
    first, second = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 3])
    table = np.array([[3, 1, 0], [4, 0, 0], [2, 0, 0], [1, 1, 0]])
    assert bt.never_lost(4, first, second, table).tolist() == [0, 1]
    table[1, 2] = 1
    assert bt.never_lost(4, first, second, table).size == 0


def test_wins_one_way_and_not_sure_have_no_maximum() -> None:
    first, second = np.array([0]), np.array([1])
    assert bt.not_sure_unbounded(2, first, second, np.array([[5, 0, 3]]))
    assert bt.not_sure_unbounded(2, first, second, np.array([[0, 0, 3]]))
    assert not bt.not_sure_unbounded(2, first, second, np.array([[5, 1, 3]]))
    assert not bt.not_sure_unbounded(2, first, second, np.array([[5, 1, 0]]))


def test_components_are_found() -> None:
    assert bt.components(5, np.array([0, 3]), np.array([2, 4])).tolist() == [0, 1, 0, 2, 2]


@pytest.mark.parametrize("table", [[[9, 0, 0]], [[0, 0, 4]], [[5, 0, 3]]])
def test_a_ridge_bounds_what_has_no_maximum(table: list[list[int]]) -> None:
    first, second = np.array([0]), np.array([1])
    loose, tight = (bt.fit(first, second, np.array(table), ridge).theta for ridge in (0.01, 1.0))
    assert np.isfinite(loose).all()
    assert abs(tight[0]) <= abs(loose[0]) < 50


def test_two_conditions_have_the_odds_of_their_votes() -> None:
    theta = bt.fit(np.array([0]), np.array([1]), np.array([[75, 25, 0]])).theta
    assert bt.ELO * (theta[0] - theta[1]) == pytest.approx(400 * np.log10(3), abs=1e-9)
    fitted = bt.fit(np.array([0]), np.array([1]), np.array([[60, 20, 20]]))
    assert fitted.theta[0] - fitted.theta[1] == pytest.approx(np.log(3), abs=1e-10)
    assert np.exp(fitted.log_nu) == pytest.approx(20 / np.sqrt(60 * 20), abs=1e-10)


def test_lopsided_votes_converge() -> None:
    table = np.array([[10**6, 1, 0], [1, 10**6, 1], [10**6, 1, 0]])
    theta = bt.fit(np.array([0, 0, 1]), np.array([1, 2, 2]), table).theta
    assert np.isfinite(theta).all()


def test_a_ridge_leaves_the_share_of_not_sure_alone() -> None:
    """However tightly it pulls the ratings together, the model expects as many "not sure" as there were."""
    first, second = np.triu_indices(3, 1)
    table = np.array([[20, 10, 6], [15, 5, 9], [8, 8, 3]])
    for ridge in (0.1, 10.0, 1e4):
        fitted = bt.fit(first, second, table, ridge)
        assert fitted.log_nu is not None
        chance = bt.probabilities(np.append(fitted.theta, fitted.log_nu), first, second, True)
        assert table.sum(axis=1) @ chance[:, 2] == pytest.approx(18, abs=1e-6)
