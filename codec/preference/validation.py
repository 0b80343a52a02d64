"""Predictions for crops whose sources were not learned from: cross-validation, the learning curve, plain predictors."""

from dataclasses import dataclass

import numpy as np

from codec.preference.folds import folds_of
from codec.preference.head import Head, Votes, fit_head
from codec.preference.labels import Floats, Ints

FRACTIONS = (0.25, 0.5, 0.75, 1.0)
REPEATS = 3
LEAST_GROUPS = 4


@dataclass(frozen=True)
class Validated:
    """Out-of-fold logits (crops,), each crop's fold, and each fold's head, which learned from all other folds."""

    logits: Floats
    fold: Ints
    heads: tuple[Head, ...]


def validate(votes: Votes, folds: int, seed: int) -> Validated:
    """Fit on all folds but one, predict that one, in turn. Ridge and calibration are chosen inside each fit."""
    logits, heads = np.zeros(len(votes.yes)), []
    for number, (fitted, checked) in enumerate(votes.splits(folds, seed)):
        head = fit_head(votes.of(fitted), seed + 1 + number)
        logits[checked] = head.logits(votes.features[checked])
        heads.append(head)
    return Validated(logits, folds_of(votes.group, folds, seed), tuple(heads))


def constant(votes: Votes, folds: int, seed: int) -> Floats:
    """Logits of one number for all crops: the share of votes in the other folds, half a vote added either way."""
    logits = np.zeros(len(votes.yes))
    for fitted, checked in votes.splits(folds, seed):
        logits[checked] = share_logit(votes.yes[fitted], votes.no[fitted])
    return logits


def share_logit(yes: Floats, no: Floats) -> float:
    """The logit of a share of votes, with half a vote added either way."""
    return float(np.log((yes.sum() + 0.5) / (no.sum() + 0.5)))


@dataclass(frozen=True)
class Point:
    """Out-of-fold logits after learning from `groups` groups of sources (a mean over folds), a row a repeat."""

    groups: float
    logits: tuple[Floats, ...]


def learning_curve(votes: Votes, whole: Validated, folds: int, seed: int) -> list[Point]:
    """What is predicted of each fold after learning from a part of the sources of the others; the last point is all.

    Every point below all is repeated with other sources, and nothing is drawn below four groups.
    """
    points = []
    for fraction in FRACTIONS:
        splits = list(votes.splits(folds, seed))
        sizes = [round(fraction * len(np.unique(votes.group[fitted]))) for fitted, _ in splits]
        if min(sizes) >= LEAST_GROUPS:
            repeated = range(0 if fraction == 1 else REPEATS)
            drawn = tuple(_partly(votes, list(zip(splits, sizes, strict=True)), [seed, each]) for each in repeated)
            points.append(Point(float(np.mean(sizes)), drawn or (whole.logits,)))
    return points


def _partly(votes: Votes, splits: list[tuple[tuple[Ints, Ints], int]], seed: list[int]) -> Floats:
    """Out-of-fold logits after learning from so many groups of each split's, drawn by the seed."""
    logits = np.zeros(len(votes.yes))
    for number, ((fitted, checked), count) in enumerate(splits):
        there = np.unique(votes.group[fitted])
        chosen = np.random.default_rng([*seed, number]).permutation(there)[:count]
        head = fit_head(votes.of(fitted[np.isin(votes.group[fitted], chosen)]), seed[0] + 1 + number)
        logits[checked] = head.logits(votes.features[checked])
    return logits
