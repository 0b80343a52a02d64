"""Metrics against people: how often each agrees with a vote, between chance and what any prediction could reach."""

import math

from analysis.metrics import COMBINATION, MetricAgreement, Part, Score
from analysis.pictures.axes import spanning
from analysis.pictures.canvas import (
    EDGE,
    FOOT,
    LETTER,
    ROW,
    WIDTH,
    Mark,
    Picture,
    dot,
    frame,
    line,
    rectangle,
    rule,
    words,
)
from analysis.pictures.looks import short_names
from analysis.yardsticks import Bound

CHANCE = 50.0
HEAD = 44.0
EVERYTHING = Part(None, None)
YARDSTICKS = {"two_participants": "another participant", "best_prediction": "best possible"}


def metrics_picture(found: MetricAgreement, part: Part = EVERYTHING) -> Picture | None:
    """Draw the 2AFC scores of the metrics in a part of the votes, best on top; None where none has a score there.

    Behind them stand chance, and both yardsticks as bands as wide as their intervals.
    """
    scores = [score for score in found.scores if score.part == part and score.agreement]
    if not scores:
        return None
    scores.sort(key=lambda score: (score.metric == COMBINATION, -_share(score)[0], score.metric))
    bounds = next(yardsticks for of, yardsticks in found.yardsticks if of == part)
    sticks = {words_: bound for name, words_ in YARDSTICKS.items()
              if math.isfinite((bound := getattr(bounds, name)).value)}  # fmt: skip
    names = short_names([score.metric for score in scores])
    start = max(map(len, names)) * LETTER + 2 * EDGE
    values = [CHANCE, *(value for score in scores for value in _share(score))]
    values += [100 * value for bound in sticks.values() for value in (bound.value, bound.low, bound.high)]
    axis = spanning(values, start, WIDTH - EDGE)
    bottom = HEAD + ROW * len(scores)
    marks: list[Mark] = []
    for at, bound in enumerate(sticks.values()):
        low, high = (100 * end if math.isfinite(end) else 100 * bound.value for end in (bound.low, bound.high))
        marks.append(rectangle((axis.at(low), HEAD - 4, axis.at(high), bottom), "band" if at else "band other"))
    marks += [
        *frame(axis, HEAD, bottom, "% of votes that the metric agrees with"),
        *rule(axis, CHANCE, HEAD - 4, bottom),
    ]
    marks.append(words(axis.at(CHANCE), HEAD - 10, "chance", "tick"))
    for at, (name, bound) in enumerate(sticks.items()):
        x = axis.at(100 * bound.value)
        marks += [line((x, x), (HEAD - 4, bottom), "stick"), _label(x, HEAD - (10 if at else 28), name)]
    for place, (score, name) in enumerate(zip(scores, names, strict=True)):
        y = HEAD + ROW * (place + 0.5)
        value, low, high = _share(score)
        says = _said(score)
        marks.append(words(start - EDGE, y + 4, name))
        if math.isfinite(low):
            marks.append(line((axis.at(low), axis.at(high)), (y, y), "whisker", says))
        marks.append(dot(axis.at(value), y, "diamond" if score.metric == COMBINATION else "circle", says=says))
    yard = "; ".join(f"{name} {_bound(bound)}" for name, bound in sticks.items()) or bounds.reason
    return Picture(
        name="metrics" if part == EVERYTHING else "metrics-" + "-".join(filter(None, (part.rate, part.tag))),
        title=f"Metrics against votes, {part.name}",
        says="Share of votes that each metric agrees with, chance 50%. "
        + " ".join(map(_said, scores))
        + f" Yardsticks: {yard}.",
        width=WIDTH,
        height=bottom + FOOT,
        plot=(start, HEAD, WIDTH - EDGE, bottom),
        marks=marks,
    )


def _label(x: float, y: float, name: str) -> Mark:
    """Return the label of a yardstick, inside the picture: it ends at the stick where it would not fit beside it."""
    fits = x + len(name) * LETTER * 0.5 < WIDTH
    return words(x, y, name, "tick" if fits else "name")


def _share(score: Score) -> tuple[float, float, float]:
    """Return the score and both ends of its interval, in percent."""
    if score.agreement is None:
        return math.nan, math.nan, math.nan
    return 100 * score.agreement.value, 100 * score.agreement.low, 100 * score.agreement.high


def _said(score: Score) -> str:
    value, low, high = _share(score)
    ends = f" ({low:.1f}% to {high:.1f}%)" if math.isfinite(low) else ""
    return f"{score.metric} {value:.1f}%{ends} of {score.votes} votes."


def _bound(bound: Bound) -> str:
    ends = f" ({100 * bound.low:.1f}% to {100 * bound.high:.1f}%)" if math.isfinite(bound.low) else ""
    return f"{100 * bound.value:.1f}%{ends}"
