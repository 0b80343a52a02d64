"""Whether a likelihood has a finite maximum, and which items stand in the way.

A concave log-likelihood has one unless it never falls along some direction of its parameters. For all models of ties
here the condition is the same, since only the signs of distances count along a direction (v, e): where i beat j it
never falls if v_i - v_j >= max(e, 0), where a vote was not sure if |v_i - v_j| <= e; e belongs to the parameter of
ties. With e = 0 that is Ford's condition (`never_lost`), with e > 0 that of `not_sure_unbounded`. The data are those
that the model takes: `Model.decisive`.
"""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import NegativeCycleError, bellman_ford, connected_components

from analysis.votes import Floats, Ints


def components(n: int, first: Ints, second: Ints) -> Ints:
    """Return for each of `n` items the number of its connected component in the graph of compared pairs."""
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def never_lost(n: int, first: Ints, second: Ints, table: Ints | Floats) -> Ints:
    """Return a set of items none of which ever lost to, or tied with, one outside it; empty where there is no such set.

    A finite maximum needs the directed graph of who beat whom to be strongly connected (Ford 1957, "Solution of a
    ranking problem from binary comparisons"); "not sure" counts both ways. The compared pairs must be connected.
    """
    beat = table + table[:, [2]]
    winner = np.concatenate([first[beat[:, 0] > 0], second[beat[:, 1] > 0]])
    loser = np.concatenate([second[beat[:, 0] > 0], first[beat[:, 1] > 0]])
    found, label = connected_components(
        coo_array((np.ones(len(winner)), (winner, loser)), shape=(n, n)), connection="strong"
    )
    if found == 1:
        return np.empty(0, np.int64)
    across = label[winner] != label[loser]
    top = np.setdiff1d(label, label[loser[across]])[0]
    return np.flatnonzero(label == top)


def not_sure_unbounded(n: int, first: Ints, second: Ints, table: Ints | Floats) -> bool:
    """Return whether the likelihood grows without end along a direction that makes ties more likely.

    Such a direction (v, e > 0), scaled to e = 1, has v_i - v_j >= 1 where i beat j and |v_i - v_j| <= 1 where a vote
    was not sure. These are difference constraints, which can be met unless their graph has a negative cycle (Bellman
    1958). So two items with wins one way only and some "not sure" have no maximum.
    """
    if not table[:, 2].any():
        return False
    at_most = np.full((n, n), np.inf)  # at_most[a, b] bounds v_b - v_a
    unsure = table[:, 2] > 0
    at_most[first[unsure], second[unsure]] = at_most[second[unsure], first[unsure]] = 1.0
    won, lost = table[:, 0] > 0, table[:, 1] > 0
    at_most[first[won], second[won]] = -1.0
    at_most[second[lost], first[lost]] = -1.0
    edges = np.argwhere(np.isfinite(at_most))
    weights = at_most[edges[:, 0], edges[:, 1]]
    start = np.stack([np.full(n, n), np.arange(n)])  # from one more node every item is in reach
    rows, columns = np.concatenate([edges[:, 0], start[0]]), np.concatenate([edges[:, 1], start[1]])
    graph = csr_array((np.concatenate([weights, np.full(n, 2.0 * n)]), (rows, columns)), shape=(n + 1, n + 1))
    try:
        bellman_ford(graph, indices=n)
    except NegativeCycleError:
        return False
    return True


def one_sided(table: Ints | Floats, side: Ints) -> bool:
    """Return whether all votes that decide went to the same side: then no finite side bias fits, ridge or not."""
    left = np.where(side[:, None] > 0, table[:, :2], table[:, 1::-1]).sum(axis=0)
    return bool(left.min() == 0)


def side_undetermined(n: int, first: Ints, second: Ints, table: Ints | Floats, side: Ints) -> bool:
    """Return whether strengths can take the place of a side bias: all pairs stood the same way round, say."""
    used = table.sum(axis=1) > 0
    design = np.zeros((int(used.sum()), n + 1))
    rows = np.arange(len(design))
    design[rows, first[used]], design[rows, second[used]], design[:, n] = 1, -1, side[used]
    pin = np.zeros((n + 1, n + 1))
    pin[:n, :n] = 1 / n
    return bool(np.linalg.matrix_rank(design.T @ design + pin, hermitian=True) <= n)


def side_unbounded(n: int, first: Ints, second: Ints, table: Ints | Floats, side: Ints) -> bool:
    """Return whether with a side bias the likelihood grows without end: complete or partial separation.

    A linear programme over directions (v, e, c) in a box, c for the side bias: the distances v_i - v_j + side c have to
    obey the inequalities of this module, and their slack is made as large as possible; separated if it is not 0 (Albert
    and Anderson 1984, "On the existence of maximum likelihood estimates in logistic regression models").
    """
    won, lost, unsure = (table[:, outcome] > 0 for outcome in range(3))
    fixed = won & lost  # these distances may not change, nor may any then that they determine
    if not side_undetermined(n, first[fixed], second[fixed], table[fixed], side[fixed]):
        return False
    every = np.concatenate([np.flatnonzero(mask) for mask in (won, lost, unsure, unsure)])
    sign = np.repeat([1, -1, 1, -1], [won.sum(), lost.sum(), unsure.sum(), unsure.sum()])
    decided = np.arange(len(every)) < won.sum() + lost.sum()
    rows = np.arange(len(every))
    entries = np.concatenate([sign, -sign, sign * side[every]])
    columns = np.concatenate([first[every], second[every], np.full(len(every), n)])
    distance = csr_array((entries.astype(float), (np.tile(rows, 3), columns)), shape=(len(every), n + 2)).tolil()
    distance[rows[decided], n + 1] = -1.0
    distance[rows[~decided], n + 1] = 1.0
    at_least = distance.tocsr()
    bounds = [(-1, 1)] * (n + 1) + [(0, 1 if unsure.any() else 0)]
    found = linprog(-at_least.sum(axis=0), A_ub=-at_least, b_ub=np.zeros(len(every)), bounds=bounds)
    return bool(-found.fun > 1e-7)
