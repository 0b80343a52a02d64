"""Which parts of a photograph people look at: chosen by seed among the detailed ones, so that nobody judges blank sky.

Detail is the mean over 8 x 8 cells of log2(1 + variance of luma), an activity measure of the kind that encoders use
for adaptive quantisation (as in MPEG-2 Test Model 5): the logarithm keeps one strong edge from outweighing texture.
A place is detailed enough if it has at least two thirds of the detail of the picture's most detailed place.
"""

import random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.pixels import Pixels

CELL = 8
ENOUGH = 2 / 3
TRIES = 64


class Crop(NamedTuple):
    """A rectangle in pixels of the upright source."""

    x: int
    y: int
    width: int
    height: int

    def of(self, pixels: Pixels) -> Pixels:
        """Cut it out."""
        return pixels[self.y : self.y + self.height, self.x : self.x + self.width]

    def overlap(self, other: "Crop") -> float:
        """The share of its area that the other one covers."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0, across) * max(0, down) / (self.width * self.height)

    def around(self, margin: int, width: int, height: int) -> "Crop":
        """The window that reaches `margin` pixels beyond it on every side, in a source of width x height pixels.

        At an edge of the source the window is moved inside instead of being cut, so that all windows of a study have
        one size; only a source that is smaller than the window makes it smaller. It always holds the whole rectangle.
        """
        x, across = _inside(self.x - margin, self.width + 2 * margin, width)
        y, down = _inside(self.y - margin, self.height + 2 * margin, height)
        return Crop(x, y, across, down)


def _inside(start: int, length: int, whole: int) -> tuple[int, int]:
    """The stretch moved between 0 and `whole`, and no longer than that: where it begins, and its length."""
    length = min(length, whole)
    return min(max(start, 0), whole - length), length


def choose_crops(pixels: Pixels, size: int, count: int, seed: str) -> list[Crop]:
    """Choose up to `count` square crops of `size` pixels a side, wholly inside, sorted by y, then x.

    They do not overlap where the picture allows it; otherwise by at most half, or there are fewer. `seed` is any text:
    with the source's content in it, a picture's crops do not change when another picture joins the study.
    """
    draw = random.Random(seed)
    places = _detailed_places(pixels, size)
    chosen: list[Crop] = []
    for _ in range(TRIES):
        tried = _draw_apart(draw.sample(places, len(places)), count, overlap=0)
        chosen = max(chosen, tried, key=len)
        if len(chosen) == count:
            break
    else:
        chosen = _draw_apart(chosen + draw.sample(places, len(places)), count, overlap=0.5)
    return sorted(chosen, key=lambda crop: (crop.y, crop.x))


def detail(pixels: Pixels, size: int) -> NDArray[np.float64]:
    """The detail of every place for a crop: its corner moves by 8 pixels, in rows and columns from the upper left."""
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    height, width = luma.shape
    luma = np.pad(luma, ((0, -height % CELL), (0, -width % CELL)), mode="edge")
    cells = luma.reshape(luma.shape[0] // CELL, CELL, luma.shape[1] // CELL, CELL)
    activity = np.log2(1 + cells.var(axis=(1, 3)))
    total: NDArray[np.float64] = np.pad(activity.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    side = -(-size // CELL)
    inside = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    mean: NDArray[np.float64] = inside / side**2
    return mean


def _detailed_places(pixels: Pixels, size: int) -> list[Crop]:
    """The places that have enough detail; those beyond the edge are moved flush with it."""
    height, width, _ = pixels.shape
    score = detail(pixels, size)
    rows, columns = np.nonzero(score >= ENOUGH * score.max())
    corners = zip(columns.tolist(), rows.tolist(), strict=True)
    return [Crop(min(x * CELL, width - size), min(y * CELL, height - size), size, size) for x, y in corners]


def _draw_apart(places: list[Crop], count: int, overlap: float) -> list[Crop]:
    """Take places in turn that overlap none taken before by more than a share."""
    taken: list[Crop] = []
    for place in places:
        if all(place.overlap(other) <= overlap for other in taken):
            taken.append(place)
            if len(taken) == count:
                break
    return taken
