"""A world to prove intervals in: people and images who move the ratings, votes from them, and the truth about them.

A vote of person p on image s between conditions i and j is decided at the distance

    d = (r_i + a_pi + b_si) - (r_j + a_pj + b_sj)

in Elo points, where r are the population's ratings and a, b are normal with the spreads of the kind; given d the vote
follows Davidson's model. What an interval has to cover is the difference that a fit to all such people and images gives
(`aims`), which is not r: mixing over people and images shrinks the logistic scale.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from analysis.counts import Counts
from analysis.models import DEFAULT, fit
from analysis.outcomes import logs
from analysis.scales import ELO
from analysis.votes import Floats, Item

FOUR = (90.0, 30.0, -20.0, -100.0)
SEVEN = (150.0, 110.0, 40.0, 20.0, -40.0, -110.0, -170.0)
NODES = 80


@dataclass(frozen=True)
class Kind:
    """A kind of study. The spreads (sd of a and b) and the ratings are in Elo points; `not_sure` is Davidson's nu."""

    participants: int
    sources: int
    person: float = 0.0
    image: float = 0.0
    votes: int = 1520
    ratings: tuple[float, ...] = FOUR
    not_sure: float = 0.0

    @property
    def clusters(self) -> bool:
        """Whether anything does."""
        return bool(self.person or self.image)


@cache
def pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both items of each of the n (n - 1) / 2 pairs, the lower number first."""
    first, second = np.triu_indices(n, 1)
    return first, second


def draw(kind: Kind, seed: int) -> Counts:
    """Return the votes of one study of that kind: participants vote as often as each other, on random pairs."""
    rng, n = np.random.default_rng(seed), len(kind.ratings)
    first, second = pairs(n)
    at = np.arange(kind.votes)
    person = at % kind.participants
    image, pair = rng.integers(kind.sources, size=kind.votes), rng.integers(len(first), size=kind.votes)
    moved = np.array(kind.ratings) + kind.person * rng.standard_normal((kind.participants, n))[person]
    moved += kind.image * rng.standard_normal((kind.sources, n))[image]
    ahead = (moved[at, first[pair]] - moved[at, second[pair]]) / ELO
    chance = rng.random(kind.votes)
    if kind.not_sure:
        steps = np.exp(logs("logistic", "davidson", ahead, np.log(kind.not_sure))).cumsum(axis=1)
        outcome = (chance[:, None] > steps[:, :2]).sum(axis=1)
    else:
        outcome = (chance > 1 / (1 + np.exp(-ahead))).astype(np.int64)
    return counted(n, person, image, 3 * pair + outcome)


def counted(n: int, person: np.ndarray, image: np.ndarray, cell: np.ndarray) -> Counts:
    """Return the counts of votes given as codes, with every pair in its place."""
    first, second = pairs(n)
    cells, images = 3 * len(first), int(image.max()) + 1
    keys, often = np.unique((person * images + image) * cells + cell, return_counts=True)
    who, cell = np.divmod(keys, cells)
    table = np.bincount(cell, often, cells).astype(np.int64).reshape(-1, 3)
    items = tuple(Item(None, f"c{index}", "") for index in range(n))
    return Counts(items, first, second, table, *np.divmod(who, images), cell, often)


@cache
def aims(kind: Kind) -> Floats:
    """Return the ratings (n,), mean 0, that the default model gives to all votes of all people on all images.

    The distance of a pair is normal with variance 2 (person^2 + image^2): integrated by Gauss and Hermite's rule.
    """
    n, ratings = len(kind.ratings), np.array(kind.ratings)
    first, second = pairs(n)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    noise = np.sqrt(2 * (kind.person**2 + kind.image**2)) * nodes
    d = ((ratings[first] - ratings[second])[:, None] + noise) / ELO
    tie = np.log(kind.not_sure) if kind.not_sure else None
    chance = np.exp(logs("logistic", "davidson" if kind.not_sure else "dropped", d.ravel(), tie))
    if tie is None:
        chance[:, 2] = 0
    table = np.tensordot(chance.reshape(len(first), NODES, 3), weights / weights.sum(), (1, 0))
    return fit(first, second, 1e4 * table, DEFAULT).rating
