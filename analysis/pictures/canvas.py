"""A picture as marks in an SVG view box, x to the right and y down; templates/pictures.html.jinja writes them.

Every picture carries in words what it shows, so that whoever cannot see it reads the same numbers.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from analysis.pictures.axes import Axis
from analysis.pictures.looks import PLAIN

WIDTH, ROW, TOP, FOOT, EDGE = 420.0, 24.0, 8.0, 42.0, 10.0
LETTER = 7.2  # mean width of a letter of 12 units, rather too much than too little
SIZE = 4.5  # of a mark, from its middle to its edge

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """An SVG element with its attributes and text, and with what it says when it is pointed at."""

    tag: str
    attributes: Mapping[str, str]
    text: str = ""
    says: str = ""


@dataclass(frozen=True)
class Picture:
    """What one figure shows. `name` is that of its files, unique in a report; `title` and `says` are read aloud.

    `plot` is the box (left, top, right, bottom) across which SIMULATED is drawn where no person voted.
    """

    name: str
    title: str
    says: str
    width: float
    height: float
    plot: Box
    marks: Sequence[Mark] = field(default_factory=list)

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the plot."""
        left, top, right, bottom = self.plot
        return (left + right) / 2, (top + bottom) / 2

    @property
    def stamp(self) -> float:
        """How large SIMULATED is written."""
        left, top, right, bottom = self.plot
        return round(min(40.0, (right - left) / 7.5, (bottom - top) / 1.2), 1)


def place(value: float) -> str:
    """Return a place as text, to a hundredth."""
    return format(round(float(value), 2) + 0.0, ".10g")


def _placed(**places: float) -> dict[str, str]:
    return {name: place(value) for name, value in places.items()}


def line(x: tuple[float, float], y: tuple[float, float], kind: str, says: str = "") -> Mark:
    """Return a straight line of a class of pictures.css."""
    return Mark("line", {"class": kind, **_placed(x1=x[0], x2=x[1], y1=y[0], y2=y[1])}, says=says)


def rectangle(box: Box, kind: str, says: str = "", **attributes: str) -> Mark:
    """Return a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    size = _placed(x=left, y=top, width=max(right - left, 0), height=max(bottom - top, 0))
    return Mark("rect", {"class": kind, **size, **attributes}, says=says)


def words(x: float, y: float, text: str, kind: str = "name", *, turned: float = 0.0) -> Mark:
    """Return text on the line y: `name` ends at x, `tick` has its middle there, `word` begins there."""
    attributes = {"class": kind, **_placed(x=x, y=y)}
    if turned:
        attributes["transform"] = f"rotate({place(turned)} {place(x)} {place(y)})"
    return Mark("text", attributes, text)


def path(points: Iterable[tuple[float, float]], kind: str) -> Mark:
    """Return a line through several points."""
    return Mark("polyline", {"class": kind, "points": " ".join(f"{place(x)},{place(y)}" for x, y in points)})


def dot(
    x: float,
    y: float,
    shape: str = "circle",
    colour: str = PLAIN,
    kind: str = "dot",
    *,
    size: float = SIZE,
    says: str = "",
) -> Mark:
    """Return a mark of a shape of `looks.SHAPES` (or `crossed`, for what is left out), with its middle at (x, y)."""
    attributes = {"class": kind}
    if colour != PLAIN:
        attributes["style"] = f"color: {colour}"
    if shape == "circle":
        return Mark("circle", {**attributes, **_placed(cx=x, cy=y, r=size)}, says=says)
    return Mark("path", {**attributes, "d": _outline(x, y, shape, size)}, says=says)


CORNERS: Mapping[str, Sequence[tuple[float, float]]] = {
    "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    "triangle": [(0, -1.25), (1.2, 0.9), (-1.2, 0.9)],
    "wedge": [(0, 1.25), (1.2, -0.9), (-1.2, -0.9)],
    "cross": [(x, y) for x, y in (
        (-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4),
        (0.4, 1.2), (-0.4, 1.2), (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4),
    )],
}  # fmt: skip


def _outline(x: float, y: float, shape: str, size: float) -> str:
    if shape == "crossed":
        a, b, c, d = (place(v) for v in (x - size, y - size, x + size, y + size))
        return f"M{a} {b}L{c} {d}M{a} {d}L{c} {b}"
    corners = [(x + size * right, y + size * down) for right, down in CORNERS[shape]]
    return "M" + "L".join(f"{place(a)} {place(b)}" for a, b in corners) + "Z"


def frame(axis: Axis, top: float, bottom: float, label: str, unit: str = "") -> list[Mark]:
    """Return the grid of a horizontal axis from top to bottom, with its values and its label below."""
    marks = []
    for x, text in axis.ticks:
        marks += [line((x, x), (top, bottom), "grid"), words(x, bottom + 16, text + unit, "tick")]
    return [*marks, words((axis.start + axis.end) / 2, bottom + 34, label, "tick")]


def rule(axis: Axis, value: float, top: float, bottom: float, kind: str = "zero") -> list[Mark]:
    """Return a vertical rule at a value, if that is on the axis."""
    on = axis.low <= value <= axis.high
    return [line((axis.at(value),) * 2, (top, bottom), kind)] if on else []


def span(low: float, high: float) -> str:
    """Return an interval in words, to whole numbers; empty where there is none."""
    return f", from {low:.0f} to {high:.0f}" if math.isfinite(low) else ""
