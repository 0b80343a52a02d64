"""How far participants agree: Krippendorff's alpha, with its bootstrap.

A unit is a pair of images, its values are who won: the first, the second, or neither (nominal). With o_ck the
coincidences of values c and k and n_c their sums, alpha = 1 - (n - 1) sum_{c != k} o_ck / sum_{c != k} n_c n_k
(Krippendorff 2018, "Content Analysis", 4th edition, chapter 12). 1 is agreement, 0 what chance gives.

Which of two images is "first" is only a name, but what chance gives depends on it: named so that the first always wins,
a study would have no disagreement to expect. So each unit is entered twice, once each way round; alpha is then the same
however the pairs are named.

The interval resamples units and takes all votes of a drawn one (Zapf, Castell, Morawietz and Karch 2016, "Measuring
inter-rater reliability for nominal data - which coefficients and confidence intervals are appropriate?"); where the
votes name enough images, whole images with all their units, since units of one image resemble one another. With under
some twenty images it is rather too narrow.
"""

from dataclasses import dataclass

import numpy as np

from analysis.raters import on_units
from analysis.selection import Selection
from analysis.votes import Floats, Ints

ROUNDS = 5000
LEVEL = 0.95
FEWEST_SOURCES = 5
AT_ONCE = 500  # rounds
ROUND = np.array([1, 0, 2])  # the values of a unit that is named the other way round


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's `alpha` (NaN where there is no disagreement to expect), its 95% interval, and what it rests on.

    `units` are pairs of images with votes of two participants or more, `votes` theirs. `over` says what was resampled:
    `sources`, `pairs`, or `none` where there are too few. `undefined` of the `rounds` had no alpha and are left out.
    """

    alpha: float
    low: float
    high: float
    units: int
    votes: int
    over: str
    rounds: int
    undefined: int


def agreement(selection: Selection, rounds: int = ROUNDS, seed: int = 1) -> Agreement:
    """Return the agreement of the participants on the rated votes; of two votes on one unit the first counts."""
    values, source = units(selection)
    named = source.size and source.min() >= 0 and len(np.unique(source)) >= FEWEST_SOURCES
    cluster, over = (source, "sources") if named else (np.arange(len(values)), "pairs")
    found = float(alpha(*coincidences(values)))
    votes = int(values.sum())
    if len(np.unique(cluster)) < 2 or np.isnan(found):
        return Agreement(found, np.nan, np.nan, len(values), votes, "none", 0, 0)
    drawn = resampled(values, cluster, rounds, seed)
    kept, tail = drawn[~np.isnan(drawn)], (1 - LEVEL) / 2
    low, high = np.quantile(kept, [tail, 1 - tail])
    return Agreement(found, float(low), float(high), len(values), votes, over, rounds, rounds - len(kept))


def units(selection: Selection) -> tuple[Ints, Ints]:
    """Return the votes for each value of each unit (units, 3), of units with two votes or more, and their sources."""
    votes = selection.rated
    found = on_units(votes)
    table = found.table()
    source = np.zeros(len(table), np.int64)
    source[found.unit] = votes.source
    kept = table.sum(axis=1) > 1
    return table[kept], source[kept]


def coincidences(values: Ints) -> tuple[Floats, Floats]:
    """Return the sums that alpha needs of units (units, 3), each entered both ways round.

    The first is the disagreement sum_{c != k} o_ck of each unit (units,), the second its votes by value (units, 3).
    """
    many = values.sum(axis=1)
    unlike = (many**2 - (values**2).sum(axis=1)) / np.maximum(many - 1, 1)
    return 2 * unlike, (values + values[:, ROUND]).astype(float)


def alpha(unlike: Floats, each: Floats, weights: Floats | None = None) -> Floats:
    """Return alpha of weighted units: of `coincidences`, with `weights` (rounds, units); of all units alike if None."""
    times = np.ones(len(unlike)) if weights is None else weights
    observed, n_c = times @ unlike, times @ each
    n = n_c.sum(axis=-1)
    expected = n**2 - (n_c**2).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * observed / expected, np.nan)


def resampled(values: Ints, cluster: Ints, rounds: int, seed: int) -> Floats:
    """Return alpha (rounds,) of resamples of whole clusters of units, one label (units,) each."""
    labels, label = np.unique(cluster, return_inverse=True)
    k = len(labels)
    unlike, each = coincidences(values)
    columns = [unlike, *each.T]
    sums = np.stack([np.bincount(label, column, k).astype(float) for column in columns], axis=1)
    kinds, many = np.unique(sums, axis=0, return_counts=True)  # clusters alike in all sums need one draw together
    rng = np.random.default_rng(seed)
    sizes = [min(AT_ONCE, rounds - begin) for begin in range(0, rounds, AT_ONCE)]
    drawn = (rng.multinomial(k, many / k, size).astype(float) for size in sizes)
    return np.concatenate([alpha(kinds[:, 0], kinds[:, 1:], weights) for weights in drawn])
