"""Folds of whole groups of sources: none that is checked, and none that looks like it, is among those fitted."""

import numpy as np

from codec.preference.labels import Ints


def folds_of(group: Ints, folds: int, seed: int) -> Ints:
    """Each crop's fold (crops,): groups in random order, each into the fold with the fewest crops so far.

    There are as many folds as asked for, or as there are groups where those are fewer.
    """
    numbers, counts = np.unique(group, return_counts=True)
    filled = np.zeros(min(folds, len(numbers)), np.int64)
    fold = np.zeros(len(numbers), np.int64)
    for place in np.random.default_rng(seed).permutation(len(numbers)):
        fold[place] = int(np.argmin(filled))
        filled[fold[place]] += counts[place]
    return np.asarray(fold[np.searchsorted(numbers, group)])
