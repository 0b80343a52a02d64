"""How well anything could predict these votes: two yardsticks beside the agreement of a metric.

On a crop and a pair of conditions (a cell) the first condition wins with chance p, which differs between cells: for
each pair of conditions p ~ Beta(mu M, (1 - mu) M), with the pair's own mean mu and one precision M for all. Votes of
different participants in a cell are then beta-binomial (Skellam 1948), and only cells with two of them tell M. mu is
the pair's share of won votes with half a vote added either way, M maximises the likelihood. Which of two conditions
is "first" is only a name: turned round, mu becomes 1 - mu and nothing changes.

- Another participant's vote agrees with one vote in E[p^2 + (1-p)^2] of cases.
- The best possible prediction of a vote names the side that most prefer, and is right in E[max(p, 1-p)].

With p ~ Beta(2, 2) they are 0.60 and 0.69. Both are means over votes. A vote that is not sure counts half, as in the
score of a metric: with a share q of them, taken as alike in all cells, the best prediction scores (1-q) E + q / 2, and
the agreement of two votes is (1-q)^2 E + (1 - (1-q)^2) / 2.

Intervals resample whole sources (percentiles), each round with its own mu, M and q.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import betainc, betaln

from analysis.codes import how_many, numbered
from analysis.raters import on_units
from analysis.votes import Floats, Ints, Votes

ROUNDS = 400
LEAST_ROUNDS, MOST = 100, 2**16  # rounds x different cells that are fitted at most; with more of them fewer rounds
LEVEL = 0.95
FEWEST_CELLS = 10
FEWEST_SOURCES = 5
LOG_PRECISION = (-4.0, 10.0)  # from cells that all agree within themselves to cells that are all alike


@dataclass(frozen=True)
class Cells:
    """Votes of different participants on a crop and a pair of conditions; all arrays have one entry a cell.

    `first` of `decided` votes were for the first condition of `pair`; `not_sure` named none.
    """

    pair: Ints
    source: Ints
    first: Ints
    decided: Ints
    not_sure: Ints

    @property
    def kinds(self) -> int:
        """How many of the cells differ in pair or votes."""
        most = int(max(self.decided.max(), self.not_sure.max())) + 1
        return how_many(((self.pair * most + self.first) * most + self.decided) * most + self.not_sure)


@dataclass(frozen=True)
class Bound:
    """A yardstick with its 95% interval over sources; NaN where there is none."""

    value: float
    low: float = np.nan
    high: float = np.nan


@dataclass(frozen=True)
class Yardsticks:
    """Both yardsticks, and what they rest on: `telling` cells hold the decided votes of two participants or more.

    `reason` says why there is no value, or no interval; empty where there are both. The bootstrap took
    `rounds`.
    """

    two_participants: Bound
    best_prediction: Bound
    precision: float
    cells: int
    telling: int
    reason: str
    rounds: int = 0


def cells(votes: Votes) -> Cells:
    """Return the cells of votes that name sources; of two votes of a participant in one cell the first counts."""
    found = on_units(votes)
    table = found.table()
    row = np.zeros(len(table), np.int64)
    row[found.unit] = np.arange(len(votes))  # any vote of the unit tells what it is about
    pair = np.minimum(votes.left, votes.right)[row] * len(votes.items) + np.maximum(votes.left, votes.right)[row]
    first, second, not_sure = table.T
    return Cells(numbered(pair)[1], votes.source[row], first, first + second, not_sure)


def yardsticks(found: Cells, rounds: int = ROUNDS, seed: int = 1) -> Yardsticks:
    """Return both yardsticks of the cells, or why there are none."""
    telling = int((found.decided > 1).sum())
    if telling < FEWEST_CELLS:
        nothing = Bound(np.nan)
        reason = (
            f"{telling} crops and pairs have votes of two participants that decide, which alone tell how far people "
            f"agree; told from {FEWEST_CELLS} on"
        )
        return Yardsticks(nothing, nothing, np.nan, len(found.pair), telling, reason)
    rows = _distinct(found)
    agree, best, precision = _fit(rows, np.ones(len(found.pair)))
    whole = Yardsticks(Bound(agree), Bound(best), precision, len(found.pair), telling, "")
    labels, label = np.unique(found.source, return_inverse=True)
    if len(labels) < FEWEST_SOURCES:
        return replace(whole, reason=f"{len(labels)} sources are too few for an interval (at least {FEWEST_SOURCES})")
    rounds = min(rounds, max(LEAST_ROUNDS, MOST // found.kinds))
    rng, chance = np.random.default_rng(seed), np.full(len(labels), 1 / len(labels))
    drawn = np.array([_fit(rows, times[label].astype(float))[:2] for times in _times(rng, chance, rounds)])
    tail = (1 - LEVEL) / 2
    (low, low_best), (high, high_best) = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    return replace(
        whole,
        rounds=rounds,
        two_participants=Bound(agree, float(low), float(high)),
        best_prediction=Bound(best, float(low_best), float(high_best)),
    )


def _times(rng: np.random.Generator, chance: Floats, rounds: int) -> Iterator[Ints]:
    for _ in range(rounds):
        yield rng.multinomial(len(chance), chance)


@dataclass(frozen=True)
class _Rows:
    """Cells that are alike in pair and decided votes as one row; `row` (cells,) says which, `not_sure` (cells,)."""

    row: Ints
    not_sure: Ints
    pair: Ints
    first: Floats
    decided: Floats


def _distinct(found: Cells) -> _Rows:
    most = int(found.decided.max()) + 1
    kinds, row = numbered((found.pair * most + found.first) * most + found.decided)
    kind, decided = np.divmod(kinds, most)
    pair, first = np.divmod(kind, most)
    return _Rows(row, found.not_sure, pair, first.astype(float), decided.astype(float))


def _fit(rows: _Rows, times: Floats) -> tuple[float, float, float]:
    """Return both yardsticks and the precision where each cell counts as often as `times` (cells,) says."""
    often = np.bincount(rows.row, times, len(rows.pair))
    many, pairs = often * rows.decided, int(rows.pair.max()) + 1
    won, of = np.bincount(rows.pair, often * rows.first, pairs), np.bincount(rows.pair, many, pairs)
    mean = (won + 0.5) / (of + 1)
    tells = (often > 0) & (rows.decided > 1)
    if not tells.any():
        return np.nan, np.nan, np.nan
    times_told, pair, k = often[tells], rows.pair[tells], rows.first[tells]
    missed, of_pair = rows.decided[tells] - k, np.bincount(pair, times_told, pairs)

    def minus_likelihood(log_precision: float) -> float:
        a, b = mean * np.exp(log_precision), (1 - mean) * np.exp(log_precision)
        return float(of_pair @ betaln(a, b) - times_told @ betaln(a[pair] + k, b[pair] + missed))

    log_precision = minimize_scalar(minus_likelihood, bounds=LOG_PRECISION, method="bounded").x
    precision = float(np.exp(log_precision))
    a, b = mean * precision, (1 - mean) * precision
    sure = many.sum() / (many.sum() + times @ rows.not_sure)
    agree, best = (float(of @ each / of.sum()) for each in (agreement_of_two(a, b), best_prediction(a, b)))
    return sure**2 * agree + (1 - sure**2) / 2, sure * best + (1 - sure) / 2, precision


def agreement_of_two(a: Floats, b: Floats) -> Floats:
    """Return E[p^2 + (1-p)^2] of p ~ Beta(a, b)."""
    return np.asarray(1 - 2 * a * b / ((a + b) * (a + b + 1)))


def best_prediction(a: Floats, b: Floats) -> Floats:
    """Return E[max(p, 1-p)] of p ~ Beta(a, b), by E[p; p > 1/2] = a / (a+b) P(Beta(a+1, b) > 1/2)."""
    mean = a / (a + b)
    return np.asarray(mean * (1 - betainc(a + 1, b, 0.5)) + (1 - mean) * betainc(a, b + 1, 0.5))
