"""Read labels.csv: counts of votes for each crop, all of them answers to one question about one pair of conditions.

Votes for the hallucinated side, for the faithful side and for neither; a vote that is not sure counts half to each, as
in the file's own `share`. Nothing is made of the shares themselves: 9 of 10 votes and 1 of 1 are different evidence.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.crops import Crop
from codec.errors import Refusal, listing
from codec.tables import Cell, read_table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REQUIRED = (
    *("source", "source_sha256", "tag", "crop_x", "crop_y", "crop_width", "crop_height"),
    *("hallucinated", "faithful", "rate", "asks_for", "reference", "layout"),
    *("participants", "votes", "hallucinated_votes", "faithful_votes", "not_sure_votes"),
    *("share", "share_low", "share_high", "study", "config", "votes_sha256", "simulated", "view"),
)
NEVER_MIXED = {
    "asks_for": "questions",
    "reference": "reference modes",
    "layout": "layouts",
    "view": "views",
    "hallucinated": "hallucinated endpoints",
    "faithful": "faithful endpoints",
    "rate": "rates",
    "simulated": "simulated and people's votes",
}
DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Label:
    """A crop and the votes on it."""

    source: str
    source_sha256: str
    tag: str
    crop: Crop
    hallucinated: int
    faithful: int
    not_sure: int


@dataclass(frozen=True)
class Labels:
    """A file of labels; arrays have one entry a crop, in the order of the file.

    `asked` holds what no file mixes: question, reference mode, layout, view, the two conditions, and their rate.
    `studies` and `votes_sha256` name where the votes came from.
    """

    path: Path
    sha256: str
    rows: tuple[Label, ...]
    asked: dict[str, str]
    studies: tuple[str, ...]
    votes_sha256: tuple[str, ...]

    @property
    def simulated(self) -> bool:
        """Whether no person cast the votes."""
        return self.asked["simulated"] == "1"

    @cached_property
    def yes(self) -> Floats:
        """Votes for the hallucinated side, and half of those that are not sure."""
        return np.array([row.hallucinated + row.not_sure / 2 for row in self.rows])

    @cached_property
    def no(self) -> Floats:
        """Votes for the faithful side, and half of those that are not sure."""
        return np.array([row.faithful + row.not_sure / 2 for row in self.rows])

    @cached_property
    def sources(self) -> list[str]:
        """The content of every source, once, in order."""
        return sorted({row.source_sha256 for row in self.rows})

    @cached_property
    def source(self) -> Ints:
        """The place of each crop's source in `sources`."""
        return np.searchsorted(np.array(self.sources), np.array([row.source_sha256 for row in self.rows]))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of most crops."""
        sizes = [(row.crop.width, row.crop.height) for row in self.rows]
        return max(sorted(set(sizes)), key=sizes.count)


def read_labels(path: Path) -> Labels:
    """Read a labels.csv; a crop that stands in several rows has their votes together.

    Raises:
        Refusal: no such table, a bad cell, rows that must not be pooled, no row at all.
    """
    table = read_table(path, *REQUIRED)
    if not table:
        raise Refusal(f"{path} holds no labels; make them with `analysis labels`.")
    asked = {name: _same(table, name, what) for name, what in NEVER_MIXED.items()}
    if asked["simulated"] not in ("0", "1"):
        raise table[0]["simulated"].refuse(f"'{asked['simulated']}' is neither 0 nor 1", "write one of them")
    return Labels(
        path=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        rows=_together([_label(row) for row in table]),
        asked=asked,
        studies=tuple(sorted({f"{row['study'].text} {row['config'].text}".strip() for row in table})),
        votes_sha256=tuple(sorted({row["votes_sha256"].text for row in table})),
    )


def refuse_too_few(labels: Labels, groups: int, folds: int) -> None:
    """Refuse labels that nothing can be learned from, or checked on: one answer only, fewer sources than folds.

    `groups` counts sources, those that look alike as one.
    """
    for votes, side in ((labels.yes, "hallucinated"), (labels.no, "faithful")):
        if not votes.any():
            raise Refusal(
                f"{labels.path}: no vote is for the {side} side, so there is nothing to tell apart; label crops on"
                f" which people differ."
            )
    if groups < folds:
        raise Refusal(
            f"{labels.path}: {groups} different sources are too few for {folds} folds; label more sources, or give"
            f" a smaller --folds."
        )


def differences(one: Labels, other: Labels) -> list[str]:
    """In what two files' votes differ of what no one file mixes, as phrases."""
    return [f"{name} {one.asked[name] or '-'} against {other.asked[name] or '-'}" for name in NEVER_MIXED
            if one.asked[name] != other.asked[name]]  # fmt: skip


def _same(table: list[dict[str, Cell]], name: str, what: str) -> str:
    first = table[0][name]
    for row in table:
        if row[name].text != first.text:
            values = listing(sorted({repr(each[name].text) for each in table}))
            raise row[name].refuse(f"the file mixes {what} ({values})", "fit each of them by itself")
    return first.text


def _label(row: dict[str, Cell]) -> Label:
    votes, *counts = (_whole(row[name]) for name in ("votes", "hallucinated_votes", "faithful_votes", "not_sure_votes"))
    if not 0 < votes == sum(counts):
        raise row["votes"].refuse(f"{votes} votes are not the sum of the three counts", "write the file anew")
    digest = row["source_sha256"]
    if len(digest.text) != 64 or not DIGITS.issuperset(digest.text):
        raise digest.refuse("no SHA-256 in 64 small hexadecimal digits", "write the digest of the source's pixels")
    crop = Crop(*(_whole(row[f"crop_{name}"]) for name in Crop._fields))
    if not crop.width * crop.height:
        raise row["crop_width"].refuse("the crop is empty", "write its width and height in pixels")
    return Label(row["source"].text, digest.text, row["tag"].text, crop, *counts)


def _whole(cell: Cell) -> int:
    if not (cell.text.isascii() and cell.text.isdigit() and len(cell.text) < 10):
        raise cell.refuse(f"'{cell.text}' is no whole number from 0 on", "write one")
    return int(cell.text)


def _together(rows: list[Label]) -> tuple[Label, ...]:
    found: dict[tuple[str, Crop], Label] = {}
    for row in rows:
        before = found.get((row.source_sha256, row.crop))
        if before:
            row = Label(  # noqa: PLW2901  the same crop, with the votes of both rows
                *(before.source, before.source_sha256, before.tag, before.crop),
                *(before.hallucinated + row.hallucinated, before.faithful + row.faithful),
                before.not_sure + row.not_sure,
            )
        found[(row.source_sha256, row.crop)] = row
    return tuple(found.values())
