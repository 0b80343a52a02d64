"""Whether a picture is one that a model has learned from: by its pixels, or by how it looks, never by its name.

Pixels are compared by SHA-256. What was rescaled, recompressed or mirrored since is found by a difference hash
(Krawetz, "Kind of like that", 2013) of 16 x 16 bits: where a cell of a 17 x 16 thumbnail is brighter than its left
neighbour, by two grey levels so that compression leaves flat places alone. Two pictures look alike where at most a
tenth of the bits differ. A smaller cut-out of a picture is not found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from codec.errors import Refusal, listing
from codec.pixels import Pixels, pixels_sha256

SIDE = 16
NEAR = SIDE * SIDE // 10
BRIGHTER = 2
FLAT = NEAR + 1  # bits set or unset at the least: two emptier pictures could not but look alike

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class Fingerprint:
    """A picture's identity: SHA-256 of its pixels, and the difference hashes of it and of its mirror image.

    `looks` has 64 hexadecimal digits for each of the two hashes.
    """

    sha256: str
    looks: str

    def bits(self) -> Bits:
        """Both hashes (2, 256), of zeros and ones."""
        return np.unpackbits(np.frombuffer(bytes.fromhex(self.looks), np.uint8)).reshape(2, SIDE * SIDE)


def fingerprint(pixels: Pixels) -> Fingerprint:
    """A picture's identity."""
    return Fingerprint(pixels_sha256(pixels), difference_hashes(pixels))


def difference_hashes(pixels: Pixels) -> str:
    """Of the picture and of its mirror image, row by row, 256 bits each, in hexadecimal digits."""
    grey = Image.fromarray(pixels).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    cells = np.asarray(grey, np.int16)
    both = [view[:, 1:] >= view[:, :-1] + BRIGHTER for view in (cells, cells[:, ::-1])]
    return np.packbits(both).tobytes().hex()


def alike(prints: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> NDArray[np.bool_]:
    """Which of the pictures (rows) are or look like which of the others (columns), mirrored ones included."""
    same = np.array([one.sha256 for one in prints])[:, None] == np.array([other.sha256 for other in others])
    bits, of_others = _bits(prints), _bits(others)
    telling = _telling(bits)[:, None] & _telling(of_others)
    near = _distance(bits[:, 0], of_others[:, 0]) <= NEAR
    near |= _distance(bits[:, 0], of_others[:, 1]) <= NEAR
    return np.asarray(same | (near & telling))


def leaking(pictures: Sequence[Fingerprint], trained: Sequence[Fingerprint]) -> list[bool]:
    """For each picture, whether it is among those that a model or its w was trained on, or looks like one of them."""
    if not pictures or not trained:
        return [False] * len(pictures)
    return [bool(row.any()) for row in alike(pictures, trained)]


def refuse_leaks(names: Sequence[str], leaks: Sequence[bool], model: str, *, allowed: bool) -> None:
    """Refuse pictures that trained a model, by their names here, unless that is allowed."""
    found = sorted(name for name, leak in zip(names, leaks, strict=True) if leak)
    if found and not allowed:
        raise Refusal(
            f"{model} or its w learned from {listing(found)}, so results there say nothing of other pictures; take"
            f" others, or give --allow-leak, and every such row says leak = 1."
        )


def groups(prints: Sequence[Fingerprint]) -> list[int]:
    """Number pictures by the groups that look alike, directly or through others, from 0 in their order."""
    near = alike(prints, prints)
    group = [-1] * len(prints)
    for start in range(len(prints)):
        if group[start] < 0:
            number = max(group) + 1
            _spread(start, number, near, group)
    return group


def _spread(start: int, number: int, near: NDArray[np.bool_], group: list[int]) -> None:
    waiting = [start]
    while waiting:
        here = waiting.pop()
        group[here] = number
        waiting += [int(other) for other in np.nonzero(near[here])[0] if group[other] < 0]


def _bits(prints: Iterable[Fingerprint]) -> Bits:
    return np.array([one.bits() for one in prints])


def _telling(bits: Bits) -> NDArray[np.bool_]:
    ones = bits[:, 0].sum(1, dtype=np.int64)
    return np.asarray((ones >= FLAT) & (ones <= SIDE * SIDE - FLAT))


def _distance(bits: Bits, others: Bits) -> NDArray[np.int64]:
    """Of (a, 256) and (b, 256), how many bits differ (a, b): |x| + |y| - 2 xy."""
    one, other = bits.astype(np.float32), others.astype(np.float32)
    return np.asarray(one.sum(1)[:, None] + other.sum(1) - 2 * one @ other.T, np.int64)
