"""Residuals: the pairs that fit the model worst, what share one of them took and what the model expects."""

import math

from analysis.deviance import Residual
from analysis.fit import FAR, FitCheck
from analysis.pictures.axes import Axis
from analysis.pictures.canvas import EDGE, FOOT, WIDTH, Mark, Picture, dot, frame, line, rule, words
from analysis.pictures.looks import short_names
from analysis.pictures.ratings import slug

MOST, STEP = 12, 34.0  # pairs that are drawn, and the height of one


def residual_picture(check: FitCheck) -> Picture | None:
    """Draw what was observed (a dot) and expected (an upright stroke) for the pairs that fit worst; None without any.

    Dots are filled where the distance is beyond what chance brings to one pair in twenty.
    """
    shown = check.residuals[:MOST]
    if not shown:
        return None
    items = check.scale.counts.items
    names = short_names([item.condition for item in items])
    axis = Axis(0, 100, EDGE + 6, WIDTH - EDGE - 70)
    top = 6.0
    bottom = top + STEP * len(shown) + 4
    marks: list[Mark] = [
        *frame(axis, top, bottom, "% of the votes that the first one took"),
        *rule(axis, 50, top, bottom),
    ]
    for place, one in enumerate(shown):
        y, says = top + STEP * place + 24, _said(one, items[one.first].condition, items[one.second].condition)
        far, z = abs(one.z) > FAR, "" if math.isnan(one.z) else f"z = {one.z:.1f}"
        share, expected = axis.at(100 * one.share), axis.at(100 * one.expected)
        marks += [
            words(EDGE, y - 11, f"{names[one.first]} against {names[one.second]}", "word"),
            line((share, expected), (y, y), "link", says),
            line((expected, expected), (y - 6, y + 6), "median", says),
            dot(share, y, kind="dot" if far else "hollow", says=says),
            words(WIDTH - EDGE, y + 4, z, "name strong" if far else "name"),
        ]
    more = len(check.residuals) - len(shown)
    rest = f" {more} pairs that fit better are in residuals.csv." if more else ""
    told = " ".join(_said(one, items[one.first].condition, items[one.second].condition) for one in shown)
    return Picture(
        name=f"residuals-{slug(check.scale)}",
        title=f"Pairs that fit the model worst, {check.scale.name}",
        says=f"Shares of votes and what the model expects, worst first. {told}{rest}",
        width=WIDTH,
        height=bottom + FOOT,
        plot=(EDGE, top, WIDTH - EDGE, bottom),
        marks=marks,
    )


def _said(one: Residual, first: str, second: str) -> str:
    z = "" if math.isnan(one.z) else f", z = {one.z:.1f}"
    return (
        f"{first} took {100 * one.share:.0f}% of {one.votes} votes against {second}, expected "
        f"{100 * one.expected:.0f}%{z}."
    )
