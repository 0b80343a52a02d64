"""How a simulated participant of known ratings chooses. Pure: numbers in, chances out.

Everybody's ratings stand on the Elo scale (400 points are odds of 10 to 1). A participant's own taste is added to
each condition's rating. Chances of a study follow by averaging over tastes, so that what an analysis should find in
simulated votes can be computed instead of guessed.
"""

import math
import random
from typing import NamedTuple

LOGITS_PER_POINT = math.log(10) / 400
"""Elo points times this are log odds."""

STEP = 0.05
REACH = 9.0
"""The grid of `population_chances`, in standard deviations of the difference of two tastes."""


class Chances(NamedTuple):
    """The chances of the three answers; their sum is 1."""

    left: float
    right: float
    not_sure: float


def choice_chances(
    left: float,
    right: float,
    *,
    asks_for: str = "prefer",
    side_bias: float = 0.0,
    lapse: float = 0.0,
    undecided: float = 0.0,
) -> Chances:
    """The chances of one participant's answers to one pair.

    The odds are Bradley and Terry's (Biometrika 39, 1952) with a multiplicative advantage of the left side (Davidson
    and Beaver, Biometrics 33, 1977) and ties in proportion to the geometric mean of both strengths (Davidson, JASA 65,
    1970). With chance `lapse` the participant does not look and presses either side alike (Wichmann and Hill,
    Perception & Psychophysics 63, 2001).

    Args:
        left, right: the ratings that this participant gives the two conditions, in Elo points.
        asks_for: `prefer` or `closer`; with `more_different` the press names the side of the lower rating.
        side_bias: Elo points that the left side has in advance, whatever it shows.
        lapse: the chance of a press at random, 0 to 1.
        undecided: Davidson's nu: 0 is no "not sure"; between equals its chance is nu / (2 + nu).
    """
    advantage = right - left if asks_for == "more_different" else left - right
    log_odds = LOGITS_PER_POINT * (advantage + side_bias)
    larger = abs(log_odds) / 2
    for_left = math.exp(log_odds / 2 - larger)
    for_right = math.exp(-log_odds / 2 - larger)
    tie = undecided * math.exp(-larger)
    looked = (1 - lapse) / (for_left + for_right + tie)
    return Chances(lapse / 2 + looked * for_left, lapse / 2 + looked * for_right, looked * tie)


def population_chances(
    left: float,
    right: float,
    *,
    taste: float,
    asks_for: str = "prefer",
    side_bias: float = 0.0,
    lapse: float = 0.0,
    undecided: float = 0.0,
) -> Chances:
    """The chances of an answer by a participant drawn at random: `choice_chances`, averaged over tastes.

    Tastes for two conditions are independent normal numbers of standard deviation `taste`, so their difference has
    taste * sqrt(2). The mean over it is taken by the trapezoidal rule, which converges exponentially on the real line
    (Trefethen and Weideman, SIAM Review 56, 2014): at this step the error is below 1e-12 for tastes up to 1000.

    Args:
        left, right: the two conditions' ratings without anybody's taste, in Elo points.
        taste: the standard deviation of a participant's taste for one condition, in Elo points.
        asks_for, side_bias, lapse, undecided: as in `choice_chances`.
    """
    count = round(REACH / STEP)
    grid = [STEP * index for index in range(-count, count + 1)] if taste else [0.0]
    weights = [math.exp(-z * z / 2) for z in grid]
    total = math.fsum(weights)
    answers = [
        choice_chances(
            left + taste * math.sqrt(2) * z,
            right,
            asks_for=asks_for,
            side_bias=side_bias,
            lapse=lapse,
            undecided=undecided,
        )
        for z in grid
    ]
    means = [math.fsum(w * answer[k] for w, answer in zip(weights, answers, strict=True)) / total for k in range(3)]
    return Chances(*means)


def draw(seed: int, *names: str | int) -> random.Random:
    """Random numbers that depend on the seed and on what they are for, and on nothing else: not on order or timing."""
    return random.Random("\x1f".join(str(name) for name in (seed, *names)))


def choose(chances: Chances, uniform: float) -> str:
    """The answer at a uniform number from [0, 1): `left`, `right` or `not_sure`."""
    if uniform < chances.left:
        return "left"
    return "right" if uniform < chances.left + chances.right else "not_sure"
