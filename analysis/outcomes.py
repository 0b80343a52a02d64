"""The chances of a vote's three outcomes under each model, and their derivatives.

With d the distance of the first item over the second, F the link and t the parameter of ties:

- two outcomes: P(first) = F(d), P(second) = F(-d). F is the logistic function (Bradley and Terry 1952, "Rank analysis
  of incomplete block designs") or the standard normal distribution (Thurstone 1927, "A law of comparative judgment",
  Case V; Mosteller 1951);
- `davidson`: P(first) = exp(d/2) / Z, P(second) = exp(-d/2) / Z, P(not sure) = exp(t) / Z, where exp(t) = nu (Davidson
  1970, "On extending the Bradley-Terry model to accommodate ties in paired comparison experiments");
- a threshold t > 0 on the latent distance, P(first) = F(d - t), P(second) = F(-d - t), P(not sure) = F(d + t) - F(d -
  t): `rao-kupper` for the logistic link, where exp(t) = eta (Rao and Kupper 1967, "Ties in paired-comparison
  experiments"), and `glenn-david` for the normal one (Glenn and David 1960, "Ties in paired-comparison experiments
  using a modified Thurstone-Mosteller model");
- `half`: a vote that is not sure counts as half a win each, log P(not sure) = (log F(d) + log F(-d)) / 2. It is no
  model of such votes, and it shrinks the scale;
- `dropped`: a vote that is not sure says nothing.

Each log-chance is concave in (d, t) together (for thresholds: Pratt 1981, "Concavity of the log likelihood"), and both
are linear in the parameters of a model.
"""

from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit, log_ndtr, ndtri

from analysis.scales import Link
from analysis.votes import Floats

Ties = Literal["davidson", "rao-kupper", "glenn-david", "half", "dropped"]
TIES: dict[Link, tuple[Ties, ...]] = {
    "logistic": ("davidson", "rao-kupper", "half", "dropped"),
    "probit": ("glenn-david", "half", "dropped"),
}
S = np.array([0.5, -0.5, 0.0])
T = np.array([0.0, 0.0, 1.0])


class Outcomes(NamedTuple):
    """Of each row's three outcomes (rows, 3): the log-chance, its first and its second derivatives by d and t."""

    log: Floats
    by_d: Floats
    by_t: Floats
    dd: Floats
    dt: Floats
    tt: Floats


def start(link: Link, ties: Ties, share: float) -> float:
    """Return the parameter of ties under which two equal items tie with the chance `share`, inside (0, 1)."""
    if ties == "davidson":
        return float(np.log(2 * share / (1 - share)))
    half = (1 + share) / 2
    return float(np.log(half / (1 - half)) if link == "logistic" else ndtri(half))


def logs(link: Link, ties: Ties, d: Floats, t: float | None) -> Floats:
    """Return the log-chances (rows, 3); t is None where no vote is not sure, or where `ties` has no parameter.

    What cannot happen has minus infinity; under `half` and `dropped` the third column is what such a vote adds to the
    log-likelihood.
    """
    if t is None:
        won, lost = _log(link, d), _log(link, -d)
        third = (won + lost) / 2 if ties == "half" else np.zeros_like(d)
        return np.stack([won, lost, third], axis=1)
    if ties == "davidson":
        logits = np.stack([d / 2, -d / 2, np.full_like(d, t)], axis=1)
        top = logits.max(axis=1, keepdims=True)
        return np.asarray(logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True)))
    return np.stack([_log(link, d - t), _log(link, -d - t), _log_between(link, d, t)], axis=1)


def outcomes(link: Link, ties: Ties, d: Floats, t: float | None) -> Outcomes:
    """Return the log-chances with their derivatives; see `logs`."""
    log = logs(link, ties, d, t)
    if t is None:
        return _binary(link, ties, d, log)
    return _davidson(log) if ties == "davidson" else _threshold(link, d, t, log)


def _binary(link: Link, ties: Ties, d: Floats, log: Floats) -> Outcomes:
    up, up_up = _slopes(link, d, log[:, 0])
    down, down_down = _slopes(link, -d, log[:, 1])
    weight = 0.5 if ties == "half" else 0.0
    none = np.zeros_like(log)
    by_d = np.stack([up, -down, weight * (up - down)], axis=1)
    return Outcomes(log, by_d, none, np.stack([up_up, down_down, weight * (up_up + down_down)], axis=1), none, none)


def _davidson(log: Floats) -> Outcomes:
    """An exponential family: the derivatives are the means and covariances of its statistics S and T."""
    chance = np.exp(log)
    mean_s, mean_t = (chance @ S)[:, None], (chance @ T)[:, None]
    same = np.ones(3)
    dd = (mean_s**2 - (chance @ S**2)[:, None]) * same
    return Outcomes(log, S - mean_s, T - mean_t, dd, mean_s * mean_t * same, -mean_t * (1 - mean_t) * same)


def _threshold(link: Link, d: Floats, t: float, log: Floats) -> Outcomes:
    up, up_up = _slopes(link, d - t, log[:, 0])
    down, down_down = _slopes(link, -d - t, log[:, 1])
    high, low = d + t, d - t
    # log(F(high) - F(low)) by its two ends
    a, b = (np.exp(_log_density(link, end) - log[:, 2]) for end in (high, low))
    aa, bb, ab = a * _bend(link, high) - a**2, -b * _bend(link, low) - b**2, a * b
    return Outcomes(
        log,
        np.stack([up, -down, a - b], axis=1),
        np.stack([-up, -down, a + b], axis=1),
        np.stack([up_up, down_down, aa + 2 * ab + bb], axis=1),
        np.stack([-up_up, down_down, aa - bb], axis=1),
        np.stack([up_up, down_down, aa - 2 * ab + bb], axis=1),
    )


def _log(link: Link, z: Floats) -> Floats:
    return np.asarray(-np.logaddexp(0.0, -z) if link == "logistic" else log_ndtr(z))


def _log_density(link: Link, z: Floats) -> Floats:
    if link == "logistic":
        return _log(link, z) + _log(link, -z)
    return np.asarray(-(z**2) / 2 - np.log(2 * np.pi) / 2)


def _bend(link: Link, z: Floats) -> Floats:
    """Return the derivative of the log-density."""
    return np.asarray(-np.tanh(z / 2) if link == "logistic" else -z)


def _slopes(link: Link, z: Floats, log: Floats) -> tuple[Floats, Floats]:
    """Return the first and second derivatives of log F at z, where it is `log`."""
    if link == "logistic":
        return np.asarray(expit(-z)), np.asarray(-expit(z) * expit(-z))
    slope = np.exp(_log_density(link, z) - log)
    return slope, -slope * (z + slope)


def _log_between(link: Link, d: Floats, t: float) -> Floats:
    """Return log(F(d + t) - F(d - t)); minus infinity for t <= 0."""
    if t <= 0:
        return np.full_like(d, -np.inf)
    if link == "logistic":  # F(u) - F(l) = F(u) F(-l) (1 - exp(l - u))
        return np.asarray(_log(link, d + t) + _log(link, t - d) + np.log(-np.expm1(-2 * t)))
    middle = -np.abs(d)  # the difference is even in d; on the left tail both ends keep their digits
    high = _log(link, middle + t)
    return np.asarray(high + np.log(-np.expm1(_log(link, middle - t) - high)))
