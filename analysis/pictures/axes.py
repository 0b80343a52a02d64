"""Axes: values to places, and round values to name beside them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


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
        return self.few(7)

    def few(self, most: int) -> list[tuple[float, str]]:
        """Return about `most` round values at most: place and text."""
        values = _log_ticks(self.low, self.high) if self.logarithmic else _ticks(self.low, self.high, most)
        kept = values[:: math.ceil(len(values) / (most + 1))]
        return [(self.at(value), format(round(value, 9) + 0.0, ".10g")) for value in kept]


def _ticks(low: float, high: float, most: int) -> list[float]:
    raw = (high - low) / most
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
