"""What the votes say about the voting: known answers, and a side that is pressed more often. Nobody is excluded."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from analysis.selection import Selection
from analysis.votes import Votes


@dataclass(frozen=True)
class Proportion:
    """`hits` of `total`, with the exact 95% binomial interval (Clopper and Pearson 1934)."""

    hits: int
    total: int

    @property
    def share(self) -> float:
        """The observed share."""
        return self.hits / self.total

    @property
    def low(self) -> float:
        """The interval's lower end."""
        return float(betaincinv(self.hits, self.total - self.hits + 1, 0.025)) if self.hits else 0.0

    @property
    def high(self) -> float:
        """The interval's upper end."""
        return float(betaincinv(self.hits + 1, self.total - self.hits, 0.975)) if self.hits < self.total else 1.0


@dataclass(frozen=True)
class Catches:
    """Catch trials that were answered as expected; `perfect` participants of `participants` missed none."""

    passed: Proportion
    perfect: int
    participants: int


def catches(selection: Selection) -> Catches | None:
    """Return how the catch trials with a known answer went; None where there are none."""
    frame = selection.others.frame
    known = (frame["kind"] == "catch") & (frame["expected"] != "")
    if not known.any():
        return None
    votes = selection.others.take(known.to_numpy(bool))
    right = (votes.frame["choice"] == votes.frame["expected"]).to_numpy(bool)
    people = np.unique(votes.participant)
    perfect = len(np.setdiff1d(people, votes.participant[~right]))
    return Catches(Proportion(int(right.sum()), len(votes)), perfect, len(people))


def left_presses(selection: Selection) -> dict[str, Proportion]:
    """Return the share of left among left and right presses, of rating votes and of pairs of the same image.

    Sides are drawn at random, so both shares are 1/2 where no side draws the press. Empty where the votes have no
    sides.
    """
    if selection.asked["layout"] == "unknown":
        return {}
    identical = selection.others.take((selection.others.frame["kind"] == "identical").to_numpy(bool))
    found = {"rating votes": _left(selection.rated), "pairs of the same image": _left(identical)}
    return {name: share for name, share in found.items() if share.total}


def _left(votes: Votes) -> Proportion:
    choice = votes.frame["choice"]
    return Proportion(int((choice == "left").sum()), int((choice != "not_sure").sum()))
