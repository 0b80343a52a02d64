"""Codes: whole numbers that stand for something. Which of them occur is counted where they are small, not sorted.

Each function returns what `numpy.unique` does of codes of at least -1, in a time that grows with the number of codes
alone as long as none of them is far larger than that.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

ROOM = 1 << 20  # so many counters cost less than sorting
SPARSE = 8  # and so do so many of them for each code


def distinct(code: Ints) -> Ints:
    """Return the codes that occur, in order."""
    if not _small(code):
        return np.asarray(np.unique(code))
    return np.flatnonzero(np.bincount(code + 1)) - 1


def how_many(code: Ints) -> int:
    """Return how many different codes there are."""
    return len(distinct(code))


def tallied(code: Ints) -> tuple[Ints, Ints]:
    """Return the codes that occur, in order, and how often each does."""
    if not _small(code):
        return np.unique(code, return_counts=True)
    often = np.bincount(code + 1)
    found = np.flatnonzero(often)
    return found - 1, often[found]


def numbered(code: Ints) -> tuple[Ints, Ints]:
    """Return the codes that occur, in order, and the place of each code among them."""
    if not _small(code):
        found, place = np.unique(code, return_inverse=True)
        return found, place.ravel()
    used = np.bincount(code + 1) > 0
    return np.flatnonzero(used) - 1, (np.cumsum(used) - 1)[code + 1]


def _small(code: Ints) -> bool:
    return int(code.max(initial=0)) < max(ROOM, SPARSE * len(code))
