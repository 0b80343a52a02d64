"""The raters: each participant's catch trials, or times, beside how likely all others make their votes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.pictures.axes import Axis, spanning
from analysis.pictures.canvas import EDGE, FOOT, WIDTH, Mark, Picture, dot, frame, line, words
from analysis.screening import Screening
from analysis.votes import Floats, Mask

HEIGHT, HEAD, LEFT = 300.0, 26.0, 48.0
COIN = 0.5
BESIDE = 3.2  # how far apart participants with the same values stand
TOLD = 60  # participants that are told one by one


@dataclass(frozen=True)
class _Across:
    """What stands on the axis to the right: values (p,), limits that rules set to them, and words."""

    values: Floats
    label: str
    unit: str
    limit: float | None
    logarithmic: bool


def raters_picture(screening: Screening) -> Picture | None:
    """Draw a mark a participant; None where no participant has a likelihood beside a catch trial or a time.

    To the right is the share of catch trials that were answered as expected, or, in studies without, the median time of
    an answer. Upwards is the geometric mean of the likelihood of their votes, given all others' votes; 0.5 is a coin's.
    Whoever is left out of the ratings is crossed.
    """
    found, out = screening.raters, screening.excluded
    likely = np.full(len(found.names), np.nan)
    likely[np.searchsorted(found.participant, screening.likelihood.participant)] = 10**screening.likelihood.mean
    across = _across(screening)
    shown = np.isfinite(across.values) & np.isfinite(likely)
    if not shown.any():
        return None
    lowest, highest = across.values[shown].min(), across.values[shown].max()
    room = [lowest, highest, *([across.limit] if across.limit is not None else [])]
    x = spanning(room, LEFT + 8, WIDTH - EDGE - 8, logarithmic=across.logarithmic)
    bottom = HEAD + HEIGHT - FOOT
    y = spanning([*likely[shown], COIN], bottom, HEAD)
    marks = [*frame(x, HEAD, bottom, across.label, across.unit), *_upward(y)]
    if across.limit is not None:
        at = x.at(across.limit)
        marks += [line((at, at), (HEAD, bottom), "limit"), words(at, HEAD - 6, "limit", "tick")]
    marks += _dots(screening, across, likely, x, y)
    return Picture(
        name="raters",
        title="Participants: " + across.label.split(",")[0] + " and likelihood of their votes",
        says=_said(screening, across, likely, shown, out),
        width=WIDTH,
        height=bottom + FOOT,
        plot=(LEFT, HEAD, WIDTH - EDGE, bottom),
        marks=marks,
    )


def _across(screening: Screening) -> _Across:
    found = screening.raters
    limits = {v.rule.name: v.rule.limit for v in screening.verdicts if v.rule.chosen}
    if found.catches.sum():
        limit = limits.get("catch_accuracy")
        share = 100 * found.catch_accuracy
        return _Across(share, "catch trials right", "%", None if limit is None else 100 * limit, False)
    limit = limits.get("time")
    seconds = found.response_ms / 1000
    known = seconds[np.isfinite(seconds) & (seconds > 0)]
    wide = bool(known.size) and known.max() >= 10 * known.min()
    label = "median time of an answer, seconds"
    return _Across(np.where(seconds > 0, seconds, np.nan), label, "", None if limit is None else limit / 1000, wide)


def _upward(y: Axis) -> list[Mark]:
    """Return the axis of likelihoods, with a rule at that of a coin."""
    marks = []
    for at, text in y.ticks:
        marks += [line((LEFT, WIDTH - EDGE), (at, at), "grid"), words(LEFT - 6, at + 4, text)]
    coin = y.at(COIN)
    marks += [line((LEFT, WIDTH - EDGE), (coin, coin), "zero"), words(LEFT + 4, coin - 5, "a coin", "word soft")]
    return [*marks, words(12, (y.start + y.end) / 2, "mean likelihood of a vote", "tick", turned=-90)]


def _dots(screening: Screening, across: _Across, likely: Floats, x: Axis, y: Axis) -> list[Mark]:
    """Return the marks, the excluded last so that they lie on top; who would hide another moves aside."""
    found, out = screening.raters, screening.excluded
    shown = np.isfinite(across.values) & np.isfinite(likely)
    taken: set[tuple[int, int]] = set()
    marks = []
    for place in sorted(np.flatnonzero(shown).tolist(), key=lambda at: (bool(out[at]), found.names[at])):
        right, up = x.at(across.values[place]), y.at(likely[place])
        for aside in _asides(x, right):
            key = round((right + aside) / BESIDE), round(up / BESIDE)
            if key not in taken:
                taken.add(key)
                right += aside
                break
        says = f"{found.names[place]}: {across.values[place]:.3g}{across.unit or ' s'}, likelihood {likely[place]:.2f}"
        kind, shape = ("crossed", "crossed") if out[place] else ("faint", "circle")
        says += ", left out" if out[place] else ""
        marks.append(dot(right, up, shape, kind=kind, size=3.5, says=says))
    return marks


def _asides(x: Axis, at: float) -> Sequence[float]:
    """Return steps aside that stay in the picture, the smallest first."""
    steps = [0.0] + [side * BESIDE * step for step in range(1, 4) for side in (-1, 1)]
    return [step for step in steps if x.start - 6 <= at + step <= x.end + 6]


def _said(screening: Screening, across: _Across, likely: Floats, shown: Mask, out: Mask) -> str:
    names = np.array(screening.raters.names, object)
    values, unit = across.values, across.unit or " s"
    middle, typical = np.median(values[shown]), np.median(likely[shown])
    lowest, highest = likely[shown].min(), likely[shown].max()
    lines = [
        f"{int(shown.sum())} participants. Median of {across.label}: {middle:.3g}{unit}.",
        f"Mean likelihood of a vote: median {typical:.2f} ({lowest:.2f} to {highest:.2f}), where a coin has 0.5.",
        f"Left out of the ratings and crossed: {', '.join(names[out]) or 'nobody'}.",
    ]
    if shown.sum() <= TOLD:
        each = (f"{names[at]} {values[at]:.3g}{unit}, {likely[at]:.2f}" for at in np.flatnonzero(shown))
        lines.append("One by one: " + "; ".join(each) + ".")
    if missing := int((~shown).sum()):
        lines.append(f"{missing} without these values are not drawn.")
    return " ".join(lines)
