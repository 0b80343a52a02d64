"""Bradley-Terry, and Davidson's model where votes are "not sure": maximum likelihood by Newton's method on counts.

Arrays in, arrays out; no votes and no names. Pairs and cells are those of `counts.Counts`.

With d = theta_i - theta_j in natural-log units, the three outcomes of a pair have the probabilities

    P(i wins) = exp(d/2) / Z,   P(j wins) = exp(-d/2) / Z,   P(not sure) = nu / Z,   Z = exp(d/2) + exp(-d/2) + nu

(Davidson 1970, "On extending the Bradley-Terry model to accommodate ties"). nu = 0 is the model of Bradley and Terry
1952, P(i wins) = 1 / (1 + exp(-d)). Both are exponential families with the statistics s (1/2 for a win of i, -1/2 for
one of j) and t (1 for not sure) and the natural parameters d and log nu, so the log-likelihood is concave and its
derivatives are those statistics' means and covariances.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import NegativeCycleError, bellman_ford, connected_components

from analysis.votes import Floats, Ints

ELO = 400 / np.log(10)  # one natural-log unit of strength in Elo points
S = np.array([0.5, -0.5, 0.0])
T = np.array([0.0, 0.0, 1.0])
STEPS = 100
SMALLEST_STEP = 1e-11


@dataclass(frozen=True)
class Fit:
    """A maximum of the likelihood.

    `theta` (n,) in natural-log units, mean 0; `log_nu` is None where no vote was "not sure". The parameters are
    theta, then log nu. `information` (d, d) is the negative second derivative, `scores` (3 * pairs, d) the first
    derivative of one vote in each cell. `ridge` is the precision of the Gaussian prior on every theta, 0 for plain
    maximum likelihood; log nu has one only where every vote is "not sure", which nothing else bounds.
    """

    theta: Floats
    log_nu: float | None
    log_likelihood: float
    information: Floats
    scores: csr_array
    ridge: float

    @property
    def inverse_information(self) -> Floats:
        """The inverse on the space of ratings with mean 0: the direction that adds a constant to all is pinned."""
        return np.asarray(np.linalg.inv(self.information + _pin(len(self.theta), len(self.information))))


def fit(first: Ints, second: Ints, table: Ints | Floats, ridge: float = 0.0) -> Fit:
    """Fit ratings to the outcome counts `table` (pairs, 3) of the pairs `first`, `second` (pairs,).

    The maximum must exist: see `components`, `never_lost` and `not_sure_unbounded`, or give a `ridge`, which adds
    ridge / 2 times the sum of the squared theta to the negative log-likelihood. Every item must be in some pair.
    Raises ArithmeticError where Newton's method does not end.
    """
    n = int(max(first.max(), second.max())) + 1
    tied = bool(table[:, 2].any())
    x = np.zeros(n + tied)
    if tied:
        share = min(table[:, 2].sum() / table.sum(), 0.9)
        x[n] = np.log(2 * share / (1 - share))  # what equal strengths and this share of not sure imply
    for _ in range(STEPS):
        value, gradient, information = derivatives(x, first, second, table, ridge)
        step = np.linalg.solve(information + _pin(n, len(x)), gradient)
        slack = 1e-12 * (1 + abs(value))  # of rounding, near the top
        while log_likelihood(x + step, first, second, table, ridge) < value - slack:
            step /= 2
        x += step
        if np.abs(step).max() < SMALLEST_STEP:
            break
    else:
        raise ArithmeticError(f"Newton's method did not end within {STEPS} steps")
    x[:n] -= x[:n].mean()
    value, _, information = derivatives(x, first, second, table, ridge)
    log_nu = float(x[n]) if tied else None
    return Fit(x[:n], log_nu, value, information, cell_scores(x, n, first, second), ridge)


def probabilities(x: Floats, first: Ints, second: Ints, tied: bool) -> Floats:
    """Return the probabilities (pairs, 3) of a win of the first, a win of the second, and not sure."""
    return np.exp(_log_probabilities(x, first, second, tied))


def _log_probabilities(x: Floats, first: Ints, second: Ints, tied: bool) -> Floats:
    half = (x[first] - x[second]) / 2
    third = np.full_like(half, x[-1] if tied else -np.inf)
    logits = np.stack([half, -half, third], axis=1)
    top = logits.max(axis=1, keepdims=True)
    return np.asarray(logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True)))


def log_likelihood(x: Floats, first: Ints, second: Ints, table: Ints | Floats, ridge: float = 0.0) -> float:
    """Return the log-likelihood of the counts, less the ridge's penalty; x is theta, then log nu if there is one."""
    logs = _log_probabilities(x, first, second, bool(table[:, 2].any()))
    return float((table * np.where(table > 0, logs, 0.0)).sum() - _precision(x, table, ridge) @ x**2 / 2)


def derivatives(
    x: Floats, first: Ints, second: Ints, table: Ints | Floats, ridge: float = 0.0
) -> tuple[float, Floats, Floats]:
    """Return the log-likelihood, its gradient (d,) and its negative Hessian (d, d)."""
    tied = bool(table[:, 2].any())
    n = len(x) - tied
    chance, votes = probabilities(x, first, second, tied), table.sum(axis=1)
    mean_s, mean_t = chance @ S, chance @ T
    by_s, by_t = table @ S - votes * mean_s, table @ T - votes * mean_t
    precision = _precision(x, table, ridge)
    gradient, information = -precision * x, np.diag(precision)
    gradient[:n] += np.bincount(first, by_s, n) - np.bincount(second, by_s, n)
    var_s = votes * (chance @ S**2 - mean_s**2)
    laplacian = coo_array((-var_s, (first, second)), shape=(n, n)).toarray()
    laplacian += laplacian.T
    information[:n, :n] += laplacian - np.diag(laplacian.sum(axis=0))
    if tied:
        cov = -votes * mean_s * mean_t
        gradient[n] += by_t.sum()
        across = np.bincount(first, cov, n) - np.bincount(second, cov, n)
        information[:n, n] += across
        information[n, :n] += across
        information[n, n] += (votes * mean_t * (1 - mean_t)).sum()
    return log_likelihood(x, first, second, table, ridge), gradient, information


def _precision(x: Floats, table: Ints | Floats, ridge: float) -> Floats:
    """Return the precision (d,) of the prior on each parameter; see `Fit`."""
    precision = np.full(len(x), float(ridge))
    if table[:, 2].any() and table[:, :2].any():
        precision[-1] = 0.0
    return precision


def cell_scores(x: Floats, n: int, first: Ints, second: Ints) -> csr_array:
    """Return the gradient (3 * pairs, d) of the log-likelihood of one vote in each cell."""
    tied, pairs = len(x) > n, len(first)
    chance = probabilities(x, first, second, tied)
    by_s = (S - (chance @ S)[:, None]).ravel()
    by_t = (T - (chance @ T)[:, None]).ravel() if tied else np.empty(0)
    cell = np.arange(3 * pairs)
    rows = np.concatenate([cell, cell, cell[: len(by_t)]])
    columns = np.concatenate([np.repeat(first, 3), np.repeat(second, 3), np.full(len(by_t), n)])
    return csr_array((np.concatenate([by_s, -by_s, by_t]), (rows, columns)), shape=(3 * pairs, len(x)))


def _pin(n: int, d: int) -> Floats:
    pin = np.zeros((d, d))
    pin[:n, :n] = 1 / n
    return pin


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
    """Return whether Davidson's likelihood grows without end along a direction that raises nu.

    Such a direction (v, e > 0), scaled to e = 1/2, keeps every observed outcome the likeliest of its pair: v_i - v_j
    >= 1 where i beat j, and |v_i - v_j| <= 1 where a vote was not sure. These are difference constraints, which can
    be met unless their graph has a negative cycle (Bellman 1958). So two items with wins one way only and some "not
    sure" have no maximum.
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
