"""Ratings with their intervals, best on top, and ratings against the bits that they cost."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from analysis.files import number
from analysis.pictures.axes import Axis, spanning
from analysis.pictures.canvas import (
    EDGE,
    FOOT,
    LETTER,
    ROW,
    TOP,
    WIDTH,
    Mark,
    Picture,
    dot,
    frame,
    line,
    path,
    rule,
    words,
)
from analysis.pictures.looks import Palette, family, look, short, short_names
from analysis.rating import Scale, bounds
from analysis.scales import WORDS
from analysis.stimuli import Measures
from analysis.votes import Item

HEADS = {"bradley-terry": "Bradley-Terry ratings", "thurstone": "Thurstone ratings", "elo": "Paper-comparable Elo"}
ENDS = {"elo": "with the central 95% of its rounds, which is update noise"}
PANEL, GAP = 172.0, 26.0  # height of a panel, and the room between two


def slug(scale: Scale) -> str:
    """Return the part of a file's name that says which scale: its rates."""
    rates = ["none" if rate is None else f"{rate:.2f}" if round(rate, 2) == rate else number(rate)
             for rate in scale.counts.rates]  # fmt: skip
    if rates == ["none"]:
        return "all"
    return "-".join(rates) if len(rates) < 5 else f"{rates[0]}-to-{rates[-1]}"


def value_words(value: float, scale: Scale, method: str = "") -> str:
    """Return a rating in words: whole Elo points, or JOD to a hundredth."""
    whole = method == "elo" or scale.settings.unit == "elo"
    return f"{round(value) + 0:d}" if whole else f"{value + 0.0:.2f}"


def ends_words(low: float, high: float, scale: Scale, method: str = "") -> str:
    """Return an interval in words; empty where there is none."""
    if not math.isfinite(low):
        return ""
    return f" ({value_words(low, scale, method)} to {value_words(high, scale, method)})"


def axis_label(scale: Scale, method: str = "bradley-terry") -> str:
    """Return what the axis of a scale's ratings says."""
    if method == "elo":
        return f"{WORDS['elo']}, mean 0"
    anchor = "" if scale.anchor is None else scale.counts.items[scale.anchor].condition
    return WORDS[scale.settings.unit] + (f" above {short(anchor)}" if anchor else ", mean 0")


def ratings_picture(scale: Scale, method: str, palette: Palette, beside: Iterable[float] = ()) -> Picture | None:
    """Draw the ratings of a scale by `method`, best on top: a mark with a line each, and a rule at 0.

    The axis holds the values of `beside`, too. Intervals of Elo, which are update noise, are drawn hollow. None where
    the scale has no ratings.
    """
    if not scale.fit:
        return None
    values, lows, highs, _ = bounds(scale, method)
    items = scale.counts.items
    names = short_names([item.condition for item in items])
    start = max(map(len, names)) * LETTER + 2 * EDGE
    width = max(WIDTH, start + 220)
    axis = spanning(chain(values, lows, highs, beside), start, width - 2 * EDGE, zero=True)
    bottom = TOP + ROW * len(items)
    marks = [*frame(axis, TOP, bottom, axis_label(scale, method)), *rule(axis, 0.0, TOP, bottom)]
    said = []
    for place, index in enumerate(scale.order):
        y = TOP + ROW * (place + 0.5)
        colour, shape = look(items[index], palette)
        ends = ends_words(lows[index], highs[index], scale, method)
        says = f"{items[index].condition} {value_words(values[index], scale, method)}{ends}"
        said.append(says)
        marks.append(words(start - EDGE, y + 4, names[index]))
        if math.isfinite(lows[index]):
            marks.append(line((axis.at(lows[index]), axis.at(highs[index])), (y, y), "whisker", says))
        marks.append(dot(axis.at(values[index]), y, shape, colour, "hollow" if method == "elo" else "dot", says=says))
    interval = ENDS.get(method, "with 95% intervals" if any(map(math.isfinite, lows)) else "without intervals")
    return Picture(
        name=f"{'elo' if method == 'elo' else 'ratings'}-{slug(scale)}",
        title=f"{HEADS[method]}, {scale.name}",
        says=f"{axis_label(scale, method)}, {interval}, best first: {'; '.join(said)}.",
        width=width,
        height=bottom + FOOT,
        plot=(start, TOP, width - EDGE, bottom),
        marks=marks,
    )


@dataclass(frozen=True)
class _Point:
    codec: str
    item: Item
    scale: int
    bits: float
    rating: float
    low: float
    high: float

    def says(self, scale: Scale) -> str:
        ends = ends_words(self.low, self.high, scale)
        return f"{self.item.condition} {value_words(self.rating, scale)}{ends} at {self.bits:.3g} bpp"


def rate_picture(scales: Sequence[Scale], measures: Measures | None, palette: Palette) -> Picture | None:
    """Draw ratings against bits per pixel in panels on the same axes; None where nothing tells any bits.

    Where votes link rates, each codec has a panel with a line through its rates, the others faint behind it. Rates that
    no vote links have a panel each, since their heights cannot be compared; no line joins them. Bits are means over the
    images that were shown; without `stimuli.csv` they are the rates that the votes name, which say nothing within one.
    """
    rated = [(at, scale) for at, scale in enumerate(scales) if scale.fit and (measures or len(scale.counts.rates) > 1)]
    points = [point for at, scale in rated for point in _points(scale, at, measures)]
    if not points:
        return None
    bits = [point.bits for point in points]
    ratings = [value for point in points for value in (point.low, point.rating, point.high)]
    panels = list(_panels(scales, points))
    columns = min(2, len(panels))
    room = (WIDTH - 40.0) / columns
    rows = math.ceil(len(panels) / columns)
    marks: list[Mark] = []
    for at, (name, shown, behind) in enumerate(panels):
        left, top = 40.0 + room * (at % columns), 20.0 + (PANEL + GAP + 18) * (at // columns)
        linked = len(scales[shown[0].scale].counts.rates) > 1
        own = bits if linked else [point.bits for point in shown]
        x = spanning(own, left + 4, left + room - 14, logarithmic=max(own) >= 10 * min(own))
        y = spanning(ratings, top + PANEL, top, zero=True)
        marks += _axes(x, y, name, first=at % columns == 0)
        marks += _lines(behind, x, y, "behind") + _lines(shown, x, y, "link")
        marks += [mark for point in shown for mark in _drawn(point, x, y, palette, scales[point.scale])]
        marks += [] if linked else _labels(shown, x, y)
    height = 20.0 + rows * (PANEL + GAP + 18) + 4
    unit = WORDS[scales[points[0].scale].settings.unit]
    marks.append(words(40 + (WIDTH - 40) / 2, height - 8, _bits_label(measures), "tick"))
    marks.append(words(11, 20 + PANEL / 2, unit, "tick", turned=-90))
    said = [f"{name}: {'; '.join(point.says(scales[point.scale]) for point in shown)}" for name, shown, _ in panels]
    return Picture(
        name="rating-rate",
        title=f"Rating against {_bits_label(measures)}",
        says=f"{unit} with 95% intervals, in {len(panels)} {'panel' if len(panels) == 1 else 'panels'}. "
        + ". ".join(said) + ".",
        width=WIDTH,
        height=height,
        plot=(40.0, 20.0, WIDTH - 14, height - 48),
        marks=marks,
    )  # fmt: skip


def _bits_label(measures: Measures | None) -> str:
    return "mean bits per pixel" if measures else "bits per pixel, as aimed at"


def _points(scale: Scale, place: int, measures: Measures | None) -> list[_Point]:
    values, lows, highs, _ = bounds(scale, "bradley-terry")
    found = []
    for item, value, low, high in zip(scale.counts.items, values, lows, highs, strict=True):
        key = item.rate, item.condition
        bits = measures.mean[key].get("bpp") if measures else item.rate
        if bits:
            codec = (measures.codec[key] if measures else "") or family(item)
            found.append(_Point(codec, item, place, bits, float(value), float(low), float(high)))
    return found


def _panels(scales: Sequence[Scale], points: Sequence[_Point]) -> Iterable[tuple[str, list[_Point], list[_Point]]]:
    """Give each panel's name, its points, and those of the same scale that stand behind them."""
    for place, scale in enumerate(scales):
        of_scale = [point for point in points if point.scale == place]
        if len(scale.counts.rates) < 2:
            if of_scale:
                yield scale.name, of_scale, []
            continue
        for codec in sorted({point.codec for point in of_scale}):
            own = [point for point in of_scale if point.codec == codec]
            yield short(codec), own, [point for point in of_scale if point.codec != codec]


def _axes(x: Axis, y: Axis, name: str, *, first: bool) -> list[Mark]:
    marks = [words(x.start, y.end - 6, name, "word strong")]
    for at, text in x.few(4):
        marks += [line((at, at), (y.end, y.start), "grid"), words(at, y.start + 15, text, "tick")]
    for at, text in y.few(5):
        marks += [line((x.start, x.end), (at, at), "grid")] + ([words(x.start - 6, at + 4, text)] if first else [])
    return [*marks, line((x.start, x.end), (y.at(0.0),) * 2, "zero")]


def _lines(points: Sequence[_Point], x: Axis, y: Axis, kind: str) -> list[Mark]:
    """Return a line through the points of each codec, from fewest to most bits; all are on one scale."""
    by_codec: Mapping[str, list[_Point]] = {point.codec: [] for point in points}
    for point in sorted(points, key=lambda point: point.bits):
        by_codec[point.codec].append(point)
    if len({rate for point in points for rate in [point.item.rate]}) < 2:
        return []
    return [path([(x.at(p.bits), y.at(p.rating)) for p in one], kind) for one in by_codec.values() if len(one) > 1]


def _drawn(point: _Point, x: Axis, y: Axis, palette: Palette, scale: Scale) -> list[Mark]:
    colour, shape = look(point.item, palette)
    across, says = x.at(point.bits), point.says(scale)
    whisker = []
    if math.isfinite(point.low):
        whisker = [line((across, across), (y.at(point.low), y.at(point.high)), "whisker", says)]
    return [*whisker, dot(across, y.at(point.rating), shape, colour, says=says)]


def _labels(points: Sequence[_Point], x: Axis, y: Axis) -> list[Mark]:
    """Name the points beside them, moved apart where they would overlap: to the left in the right half of the panel."""
    marks: list[Mark] = []
    used: list[tuple[bool, float]] = []
    for point in sorted(points, key=lambda point: -point.rating):
        across, down = x.at(point.bits), y.at(point.rating) + 4
        to_left = across > (x.start + x.end) / 2
        while any(side == to_left and abs(down - other) < 12 for side, other in used):
            down += 1
        if down > y.start + 4:  # what does not fit stands in the words and in the table
            break
        used.append((to_left, down))
        name = short(point.codec, 14)
        marks.append(words(across + (-8 if to_left else 8), down, name, "name" if to_left else "word"))
    return marks
