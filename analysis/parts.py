"""The ratings again, of a part of the votes each: one source, one tag, one rate. Small parts are named, not rated."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from analysis.codes import how_many
from analysis.files import Refusal, number
from analysis.rating import Scale, Settings, rate
from analysis.selection import Selection
from analysis.votes import Ints, Votes

By = Literal["rate", "source", "tag"]
BYS: tuple[By, ...] = ("rate", "source", "tag")
FEWEST_VOTES = 30
FEWEST_PARTICIPANTS = 5  # of a part, or nothing of it is told but its size


@dataclass(frozen=True)
class Part:
    """The votes on one source, of one tag, or within one rate; `scales` is empty where they are too few, as `small`."""

    by: By
    name: str
    votes: int
    participants: int
    scales: tuple[Scale, ...]
    small: str


def too_small(votes: int, participants: int) -> str:
    """Return why a part of the votes is too small to be told, in words; empty where it is not."""
    if votes >= FEWEST_VOTES and participants >= FEWEST_PARTICIPANTS:
        return ""
    people = f"{participants} participant{'' if participants == 1 else 's'}"
    noun = "vote" if votes == 1 else "votes"
    return f"{votes} {noun} of {people}; told from {FEWEST_VOTES} votes of {FEWEST_PARTICIPANTS} participants on"


def parts(selection: Selection, settings: Settings, by: By) -> tuple[Part, ...]:
    """Rate every part of the votes for itself, with the mean of each scale at 0.

    Rates are parts only where votes link them, since otherwise they are scales of their own. There are no parts where
    the votes do not say what divides them, or where all are of one part.
    """
    names, code = labels(selection.rated, by)
    light = replace(selection, rated=bare(selection.rated))
    plain = replace(settings, anchor="")
    if how_many(code[code >= 0]) < 2 or (by == "rate" and not _linked(selection.rated)):
        return ()
    found = light.rated.divided(code)
    order = sorted(found, key=lambda at: at if by == "rate" else names[at])
    return tuple(_part(replace(light, rated=found[at]), plain, by, names[at]) for at in order)


def bare(votes: Votes) -> Votes:
    """Return the votes as codes only, which is all that counting needs."""
    return replace(votes, frame=votes.frame[["simulated"]])


def labels(votes: Votes, by: By) -> tuple[Sequence[str], Ints]:
    """Return the names of the parts and each vote's place among them; -1 where the vote is in none of them."""
    if by == "source":
        return votes.sources, votes.source
    if by == "tag":
        code, names = pd.factorize(votes.frame["tag"], sort=True)
        tags = [str(name) for name in names]
        return (tags[1:], code - 1) if tags and not tags[0] else (tags, code)
    rates = sorted({item.rate for item in votes.items if item.rate is not None})
    place = np.array([-1 if item.rate is None else rates.index(item.rate) for item in votes.items])
    left, right = place[votes.left], place[votes.right]
    return [number(value) for value in rates], np.where(left == right, left, -1)


def _linked(votes: Votes) -> bool:
    rate = np.array([np.inf if item.rate is None else item.rate for item in votes.items])
    return bool((rate[votes.left] != rate[votes.right]).any())


def _part(selection: Selection, settings: Settings, by: By, name: str) -> Part:
    votes = selection.rated
    participants = how_many(votes.participant)
    small = too_small(len(votes), participants)
    scales: tuple[Scale, ...] = ()
    if not small:
        try:
            scales = rate(selection, settings, ("bradley-terry",))
        except Refusal as refusal:
            small = refusal.message
    return Part(by, name, len(votes), participants, scales, small)


def all_parts(
    selection: Selection, settings: Settings, done: Callable[[int], None] = lambda _: None, bys: Iterable[By] = BYS
) -> tuple[Part, ...]:
    """Return the parts by everything that the votes say; `done` hears of each way of dividing them."""
    found: list[Part] = []
    for by in bys:
        found += parts(selection, settings, by)
        done(1)
    return tuple(found)
