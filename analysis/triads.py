"""Circular triads: a beat b, b beat c, and c beat a. Where there are more than chance, no scale of one dimension holds.

Of a whole round robin of n items without draws, d = n (n - 1) (2n - 1) / 12 - 1/2 sum a_i^2 with a_i the wins of item
i, and Kendall's coefficient of consistence is zeta = 1 - 24 d / (n^3 - n) for odd n, 1 - 24 d / (n^3 - 4n) for even n
(Kendall and Babington Smith 1940, "On the method of paired comparisons"). Whoever answers at random closes a quarter of
all triads. Of fewer pairs the triads are counted as they are: those whose three pairs all have a winner.

A participant's triads mostly lie on several images, so images on which codecs do differently close some, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.counts import Counts
from analysis.sign_flip import net_wins
from analysis.votes import Ints, Mask

BY_CHANCE = 0.25  # of the triads of answers at random


@dataclass(frozen=True)
class Triads:
    """Triads of one judge, or of pooled votes: decided ones, circular ones, and Kendall's zeta if all are decided."""

    decided: int
    circular: int
    zeta: float | None

    @property
    def share(self) -> float:
        """The share of circular triads; NaN where none is decided."""
        return self.circular / self.decided if self.decided else np.nan


@dataclass(frozen=True)
class Transitivity:
    """The triads of all votes together, the winner of a pair being whom most votes prefer, and of the participants.

    `even` pairs have no such winner. `decided` and `circular` sum over the participants, of whom `complete` decided
    every pair; `zeta` is the mean of these participants' coefficients, None where there are none of them.
    """

    pooled: Triads
    even: int
    decided: int
    circular: int
    complete: int
    zeta: float | None


def triads(beat: Mask) -> Triads:
    """Count the triads of who beat whom (n, n): never both ways, neither way where a pair has no winner.

    With A that matrix and U the pairs with a winner, the triads are the closed walks of three steps: trace A^3 = 3
    circular, trace U^3 = 6 decided.
    """
    n, ahead = len(beat), beat.astype(float)
    met = ahead + ahead.T
    decided, circular = (round(float(np.einsum("ij,ji->", a @ a, a)) / times) for a, times in ((met, 6), (ahead, 3)))
    whole = n > 2 and met.sum() == n * (n - 1)
    most = n**3 - (n if n % 2 else 4 * n)
    return Triads(decided, circular, 1 - 24 * circular / most if whole else None)


def transitivity(counts: Counts) -> Transitivity | None:
    """Return the circular triads of a scale; None with fewer than three items."""
    n = len(counts.items)
    if n < 3:
        return None
    pooled, met = np.zeros((n, n), bool), counts.table[:, 0] - counts.table[:, 1]
    _fill(pooled, counts, np.arange(len(met)), met)
    single = [triads(beat) for beat in _by_participant(counts)]
    zetas = [found.zeta for found in single if found.zeta is not None]
    return Transitivity(
        pooled=triads(pooled),
        even=int((met == 0).sum()),
        decided=sum(found.decided for found in single),
        circular=sum(found.circular for found in single),
        complete=len(zetas),
        zeta=float(np.mean(zetas)) if zetas else None,
    )


def _by_participant(counts: Counts) -> Iterator[Mask]:
    """Give who beat whom (n, n), by the most votes of each participant who decided some pair."""
    n, (net, pair, person) = len(counts.items), net_wins(counts, counts.participant)
    order = np.argsort(person, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(person[order])) + 1):
        beat = np.zeros((n, n), bool)
        _fill(beat, counts, pair[rows], net[rows])
        yield beat


def _fill(beat: Mask, counts: Counts, pair: Ints, net: Ints) -> None:
    """Put winners into a matrix (n, n): of each pair the first item where `net` is above 0, the second below."""
    first, second = counts.first[pair], counts.second[pair]
    beat[first[net > 0], second[net > 0]] = True
    beat[second[net < 0], first[net < 0]] = True
