"""Which votes are rated, and why the others are not: the pooling rules of docs/formats.md, each with its count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from analysis.files import Refusal
from analysis.votes import Mask, Votes

ASKED = ("asks_for", "reference", "layout", "view", "study", "config")
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class LeftOut:
    """Votes that are not rated: why, and how many."""

    reason: str
    votes: int


@dataclass(frozen=True)
class Selection:
    """The rated votes, which all answer one question, and what was left out.

    `others` holds the catch, identical, repeat, practice and preview votes of the same question. `asked` gives the one
    value of each column of `ASKED`, empty where the file does not say.
    """

    rated: Votes
    others: Votes
    left_out: tuple[LeftOut, ...]
    asked: Mapping[str, str]
    total: int
    only: Mapping[str, str] = field(default_factory=dict)


def select(votes: Votes, only: Mapping[str, str] = NOTHING) -> Selection:
    """Choose the votes that ratings and labels rest on.

    `only` maps columns of `ASKED` to the value that is kept. Raises `Refusal` where no vote is left, or where the
    votes that are left answer different questions, modes, layouts or studies: those are never pooled silently.
    """
    left_out: list[LeftOut] = []

    def leave(votes: Votes, keep: Mask, reason: str) -> Votes:
        if not keep.all():
            left_out.append(LeftOut(reason, int((~keep).sum())))
        return votes.take(keep)

    kept = leave(votes, ~votes.frame["corrected"].to_numpy(bool), "replaced by a later correction")
    for column, value in only.items():
        kept = leave(kept, (kept.frame[column] == value).to_numpy(bool), f"{column} is not {value}")
    is_rating = (kept.frame["kind"] == "rating").to_numpy(bool)
    others, rated = kept.take(~is_rating), kept.take(is_rating)
    left_out += [
        LeftOut(f"{kind} votes", int(count)) for kind, count in others.frame["kind"].value_counts(sort=False).items()
    ]
    pairs = rated.left != rated.right
    rated = leave(rated, pairs, _name_self_pairs(rated.take(~pairs)))
    _check_rated(votes, rated)
    asked = {column: str(rated.frame[column].iloc[0]) for column in ASKED}
    others = others.take(np.logical_and.reduce([others.frame[name] == value for name, value in asked.items()]))
    return Selection(rated, others, tuple(left_out), asked, len(votes), dict(only))


def _name_self_pairs(votes: Votes) -> str:
    named = [
        f"{votes.items[item].condition} on line {line}" for item, line in zip(votes.left, votes.lines, strict=True)
    ]
    return "self-pairs: " + ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")


def _check_rated(votes: Votes, rated: Votes) -> None:
    if not len(rated):
        raise Refusal(
            f"{votes.path} holds no rating votes of two different conditions; collect some, or choose other votes."
        )
    for column in ASKED:
        found = sorted(rated.frame[column].unique())
        if len(found) > 1:
            named = " and ".join(f"'{value}'" for value in found[:4])
            raise Refusal(
                f"{rated.path}, column {column}: the rating votes hold {named}, which are never pooled; "
                f"choose one with --only {column}={found[-1]}."
            )
    named = (rated.source >= 0).mean()
    if 0 < named < 1:
        line = rated.lines[rated.source < 0][0]
        raise Refusal(
            f"{rated.path}, line {line}, column source: empty, while other votes name theirs; give every vote one."
        )
