"""Ratings by maximum likelihood: one Newton's method on counts for every model of paired comparison.

Arrays in, arrays out; no votes and no names. Rows are pairs of items with the numbers of their three outcomes, as in
`counts.Counts`. The distance of a row is

    d = theta_first - theta_second + side * delta

where side is 1 if the first item stood left and -1 if it stood right, and delta is the pull of the left side (Davidson
and Beaver 1977, "On extending the Bradley-Terry model to incorporate within-pair order effects"); without side bias as
a parameter side and delta are not there. The chances of a row's outcomes follow from d and a parameter of ties: see
`outcomes`. Both are linear in the parameters, and the log-chances are concave in them, so a maximum is the maximum.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from analysis.outcomes import TIES, Outcomes, Ties, logs, outcomes, start
from analysis.scales import POINTS, Link
from analysis.votes import Floats, Ints

STEPS = 200
SMALLEST_STEP = 1e-11
SMALL_STEP = 1e-6  # near the top; rounding may keep steps from shrinking any further
HALVINGS = 60


@dataclass(frozen=True)
class Model:
    """What is fitted. `ridge` is the precision of a Gaussian prior on every theta, 0 for plain maximum likelihood."""

    link: Link = "logistic"
    ties: Ties = "davidson"
    side_bias: bool = False
    ridge: float = 0.0

    def __post_init__(self) -> None:
        if self.ties not in TIES[self.link]:
            raise ValueError(f"a {self.link} link goes with ties as {', '.join(TIES[self.link])}, not {self.ties}")

    def decisive(self, table: Ints | Floats) -> Ints | Floats:
        """Return the table (rows, 3) as the likelihood takes it: votes that are not sure halved or dropped."""
        if self.ties not in ("half", "dropped"):
            return table
        halves = table[:, [2]] / 2 if self.ties == "half" else 0
        return np.column_stack([table[:, :2] + halves, np.zeros(len(table))])


DEFAULT = Model()


@dataclass(frozen=True)
class Fit:
    """A maximum of the likelihood.

    `theta` (n,) is in units of the link, mean 0. `tie` is the parameter of ties (log nu for Davidson's model, else the
    threshold), None where no vote was "not sure" or `half` and `dropped` need none; `side` is delta, None where it is
    no parameter. The parameters are theta, then tie, then side. `information` (d, d) is the negative second derivative,
    `scores` (3 * rows, d) the first derivative of one vote in each cell; under `half` and `dropped` both are those of
    the votes as they were counted. The tie parameter has a prior of its own only where every vote is "not sure", which
    nothing else bounds.
    """

    model: Model
    theta: Floats
    tie: float | None
    side: float | None
    log_likelihood: float
    information: Floats
    scores: csr_array

    @property
    def points(self) -> float:
        """Elo points in one unit of theta."""
        return POINTS[self.model.link]

    @property
    def rating(self) -> Floats:
        """The ratings (n,) in Elo points, mean 0."""
        return self.points * self.theta

    @property
    def ridge(self) -> float:
        """The precision of the prior on every theta; 0 where there is none."""
        return self.model.ridge

    @property
    def log_nu(self) -> float | None:
        """The logarithm of Davidson's nu; None under other models, and where no vote was "not sure"."""
        return self.tie if self.model.ties == "davidson" else None

    @property
    def inverse_information(self) -> Floats:
        """The inverse on the space of ratings with mean 0: the direction that adds a constant to all is pinned."""
        return np.asarray(np.linalg.inv(self.information + _pin(len(self.theta), len(self.information))))


@dataclass(frozen=True)
class Likelihood:
    """The log-likelihood of the counts `table` (rows, 3) under a model, as a function of the parameters x (d,).

    `side` (rows,) is 1 where the first item of the row stood left, -1 where it stood right; it is needed only for a
    model with side bias. `n` is the number of items.
    """

    model: Model
    n: int
    first: Ints
    second: Ints
    table: Ints | Floats
    side: Ints | None = None

    @property
    def tied(self) -> bool:
        """Whether there is a parameter of ties."""
        return self.model.ties not in ("half", "dropped") and bool(self.table[:, 2].any())

    @property
    def parameters(self) -> int:
        """The number d of parameters."""
        return self.n + self.tied + self.model.side_bias

    def start(self) -> Floats:
        """Return where Newton's method begins: all items equal, ties as frequent as they are."""
        x = np.zeros(self.parameters)
        if self.tied:
            share = min(float(self.table[:, 2].sum() / self.table.sum()), 0.9)
            x[self.n] = start(self.model.link, self.model.ties, share)
        return x

    def split(self, x: Floats) -> tuple[Floats, float | None]:
        """Return the distance of each row (rows,) and the parameter of ties."""
        d = x[self.first] - x[self.second]
        if self.model.side_bias:
            d = d + self._sides * x[-1]
        return d, float(x[self.n]) if self.tied else None

    def value(self, x: Floats) -> float:
        """Return the log-likelihood, less the ridge's penalty; minus infinity outside a threshold's domain."""
        found = logs(self.model.link, self.model.ties, *self.split(x))
        return self._value(x, found)

    def derivatives(self, x: Floats) -> tuple[float, Floats, Floats]:
        """Return the log-likelihood, its gradient (d,) and its negative Hessian (d, d)."""
        found = self.outcomes(x)
        precision = self._precision()
        gradient, information = -precision * x, np.diag(precision)
        n, first, second = self.n, self.first, self.second
        by_d, dd = (_summed(self.table, part) for part in (found.by_d, -found.dd))

        def spread(by_row: Floats) -> Floats:
            return np.asarray(np.bincount(first, by_row, n) - np.bincount(second, by_row, n))

        gradient[:n] += spread(by_d)
        laplacian = -np.bincount(first * n + second, dd, n * n).reshape(n, n)
        laplacian += laplacian.T
        information[:n, :n] += laplacian - np.diag(laplacian.sum(axis=0))
        crossed = []  # the parameters after theta: place, mixed derivatives by row
        if self.tied:
            by_t, dt, tt = (_summed(self.table, part) for part in (found.by_t, -found.dt, -found.tt))
            gradient[n] += by_t.sum()
            information[n, n] += tt.sum()
            crossed.append((n, dt))
        if self.model.side_bias:
            gradient[-1] += self._sides @ by_d
            information[-1, -1] += self._sides**2 @ dd
            if self.tied:
                information[n, -1] = information[-1, n] = self._sides @ dt
            crossed.append((self.parameters - 1, self._sides * dd))
        for place, by_row in crossed:
            information[:n, place] = information[place, :n] = spread(by_row)
        return self._value(x, found.log), gradient, information

    def outcomes(self, x: Floats) -> Outcomes:
        """Return the log-chances of every cell with their derivatives."""
        return outcomes(self.model.link, self.model.ties, *self.split(x))

    def scores(self, x: Floats) -> csr_array:
        """Return the gradient (3 * rows, d) of the log-likelihood of one vote in each cell."""
        found = self.outcomes(x)
        by_d, cell = found.by_d.ravel(), np.arange(3 * len(self.first))
        parts = [(by_d, np.repeat(self.first, 3)), (-by_d, np.repeat(self.second, 3))]
        if self.tied:
            parts.append((found.by_t.ravel(), np.full(len(cell), self.n)))
        if self.model.side_bias:
            parts.append((np.repeat(self._sides, 3) * by_d, np.full(len(cell), self.parameters - 1)))
        values, columns = (np.concatenate(part) for part in zip(*parts, strict=True))
        return csr_array((values, (np.tile(cell, len(parts)), columns)), shape=(len(cell), self.parameters))

    @property
    def _sides(self) -> Ints:
        if self.side is None:
            raise ValueError("side bias needs to know which item of each row stood left")
        return self.side

    def _value(self, x: Floats, found: Floats) -> float:
        return float((self.table * np.where(self.table > 0, found, 0.0)).sum() - self._precision() @ x**2 / 2)

    def _precision(self) -> Floats:
        """Return the precision (d,) of the prior on each parameter; see `Fit`."""
        precision = np.zeros(self.parameters)
        precision[: self.n] = self.model.ridge
        if self.tied and not self.table[:, :2].any():
            precision[self.n] = self.model.ridge
        return precision


def fit(
    first: Ints,
    second: Ints,
    table: Ints | Floats,
    model: Model = DEFAULT,
    side: Ints | None = None,
) -> Fit:
    """Fit a model to the outcome counts `table` (rows, 3) of the pairs `first`, `second` (rows,).

    The maximum must exist: see `existence.why_none`; a ridge adds ridge / 2 times the sum of the squared theta to the
    negative log-likelihood. Every item must be in some row. Raises ArithmeticError where Newton's method does not end.
    """
    n = int(max(first.max(), second.max())) + 1
    likelihood = Likelihood(model, n, first, second, table, side)
    x = _maximum(likelihood)
    x[:n] -= x[:n].mean()
    value, _, information = likelihood.derivatives(x)
    tie = float(x[n]) if likelihood.tied else None
    delta = float(x[-1]) if model.side_bias else None
    return Fit(model, x[:n], tie, delta, value, information, likelihood.scores(x))


def _maximum(likelihood: Likelihood) -> Floats:
    """Climb by Newton's steps, halved while they lead down, until they are as small as rounding."""
    x, last = likelihood.start(), np.inf
    for _ in range(STEPS):
        value, gradient, information = likelihood.derivatives(x)
        step = _solve(information + _pin(likelihood.n, len(x)), gradient)
        slack = 1e-12 * (1 + abs(value))  # of rounding, near the top
        rise = float(gradient @ step)
        for _ in range(HALVINGS):
            if likelihood.value(x + step) >= value - slack:
                break
            step = step / 2
        x = x + step
        size = float(np.abs(step).max())
        if size < SMALLEST_STEP or (size < SMALL_STEP and size > last / 2 and abs(rise) < slack):
            return x
        last = size
    raise ArithmeticError(f"Newton's method did not end within {STEPS} steps")


def _solve(information: Floats, gradient: Floats) -> Floats:
    try:
        step = np.asarray(np.linalg.solve(information, gradient))
    except np.linalg.LinAlgError:
        raise ArithmeticError("the information of the votes is singular") from None
    if not np.isfinite(step).all():
        raise ArithmeticError("a step of Newton's method is not finite")
    return step


def _pin(n: int, d: int) -> Floats:
    pin = np.zeros((d, d))
    pin[:n, :n] = 1 / n
    return pin


def _summed(table: Ints | Floats, part: Floats) -> Floats:
    """Return the sum over the outcomes of each row (rows,), weighted by the counts."""
    return np.asarray(np.einsum("rc,rc->r", table, part))
