"""What each rule costs honest participants: the chance that one of them, in this very study, fails it."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import bdtr

from analysis.binomial import even_p, of_unlike
from analysis.likelihoods import PRIOR, Cells, simulated
from analysis.raters import Raters, repeats
from analysis.rules import Rule
from analysis.selection import Selection
from analysis.votes import Floats, Ints, Votes

How = Literal["exact", "simulated", "observed", "unknown"]
Chance = tuple[float | None, How]
LAPSE = 0.05  # of honest answers are given at random (Wichmann and Hill 2001, "The psychometric function": up to 6%)
ROUNDS = 500  # of simulated studies at most
MOST = 2**22  # rows of votes that are drawn at most, in all rounds together
ENOUGH = 20_000  # simulated participants, from which on the chance is known to a tenth of a percent


def false_exclusion(
    rule: Rule, selection: Selection, found: Raters, votes: Cells, value: Floats, *, lapse: float = LAPSE, seed: int = 1
) -> Chance:
    """Return the chance that an honest participant fails a rule, and how it is known; `value` (p,) are the rule's.

    It is a mean over the participants who have a value, each with their own number of trials.

    `exact`: catch trials go wrong with the chance lapse / 2, since an honest participant who lapses guesses; identical
    pairs fall on either side with 1/2; repeats are answered alike with the chance that the votes of all on that pair
    imply, though people with a taste of their own repeat themselves more often than that.
    `simulated`: all share one taste on the same pairs; with tastes of their own more of them fail.
    `observed`: the share of failures among those who missed no catch trial, as nothing says how fast honest people are.
    `unknown`: None; there are no such trials, or no such participants.
    """
    if rule.name == "catch_accuracy":
        return _mean([_below(rule, np.arange(n + 1) / n, _binomial(n, 1 - lapse / 2)) for n in _some(found.catches)])
    if rule.name == "identical_side":
        sided = [(n, even_p(np.arange(n + 1), np.full(n + 1, n))) for n in _some(found.identical)]
        return _mean([_below(rule, p, _binomial(n, 0.5)) for n, p in sided])
    if rule.name == "repeats":
        alike = same_answers(selection, found)
        return _mean([_below(rule, np.arange(len(p) + 1) / len(p), of_unlike(p)) for p in alike if len(p)])
    if rule.name == "likelihood":
        return _simulated(rule, votes, value, seed)
    flawless = (found.catches > 0) & (found.catches_right == found.catches) & np.isfinite(value)
    return (float(rule.flags(value)[flawless].mean()), "observed") if flawless.any() else (None, "unknown")


def _simulated(rule: Rule, votes: Cells, value: Floats, seed: int) -> Chance:
    if not np.isfinite(value).any():
        return None, "unknown"
    rounds = min(ROUNDS, ENOUGH // len(value) + 1, MOST // len(votes.who) + 1)
    far = simulated(votes, rounds, np.random.default_rng(seed))
    return float(rule.flags(far[np.isfinite(far)]).mean()), "simulated"


def _some(trials: Ints) -> list[int]:
    return [int(n) for n in trials if n]


def _mean(chances: Sequence[float]) -> Chance:
    return (float(np.mean(chances)), "exact") if chances else (None, "unknown")


def _below(rule: Rule, values: Floats, chances: Floats) -> float:
    """Return the chance that a rule flags, from its possible values and their chances."""
    return float(chances[rule.flags(values)].sum())


def _binomial(n: int, p: float) -> Floats:
    """Return the chances of 0 to n hits."""
    return np.diff(bdtr(np.arange(n + 1), n, p), prepend=0.0)


def same_answers(selection: Selection, found: Raters) -> list[Floats]:
    """Return for each participant the chances that their repeats are answered alike, by all votes on those pairs.

    The chance of each answer is a mean of a Dirichlet posterior: the votes on that pair and image, and `PRIOR` votes
    shared out as those on the pair over all images.
    """
    again = repeats(selection)
    chances = _outcomes(selection.rated)[again.first]
    who = selection.others.participant[again.row]
    order = np.argsort(who, kind="stable")
    alike = (chances[order] ** 2).sum(axis=1)
    return np.split(alike, np.searchsorted(who[order], found.participant[1:]))


def _outcomes(votes: Votes) -> Floats:
    """Return the chances (votes, 3) of the outcomes of each vote's pair on its image."""
    n = len(votes.items)
    straight = votes.left < votes.right
    pair = np.minimum(votes.left, votes.right) * n + np.maximum(votes.left, votes.right)
    outcome = np.where(votes.outcome == 0, 2, np.where((votes.outcome > 0) == straight, 0, 1))
    overall = _tallied(pd.factorize(pair)[0], outcome) + np.array([0.5, 0.5, 0])
    here = _tallied(pd.factorize(pair * (len(votes.sources) + 1) + votes.source + 1)[0], outcome)
    share = overall / overall.sum(axis=1, keepdims=True)
    return np.asarray((here + PRIOR * share) / (here.sum(axis=1, keepdims=True) + PRIOR))


def _tallied(group: Ints, outcome: Ints) -> Floats:
    """Return for each vote the outcomes (votes, 3) of all votes of its group."""
    counted = np.bincount(3 * group + outcome, minlength=3 * (int(group.max()) + 1)).reshape(-1, 3)
    return counted[group].astype(float)
