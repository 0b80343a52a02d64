"""The drawings of an evaluation, as SVG: calibration, the learning curve, and crops with what was said of them.

Every drawing of votes that no person cast has SIMULATED written across it.
"""

import base64
import io
from collections.abc import Sequence
from html import escape
from itertools import pairwise

import numpy as np
from PIL import Image

from codec.pixels import Pixels
from codec.preference.labels import Floats
from codec.preference.measures import BINS, Estimate, Outcome, bins

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 14, 44
INK, RULE, BLUE, ORANGE = "#222", "#bbb", "#0072b2", "#d55e00"  # Okabe and Ito's


class Panel:
    """Axes with linear scales; `draw` collects what lies in them."""

    def __init__(self, across: tuple[float, float], up: tuple[float, float], names: tuple[str, str]) -> None:
        self.across, self.up, self.names = across, up, names
        self.drawn: list[str] = []

    def x(self, value: float) -> float:
        """Where a value is from the left."""
        low, high = self.across
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value is from the top."""
        low, high = self.up
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str, more: str = "") -> None:
        """A straight line between two places on the scales."""
        places = [*(self.x(start[0]), self.y(start[1])), *(self.x(end[0]), self.y(end[1]))]
        ends = " ".join(f'{name}="{at:.1f}"' for name, at in zip(("x1", "y1", "x2", "y2"), places, strict=True))
        self.drawn.append(f'<line {ends} stroke="{colour}" {more}/>')

    def dot(self, x: float, y: float, colour: str, radius: float = 4) -> None:
        """A dot."""
        self.drawn.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="{radius:.1f}" fill="{colour}"/>')

    def text(self, x: float, y: float, words: str, more: str = "") -> None:
        """Words that begin at a place on the scales."""
        self.drawn.append(f'<text x="{self.x(x):.1f}" y="{self.y(y):.1f}" {more}>{escape(words)}</text>')

    def svg(self, title: str, *, simulated: bool) -> str:
        """The whole drawing; `title` says in words what it shows."""
        marks = []
        for share in np.linspace(0, 1, 5).tolist():
            across, up = (low + share * (high - low) for low, high in (self.across, self.up))
            marks.append(
                f'<text x="{self.x(across):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{across:.3g}</text>'
                f'<text x="{LEFT - 6}" y="{self.y(up) + 4:.1f}" text-anchor="end">{up:.3g}</text>'
            )
        frame = f"M{LEFT},{TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"
        middle = (LEFT + WIDTH - RIGHT) / 2
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="12" fill="{INK}"><title>{escape(title)}</title>'
            f'<path d="{frame}" fill="none" stroke="{RULE}"/>{"".join(marks)}{"".join(self.drawn)}'
            f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(self.names[0])}</text>'
            f'<text transform="translate(13,{HEIGHT / 2 - 14}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.names[1])}</text>{_mark(WIDTH, HEIGHT) if simulated else ''}</svg>"
        )


def calibration(chance: Floats, seen: Outcome, *, simulated: bool) -> str:
    """Seen against predicted share in ten bins of about as many votes; whiskers are two standard errors by source."""
    panel = Panel((0, 1), (0, 1), ("predicted share for the hallucinated side", "share of votes"))
    panel.line((0, 0), (1, 1), RULE)
    place, many = bins(chance, seen), seen.yes + seen.no
    for number in range(BINS):
        inside = place == number
        if not inside.any():
            continue
        votes, predicted = many[inside].sum(), float(many[inside] @ chance[inside] / many[inside].sum())
        share = float(seen.yes[inside].sum() / votes)
        residual = np.bincount(seen.group[inside], seen.yes[inside] - share * many[inside])
        error = float(np.sqrt((residual**2).sum()) / votes)
        panel.line((predicted, max(0, share - 2 * error)), (predicted, min(1, share + 2 * error)), BLUE)
        panel.dot(predicted, share, BLUE)
    return panel.svg("Calibration: share of votes against predicted share", simulated=simulated)


def learning(
    curve: Sequence[tuple[float, Estimate]], twice: Estimate, least: Estimate, constant: float, *, simulated: bool
) -> str:
    """Log-loss against sources that were learned from, on to twice as many, between a constant's and the least."""
    values = [each for _, one in [*curve, (0, twice), (0, least)] for each in (one.value, one.low, one.high)]
    known = [value for value in [*values, constant] if np.isfinite(value)]
    low, high = min(known), max(known)
    room = max(0.02, 0.08 * (high - low))
    last = curve[-1][0]
    panel = Panel((0, 2.1 * last), (low - room, high + room), ("sources learned from", "log-loss a vote"))
    for value, words in ((constant, "one number for all crops"), (least.value, "least possible")):
        if np.isfinite(value):
            panel.line((0, value), (2.1 * last, value), RULE, 'stroke-dasharray="4 3"')
            panel.text(0.03 * last, value + room / 8, words, 'fill="#555"')
    for count, one, colour in [*((count, one, BLUE) for count, one in curve), (2 * last, twice, ORANGE)]:
        if np.isfinite(one.value):
            if np.isfinite(one.low):
                panel.line((count, one.low), (count, one.high), colour)
            panel.dot(count, one.value, colour)
    for (count, one), (further, other) in pairwise(curve):
        panel.line((count, one.value), (further, other.value), BLUE)
    if np.isfinite(twice.value):
        panel.line((last, curve[-1][1].value), (2 * last, twice.value), ORANGE, 'stroke-dasharray="2 3"')
    return panel.svg("Learning curve: log-loss against the number of sources", simulated=simulated)


def crop(pixels: Pixels, title: str, *, simulated: bool) -> str:
    """A crop, pixel for pixel, and across it the mark of a simulation."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    height, width, _ = pixels.shape
    data = base64.b64encode(file.getvalue()).decode()
    mark = _mark(width, height, "#fff") if simulated else ""
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
        f'<title>{escape(title)}</title><image href="data:image/png;base64,{data}" width="{width}" height="{height}"/>'
        f"{mark}</svg>"
    )


def _mark(width: int, height: int, colour: str = INK) -> str:
    size, edge = width / 8, "#000" if colour != INK else "none"  # readable on pictures, dark or bright
    turn = f"rotate(-24 {width / 2} {height / 2})"
    return (
        f'<text x="{width / 2}" y="{height / 2 + size / 3:.1f}" transform="{turn}" text-anchor="middle"'
        f' font-family="sans-serif" font-size="{size:.1f}" fill="{colour}" stroke="{edge}"'
        f' stroke-width="0.6" opacity="0.35">SIMULATED</text>'
    )
