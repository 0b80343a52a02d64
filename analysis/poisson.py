"""Many Poisson counts of a few means: inverted from their distribution functions through guide tables.

A guide table (Chen and Asau 1974, "On generating random variates from an empirical distribution") holds what a uniform
number comes to in each of many narrow buckets. Here the bucket is drawn first, by a few random bits. In most buckets
one count alone is possible; in the others the place within the bucket is drawn too, and looked up in the distribution
function. That is as exact as double precision holds the distribution function.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from scipy.special import gammaln

from analysis.votes import Floats, Ints

BITS = 11  # of a bucket's number
LARGEST = 400.0  # a mean beyond this spreads over so many counts that few buckets hold one alone
DEVIATIONS, MORE = 9.0, 15.0  # how far from the mean counts go: beyond is less than the rounding of 1
BLOCK = 2**14  # counts drawn at a time: they stay in the cache


@dataclass(frozen=True)
class Poisson:
    """Distributions of counts, one a mean.

    `rising` (means * width,) holds the distribution functions one after the other, that of mean `m` at `width` counts
    from `least[m]` on, plus `m`. `guide` (means * 2**BITS,) is a bucket's count less `least`, or -1 where it holds
    several.
    """

    least: Ints
    width: int
    rising: Floats
    guide: npt.NDArray[np.int16]

    def drawn(self, which: Ints, rounds: int, rng: Generator) -> Floats:
        """Return independent counts (rows, rounds), of each row the mean numbered `which[row]`."""
        found = np.empty((len(which), rounds))
        rows = max(1, BLOCK // rounds)
        for begin in range(0, len(which), rows):
            some = which[begin : begin + rows]
            found[begin : begin + rows] = self._block(some, rounds, rng)
        return found

    def _block(self, which: Ints, rounds: int, rng: Generator) -> Ints:
        size = len(which) * rounds
        bits = rng.bit_generator.random_raw(-(-size // 4)).view(np.uint16)[:size]
        bucket = (bits >> (16 - BITS)).reshape(-1, rounds) + (which << BITS)[:, None]
        found = self.guide.take(bucket)
        several = np.flatnonzero(found < 0)
        mean, inside = np.divmod(bucket.ravel()[several], 1 << BITS)
        place = mean + (inside + rng.random(len(several))) / (1 << BITS)
        found.ravel()[several] = self.rising.searchsorted(place, side="right") - mean * self.width
        return np.asarray(found + self.least[which][:, None])


def poisson(means: Floats) -> Poisson:
    """Return the distributions with the `means` (means,), each above 0 and at most `LARGEST`."""
    reach = DEVIATIONS * np.sqrt(means)
    least = np.maximum(means - reach, 0).astype(np.int64)
    width = int((means + reach + MORE - least).max()) + 1
    count = least[:, None] + np.arange(width)
    chance = np.exp(count * np.log(means)[:, None] - means[:, None] - gammaln(np.arange(count.max() + 1) + 1.0)[count])
    function = np.minimum(chance.cumsum(axis=1), 1)
    function[:, -1] = 1
    return Poisson(least, width, (function + np.arange(len(means))[:, None]).ravel(), _guide(function))


def _guide(function: Floats) -> npt.NDArray[np.int16]:
    """Return the guide tables (means * 2**BITS,) of distribution functions (means, width) that end at 1."""
    means, width = function.shape
    begin = np.concatenate([np.zeros((means, 1)), function[:, :-1]], axis=1)
    first, last = np.ceil(begin * (1 << BITS)), np.floor(function * (1 << BITS))
    # a count's own buckets, then the one that it shares with the next counts
    edges = np.stack([first, np.maximum(first, last)], axis=2).reshape(means, -1)
    lengths = np.diff(edges, axis=1, append=1 << BITS).astype(np.int64)
    counts = np.stack([np.arange(width), np.full(width, -1)], axis=1).ravel()
    return np.repeat(np.tile(counts, means), lengths.ravel()).astype(np.int16)
