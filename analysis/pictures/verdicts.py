"""Verdicts: the difference of each two conditions with its interval, against a rule at no difference."""

import math
from collections.abc import Sequence

from analysis.pictures.axes import Axis, spanning
from analysis.pictures.canvas import EDGE, FOOT, WIDTH, Mark, Picture, dot, frame, line, rule, words
from analysis.pictures.looks import short_names
from analysis.pictures.ratings import ends_words, slug, value_words
from analysis.rating import Scale
from analysis.scales import UNITS, WORDS
from analysis.verdicts import Judged, Verdict

MOST = 28  # pairs that are all drawn; of more, those named beforehand and neighbours in rank
STEP, HEAD = 34.0, 24.0
OUTCOMES = {"better": "better", "undecided": "undecided", "untested": "no interval"}
GROUPS = {True: "Named beforehand (confirmatory)", False: "Chosen afterwards (exploratory)"}


def verdict_picture(one: Judged) -> Picture | None:
    """Draw the differences of a scale, those named beforehand first; None where it has no ratings.

    A filled mark is a difference that Holm's p calls significant, a hollow one is undecided; diamonds were named
    beforehand, circles were not.
    """
    scale = one.scale
    if not scale.fit or not one.verdicts:
        return None
    kept = _kept(one)
    left_out = len(one.verdicts) - len(kept)
    names = short_names([item.condition for item in scale.counts.items])
    size = UNITS[scale.settings.unit]
    ends = [(v.difference + side * (v.margin or 0.0)) / size for v in kept for side in (-1, 0, 1)]
    axis = spanning(ends, EDGE, WIDTH - EDGE - 76, zero=True)
    y, said, level = 4.0, [], f"{100 * scale.settings.alpha:g}"
    rows: list[Mark] = []
    for confirmatory in (True, False):
        group = [verdict for verdict in kept if verdict.confirmatory == confirmatory]
        if group:
            cut = ", neighbours in rank" if left_out and not confirmatory else ""
            rows.append(words(EDGE, y + 14, GROUPS[confirmatory] + cut, "word strong"))
            y += HEAD
        for verdict in group:
            rows += _row(scale, verdict, names, axis, y)
            said.append(_said(scale, verdict))
            y += STEP
    bottom = y + 2
    label = f"difference in {WORDS[scale.settings.unit]}, with 95% interval"
    marks = [*frame(axis, HEAD, bottom, label), *rule(axis, 0.0, HEAD, bottom), *rows]
    note = f" {left_out} more pairs, none of them neighbours in rank, are in verdicts.csv." if left_out else ""
    return Picture(
        name=f"verdicts-{slug(scale)}",
        title=f"Differences of conditions, {scale.name}",
        says=f"Differences in {WORDS[scale.settings.unit]} with 95% intervals; verdicts by Holm's p at {level}%. "
        + " ".join(said) + note,
        width=WIDTH,
        height=bottom + FOOT,
        plot=(EDGE, HEAD, WIDTH - EDGE, bottom),
        marks=marks,
    )  # fmt: skip


def _kept(one: Judged) -> Sequence[Verdict]:
    if len(one.verdicts) <= MOST:
        return one.verdicts
    place = {item: at for at, item in enumerate(one.scale.order.tolist())}
    return [v for v in one.verdicts if v.confirmatory or abs(place[v.better] - place[v.other]) == 1]


def _row(scale: Scale, verdict: Verdict, names: Sequence[str], axis: Axis, y: float) -> list[Mark]:
    size, low_y = UNITS[scale.settings.unit], y + 24
    middle, says = verdict.difference / size, _said(scale, verdict)
    kind = "dot" if verdict.word == "better" else "hollow"
    marks = [
        words(EDGE, y + 13, f"{names[verdict.better]} over {names[verdict.other]}", "word"),
        words(WIDTH - EDGE, low_y + 4, OUTCOMES[verdict.word], "name strong" if verdict.word == "better" else "name"),
    ]
    if verdict.margin is not None:
        margin = verdict.margin / size
        marks.append(line((axis.at(middle - margin), axis.at(middle + margin)), (low_y, low_y), "whisker", says))
    shape = "diamond" if verdict.confirmatory else "circle"
    return [*marks, dot(axis.at(middle), low_y, shape, kind=kind, says=says)]


def _said(scale: Scale, verdict: Verdict) -> str:
    size, items = UNITS[scale.settings.unit], scale.counts.items
    middle, margin = verdict.difference / size, (math.nan if verdict.margin is None else verdict.margin / size)
    ends = ends_words(middle - margin, middle + margin, scale)
    p = "" if math.isnan(verdict.holm) else f", Holm's p {verdict.holm:.2g}"
    return (
        f"{items[verdict.better].condition} over {items[verdict.other].condition}: {value_words(middle, scale)}{ends}"
        f"{p}, {verdict.family}, {OUTCOMES[verdict.word]}."
    )
