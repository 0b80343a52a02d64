"""Pseudo-isochromatic plates: a number of coloured dots among others, which red-green blindness hides.

Figure and ground of a plate differ by light to which one kind of cone alone answers, so whoever lacks that cone sees
one colour. The cones' sensitivities to a screen's red, green and blue are those of Vienot, Brettel & Mollon,
"Digital video colourmaps for checking the legibility of displays by dichromats", Color Research & Application 24
(1999), after Smith & Pokorny (1975). Brightness varies from dot to dot, alike in figure and ground, and tells nothing.

This is no medical test: nobody knows the screen's true colours. It is a fact of the session, and never a reason to
turn somebody away.
"""

import math
import random
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

Colour = tuple[float, float, float]
"""Linear light of the screen's red, green and blue, from 0 to 1."""
Point = tuple[float, float]

L_CONES: Colour = (17.8824, 43.5161, 4.11935)
M_CONES: Colour = (3.45565, 27.1554, 3.86714)
S_CONES: Colour = (0.0299566, 0.184309, 1.46709)
"""How strongly each kind of cone answers to the three lights: the rows of equation 4 of the paper."""
LUMINANCE: Colour = (0.2126, 0.7152, 0.0722)
"""Of sRGB's lights, IEC 61966-2-1."""

KINDS = ("control", "deutan", "protan")
GREY: Colour = (0.26, 0.21, 0.15)
"""The warm grey between figure and ground."""
APART = {"deutan": 0.115, "protan": 0.135}
"""How much red light figure and ground lie to either side of it."""
BLUE: Colour = (0.05, 0.07, 0.26)
YELLOW: Colour = (0.42, 0.36, 0.12)
JITTER = 0.55
"""Brightness is multiplied by up to e to this, or divided by it."""

RADIUS = 100.0
"""Of a plate; all lengths are in its hundredths."""
DOTS = (4.0, 3.4, 2.8, 2.3, 1.9)
TRIES = (300, 1000, 3000, 7000, 12000)
"""How often a place is sought for a dot of each size."""
BETWEEN = 0.7
STROKE = 8.0
SCALE = 8.2
SPACING = 80.0
STROKES: dict[str, tuple[Point, ...]] = {
    "2": ((0, 2.4), (0.8, 0.7), (3, 0), (5.2, 0.7), (6, 2.6), (5.2, 4.6), (0, 10), (6, 10)),
    "3": ((0, 0), (6, 0), (2.8, 4), (5, 4.6), (6, 6.7), (5.2, 9.1), (3, 10), (1, 9.5), (0, 8.3)),
    "4": ((4.3, 10), (4.3, 0), (0, 6.9), (6, 6.9)),
    "5": ((5.6, 0), (0.7, 0), (0.3, 4.4), (3, 3.8), (5.2, 4.7), (6, 6.8), (5.2, 9.1), (3, 10), (0, 9)),
    "6": ((4.8, 0), (2.2, 1.8), (0.5, 4.6), (0, 7), (0.8, 9.2), (3, 10), (5.2, 9.2), (6, 7), (5.2, 4.9), (3, 4.2),
          (0.8, 5)),
    "7": ((0, 0), (6, 0), (2, 10)),
    "8": ((3, 4.7), (1, 3.8), (0.4, 2.2), (1.2, 0.6), (3, 0), (4.8, 0.6), (5.6, 2.2), (5, 3.8), (3, 4.7), (0.8, 5.6),
          (0, 7.4), (0.9, 9.3), (3, 10), (5.1, 9.3), (6, 7.4), (5.2, 5.6), (3, 4.7)),
    "9": ((1.2, 10), (3.8, 8.2), (5.5, 5.4), (6, 3), (5.2, 0.8), (3, 0), (0.8, 0.8), (0, 3), (0.8, 5.1), (3, 5.8),
          (5.2, 5)),
}  # fmt: skip
"""Each numeral as one line, in a box of 6 x 10. No 0 and no 1: dots make poor ones."""


class Dot(NamedTuple):
    """A disc of a plate: its centre and radius, its colour as #rrggbb, and whether it belongs to the number."""

    x: float
    y: float
    r: float
    colour: str
    figure: bool


class Plate(NamedTuple):
    """A plate, what it hides its number from, and the number."""

    kind: str
    number: str
    dots: tuple[Dot, ...]


def plates(count: int, seed: str) -> list[Plate]:
    """`count` plates with different numbers, the same for the same seed.

    The first of several is a control that everybody reads; the others take turns.
    """
    chance = random.Random(f"plates {seed}")
    kinds = [KINDS[0], *(KINDS[1 + number % 2] for number in range(5))] if count > 1 else [KINDS[1]]
    numbers = chance.sample([a + b for a in STROKES for b in STROKES if a != b], count)
    return [_plate(kind, number, chance) for kind, number in zip(kinds[:count], numbers, strict=True)]


def colours(kind: str) -> tuple[Colour, Colour]:
    """Figure and ground of a kind of plate, before brightness varies.

    They lie to either side of a grey, along the light that only the missing cones notice. What that changes in
    luminance is split evenly between those who have the cones and those who lack them; both halves are far below
    the variation from dot to dot.
    """
    if kind == "control":
        return BLUE, YELLOW
    seen = {"protan": M_CONES, "deutan": L_CONES}[kind]
    red, green, blue = _cross(seen, S_CONES)
    step = APART[kind] / red
    pair = [tuple(g + sign * step * d for g, d in zip(GREY, (red, green, blue), strict=True)) for sign in (1, -1)]
    dim = math.sqrt(_dot(LUMINANCE, pair[0]) / _dot(LUMINANCE, pair[1]))
    figure, ground = ((r * k, g * k, b * k) for (r, g, b), k in zip(pair, (dim**-0.5, dim**0.5), strict=True))
    return figure, ground


def _plate(kind: str, number: str, chance: random.Random) -> Plate:
    figure, ground = colours(kind)
    turn = chance.uniform(0, 2 * math.pi)
    places = [(*_turned(x, y, turn), r) for x, y, r in _packing()]
    shapes = [(x, y, r, _inside(number, x, y)) for x, y, r in places]
    levels = {side: _levels(sum(shape[3] is side for shape in shapes), chance) for side in (True, False)}
    dots = [
        Dot(round(x, 1), round(y, 1), r, _hex(figure if inside else ground, next(levels[inside])), inside)
        for x, y, r, inside in shapes
    ]
    return Plate(kind, number, tuple(dots))


def _levels(count: int, chance: random.Random) -> Iterator[float]:
    """Factors of brightness, evenly spread and in random order: the same spread for figure and ground."""
    spread = [math.exp(JITTER * (2 * (number + 0.5) / count - 1)) for number in range(count)]
    chance.shuffle(spread)
    return iter(spread)


@lru_cache(maxsize=1)
def _packing() -> tuple[tuple[float, float, float], ...]:
    """Discs (x, y, r) that fill the plate without touching, the large ones first; a turn makes another of it."""
    chance = random.Random("discs")
    near: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    cell = 2 * DOTS[0] + BETWEEN
    for r, tries in zip(DOTS, TRIES, strict=True):
        for _ in range(tries):
            x, y = chance.uniform(-RADIUS, RADIUS), chance.uniform(-RADIUS, RADIUS)
            column, row = int(x // cell), int(y // cell)
            around = [(column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
            taken = (disc for place in around for disc in near.get(place, ()))
            if math.hypot(x, y) + r < RADIUS and all(math.dist((x, y), d[:2]) > r + d[2] + BETWEEN for d in taken):
                near.setdefault((column, row), []).append((x, y, r))
    return tuple(disc for discs in near.values() for disc in discs)


def _inside(number: str, x: float, y: float) -> bool:
    for place, numeral in enumerate(number):
        left = SPACING * (place - (len(number) - 1) / 2) - 3 * SCALE
        line = [(left + SCALE * u, SCALE * (v - 5)) for u, v in STROKES[numeral]]
        if any(_distance((x, y), a, b) < STROKE for a, b in pairwise(line)):
            return True
    return False


def _distance(point: Point, a: Point, b: Point) -> float:
    """From a point to the line between two others."""
    (x, y), (dx, dy) = (point[0] - a[0], point[1] - a[1]), (b[0] - a[0], b[1] - a[1])
    along = min(1.0, max(0.0, (x * dx + y * dy) / (dx * dx + dy * dy)))
    return math.hypot(x - along * dx, y - along * dy)


def _turned(x: float, y: float, angle: float) -> Point:
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def _cross(a: Colour, b: Colour) -> Colour:
    """Orthogonal to both: the light to which neither answers."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _dot(a: Colour, b: tuple[float, ...]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _hex(colour: Colour, level: float) -> str:
    return "#" + "".join(f"{_encoded(level * light):02x}" for light in colour)


def _encoded(light: float) -> int:
    """Linear light as an sRGB byte (IEC 61966-2-1)."""
    light = min(1.0, max(0.0, light))
    return round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))
