"""The geometry of the report's pictures: numbers to places; templates/pictures.html.jinja draws them.

Places are in the units of an SVG view box, x to the right and y down.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.files import number
from analysis.rating import Scale, bounds
from analysis.stimuli import Measures
from analysis.votes import Item

WIDTH, ROW, TOP, FOOT, EDGE = 420.0, 24.0, 8.0, 42.0, 10.0
LETTER = 7.2  # mean width of a letter at 12 units
LONGEST = 22  # letters of a name; the full one is in the tooltip
# Okabe and Ito 2008 ("Color universal design"), without black and yellow, which vanish on one of the two grounds.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

Point = dict[str, float | str | None]


@dataclass(frozen=True)
class Axis:
    """A linear or logarithmic axis: values from `low` to `high` lie from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return the place of a value."""
        low, high, here = (math.log(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return round(self.start + (self.end - self.start) * (here - low) / (high - low), 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Three to seven round values on the axis: place and text."""
        values = _log_ticks(self.low, self.high) if self.logarithmic else _ticks(self.low, self.high)
        return [(self.at(value), format(round(value, 9) + 0.0, ".10g")) for value in values]


def _ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / 7
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= raw * 0.999)
    return [step * index for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for power in powers for tick in (10.0**power, 2 * 10.0**power, 5 * 10.0**power) if low <= tick <= high]


def spanning(
    values: Iterable[float], start: float, end: float, *, zero: bool = False, logarithmic: bool = False
) -> Axis:
    """Return an axis that shows all values (NaN: none) with a little air, and 0 if asked."""
    found = [value for value in values if math.isfinite(value)] + ([0.0] if zero else [])
    low, high = min(found), max(found)
    if logarithmic:
        return Axis(low / 1.15, high * 1.15, start, end, True)
    air = 0.06 * (high - low) or max(1.0, abs(high)) * 0.1
    return Axis(low - air, high + air, start, end)


def colours(items: Sequence[Item]) -> Mapping[str, str]:
    """Return a colour a codec (a condition that names none counts as its own), the same in every picture of a report.

    With more codecs than colours that eyes can tell apart all are drawn in the text's colour: the names say which is
    which.
    """
    families = sorted({family(item) for item in items})
    if len(families) > len(PALETTE):
        return dict.fromkeys(families, "currentColor")
    return dict(zip(families, PALETTE, strict=False))


def family(item: Item) -> str:
    """Return the codec of an item, or its condition where the votes name no codec."""
    return item.codec or item.condition


def short(name: str) -> str:
    """Return a name that fits beside a picture."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 7]}…{name[-6:]}"


def whiskers(scale: Scale, method: str, axis_values: Iterable[float], palette: Mapping[str, str]) -> dict[str, object]:
    """Place the ratings of a scale, best on top, over an axis that spans `axis_values`: a dot with a line each."""
    values, lows, highs, _ = bounds(scale, method)
    names = [short(item.condition) for item in scale.counts.items]
    start = max(map(len, names)) * LETTER + 2 * EDGE
    axis = spanning(axis_values, start, WIDTH - EDGE, zero=True)
    rows: list[Point] = []
    for place, index in enumerate(scale.order):
        item = scale.counts.items[index]
        has_interval = math.isfinite(lows[index])
        rows.append(
            {
                "name": names[index],
                "y": TOP + ROW * (place + 0.5),
                "x": axis.at(values[index]),
                "low": axis.at(lows[index]) if has_interval else None,
                "high": axis.at(highs[index]) if has_interval else None,
                "colour": palette[family(item)],
                "says": f"{item.condition}: {values[index]:.0f}" + _to(lows[index], highs[index]),
            }
        )
    return {"rows": rows, **_frame(axis, len(rows)), "zero": axis.at(0.0)}


def _to(low: float, high: float) -> str:
    return f", from {low:.0f} to {high:.0f}" if math.isfinite(low) else ""


def _frame(axis: Axis, rows: int) -> dict[str, object]:
    bottom = TOP + ROW * rows
    return {
        "width": WIDTH,
        "height": bottom + FOOT,
        "top": TOP,
        "bottom": bottom,
        "left": axis.start,
        "ticks": axis.ticks,
    }


def strips(scale: Scale, sources: Sequence[str], palette: Mapping[str, str]) -> dict[str, object]:
    """Place, for each condition, one dot a source: the share of its votes that the condition won there."""
    won, votes, codes = scale.counts.won_by_source()
    names = [short(item.condition) for item in scale.counts.items]
    axis = Axis(0, 100, max(map(len, names)) * LETTER + 2 * EDGE, WIDTH - EDGE - 4)
    rows = []
    for place, index in enumerate(scale.order):
        item = scale.counts.items[index]
        dots: list[Point] = [
            {
                "x": axis.at(100 * won[index, column] / total),
                "r": round(min(1.5 + 0.4 * math.sqrt(total), 5.0), 2),
                "says": f"{item.condition} on {sources[code]}: {won[index, column]:g} of {total:.0f}",
            }
            for column, code in enumerate(codes)
            if (total := votes[index, column])
        ]
        rows.append(
            {"name": names[index], "y": TOP + ROW * (place + 0.5), "colour": palette[family(item)], "dots": dots}
        )
    return {"rows": rows, **_frame(axis, len(rows)), "zero": axis.at(50.0)}


def rate_panels(scales: Sequence[Scale], measures: Measures, palette: Mapping[str, str]) -> list[dict[str, object]]:
    """Place Bradley-Terry ratings against mean bits per pixel, one panel a codec, all on the same axes.

    Points of one scale, which votes link, are joined by a line; points of different scales never are.
    """
    points = [point for place, scale in enumerate(scales) if scale.fit for point in _points(scale, place, measures)]
    if not points:
        return []
    bits = [point.bits for point in points]
    high, start, end = 230.0, 48.0, WIDTH - EDGE
    x = spanning(bits, start, end, logarithmic=max(bits) >= 10 * min(bits))
    y = spanning(
        [value for point in points for value in (point.low, point.rating, point.high)], high - FOOT, TOP, zero=True
    )
    panels = []
    for codec in sorted({point.codec for point in points}):
        dots = [_dot(point, x, y, palette) for point in points if point.codec == codec]
        panels.append(
            {
                "codec": codec,
                "dots": dots,
                "lines": _lines(dots),
                "width": WIDTH,
                "height": high,
                "top": TOP,
                "bottom": high - FOOT,
                "left": start,
                "right": end,
                "x_ticks": x.ticks,
                "y_ticks": y.ticks,
                "zero": y.at(0.0),
            }
        )
    return panels


@dataclass(frozen=True)
class _RatePoint:
    codec: str
    item: Item
    scale: int
    bits: float
    rating: float
    low: float
    high: float


def _points(scale: Scale, place: int, measures: Measures) -> list[_RatePoint]:
    values, lows, highs, _ = bounds(scale, "bradley-terry")
    found = []
    for item, value, low, high in zip(scale.counts.items, values, lows, highs, strict=True):
        key = item.rate, item.condition
        bits = measures.mean[key].get("bpp")
        if bits:
            codec = measures.codec[key] or family(item)
            found.append(_RatePoint(codec, item, place, bits, float(value), float(low), float(high)))
    return found


def _dot(point: _RatePoint, x: Axis, y: Axis, palette: Mapping[str, str]) -> Point:
    has_interval = math.isfinite(point.low)
    return {
        "x": x.at(point.bits),
        "y": y.at(point.rating),
        "low": y.at(point.low) if has_interval else None,
        "high": y.at(point.high) if has_interval else None,
        "scale": point.scale,
        "colour": palette.get(family(point.item), "currentColor"),
        "says": f"{point.item.condition}: {point.rating:.0f} at {number(round(point.bits, 4))} bpp"
        + _to(point.low, point.high),
    }


def _lines(dots: Sequence[Point]) -> list[str]:
    """Return one line a scale with several points, as SVG points from left to right."""
    lines = []
    for scale in dict.fromkeys(dot["scale"] for dot in dots):
        linked = sorted((dot["x"], dot["y"]) for dot in dots if dot["scale"] == scale)
        if len(linked) > 1:
            lines.append(" ".join(f"{a},{b}" for a, b in linked))
    return lines


def shade(share: float) -> str:
    """Return how deep a cell of the win matrix is shaded, in percent: linear in the share."""
    return format(float(np.clip(share, 0, 1)) * 60, ".0f")
