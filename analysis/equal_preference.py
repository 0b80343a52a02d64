"""Bitrate at equal preference: how many bits another codec needs to be liked as much.

Only where votes put both codecs, at their rates, on one scale: ratings of rates that no vote links say nothing about
each other. Between its own conditions a codec's rating is taken as linear in the logarithm of its bits per pixel, and
nowhere beyond them. The interval is the set of bits per pixel at which the other codec's rating would not differ
significantly from the one to be matched, by the covariance of the three ratings involved: Fieller's (1954, "Some
problems in interval estimation"), which stays right where a curve is flat and the set is open, as the delta method does
not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

import numpy as np
from scipy.optimize import brentq

from analysis.files import number
from analysis.intervals import Over, Uncertainty
from analysis.rating import Scale
from analysis.stimuli import Measures
from analysis.votes import Floats, Ints, Item

GRID = 32  # places on each segment at which the ends of an interval are looked for
UNLINKED = (
    "no votes link their rates, so ratings at different rates share no scale; ask about pairs across rates, or about "
    "an anchor against every rate"
)
Bits = Mapping[tuple[float | None, str], float]


@dataclass(frozen=True)
class Point:
    """What codec B needs to be rated as `item` of codec A, of `bpp_a` bits per pixel, is.

    `bpp` is None where no rate of B reaches that rating, or all exceed it: `problem` says which. The 95% interval from
    `low` to `high` has an end that is None where B's rates end before it; without any interval `over` is `none`.
    """

    item: Item
    bpp_a: float
    bpp: float | None
    low: float | None
    high: float | None
    over: Over
    problem: str

    @property
    def ratio(self) -> float | None:
        """The bits of B over those of A, at equal preference."""
        return None if self.bpp is None else self.bpp / self.bpp_a


@dataclass(frozen=True)
class EqualPreference:
    """The points of codec A matched by codec B, in order of bits; or the `problem` for which there are none."""

    codec_a: str
    codec_b: str
    points: tuple[Point, ...]
    problem: str = ""


@dataclass(frozen=True)
class _Curve:
    """A codec's items in order of their bits, with the logarithm of these and the ratings (k,)."""

    items: Ints
    log_bpp: Floats
    rating: Floats

    def weights(self, x: float, n: int) -> tuple[Floats, Ints]:
        """Return what the rating at the logarithm x is made of: weights (n,) and the two items."""
        at = int(np.clip(np.searchsorted(self.log_bpp, x) - 1, 0, len(self.items) - 2))
        share = (x - self.log_bpp[at]) / (self.log_bpp[at + 1] - self.log_bpp[at])
        found, ends = np.zeros(n), self.items[[at, at + 1]]
        found[ends] = 1 - share, share
        return found, ends


def bits(scales: Sequence[Scale], measures: Measures | None) -> Bits:
    """Return the bits per pixel of each condition: the median of its files, or its rate where there are no stimuli."""
    items = [item for scale in scales for item in scale.counts.items]
    found: dict[tuple[float | None, str], float] = {
        (item.rate, item.condition): item.rate for item in items if item.rate
    }
    found |= {key: value for key, value in measures.median_bpp.items() if value > 0} if measures else {}
    return found


def equal_preference(scales: Sequence[Scale], codec_a: str, codec_b: str, bpp: Bits) -> EqualPreference:
    """Return at how many bits per pixel codec B is rated as each condition of codec A; `bpp` is by `bits`."""
    found = [
        scale
        for scale in scales
        if scale.fit and _members(scale, codec_a, bpp).size and _members(scale, codec_b, bpp).size > 1
    ]
    if problem := _no_scale(scales, codec_a, codec_b, bpp) if not found else "":
        return EqualPreference(codec_a, codec_b, (), problem)
    scale = max(found, key=lambda scale: scale.counts.votes)
    curve = _curve(scale, codec_b, bpp)
    if problem := _bent(scale, curve):
        return EqualPreference(codec_a, codec_b, (), problem)
    points = tuple(_point(scale, int(item), curve, bpp) for item in _curve(scale, codec_a, bpp).items)
    return EqualPreference(codec_a, codec_b, points)


def every_pair(scales: Sequence[Scale], bpp: Bits) -> Iterator[EqualPreference]:
    """Give all ordered pairs of the codecs that have more than one rate, and the others against these."""
    names = sorted({item.codec for scale in scales for item in scale.counts.items if item.codec})
    rates = {name: sum(item.codec == name for scale in scales for item in scale.counts.items) for name in names}
    for a in names:
        for b in names:
            if a != b and rates[b] > 1:
                yield equal_preference(scales, a, b, bpp)


def _members(scale: Scale, codec: str, bpp: Bits) -> Ints:
    """Return the items of a codec whose bits are known."""
    items = enumerate(scale.counts.items)
    return np.array([at for at, item in items if item.codec == codec and (item.rate, item.condition) in bpp], int)


def _no_scale(scales: Sequence[Scale], codec_a: str, codec_b: str, bpp: Bits) -> str:
    """Return why no scale has both codecs, the second one at two rates."""
    known = {item.codec for scale in scales for item in scale.counts.items}
    if missing := [name for name in (codec_a, codec_b) if name not in known]:
        return f"no rated condition is of the codec {missing[0]}"
    if all(not scale.fit for scale in scales):
        return "the votes determine no ratings"
    of_b = [int(_members(scale, codec_b, bpp).size) for scale in scales]
    if sum(of_b) < 2:
        return f"{codec_b} has one condition of known bits per pixel, and a curve needs two"
    return UNLINKED


def _curve(scale: Scale, codec: str, bpp: Bits) -> _Curve:
    items = _members(scale, codec, bpp)
    of = [scale.counts.items[item] for item in items]
    x = np.log([bpp[item.rate, item.condition] for item in of])
    order = np.argsort(x, kind="stable")
    return _Curve(items[order], x[order], scale.rating[items[order]])


def _bent(scale: Scale, curve: _Curve) -> str:
    """Return where a curve does not rise, in words; empty where it rises all along."""
    names = [scale.counts.items[item].condition for item in curve.items]
    for at, (low, high) in enumerate(pairwise(curve.rating)):
        if curve.log_bpp[at + 1] - curve.log_bpp[at] < 1e-9:
            return f"{names[at]} and {names[at + 1]} have the same bits per pixel"
        if high <= low:
            return (
                f"the rating does not rise from {names[at]} to {names[at + 1]}, so some rating is reached at several "
                "rates or at none"
            )
    return ""


def _point(scale: Scale, item: int, curve: _Curve, bpp: Bits) -> Point:
    named = scale.counts.items[item]
    rating, bpp_a = float(scale.rating[item]), bpp[named.rate, named.condition]
    found, problem = None, ""
    if rating > curve.rating[-1]:
        problem = f"rated above all rates of {scale.counts.items[curve.items[-1]].codec}"
    elif rating < curve.rating[0]:
        problem = f"rated below all rates of {scale.counts.items[curve.items[0]].codec}"
    else:
        found = float(np.interp(rating, curve.rating, curve.log_bpp))
    inside = _inside(scale, item, curve, found)
    low, high = (None if end is None or not np.isfinite(end) else exp(end) for end in inside or (None, None))
    over = "none" if inside is None else scale.over
    if inside and np.isnan(inside[0]):
        over, problem = "none", problem.replace("rated", "rated significantly")
    return Point(named, bpp_a, None if found is None else exp(found), low, high, over, problem)


def _inside(scale: Scale, item: int, curve: _Curve, found: float | None) -> tuple[float, float] | None:
    """Return both ends of the interval in log bits, infinite where the curve ends first; None where there is none.

    NaN where no bits are in it: the rating differs significantly from all of the curve.
    """
    uncertainty = scale.uncertainty
    places = [item, *curve.items]
    if uncertainty is None or uncertainty.lone[np.ix_(places, places)].any():
        return None

    def beyond(x: float) -> float:
        return _beyond(scale, uncertainty, item, curve, x)

    segments = [np.linspace(low, high, GRID, endpoint=False) for low, high in pairwise(curve.log_bpp)]
    extra = [curve.log_bpp[-1], *([] if found is None else [found])]
    grid = np.unique(np.concatenate([*segments, extra]))
    held = np.array([beyond(x) for x in grid]) <= 0
    if not held.any():
        return np.nan, np.nan
    first, last = int(np.flatnonzero(held)[0]), int(np.flatnonzero(held)[-1])
    low = -np.inf if first == 0 else brentq(beyond, grid[first - 1], grid[first])
    high = np.inf if last == len(grid) - 1 else brentq(beyond, grid[last], grid[last + 1])
    return float(low), float(high)


def _beyond(scale: Scale, uncertainty: Uncertainty, item: int, curve: _Curve, x: float) -> float:
    """Return by how much the rating at the logarithm x differs from the item's, beyond the margin of that."""
    n = len(scale.rating)
    weights, ends = curve.weights(x, n)
    contrast = np.eye(n)[item] - weights
    degrees = uncertainty.freedom(contrast, np.array([item, *ends]))
    return abs(float(contrast @ scale.rating)) - uncertainty.margin(contrast, degrees)


def told(every: Sequence[EqualPreference]) -> Iterator[str]:
    """Give the results in sentences, a reason that several have once."""
    for problem in dict.fromkeys(found.problem for found in every if found.problem):
        names = [f"{found.codec_b} with {found.codec_a}" for found in every if found.problem == problem]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"no bits at equal preference of {', '.join(names[:3])}{more}: {problem}"
    for found in every:
        for point in found.points:
            bpp = number(round(point.bpp_a, 4))
            yield f"to equal {point.item.condition} ({bpp} bpp): {_words(found.codec_b, point)}"


def _words(codec: str, point: Point) -> str:
    if point.bpp is None or point.ratio is None:
        return point.problem
    ends = [f"{end:.3g}" if end else "beyond its rates" for end in (point.low, point.high)]
    span = "no interval" if point.over == "none" else f"95% interval: {ends[0]} to {ends[1]}"
    more = f"{100 * abs(point.ratio - 1):.0f}% {'more' if log(point.ratio) > 0 else 'fewer'} bits"
    return f"{codec} needs {point.bpp:.3g} bpp ({span}), {more}"
