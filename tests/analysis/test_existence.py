"""Where a likelihood has a maximum: against linear programmes and against what a vanishing ridge does."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from analysis.existence import (
    components,
    never_lost,
    not_sure_unbounded,
    one_sided,
    side_unbounded,
    side_undetermined,
)
from analysis.models import Likelihood, Model
from analysis.votes import Floats, Ints

Data = tuple[int, Ints, Ints, Ints]


@st.composite
def tables(draw: st.DrawFn, most: int = 2) -> Data:
    """Outcome counts of pairs of three to five items; small counts make missing maxima likely."""
    n = draw(st.integers(3, 5))
    first, second = (np.array(index) for index in np.triu_indices(n, 1))
    cells = st.lists(st.integers(0, most), min_size=3 * len(first), max_size=3 * len(first))
    table = np.array(draw(cells)).reshape(-1, 3)
    if draw(st.booleans()):
        table[:, 2] = 0
    used = table.sum(axis=1) > 0
    assume(used.any())
    return n, first[used], second[used], table[used]


def davidson_separated(n: int, first: Ints, second: Ints, table: Ints) -> bool:
    """Whether some direction (v, e) never lowers and somewhere raises Davidson's likelihood, level by level."""
    tied = table[:, 2].any()
    rows = []
    for i, j, cells in zip(first, second, table, strict=True):
        d, e = np.zeros(n + 1), np.zeros(n + 1)
        d[i], d[j], e[n] = 0.5, -0.5, 1
        levels = [d, -d, e] if tied else [d, -d]
        rows += [b - a for a, votes in zip(levels, cells, strict=False) if votes for b in levels if b is not a]
    bounds = [(-1, 1)] * n + [(-1, 1) if tied else (0, 0)]
    return bool(linprog(np.sum(rows, axis=0), A_ub=np.array(rows), b_ub=np.zeros(len(rows)), bounds=bounds).fun < -1e-7)


def threshold_separated(n: int, first: Ints, second: Ints, table: Ints) -> bool:
    """The same for a threshold: F(d - t), F(-d - t), and F(d + t) - F(d - t), which needs both its ends to part."""
    rows = []
    for i, j, cells in zip(first, second, table, strict=True):
        d, t = np.zeros(n + 1), np.zeros(n + 1)
        d[i], d[j], t[n] = 1, -1, 1
        grows = ([d - t], [-d - t], [d + t, t - d])
        rows += [-row for found, votes in zip(grows, cells, strict=True) if votes for row in found]
    bounds = [(-1, 1)] * n + [(0, 1) if table[:, 2].any() else (0, 0)]
    return bool(linprog(np.sum(rows, axis=0), A_ub=np.array(rows), b_ub=np.zeros(len(rows)), bounds=bounds).fun < -1e-7)


@pytest.mark.parametrize("separated", [davidson_separated, threshold_separated])
@settings(max_examples=100)
@given(data=tables())
def test_no_maximum_is_found_exactly_where_there_is_none(separated, data: Data) -> None:
    n, first, second, table = data
    assume(len(np.union1d(first, second)) == n and components(n, first, second).max() == 0)
    found = len(never_lost(n, first, second, table)) > 0 or not_sure_unbounded(n, first, second, table)
    assert found == separated(n, first, second, table)


def test_the_undefeated_are_named() -> None:
    first, second = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 3])
    table = np.array([[3, 1, 0], [4, 0, 0], [2, 0, 0], [1, 1, 0]])
    assert never_lost(4, first, second, table).tolist() == [0, 1]
    table[1, 2] = 1
    assert never_lost(4, first, second, table).size == 0


def test_wins_one_way_and_not_sure_have_no_maximum() -> None:
    first, second = np.array([0]), np.array([1])
    assert not_sure_unbounded(2, first, second, np.array([[5, 0, 3]]))
    assert not_sure_unbounded(2, first, second, np.array([[0, 0, 3]]))
    assert not not_sure_unbounded(2, first, second, np.array([[5, 1, 3]]))
    assert not not_sure_unbounded(2, first, second, np.array([[5, 1, 0]]))


def test_components_are_found() -> None:
    assert components(5, np.array([0, 3]), np.array([2, 4])).tolist() == [0, 1, 0, 2, 2]


def size_under(prior: float, n: int, rows: tuple[Ints, ...], model: Model) -> float:
    """The size of the maximum where every parameter but that of ties has this little precision, by Newton's method."""
    first, second, table, side = rows
    likelihood = Likelihood(model, n, first, second, table, side)
    x, loose = likelihood.start(), np.full(likelihood.parameters, prior)

    def value(x: Floats) -> float:
        return likelihood.value(x) - prior * x @ x / 2

    for _ in range(300):
        _, gradient, information = likelihood.derivatives(x)
        step = np.linalg.solve(information + np.diag(loose), gradient - prior * x)
        while not value(x + step) >= value(x) - 1e-12:
            step /= 2
        x += step
        if np.abs(step).max() < 1e-9:
            break
    return float(np.abs(x).max())


@pytest.mark.parametrize("tied", [False, True])
def test_with_a_side_bias_what_is_unbounded_grows_as_a_ridge_vanishes(tied: bool) -> None:
    """A maximum stays where it is once the prior is weak; without one it moves by the logarithm of the prior."""
    rng, seen = np.random.default_rng(4 + tied), {True: 0, False: 0}
    first, second = (np.tile(index, 2) for index in np.triu_indices(3, 1))
    side = np.repeat([1, -1], 3)
    for _ in range(60):
        table = rng.poisson(0.7, (6, 3)) * [1, 1, tied]
        if one_sided(table, side) or side_undetermined(3, first, second, table, side):
            continue
        found = side_unbounded(3, first, second, table, side)
        near, far = (
            size_under(prior, 3, (first, second, table, side), Model(side_bias=True)) for prior in (1e-6, 1e-9)
        )
        assert found == (far - near > 1)
        seen[found] += 1
    assert min(seen.values()) >= 5


def test_a_side_that_is_always_the_same_cannot_be_told_from_the_conditions() -> None:
    """One pair that always stood the same way round; and a triangle that went round: a > b > c > a, first ones left."""
    assert side_undetermined(2, np.array([0]), np.array([1]), np.array([[5, 3, 0]]), np.array([1]))
    first, second = np.array([0, 1, 0]), np.array([1, 2, 2])
    table = np.array([[5, 3, 0]] * 3)
    assert side_undetermined(3, first, second, table, np.array([1, 1, 1])) is False
    assert side_undetermined(3, first, second, table[:2].repeat([1, 2], axis=0) * [[1], [1], [0]], np.array([1, 1, 1]))
    assert not side_undetermined(2, np.array([0, 0]), np.array([1, 1]), table[:2], np.array([1, -1]))


def test_one_side_wins_all() -> None:
    table, side = np.array([[4, 0, 2], [0, 3, 1]]), np.array([1, -1])
    assert one_sided(table, side)
    assert not one_sided(table + np.array([[0, 1, 0], [0, 0, 0]]), side)
