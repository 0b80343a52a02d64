"""Colour plates: by a model of dichromacy that they were not made with, the number vanishes without the cones."""

import math
import statistics
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.plates import JITTER, KINDS, RADIUS, STROKES, Plate, _inside, colours, plates

# Machado, Oliveira & Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE TVCG 15
# (2009), the matrices of severity 1.0, for linear sRGB.
MACHADO = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}
NORMAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))  # IEC 61966-2-1
WHITE = (0.9505, 1.0, 1.089)
Vector = tuple[float, ...]


def times(matrix: tuple[Vector, ...], vector: Vector) -> Vector:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def linear(colour: str) -> Vector:
    values = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)


def lab(light: Vector) -> Vector:
    """CIE 1976 L*a*b* of linear sRGB light."""

    def f(t: float) -> float:
        return t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29

    x, y, z = (f(max(0.0, value) / white) for value, white in zip(times(XYZ, light), WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(plate: Plate, eyes: tuple[Vector, ...]) -> dict[bool, list[Vector]]:
    """L*a*b* of the dots of figure (True) and ground as these eyes see them."""
    sides: dict[bool, list[Vector]] = {True: [], False: []}
    for dot in plate.dots:
        sides[dot.figure].append(lab(times(eyes, linear(dot.colour))))
    return sides


def hue_contrast(plate: Plate, eyes: tuple[Vector, ...]) -> float:
    """How far figure and ground lie apart in a* and b*."""
    sides = seen(plate, eyes)
    centres = [[statistics.fmean(dot[axis] for dot in sides[side]) for axis in (1, 2)] for side in (True, False)]
    return math.dist(*centres)


def told_by_brightness(plate: Plate, eyes: tuple[Vector, ...]) -> float:
    """The chance that a dot of the figure is lighter than one of the ground: 0.5 tells nothing."""
    sides = seen(plate, eyes)
    pairs = [(figure[0], ground[0]) for figure in sides[True] for ground in sides[False]]
    return sum((f > g) + 0.5 * (f == g) for f, g in pairs) / len(pairs)


@pytest.mark.parametrize("seed", ["1 1", "7 40"])
def test_red_green_plates_stand_for_normal_eyes_and_vanish_for_those_whom_they_are_made_for(seed: str) -> None:
    for plate in plates(5, seed)[1:]:
        assert hue_contrast(plate, NORMAL) > 30
        assert hue_contrast(plate, MACHADO[plate.kind]) < 2
        assert 0.4 < told_by_brightness(plate, MACHADO[plate.kind]) < 0.6
        assert 0.4 < told_by_brightness(plate, NORMAL) < 0.6


@pytest.mark.parametrize("eyes", [NORMAL, *MACHADO.values()])
def test_everybody_reads_the_control(eyes: tuple[Vector, ...]) -> None:
    control = plates(2, "1 1")[0]
    assert control.kind == "control"
    assert hue_contrast(control, eyes) > 60
    assert not 0.1 < told_by_brightness(control, eyes) < 0.9


def test_no_colour_leaves_the_screen_s_gamut_however_bright() -> None:
    for kind in KINDS:
        for colour in colours(kind):
            assert all(0 < light * math.exp(JITTER) <= 1 for light in colour)


def test_a_lone_plate_is_of_the_most_frequent_kind_and_others_take_turns_after_the_control() -> None:
    assert [plate.kind for plate in plates(1, "x")] == ["deutan"]
    assert [plate.kind for plate in plates(6, "x")] == ["control", "deutan", "protan", "deutan", "protan", "deutan"]
    assert plates(0, "x") == []


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 6), st.text(max_size=20))
def test_plates_follow_from_their_seed_and_show_different_numbers(count: int, seed: str) -> None:
    shown = plates(count, seed)
    assert shown == plates(count, seed)
    numbers = [plate.number for plate in shown]
    assert len(set(numbers)) == len(numbers) == count
    assert all(len(number) == 2 and set(number) <= set(STROKES) for number in numbers)


def test_dots_fill_the_plate_without_touching_one_another() -> None:
    plate = plates(1, "1 1")[0]
    rounding = 0.15  # of the coordinates, to a tenth
    for dot in plate.dots:
        assert math.hypot(dot.x, dot.y) + dot.r <= RADIUS + rounding
    for one, other in combinations(plate.dots, 2):
        assert math.dist((one.x, one.y), (other.x, other.y)) > one.r + other.r + 0.7 - rounding
    covered = sum(dot.r**2 for dot in plate.dots) / RADIUS**2
    assert covered > 0.45


def test_no_two_numerals_are_drawn_alike() -> None:
    grid = [(x, y) for x in range(-40, 41, 3) for y in range(-60, 61, 3)]
    shapes = {numeral: {place for place in grid if _inside(numeral, *place)} for numeral in STROKES}
    for one, other in combinations(STROKES, 2):
        assert len(shapes[one] ^ shapes[other]) > 0.25 * len(shapes[one] | shapes[other]), (one, other)
