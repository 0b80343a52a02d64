"""Counts of whole studies in which people and images differ, for simulations that need many of them."""

import numpy as np
from scipy.special import expit

from analysis.counts import Counts
from analysis.fitting import fitted
from analysis.intervals import Over, uncertainty
from analysis.models import DEFAULT, Model
from analysis.rating import Scale
from analysis.scales import ELO
from analysis.votes import Floats, Item


def study_of(
    ratings: Floats,
    seed: int,
    *,
    participants: int = 15,
    sources: int = 10,
    votes: int = 900,
    taste: float = 0.0,
    images: float = 0.0,
    not_sure: float = 0.0,
) -> Counts:
    """`votes` at random on pairs of items with these `ratings` (n,), which each person and image moves (sd in Elo)."""
    rng, n = np.random.default_rng(seed), len(ratings)
    first, second = np.triu_indices(n, 1)
    pair, person, image = (rng.integers(k, size=votes) for k in (len(first), participants, sources))
    moved = ratings + taste * rng.standard_normal((participants, n))[person]
    moved = moved + images * rng.standard_normal((sources, n))[image]
    at = np.arange(votes)
    wins = rng.random(votes) < expit((moved[at, first[pair]] - moved[at, second[pair]]) / ELO)
    outcome = np.where(rng.random(votes) < not_sure, 2, np.where(wins, 0, 1))
    rows, place, often = np.unique(
        np.stack([person, image, 3 * pair + outcome]), axis=1, return_inverse=True, return_counts=True
    )
    sides = np.bincount(place.ravel(), rng.random(votes) < 0.5, len(often)).astype(int)
    table = np.bincount(3 * pair + outcome, minlength=3 * len(first)).reshape(-1, 3)
    items = tuple(Item(None, f"c{index}", f"codec{index}") for index in range(n))
    return Counts(items, first, second, table, *rows, often, sides)


def scale_of(counts: Counts, over: Over = "both", model: Model = DEFAULT) -> Scale:
    """A rated scale of counts that determine ratings."""
    fit = fitted(counts, model)
    return Scale(counts, over=over, fit=fit, uncertainty=uncertainty(counts, fit, over))
