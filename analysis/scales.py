"""The scales that ratings are told on: Elo points, and just objectionable differences (JOD).

A model has a unit of its own, in which its link is written: P(i preferred to j) = F(theta_i - theta_j) with F the
logistic function (Bradley and Terry 1952) or the normal distribution (Thurstone 1927, Case V). Elo points are the
common currency of this room:

- logistic: Elo's curve P = 1 / (1 + 10^(-D / 400)) (Elo 1978, "The Rating of Chessplayers") makes one unit 400 / ln 10
  = 173.72 points;
- 1 JOD is the difference that 75% prefer (Perez-Ortiz and Mantiuk 2017, "A practical guide and software for analysing
  pairwise comparison experiments"), 400 log10 3 = 190.85 points on Elo's curve;
- normal: P = Phi(D / 1.4826) with D in JOD (same guide; 1.4826 = 1 / Phi^-1(3/4)). Its points are those in which 75%
  are 190.85 points as well, so both links agree at no difference and at 75%. One unit is then 282.96 points; Elo's own
  normal curve, with 200 points of spread a player, has 200 sqrt 2 = 282.84.

AIC-3 and others count differences above chance, P = 1/2 + 1/2 of the pairs told apart: that is another unit and is not
made here.
"""

from typing import Literal

import numpy as np
from scipy.special import ndtri

Link = Literal["logistic", "probit"]
Unit = Literal["elo", "jod"]

ELO = 400 / np.log(10)  # Elo points in one unit of the logistic link
JOD = 400 * np.log10(3)  # Elo points in one JOD
POINTS: dict[Link, float] = {"logistic": float(ELO), "probit": float(JOD / ndtri(0.75))}
UNITS: dict[Unit, float] = {"elo": 1.0, "jod": float(JOD)}  # Elo points in one unit of the scale
WORDS: dict[Unit, str] = {"elo": "Elo points", "jod": "JOD"}
DIGITS: dict[Unit, int] = {"elo": 3, "jod": 5}


def points(value: float, unit: Unit = "elo") -> str:
    """Return a rating as it stands in a file: Elo to a thousandth, JOD to a hundred-thousandth; empty for NaN."""
    return "" if np.isnan(value) else f"{round(float(value), DIGITS[unit]) + 0.0:.{DIGITS[unit]}f}"
