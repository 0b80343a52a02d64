"""How the page says numbers: whole Elo points, p-values, shares; empty where there is none."""

import math
from collections.abc import Callable

from analysis.report.tables import Value

LEAST_P = 0.001


def whole(value: Value) -> str:
    """Return whole Elo points with a plain minus, so that a spreadsheet reads them."""
    return "" if value is None or math.isnan(float(value)) else str(round(float(value)))


def chance(value: Value) -> str:
    """Return a p to three digits after the point; what is smaller is told as such."""
    if value is None or math.isnan(float(value)):
        return ""
    return f"{float(value):.3f}" if float(value) >= LEAST_P else f"< {LEAST_P}"


def percent(value: Value, digits: int = 0) -> str:
    """Return a share as a percentage, without the sign."""
    return "" if value is None or math.isnan(float(value)) else f"{100 * float(value):.{digits}f}"


def short(value: Value, digits: int = 3) -> str:
    """Return a number to a few significant digits; whole ones whole."""
    if value is None or isinstance(value, str):
        return value or ""
    return str(value) if isinstance(value, int) else f"{value:.{digits}g}"


def fixed(value: Value, digits: int = 3) -> str:
    """Return a number with so many digits after the point."""
    return "" if value is None or math.isnan(float(value)) else f"{float(value):.{digits}f}"


def amount(value: int, one: str, many: str = "") -> str:
    """Return a count with its noun."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def title(name: str) -> str:
    """Return the headline of a scale, whose name are its rates."""
    return f"Conditions with {name}" if name == "no stated rate" else f"At {name}"


def listed(names: list[str], most: int = 6) -> str:
    """Return names in a sentence; of many the first ones and how many more there are."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


FILTERS: dict[str, Callable[..., str]] = {
    "whole": whole,
    "chance": chance,
    "percent": percent,
    "short": short,
    "fixed": fixed,
    "amount": amount,
    "listed": listed,
}
