"""How well predictions tell votes, with intervals over sources.

All measures are means over votes; a vote that is not sure counts half to each side. Intervals resample whole groups of
sources (those that look alike are one) and take the fitted models as given: they say how far the value would change
with other sources to predict, not with other sources to learn from. Percentiles of the bootstrap; for the calibration
error, which resampling itself makes larger, the basic bootstrap interval (Davison and Hinkley, "Bootstrap methods and
their application", 1997, section 5.2), cut at 0 and at the value.
"""

from dataclasses import dataclass

import numpy as np

from codec.preference.labels import Floats, Ints

MEASURES = ("accuracy", "auc", "log_loss", "calibration_error")
BINS = 10
ROUNDS = 1000
LEVEL = 0.95
FEWEST_GROUPS = 5
CHUNK = 2_000_000  # entries of rounds x crops at a time


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval; NaN where there is none."""

    value: float
    low: float = np.nan
    high: float = np.nan


@dataclass(frozen=True)
class Outcome:
    """What was seen of crops: votes for either side (crops,), and their groups of sources, numbered from 0.

    `fold` numbers the heads that predict them, where there are several: ranks are compared within one head only, for
    heads that learned from fewer such votes expect fewer just where there are more.
    """

    yes: Floats
    no: Floats
    group: Ints
    fold: Ints | None = None

    def of(self, chosen: Ints) -> "Outcome":
        """Some of the crops."""
        group = np.unique(self.group[chosen], return_inverse=True)[1]
        return Outcome(self.yes[chosen], self.no[chosen], group, None if self.fold is None else self.fold[chosen])


Drawn = dict[str, Floats]
"""Each measure's values: first that of all crops, then those of the rounds of the bootstrap."""


def drawn(chance: Floats, seen: Outcome, seed: int, rounds: int = ROUNDS) -> Drawn:
    """Every measure of predicted chances (crops,) over resampled groups; equal seeds draw equal groups."""
    count = int(seen.group.max()) + 1
    rng = np.random.default_rng(seed)
    times = rng.multinomial(count, np.full(count, 1 / count), size=rounds).astype(float)
    times = np.vstack([np.ones(count), times])
    step = max(1, CHUNK // len(chance))
    parts = [_measured(chance, seen, times[start : start + step]) for start in range(0, len(times), step)]
    return {name: np.concatenate([part[name] for part in parts]) for name in MEASURES}


def estimates(found: Drawn, groups: int) -> dict[str, Estimate]:
    """Values and intervals of what `drawn` gave; below five groups of sources no intervals."""
    return {name: _interval(values, groups, basic=name == "calibration_error") for name, values in found.items()}


def difference(one: Drawn, other: Drawn, groups: int) -> dict[str, Estimate]:
    """One less other, measured on the same resampled groups."""
    return {name: _interval(one[name] - other[name], groups) for name in ("accuracy", "auc", "log_loss")}


def calibration_floor(chance: Floats, seen: Outcome, seed: int, rounds: int = 200) -> float:
    """The calibration error that predictions which are exactly right would show, by chance alone: the mean of many."""
    rng, many = np.random.default_rng(seed), seen.yes + seen.no
    draws = [rng.binomial(np.round(many).astype(np.int64), chance) for _ in range(rounds)]
    ones = np.ones((1, int(seen.group.max()) + 1))
    errors = [_calibration_error(chance, Outcome(yes.astype(float), many - yes, seen.group), ones) for yes in draws]
    return float(np.mean(errors))


def bins(chance: Floats, seen: Outcome) -> Ints:
    """Each crop's bin (crops,): ten of about as many votes, equal predictions together."""
    order = np.argsort(chance, kind="stable")
    before = np.cumsum((seen.yes + seen.no)[order])
    place = np.minimum((before - 1e-9) / before[-1] * BINS, BINS - 1).astype(np.int64)
    first = np.searchsorted(chance[order], chance, side="left")
    return np.asarray(place[first])


def _measured(chance: Floats, seen: Outcome, times: Floats) -> Drawn:
    """Every measure, where each group counts as often as a row of `times` (rounds, groups) says: (rounds,) each."""
    yes, no = seen.yes, seen.no
    safe = np.clip(chance, 1e-9, 1 - 1e-9)
    right = np.where(chance > 0.5, yes, np.where(chance < 0.5, no, (yes + no) / 2))
    loss = -(yes * np.log(safe) + no * np.log1p(-safe))
    votes = _grouped(yes + no, seen, times)
    return {
        "accuracy": _grouped(right, seen, times) / votes,
        "auc": _auc(chance, seen, times),
        "log_loss": _grouped(loss, seen, times) / votes,
        "calibration_error": _calibration_error(chance, seen, times),
    }


def _grouped(values: Floats, seen: Outcome, times: Floats) -> Floats:
    return np.asarray(times @ np.bincount(seen.group, values, times.shape[1]))


def _auc(chance: Floats, seen: Outcome, times: Floats) -> Floats:
    """The chance that a vote for the hallucinated side had a higher prediction than one against it, ties half.

    Over pairs of votes that one head predicts.
    """
    won, pairs = np.zeros(len(times)), np.zeros(len(times))
    fold = np.zeros(len(chance), np.int64) if seen.fold is None else seen.fold
    for number in np.unique(fold):
        inside = np.nonzero(fold == number)[0]
        order = inside[np.argsort(chance[inside], kind="stable")]
        starts = np.nonzero(np.diff(chance[order], prepend=-1.0))[0]
        often = times[:, seen.group[order]]
        yes = np.add.reduceat(often * seen.yes[order], starts, axis=1)
        no = np.add.reduceat(often * seen.no[order], starts, axis=1)
        won += (yes * (no.cumsum(axis=1) - no / 2)).sum(axis=1)
        pairs += yes.sum(axis=1) * no.sum(axis=1)
    return np.asarray(np.divide(won, pairs, out=np.full(len(times), np.nan), where=pairs > 0))


def _calibration_error(chance: Floats, seen: Outcome, times: Floats) -> Floats:
    """Mean over votes of |predicted - seen| share, in ten bins of about as many votes (Naeini and others, 2015)."""
    place, groups = bins(chance, seen), times.shape[1]
    gap = np.zeros(len(times))
    for number in range(BINS):
        inside = place == number
        excess = np.bincount(seen.group[inside], (seen.yes - (seen.yes + seen.no) * chance)[inside], groups)
        gap += np.abs(times @ excess)
    return np.asarray(gap / _grouped(seen.yes + seen.no, seen, times))


def _interval(values: Floats, groups: int, *, basic: bool = False) -> Estimate:
    value, rounds = float(values[0]), values[1:][np.isfinite(values[1:])]
    if groups < FEWEST_GROUPS or not len(rounds):
        return Estimate(value)
    low, high = np.quantile(rounds, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if basic:
        low, high = max(0.0, min(value, 2 * value - high)), max(value, 2 * value - low)
    return Estimate(value, float(low), float(high))
