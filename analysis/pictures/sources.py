"""Image by image: what share of its votes each condition won on each source."""

import math
from collections.abc import Sequence

import numpy as np

from analysis.pictures.axes import Axis
from analysis.pictures.canvas import EDGE, FOOT, LETTER, ROW, TOP, WIDTH, Picture, dot, frame, line, rule, words
from analysis.pictures.looks import Palette, look, short_names
from analysis.pictures.ratings import slug
from analysis.rating import Scale

EXTREMES = 2  # images whose names stand in words at either end


def sources_picture(scale: Scale, sources: Sequence[str], palette: Palette) -> Picture | None:
    """Draw a strip for each condition, best on top: one mark a source, larger with more votes, and their median.

    `sources` names them by code. None where the votes of the scale name fewer than two.
    """
    counts = scale.counts
    if counts.sources < 2:
        return None
    won, votes, codes = counts.won_by_source()
    won, votes, codes = won[:, codes >= 0], votes[:, codes >= 0], codes[codes >= 0]
    names = short_names([item.condition for item in counts.items])
    start = max(map(len, names)) * LETTER + 2 * EDGE
    width = max(WIDTH, start + 220)
    axis = Axis(0, 100, start + 4, width - EDGE - 4)
    bottom = TOP + ROW * len(counts.items)
    label = "% of its votes won, a mark an image"
    marks = [*frame(axis, TOP, bottom, label), *rule(axis, 50.0, TOP, bottom)]
    said = []
    for place, index in enumerate(scale.order.tolist()):
        item, y = counts.items[index], TOP + ROW * (place + 0.5)
        colour, shape = look(item, palette)
        marks.append(words(start - EDGE, y + 4, names[index]))
        seen = [at for at in range(len(codes)) if votes[index, at]]
        shares = {sources[codes[at]]: 100 * won[index, at] / votes[index, at] for at in seen}
        for at in seen:
            total, name = votes[index, at], sources[codes[at]]
            says = f"{item.condition} on {name}: {won[index, at]:g} of {total:.0f}"
            size = round(min(1.5 + 0.4 * math.sqrt(total), 5.0), 2)
            marks.append(dot(axis.at(shares[name]), y, shape, colour, "faint", size=size, says=says))
        if shares:
            middle = float(np.median(list(shares.values())))
            marks.append(
                line((axis.at(middle),) * 2, (y - 8, y + 8), "median", f"{item.condition}: median {middle:.0f}%")
            )
            said.append(_said(item.condition, shares, middle))
    return Picture(
        name=f"sources-{slug(scale)}",
        title=f"Share of votes won, image by image, {scale.name}",
        says=f"{len(codes)} images; shares of the votes that a condition won on each, not sure counted half. "
        + " ".join(said),
        width=width,
        height=bottom + FOOT,
        plot=(start, TOP, width - EDGE, bottom),
        marks=marks,
    )


def _said(condition: str, shares: dict[str, float], middle: float) -> str:
    ranked = sorted(shares.items(), key=lambda entry: (-entry[1], entry[0]))
    ends = [*ranked[:EXTREMES], *ranked[max(EXTREMES, len(ranked) - EXTREMES) :]]
    named = ", ".join(f"{name} {share:.0f}%" for name, share in ends)
    return f"{condition}: median {middle:.0f}%, from {ranked[-1][1]:.0f}% to {ranked[0][1]:.0f}% ({named})."
