"""The default model, Bradley and Terry's with Davidson's ties: against other programs and its own equations."""

import choix
import evalica
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analysis import bradley_terry as bt
from analysis.outcomes import logs
from analysis.votes import Ints

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


def test_a_ridge_leaves_the_share_of_not_sure_alone() -> None:
    """However tightly it pulls the ratings together, the model expects as many "not sure" as there were."""
    first, second = np.triu_indices(3, 1)
    table = np.array([[20, 10, 6], [15, 5, 9], [8, 8, 3]])
    for ridge in (0.1, 10.0, 1e4):
        fitted = bt.fit(first, second, table, ridge)
        assert fitted.log_nu is not None
        chance = np.exp(logs("logistic", "davidson", fitted.theta[first] - fitted.theta[second], fitted.log_nu))
        assert table.sum(axis=1) @ chance[:, 2] == pytest.approx(18, abs=1e-6)
