"""Numbers as places on a picture, in percent of its width: pages draw them without a script and without styles."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOURS = 96
"""So many bars of an hour at most; what lasts longer gets a bar a day, or a week."""
DAYS = 120
FEWEST = 24
"""So many bars have room at least: those that are still to come are empty."""


@dataclass(frozen=True)
class Bar:
    """A span of time and its votes: where it begins and how wide and high it is, in percent."""

    start: datetime
    votes: int
    x: float
    width: float
    height: float


@dataclass(frozen=True)
class Bars:
    """Votes over time, without a gap; `each` says what a bar is."""

    each: str
    bars: list[Bar]
    most: int


@dataclass(frozen=True)
class Whisker:
    """A rating with its interval: the cells as they were written, and places in percent; None where there is none."""

    cells: Mapping[str, str]
    at: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Scale:
    """The ratings of one rate, best first; `zero` is the place of 0."""

    rate: str
    whiskers: list[Whisker]
    zero: float
    first: float
    last: float


def bars(hours: Sequence[tuple[datetime, int]]) -> Bars:
    """Bars of an hour, a day or a week, as few as that leaves, those without votes between them included."""
    if not hours:
        return Bars("hour", [], 0)
    first, last = hours[0][0], hours[-1][0]
    each, step = "week", timedelta(days=7)
    if last - first < timedelta(hours=HOURS):
        each, step = "hour", timedelta(hours=1)
    elif last - first < timedelta(days=DAYS):
        each, step = "day", timedelta(days=1)
    begin = first if each == "hour" else first.replace(hour=0)
    number = max(FEWEST, int((last - begin) / step) + 1)
    votes = [0] * number
    for hour, counted in hours:
        votes[int((hour - begin) / step)] += counted
    most, width = max(votes), 100 / number
    drawn = [
        Bar(begin + place * step, counted, round(place * width, 3), round(width, 3), round(100 * counted / most, 2))
        for place, counted in enumerate(votes)
    ]
    return Bars(each, drawn, most)


def whiskers(ratings: Iterable[Mapping[str, str]]) -> list[Scale]:
    """The Bradley-Terry ratings of ratings.csv, by rate, all on one axis that holds every interval and 0."""
    rows = [row for row in ratings if row.get("method") == "bradley-terry"]
    known = [number for row in rows for name in ("rating", "low", "high") if (number := _number(row, name)) is not None]
    first, last = min([0.0, *known]), max([0.0, *known])
    span = (last - first) or 1.0

    def place(number: float | None) -> float | None:
        return None if number is None else round(2 + 96 * (number - first) / span, 2)

    found: dict[str, list[Whisker]] = {}
    for row in sorted(rows, key=lambda row: -(_number(row, "rating") or 0)):
        at, low, high = (place(_number(row, name)) for name in ("rating", "low", "high"))
        found.setdefault(row.get("rate", ""), []).append(Whisker(row, at, low, high))
    zero = place(0.0) or 0.0
    return [Scale(rate, found[rate], zero, first, last) for rate in sorted(found, key=lambda r: float(r or 0))]


def _number(row: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(row.get(name) or "nan")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
