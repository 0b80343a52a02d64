"""Who won against whom: a matrix of all pairs of a scale, in which votes that were not sure stand for themselves."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.pictures.canvas import EDGE, LETTER, WIDTH, Box, Mark, Picture, rectangle, words
from analysis.pictures.looks import short_names
from analysis.pictures.ratings import slug
from analysis.rating import Scale
from analysis.votes import Ints

TEXT, BAR = 30.0, 36.0  # how wide a cell is in which a percentage, and a bar of three parts below it, can be read
SMALLEST, LARGEST, TALLEST = 15.0, 84.0, 52.0
STRENGTH = 0.62  # of the colour of a pair that one side always won
SPELLED = 12  # conditions, up to which the words name every pair


@dataclass(frozen=True)
class Cell:
    """What the condition of a row took of its votes against that of a column."""

    won: int
    not_sure: int
    lost: int

    @property
    def votes(self) -> int:
        """All votes on the pair."""
        return self.won + self.not_sure + self.lost

    @property
    def share(self) -> float:
        """The share that the row won, not sure counted half."""
        return (self.won + self.not_sure / 2) / self.votes


def wins_picture(scale: Scale) -> Picture | None:
    """Draw the win matrix of a scale in the order of its ratings; None where it has one condition only.

    A cell is blue where the row's condition won more than half of the votes, orange where it won less; the bar in it
    splits the votes into won, not sure and lost.
    """
    counts, order = scale.counts, scale.order.tolist()
    n = len(order)
    if n < 2:
        return None
    names = short_names([counts.items[item].condition for item in order])
    side = max(map(len, names)) * LETTER + EDGE
    cell = float(np.clip((WIDTH - side - EDGE) / n, SMALLEST, LARGEST))
    tall = min(cell, TALLEST)
    table = cells(counts.first, counts.second, counts.table)
    upright = cell < max(map(len, names)) * LETTER
    head = (side if upright else 24.0) + 2
    marks: list[Mark] = []
    for at, name in enumerate(names):
        middle = head + tall * (at + 0.5)
        marks.append(words(side - 6, middle + 4, name))
        x = side + cell * (at + 0.5)
        marks.append(words(x + 4, head - 6, name, "word", turned=-90) if upright else words(x, head - 8, name, "tick"))
    for row, a in enumerate(order):
        for column, b in enumerate(order):
            box = (side + cell * column, head + tall * row, side + cell * (column + 1), head + tall * (row + 1))
            if (a, b) in table:
                marks += _drawn(table[a, b], box, f"{counts.items[a].condition} against {counts.items[b].condition}")
            else:
                marks.append(rectangle(box, "itself" if a == b else "unasked"))
    end = head + tall * n
    key = "% of votes won by the row, not sure half" + ("; bar: won, not sure, lost" if cell >= BAR else "")
    width = max(side + cell * n + EDGE, len(key) * 6.0)
    marks.append(words(width / 2, end + 20, key, "tick"))
    return Picture(
        name=f"wins-{slug(scale)}",
        title=f"Who won against whom, {scale.name}",
        says=" ".join(_said(scale, table)),
        width=width,
        height=end + 30,
        plot=(side, head, side + cell * n, end),
        marks=marks,
    )


def cells(first: Ints, second: Ints, table: Ints) -> dict[tuple[int, int], Cell]:
    """Return the cell of each pair of items with votes, both ways round."""
    found = {}
    for a, b, (a_won, b_won, not_sure) in zip(first.tolist(), second.tolist(), table.tolist(), strict=True):
        if a_won + b_won + not_sure:
            found[a, b] = Cell(a_won, not_sure, b_won)
            found[b, a] = Cell(b_won, not_sure, a_won)
    return found


def _drawn(cell: Cell, box: Box, who: str) -> list[Mark]:
    left, top, right, bottom = box
    says = f"{who}: won {cell.won}, not sure {cell.not_sure}, lost {cell.lost}"
    strength = f"{STRENGTH * abs(2 * cell.share - 1):.3f}"
    marks = [
        rectangle(box, "cell"),
        rectangle(box, "won" if cell.share >= 0.5 else "lost", says, **{"fill-opacity": strength}),
    ]
    size = right - left
    if size >= TEXT:
        barred = size >= BAR
        marks.append(
            words((left + right) / 2, (top + bottom) / 2 + (1 if barred else 4), f"{100 * cell.share:.0f}", "value")
        )
    if size >= BAR:
        start, end = left + 6, right - 6
        edges = start + (end - start) * np.cumsum([0, cell.won, cell.not_sure, cell.lost]) / cell.votes
        for kind, a, b in zip(("won", "even", "lost"), edges[:-1], edges[1:], strict=True):
            if b > a:
                marks.append(rectangle((a, bottom - 11, b, bottom - 6), f"{kind} full"))
    return marks


def _said(scale: Scale, table: dict[tuple[int, int], Cell]) -> Iterator[str]:
    order, items = scale.order.tolist(), scale.counts.items
    if len(order) > SPELLED:
        for a in order:
            mine = [cell for (row, _), cell in table.items() if row == a]
            won, votes = sum(cell.won + cell.not_sure / 2 for cell in mine), sum(cell.votes for cell in mine)
            share = f"won {100 * won / votes:.0f}% of {votes} votes" if votes else "has no votes"
            yield f"{items[a].condition} {share} against {len(mine)} others."
        return
    for place, a in enumerate(order):
        for b in order[place + 1 :]:
            pair = f"{items[a].condition} against {items[b].condition}"
            if cell := table.get((a, b)):
                yield f"{pair}: won {cell.won}, not sure {cell.not_sure}, lost {cell.lost} ({100 * cell.share:.0f}%)."
            else:
                yield f"{pair}: never compared."
