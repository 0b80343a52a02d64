"""Counts to test and to measure with, drawn whole from known ratings."""

import numpy as np

from analysis.counts import Counts
from analysis.votes import Floats, Item


def counts_of(
    ratings: Floats, votes: int, seed: int = 0, *, not_sure: float = 0.0, participants: int = 1, sources: int = 1
) -> Counts:
    """`votes` at random pairs of items with these `ratings` (n,) in Elo points; people and images differ by nothing."""
    rng, n = np.random.default_rng(seed), len(ratings)
    first, second = np.triu_indices(n, 1)
    pair = rng.integers(len(first), size=votes)
    ahead = ratings[first[pair]] - ratings[second[pair]]
    wins = rng.random(votes) < 1 / (1 + 10 ** (-ahead / 400))
    outcome = np.where(rng.random(votes) < not_sure, 2, np.where(wins, 0, 1))
    kept, pair = np.unique(pair, return_inverse=True)
    cell, person, image = 3 * pair + outcome, rng.integers(participants, size=votes), rng.integers(sources, size=votes)
    rows, cell_votes = np.unique(np.stack([person, image, cell]), axis=1, return_counts=True)
    table = np.bincount(cell, minlength=3 * len(kept)).reshape(-1, 3)
    items = tuple(Item(None, f"c{index:03d}", "") for index in range(n))
    return Counts(items, first[kept], second[kept], table, *rows, cell_votes)
