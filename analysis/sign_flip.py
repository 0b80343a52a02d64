"""The sign-flip test of a pair: would the votes look like this if each cluster had as soon voted the other way round?

The data are the net wins of every cluster (a participant, or a source) in its own direct votes on the pair: wins of the
first less wins of the second; a vote that is not sure is 0. Under the null the net wins of each cluster are as likely
with the opposite sign, clusters apart, so all 2^k signs are equally likely and the absolute sum is compared with all
of theirs (Fisher 1935, "The Design of Experiments", section 21; Pitman 1937). No model of preference is needed, votes
within a cluster may go together as they like, and dividing by the standard error changes nothing, as flips keep the sum
of squares.

That null is stronger than a tie on average: tastes have to lie symmetrically around it. Where they do not the test is
still right in the long run for a mean of zero (Canay, Romano and Shaikh 2017, "Randomization tests under an approximate
symmetry assumption"). And the clusters of the other kind are held fixed: over participants it speaks for other
participants judging these images, and where images differ it finds differences that other images may not bear out.

Net wins are whole numbers, so the distribution over all 2^k signs is a product of (x^d + x^-d) / 2, which is multiplied
out exactly (Pagano and Tritchler 1983, "On obtaining permutation distributions in polynomial time"). Where that is too
long, signs are drawn, and p = (1 + as large ones) / (1 + draws), which is never 0 (Phipson and Smyth 2010).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence

from analysis.codes import numbered
from analysis.counts import FIRST_WON, SECOND_WON, Counts
from analysis.votes import Floats, Ints

EXACT = 2**26  # steps of the exact distribution; beyond, signs are drawn
DRAWS = 9_999
HELD = 2**22  # signs that are drawn at a time
FEWEST = 6  # clusters with net wins: with fewer than 6 the smallest p, 2 / 2^k, is above 0.05


@dataclass(frozen=True)
class Flips:
    """A sign-flip test: p, the clusters with net wins (flipping others changes nothing), and whether it is exact."""

    p: float
    clusters: int
    exact: bool


def net_wins(counts: Counts, cluster: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the net wins of the first item by cluster and pair, where they are not 0, their pairs, and their clusters.

    `cluster` holds a label of at least -1 for each row of the counts; all three are (k,), and pairs come in order.
    """
    pair, outcome = np.divmod(counts.cell, 3)
    won = counts.cell_votes * ((outcome == FIRST_WON).astype(np.int64) - (outcome == SECOND_WON))
    width = int(cluster.max(initial=0)) + 2
    keys, place = numbered(pair * width + cluster + 1)
    net = np.bincount(place, won, len(keys)).astype(np.int64)
    return net[net != 0], (keys // width)[net != 0], (keys % width)[net != 0] - 1


def flip_tests(counts: Counts, cluster: Ints, seed: SeedSequence) -> list[Flips]:
    """Test every pair of the counts, in their order; `cluster` labels the rows. The same seed gives the same p."""
    net, pair, _ = net_wins(counts, cluster)
    ends = np.searchsorted(pair, np.arange(len(counts.first) + 1))
    streams = seed.spawn(len(counts.first))
    return [sign_flip(net[begin:end], stream) for begin, end, stream in zip(ends[:-1], ends[1:], streams, strict=True)]


def sign_flip(net: Ints, seed: SeedSequence) -> Flips:
    """Test the net wins (k,) of k clusters, two-sided."""
    sizes = np.abs(net[net != 0])
    if not len(sizes):
        return Flips(1.0, 0, True)
    observed = abs(int(net.sum()))
    if len(sizes) * int(sizes.sum()) <= EXACT:
        return Flips(_exact(sizes, observed), len(sizes), True)
    return Flips(_drawn(sizes, observed, Generator(SFC64(seed))), len(sizes), False)


def _exact(sizes: Ints, observed: int) -> float:
    """Return the chance of a sum of +-sizes that is at least as far from 0; all terms are positive, so to rounding."""
    reach, chance = 0, np.ones(1)
    for size in np.sort(sizes):  # small ones first, while the array is short
        wider = np.zeros(len(chance) + 2 * size)
        wider[: len(chance)] = chance / 2
        wider[2 * size :] += chance / 2
        reach, chance = reach + int(size), wider
    far = np.abs(np.arange(-reach, reach + 1)) >= observed
    return min(1.0, float(chance[far].sum()))


def _drawn(sizes: Ints, observed: int, rng: Generator) -> float:
    """Return (1 + as far sums) / (1 + draws)."""
    far, chunk = 0, max(1, HELD // len(sizes))
    weights: Floats = sizes.astype(float)
    for begin in range(0, DRAWS, chunk):
        signs = rng.integers(0, 2, (min(chunk, DRAWS - begin), len(sizes)), dtype=np.int8)
        far += int((np.abs((2 * signs - 1) @ weights) >= observed).sum())
    return (1 + far) / (1 + DRAWS)
