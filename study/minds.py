"""A simulated participant's mind: from a showing to a choice and its time. Pure, and the same for the same showing.

Every random number is a function of the seed and of what it is for, so that votes depend neither on the number of
participants at the same time nor on how fast the server answers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from study.choosing import choice_chances, choose, draw
from study.truth import Place

MARGIN = 2000.0
"""Elo points by which a reference is rated above, and a strongly degraded crop below, every rated stimulus."""
RESPONSE_MS = 2500.0
RESPONSE_SPREAD = 0.45
"""Response times are log-normal: their median, and the standard deviation of their logarithm."""


@dataclass(frozen=True)
class Settings:
    """What the votes follow from, apart from the study and the ratings; spreads and bias in Elo points.

    People and images differ, so by default simulated ones do too: a rehearsal with equal ones would promise intervals
    that no study keeps. The sizes are an assumption, which simulation.json records.
    """

    seed: int = 1
    taste: float = 80.0
    source_taste: float = 80.0
    side_bias: float = 10.0
    lapse: float = 0.02
    not_sure: float = 0.5


@dataclass(frozen=True)
class Shown:
    """One side of a showing, as only the database knows it."""

    place: Place
    condition: str
    sha256: str


@dataclass(frozen=True)
class Showing:
    """A trial of one participant; `position` counts from 1 within the session.

    `asks_for` is the session's own question, where the study draws one for everybody.
    """

    position: int
    left: Shown
    right: Shown
    asks_for: str | None = None


@dataclass(frozen=True)
class Mind:
    """One participant: a number, and the ratings that everybody shares.

    Args:
        index: the participant's number, from 1.
        settings: taste, bias, lapses.
        asks_for: the study's question, unless a showing says another.
        may_be_unsure: whether the study takes "not sure".
        ratings: of every rated stimulus, in Elo points.
    """

    index: int
    settings: Settings
    asks_for: str
    may_be_unsure: bool
    ratings: Mapping[tuple[Place, str], float]

    def answer(self, showing: Showing) -> dict[str, Any]:
        """The choice and its response time in milliseconds, as the JSON door takes them."""
        names = (self.index, showing.position, showing.left.sha256, showing.right.sha256)
        chances = choice_chances(
            self.rating(showing.left),
            self.rating(showing.right),
            asks_for=showing.asks_for or self.asks_for,
            side_bias=self.settings.side_bias,
            lapse=self.settings.lapse,
            undecided=self.settings.not_sure if self.may_be_unsure else 0.0,
        )
        choice = choose(chances, draw(self.settings.seed, "choice", *names).random())
        response = draw(self.settings.seed, "response", *names).lognormvariate(math.log(RESPONSE_MS), RESPONSE_SPREAD)
        return {"choice": choice, "response_ms": round(response)}

    def rating(self, shown: Shown) -> float:
        """The rating there, with this participant's taste; what has a known answer is beyond everybody's taste."""
        if shown.condition == "reference":
            return max(self.ratings.values()) + MARGIN
        if shown.condition == "catch":
            return min(self.ratings.values()) - MARGIN
        taste = draw(self.settings.seed, "taste", self.index, shown.condition).gauss(0, self.settings.taste)
        return self.ratings[shown.place, shown.condition] + taste
