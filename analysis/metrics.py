"""Metrics against people: how often each metric prefers what a participant preferred, in all votes and in parts.

The 2AFC score of a metric is the share of votes that agree with the side it prefers. A vote that is not sure counts
half, and so does a pair for which the metric has the same value twice; so chance is 0.5, whoever leaves things open.
Beside it stand the two yardsticks of what any predictor could reach, the rank correlation of a metric's means with the
ratings, and a combination of all metrics that predicts each source from the others.

Where pairs were drawn by looking at earlier answers, shares of votes lean on the pairs that the plan preferred: then
only the random share counts, or, where there is none, each vote by the inverse of the chance that its pair had
(Horvitz and Thompson 1952).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from analysis.adaptive import BLIND
from analysis.clustered_mean import Mean, clustered_mean
from analysis.codes import distinct, how_many
from analysis.combination import HeldOut, held_out
from analysis.files import Refusal
from analysis.intervals import FEWEST_SOURCES, Over
from analysis.metric_values import Measured, Metric
from analysis.parts import bare, labels, too_small
from analysis.rank_correlation import kendall, spearman
from analysis.rating import Scale, Settings, rate
from analysis.selection import LeftOut, Selection
from analysis.votes import Floats, Ints, Mask, Votes
from analysis.yardsticks import ROUNDS, Bound, Yardsticks, cells, yardsticks

COMBINATION = "combination"
Weighting = Literal["none", "random_share", "inverse_probability"]
KEPT = ("simulated", "tag", "crop_x", "crop_y", "crop_width", "crop_height")  # columns that parts and cells need
MOSTLY = 0.5  # of the votes a metric has to know to go into the combination


@dataclass(frozen=True)
class Part:
    """Votes of one rate, of one tag, or of both; None: of all."""

    rate: str | None
    tag: str | None

    @property
    def name(self) -> str:
        """The part in words."""
        named = [f"{self.rate} bpp"] * (self.rate is not None) + [f"tag {self.tag}"] * (self.tag is not None)
        return ", ".join(named) or "all votes"


@dataclass(frozen=True)
class Score:
    """A metric's score in one part of the votes; `metric` is a column of stimuli.csv, or `COMBINATION`.

    `votes` have a value on both sides; in `ties` of them it is the same. The rank correlations are NaN where `unranked`
    says why, or where the metric's means are all alike.
    """

    metric: str
    part: Part
    agreement: Mean | None
    votes: int
    ties: int
    participants: int
    sources: int
    kendall: float
    spearman: float
    conditions: int
    reason: str
    unranked: str


@dataclass(frozen=True)
class Combination:
    """The fits of the metrics `used`; `held_out.logit` is of the votes that have them all. None: `reason` says why."""

    used: tuple[Metric, ...]
    held_out: HeldOut | None
    votes: int
    seed: int
    reason: str


@dataclass(frozen=True)
class MetricAgreement:
    """All that a study says of metrics: scores by part, yardsticks by part, and the combination."""

    selection: Selection
    metrics: tuple[Metric, ...]
    weighting: Weighting
    scores: tuple[Score, ...]
    yardsticks: tuple[tuple[Part, Yardsticks], ...]
    combination: Combination
    unused: tuple[str, ...]

    @property
    def overall(self) -> dict[str, Score]:
        """The scores in all votes, by metric; the combination's comes last."""
        return {score.metric: score for score in self.scores if score.part == Part(None, None)}


def metric_agreement(
    selection: Selection,
    measure: Callable[[Votes], Measured],
    *,
    over: Over = "both",
    seed: int = 1,
    rounds: int = ROUNDS,
    done: Callable[[int], None] = lambda _: None,
) -> MetricAgreement:
    """Compare metrics with the selected votes; `measure` says what the metrics are of these votes.

    `rounds` are of the bootstrap of the yardsticks; what `done` hears adds up to the number of votes. Raises `Refusal`
    where an adaptive plan leaves nothing to compare with.
    """
    selection, weights, weighting = _weighted(selection)
    measured = measure(selection.rated)
    light = replace(selection, rated=replace(selection.rated, frame=selection.rated.frame[list(KEPT)]))
    prefers = {
        metric.name: (measured.difference(place), measured.value[:, place])
        for place, metric in enumerate(measured.metrics)
    }
    combination, logit = _combine(light.rated, measured, weights, seed)
    if combination.held_out is not None:
        prefers[COMBINATION] = logit, np.empty(0)
    signs = {metric.name: -1.0 if metric.lower else 1.0 for metric in measured.metrics}
    scores, bounds = [], []
    parts = _parts(light.rated)
    for step, (part, mask) in zip(_steps(parts, selection.total), parts, strict=True):
        one = _OfPart(replace(light, rated=light.rated.take(mask)), part, weights[mask], over)
        rows = np.stack([measured.left[mask], measured.right[mask]])
        for name, (difference, value) in prefers.items():
            scores.append(one.score(name, difference[mask], value * signs.get(name, 1.0), rows))
        bounds.append((part, one.yardsticks(weighting, rounds, seed)))
        done(step)
    return MetricAgreement(
        selection, measured.metrics, weighting, tuple(scores), tuple(bounds), combination, measured.unused
    )


def _weighted(selection: Selection) -> tuple[Selection, Floats, Weighting]:
    """Return the votes to compare with, their weights (mean 1), and what those are."""
    votes = selection.rated
    strategy = votes.frame["strategy"]
    adaptive = sorted({str(name) for name in strategy.unique() if name} - set(BLIND))
    if not adaptive:
        return selection, np.ones(len(votes)), "none"
    blind = strategy.isin(BLIND).to_numpy(bool)
    if blind.any():
        left_out = LeftOut("pairs drawn by looking at answers: the random share counts", int((~blind).sum()))
        kept = replace(selection, rated=votes.take(blind), left_out=(*selection.left_out, left_out))
        return kept, np.ones(len(kept.rated)), "random_share"
    chance = votes.frame["probability"].to_numpy(float)
    bad = np.flatnonzero(~((chance > 0) & (chance <= 1)))
    if bad.size:
        raise Refusal(
            f"{votes.path}, line {votes.lines[bad[0]]}, column probability: no chance between 0 and 1, while strategy "
            f"{adaptive[0]} looks at answers and no vote is of a random share; give the chance that each pair had."
        )
    return selection, len(votes) / chance / (1 / chance).sum(), "inverse_probability"


def _parts(votes: Votes) -> list[tuple[Part, Mask]]:
    """Return the parts of the votes: all, each rate, each tag, each tag of each rate; none twice."""
    everyone = np.ones(len(votes), bool)
    by: dict[str, list[tuple[str | None, Mask]]] = {}
    for way in ("rate", "tag"):
        names, code = labels(votes, "rate" if way == "rate" else "tag")
        by[way] = [(None, everyone)]
        if how_many(code) > 1:
            by[way] += [(names[at], code == at) for at in distinct(code[code >= 0]).tolist()]
    found = [(Part(a, b), of_a & of_b) for b, of_b in by["tag"] for a, of_a in by["rate"]]
    return [(part, mask) for part, mask in found if mask.any()]


def _steps(parts: Sequence[tuple[Part, Mask]], total: int) -> list[int]:
    """Return by how much the work is further after each part, `total` in all."""
    reached = np.cumsum([mask.sum() for _, mask in parts])
    return [int(step) for step in np.diff(total * reached // reached[-1], prepend=0)]


@dataclass(frozen=True)
class _OfPart:
    selection: Selection
    part: Part
    weights: Floats
    over: Over

    def score(self, name: str, difference: Floats, value: Floats, rows: Ints) -> Score:
        """Score one metric: `difference` (votes,) for the left side, `value` (stimuli,) higher is better."""
        votes, known = self.selection.rated, ~np.isnan(difference)
        people, sources = (how_many(way[known]) for way in (votes.participant, votes.source))
        tau, rho, conditions, unranked = self._ranked(value, rows)
        reason = "" if self.part == Part(None, None) and known.any() else too_small(int(known.sum()), people)
        agreement = None
        if not reason:
            agrees = (1 + np.sign(difference[known]) * votes.outcome[known]) / 2
            who, what = votes.participant[known], votes.source[known]
            agreement = clustered_mean(agrees, self.weights[known], who, what, self.over)
        counts = int(known.sum()), int((difference == 0).sum()), people, sources
        return Score(name, self.part, agreement, *counts, tau, rho, conditions, reason, unranked)

    def yardsticks(self, weighting: Weighting, rounds: int, seed: int) -> Yardsticks:
        """Return what any predictor could reach in this part."""
        votes = self.selection.rated
        why = too_small(len(votes), how_many(votes.participant)) if self.part != Part(None, None) else ""
        if weighting == "inverse_probability":
            why = "all pairs were drawn by looking at answers, and these yardsticks take no weights"
        if why:
            return Yardsticks(Bound(np.nan), Bound(np.nan), np.nan, 0, 0, why)
        return yardsticks(cells(votes), rounds, seed)

    def _ranked(self, value: Floats, rows: Ints) -> tuple[float, float, int, str]:
        """Return tau-b and rho of the metric's means with the ratings, of how many conditions, or why there are none.

        The means are over the images that were shown, each once.
        """
        if not value.size:
            return np.nan, np.nan, 0, "a combination compares two images, and has no mean of one condition"
        scale, why = self._scale
        if scale is None:
            return np.nan, np.nan, 0, why
        items, shown = scale.counts.items, self._shown(rows, len(value))
        place = [self.selection.rated.items.index(item) for item in items]
        with np.errstate(invalid="ignore"):
            means = np.array([np.mean(value[shown[at]]) for at in place])
        if np.isnan(means).any():
            return np.nan, np.nan, 0, "the metric misses for some images"
        rating = np.round(scale.rating, 6)
        return kendall(means, rating), spearman(means, rating), len(items), ""

    def _shown(self, rows: Ints, stimuli: int) -> Mask:
        """Return which stimuli (items, stimuli) were shown for each item; `rows` (2, votes) stood left and right."""
        votes = self.selection.rated
        shown = np.zeros((len(votes.items), stimuli), bool)
        for item, row in zip((votes.left, votes.right), rows, strict=True):
            shown[item, row] = True
        return shown

    @cached_property
    def _scale(self) -> tuple[Scale | None, str]:
        """Return the one scale of the part's votes, or why there is none."""
        votes = self.selection.rated
        if why := too_small(len(votes), how_many(votes.participant)):
            return None, why
        try:
            scales = rate(replace(self.selection, rated=bare(votes)), Settings(over="none"), ("bradley-terry",))
        except Refusal as refusal:
            return None, refusal.message
        if len(scales) > 1:
            return None, "no vote links the rates, so there is no one order of all conditions; see each rate"
        return (None, scales[0].problem) if scales[0].fit is None else (scales[0], "")


def _combine(votes: Votes, measured: Measured, weights: Floats, seed: int) -> tuple[Combination, Floats]:
    """Return the combination of the metrics that know most votes, and its logit (votes,); NaN where one misses."""
    logit = np.full(len(votes), np.nan)
    every = [measured.difference(place) for place in range(len(measured.metrics))]
    kept = [place for place, x in enumerate(every) if np.mean(~np.isnan(x)) >= MOSTLY]
    used = tuple(measured.metrics[place] for place in kept)
    if len(used) < 2:
        return Combination(used, None, 0, seed, "fewer than two metrics know most of the votes"), logit
    x = np.stack([_finite(every[place]) for place in kept], axis=1)
    known = ~np.isnan(x).any(axis=1)
    sources = how_many(votes.source[known])
    if sources < FEWEST_SOURCES:
        what = f"{sources} sources are too few to predict one from the others (at least {FEWEST_SOURCES})"
        return Combination(used, None, int(known.sum()), seed, what), logit
    share = (1 + votes.outcome[known]) / 2
    # votes with the same images and the same answer are one row with their weights together
    which = (measured.left[known] * len(measured.value) + measured.right[known]) * 3 + votes.outcome[known] + 1
    _, first, row = np.unique(which, return_index=True, return_inverse=True)
    found = held_out(
        x[known][first], share[first], np.bincount(row, weights[known]).astype(float), votes.source[known][first], seed
    )
    logit[known] = found.logit[row]
    return Combination(used, found, int(known.sum()), seed, ""), logit


def _finite(difference: Floats) -> Floats:
    """Return differences of a metric with infinite ones (identical pixels) as large as the largest finite one."""
    finite = np.abs(difference[np.isfinite(difference)])
    return np.asarray(np.clip(difference, -finite.max(initial=0), finite.max(initial=0)))


def told(found: MetricAgreement) -> str:
    """Return the whole in one line: the score of each metric in all votes, and the yardsticks."""
    said = []
    for name, score in found.overall.items():
        if (mean := score.agreement) is not None:
            ends = "" if np.isnan(mean.low) else f" ({mean.low:.3f} to {mean.high:.3f})"
            said.append(f"{name} {mean.value:.3f}{ends}")
    bound = dict(found.yardsticks)[Part(None, None)]
    if not np.isnan(bound.best_prediction.value):
        said.append(f"best possible {bound.best_prediction.value:.3f}")
        said.append(f"another participant {bound.two_participants.value:.3f}")
    return "Agreement with votes: " + ", ".join(said) + "."
