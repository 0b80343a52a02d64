"""The small head: features of a crop to the logit of the chance that a vote on it is for the hallucinated side.

Votes on a crop are binomial, so a crop with 9 of 10 votes weighs more than one with 1 of 1. The head is one linear
layer. It is fitted by ridge-penalised logistic regression (le Cessie and van Houwelingen, "Ridge estimators in logistic
regression", 1992) on principal components of the standardised features, which only shortens the search: a linear layer
on components is one on the features. How strong the ridge is, grouped cross-validation says; the logits that it gave
out of fold then say how far logits are to be stretched and shifted (Platt, "Probabilistic outputs for support vector
machines", 1999). Everything follows from the data and a seed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.preference.folds import folds_of
from codec.preference.labels import Floats, Ints

RIDGES = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Inverse prior variances of a logit, about: features are scaled so that independent ones would give just that."""
COMPONENTS, SPARE, PASSES = 96, 16, 4
INNER_FOLDS = 5
STEPS = 50
ENOUGH = 1e-6
EVEN = 1e-3  # penalty of the intercept: finite where all votes of a fold are for one side
PLATT_PRIOR = 1.0  # inverse variance of slope and shift around 1 and 0: a handful of votes changes little


@dataclass(frozen=True)
class Head:
    """One linear layer: `weight` (features,), `bias`; `ridge`, `slope` and `shift` say how it came about.

    Its logits are calibrated: slope and shift are in weight and bias already.
    """

    weight: Floats
    bias: float
    ridge: float
    slope: float
    shift: float

    def logits(self, features: Floats) -> Floats:
        """Of features (crops, features) to (crops,)."""
        return np.asarray(features @ self.weight + self.bias)


@dataclass(frozen=True)
class Votes:
    """Features (crops, features), votes for either side (crops,), and each crop's group of sources (crops,)."""

    features: Floats
    yes: Floats
    no: Floats
    group: Ints

    def of(self, chosen: Ints) -> "Votes":
        """Some of the crops."""
        return Votes(self.features[chosen], self.yes[chosen], self.no[chosen], self.group[chosen])

    def splits(self, folds: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
        """Crops to fit and crops to check, fold by fold, no group in both."""
        fold = folds_of(self.group, folds, seed)
        for number in range(fold.max() + 1):
            yield np.nonzero(fold != number)[0], np.nonzero(fold == number)[0]


def fit_head(votes: Votes, seed: int) -> Head:
    """Choose the ridge, fit on all votes, and calibrate.

    With fewer than two groups of sources nothing can be held out: then the strongest ridge, uncalibrated.
    """
    basis = _Basis.of(votes.features)
    reduced = Votes(basis.components(votes.features), votes.yes, votes.no, votes.group)
    ridge, slope, shift = RIDGES[0], 1.0, 0.0
    if len(np.unique(votes.group)) > 1:
        ridge, held_out = _choose(reduced, seed)
        slope, shift = platt(held_out, votes.yes, votes.no)
    beta, bias = fit_ridge(reduced.features, votes.yes, votes.no, ridge)
    weight = basis.rotation @ beta
    raw = bias - float(basis.centre @ weight)
    return Head(slope * weight, slope * raw + shift, ridge, slope, shift)


def fit_ridge(
    features: Floats, yes: Floats, no: Floats, ridge: float, start: Floats | None = None
) -> tuple[Floats, float]:
    """Minimise -sum(yes log p + no log(1-p)) + ridge/2 |beta|^2 by Newton's method; (beta, intercept)."""
    count = features.shape[1]
    design = np.column_stack([features, np.ones(len(features))])
    penalty = np.append(np.full(count, ridge), EVEN)
    at = np.zeros(count + 1) if start is None else start

    def objective(there: Floats) -> float:
        return _loss(design @ there, yes, no) + float(penalty @ there**2) / 2

    now = objective(at)
    for _ in range(STEPS):
        slope, curvature = _derivatives(design, at, yes, no)
        slope, curvature = slope + penalty * at, curvature + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        at, now = _downhill(objective, at, step, now)
        if float(slope @ step) < ENOUGH * (1 + now):  # and the step that was taken squares what is left
            break
    return at[:-1], float(at[-1])


def platt(logits: Floats, yes: Floats, no: Floats) -> tuple[float, float]:
    """Slope and shift under which logits best tell the votes; slope 0 where they tell them the wrong way round."""
    at, prior, design = np.array([1.0, 0.0]), np.array([1.0, 0.0]), np.column_stack([logits, np.ones(len(logits))])

    def objective(there: Floats) -> float:
        return _loss(design @ there, yes, no) + PLATT_PRIOR * float(((there - prior) ** 2).sum()) / 2

    now = objective(at)
    for _ in range(STEPS):
        slope, curvature = _derivatives(design, at, yes, no)
        step = np.linalg.solve(curvature + PLATT_PRIOR * np.eye(2), slope + PLATT_PRIOR * (at - prior))
        at, now = _downhill(objective, at, step, now)
        if np.abs(step).max() < 1e-9:
            break
    if at[0] > 0:
        return float(at[0]), float(at[1])
    return 0.0, float(np.log((yes.sum() + 0.5) / (no.sum() + 0.5)))


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + exp(-logits)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(logits / 2)))


@dataclass(frozen=True)
class _Basis:
    """Principal components of standardised features, as `(features - centre) @ rotation`."""

    centre: Floats
    rotation: Floats

    @classmethod
    def of(cls, features: Floats) -> "_Basis":
        """Of crops by features. A feature that is constant counts for nothing."""
        centre, deviation = features.mean(0), features.std(0)
        alive = deviation > 1e-6 * (1 + np.abs(centre))
        scale = np.where(alive, 1 / np.where(alive, deviation, 1), 0) / np.sqrt(features.shape[1])
        standard = ((features - centre) * scale).astype(np.float32)  # enough for directions, and twice as quick
        if features.shape[1] <= COMPONENTS:
            return cls(centre, np.diag(scale))
        return cls(centre, scale[:, None] * _principal(standard).astype(np.float64))

    def components(self, features: Floats) -> Floats:
        """Of crops by features to crops by components."""
        return (features - self.centre) @ self.rotation


def _principal(standard: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first principal axes of crops by features: (features, up to `COMPONENTS`), by randomised subspace iteration.

    Halko, Martinsson and Tropp, "Finding structure with randomness", 2011, algorithm 4.4; the draw is always the same.
    """
    block = np.random.default_rng(0).normal(size=(standard.shape[1], COMPONENTS + SPARE)).astype(np.float32)
    for _ in range(PASSES):
        block = np.linalg.qr(standard.T @ (standard @ block))[0]
    within = standard @ block
    values, vectors = np.linalg.eigh(within.T @ within)
    kept = np.argsort(values)[::-1][:COMPONENTS]
    kept = kept[values[kept] > 1e-6 * max(float(values.max()), 1e-30)]
    return np.asarray(block @ vectors[:, kept])


def _choose(votes: Votes, seed: int) -> tuple[float, Floats]:
    """The ridge with the least log-loss on groups that were held out, and the logits there."""
    held_out = np.zeros((len(RIDGES), len(votes.yes)))
    for fitted, checked in votes.splits(INNER_FOLDS, seed):
        part, start = votes.of(fitted), None
        for place, ridge in enumerate(RIDGES):
            beta, bias = fit_ridge(part.features, part.yes, part.no, ridge, start)
            held_out[place, checked] = votes.features[checked] @ beta + bias
            start = np.append(beta, bias)
    losses = [_loss(logits, votes.yes, votes.no) for logits in held_out]
    best = int(np.argmin(losses))
    return RIDGES[best], held_out[best]


def _loss(logits: Floats, yes: Floats, no: Floats) -> float:
    return float(yes @ np.logaddexp(0, -logits) + no @ np.logaddexp(0, logits))


def _derivatives(design: Floats, at: Floats, yes: Floats, no: Floats) -> tuple[Floats, Floats]:
    """Of the binomial loss: gradient and Hessian."""
    chance, many = sigmoid(design @ at), yes + no
    return design.T @ (many * chance - yes), (design * (many * chance * (1 - chance))[:, None]).T @ design


def _downhill(objective: Callable[[Floats], float], at: Floats, step: Floats, now: float) -> tuple[Floats, float]:
    """Where the step leads, halved until it makes things no worse than `now`, and the objective there."""
    for _ in range(30):
        there = objective(at - step)
        if there <= now:
            return np.asarray(at - step), there
        step = step / 2
    return at, now
