"""Which condition is better than which: every pair of a scale with its difference, interval, tests and verdict.

The interval of a difference and its p come from one covariance (`intervals`), so they never contradict each other, and
both speak for what the interval generalises over. Beside them stand sign-flip tests on the direct votes of the pair, by
participant and by source (`sign_flip`), which need no model of preference, but hold the images (or the people) fixed.

Pairs that were named before the votes were seen are one family, confirmatory; all others are another one, exploratory.
Each family is adjusted for itself, see `multiplicity`. A pair of the confirmatory family that cannot be tested counts
in it with p = 1, so that a family does not shrink by what went wrong.

Ranks have intervals: 1 + the number of conditions that are significantly better, to n - the number that are
significantly worse, by Holm over all pairs of the scale. Where all those verdicts are right all intervals hold the true
ranks, so they do together in at least 1 - alpha of studies (Al Mohamad, Goeman and van Zwet 2022, "Simultaneous
confidence intervals for ranks with application to ranking institutions").

The level alpha (`Settings.alpha`) is that of Holm's p and of the ranks; intervals of differences stay at 95%.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
from numpy.random import SeedSequence
from scipy.special import stdtr

from analysis.counts import Counts
from analysis.files import Refusal
from analysis.multiplicity import benjamini_hochberg, holm
from analysis.rating import ALPHA, Scale
from analysis.sign_flip import FEWEST, Flips, flip_tests
from analysis.votes import Floats

Primary = Sequence[tuple[str, str]]

TESTS = {
    "p": "The p of a difference is Student's t on the same variance as its interval, so it speaks for the same: "
    "that all votes of such participants on such images would put both conditions on one level.",
    "p_participants": "The sign-flip test by participant takes the direct votes of the pair only, and asks whether "
    "every participant would as soon have voted the other way round. It needs no model and allows any "
    "likeness of one person's votes, but it holds these images fixed: where images differ it finds differences that "
    "other images may not bear out.",
    "p_sources": "The sign-flip test by image asks the same of every image's votes, and holds these participants "
    f"fixed; with fewer than {FEWEST} images it can find nothing, and is left out.",
    "holm": "Holm's p bounds the chance of any false verdict in its family, Benjamini and Hochberg's the expected "
    "share of false ones among its verdicts; a verdict is by Holm's, at the level alpha (5% unless another is given).",
    "looks": "All p are for one look at the votes, after they are all in: whoever looks at a true tie after each of 20 "
    "batches, and stops at the first p below 0.05, finds one in a quarter of such studies (14% with four looks).",
}


@dataclass(frozen=True)
class Verdict:
    """A pair of a scale: item `better` has the higher rating, `other` the lower one, whatever is significant.

    `difference` is in Elo points; `margin` half the width of its 95% interval and `degrees` its degrees of freedom,
    None without one, and `p` is then NaN. `won`, `lost`, `not_sure` are the direct votes as `better` sees them. The
    sign-flip tests are None without direct votes (by source: with too few of them). `holm` and `fdr` adjust `p` within
    the family, `participants_holm` and `participants_fdr` the sign-flip p by participant; `alpha` is the level of the
    verdict.
    """

    better: int
    other: int
    difference: float
    margin: float | None
    degrees: int | None
    p: float
    won: int
    lost: int
    not_sure: int
    participants: Flips | None
    sources: Flips | None
    confirmatory: bool = False
    holm: float = np.nan
    fdr: float = np.nan
    participants_holm: float = np.nan
    participants_fdr: float = np.nan
    alpha: float = ALPHA

    @property
    def family(self) -> str:
        """The family whose level is kept."""
        return "confirmatory" if self.confirmatory else "exploratory"

    @property
    def word(self) -> str:
        """The verdict by Holm's p: `better`, `undecided`, or `untested` where there is no interval."""
        if np.isnan(self.p):
            return "untested"
        return "better" if self.holm <= self.alpha else "undecided"


@dataclass(frozen=True)
class Rank:
    """A rank among `n` conditions, 1 the best: of the rating, and both ends of its interval."""

    rank: int
    low: int
    high: int
    n: int


@dataclass(frozen=True)
class Judged:
    """A scale with the verdicts on all its pairs, largest difference first, and the ranks of its items, in their order.

    Both are empty where the scale has no ratings and none of its pairs is confirmatory.
    """

    scale: Scale
    verdicts: tuple[Verdict, ...]
    ranks: tuple[Rank, ...]


def judged(scales: Sequence[Scale], primary: Primary = (), seed: int | SeedSequence = 1) -> tuple[Judged, ...]:
    """Judge all pairs of all scales; `primary` names those that were chosen beforehand, as conditions or codecs.

    Two codecs mean their conditions at the same rate, at every rate. `seed` seeds the drawn signs, see `sign_flip`.
    Raises `Refusal` where a primary pair is on no scale.
    """
    chosen = [_chosen(scale.counts, primary) for scale in scales]
    for pair in primary:
        if not any(_meant(scale.counts, pair) for scale in scales):
            raise Refusal(
                f"no votes put {pair[0]} and {pair[1]} on one scale; name two rated conditions or codecs as --primary."
            )
    root = seed if isinstance(seed, SeedSequence) else SeedSequence(seed)
    streams = root.spawn(len(scales))
    found = [_verdicts(*one) for one in zip(scales, chosen, streams, strict=True)]
    flat = _adjusted([verdict for verdicts in found for verdict in verdicts])
    ends = np.cumsum([0] + [len(verdicts) for verdicts in found])
    parts = [flat[begin:end] for begin, end in pairwise(ends)]
    return tuple(
        Judged(scale, tuple(sorted(part, key=lambda verdict: -np.nan_to_num(verdict.difference))), ranks(scale, part))
        for scale, part in zip(scales, parts, strict=True)
    )


def _meant(counts: Counts, pair: tuple[str, str]) -> set[tuple[int, int]]:
    """Return the pairs of items (lower number first) that two names may mean: of one rate, if there are any."""
    sides = []
    for name in pair:
        exact = [at for at, item in enumerate(counts.items) if item.condition == name]
        sides.append(exact or [at for at, item in enumerate(counts.items) if name and item.codec == name])
    every = {(min(a, b), max(a, b)) for a in sides[0] for b in sides[1] if a != b}
    return {(a, b) for a, b in every if counts.items[a].rate == counts.items[b].rate} or every


def _chosen(counts: Counts, primary: Primary) -> set[tuple[int, int]]:
    return {found for pair in primary for found in _meant(counts, pair)}


def _verdicts(scale: Scale, chosen: set[tuple[int, int]], seed: SeedSequence) -> list[Verdict]:
    """Return the verdicts of a scale, not yet adjusted; without ratings only those of the confirmatory family."""
    pairs = combinations(range(len(scale.counts.items)), 2) if scale.fit else sorted(chosen)
    direct = _direct(scale.counts, seed)
    return [_verdict(scale, pair, pair in chosen, direct) for pair in pairs]


Direct = dict[tuple[int, int], tuple[list[int], Flips, Flips | None]]


def _direct(counts: Counts, seed: SeedSequence) -> Direct:
    """Return the counts and the sign-flip tests, by participant and by source, of each pair with votes."""
    first, second = seed.spawn(2)
    by_participant = flip_tests(counts, counts.participant, first)
    by_source: Sequence[Flips | None] = [None] * len(counts.first)
    if counts.sources >= FEWEST:
        by_source = [flips if flips.clusters >= FEWEST else None for flips in flip_tests(counts, counts.source, second)]
    pairs = zip(counts.first.tolist(), counts.second.tolist(), strict=True)
    return dict(zip(pairs, zip(counts.table.tolist(), by_participant, by_source, strict=True), strict=True))


def _verdict(scale: Scale, pair: tuple[int, int], confirmatory: bool, direct: Direct) -> Verdict:
    first, second = pair
    difference = float(scale.rating[first] - scale.rating[second]) if scale.fit else np.nan
    (won, lost, not_sure), participants, sources = direct.get(pair, ([0, 0, 0], None, None))
    better, other = pair
    if difference < 0:
        better, other, won, lost = second, first, lost, won
    margin, degrees, p = scale.margin(first, second), None, np.nan
    if margin is not None and scale.uncertainty is not None:
        degrees = scale.uncertainty.freedom_between(first, second)
        error = np.sqrt(scale.uncertainty.variance(scale.uncertainty.contrast(first, second)))
        p = float(2 * stdtr(degrees, -abs(difference) / error))
    return Verdict(
        better,
        other,
        abs(difference),
        margin,
        degrees,
        p,
        won,
        lost,
        not_sure,
        participants,
        sources,
        confirmatory,
        alpha=scale.settings.alpha,
    )


def _adjusted(verdicts: list[Verdict]) -> list[Verdict]:
    """Return the verdicts with p-values adjusted within their families, which span all scales."""
    family = np.array([verdict.confirmatory for verdict in verdicts], bool)
    raw = {
        "": np.array([verdict.p for verdict in verdicts]),
        "participants_": np.array([verdict.participants.p if verdict.participants else np.nan for verdict in verdicts]),
    }
    found: dict[str, Floats] = {}
    for name, p in raw.items():
        counted = np.where(np.isnan(p) & family, 1.0, p)
        for suffix, adjust in (("holm", holm), ("fdr", benjamini_hochberg)):
            adjusted = np.full(len(p), np.nan)
            for member in (family, ~family):
                adjusted[member] = adjust(counted[member])
            found[name + suffix] = np.where(np.isnan(p), np.nan, adjusted)
    return [
        replace(
            verdict,
            holm=float(found["holm"][at]),
            fdr=float(found["fdr"][at]),
            participants_holm=float(found["participants_holm"][at]),
            participants_fdr=float(found["participants_fdr"][at]),
        )
        for at, verdict in enumerate(verdicts)
    ]


def ranks(scale: Scale, verdicts: Iterable[Verdict]) -> tuple[Rank, ...]:
    """Return the rank of each item of a rated scale with its interval, by Holm over `verdicts`, all of its pairs."""
    if not scale.fit:
        return ()
    pairs, n = list(verdicts), len(scale.counts.items)
    decided = holm(np.array([verdict.p for verdict in pairs])) <= scale.settings.alpha
    worse, better = np.zeros((2, n), int)
    for verdict, sure in zip(pairs, decided, strict=True):
        worse[verdict.better] += sure
        better[verdict.other] += sure
    values = np.round(scale.rating, 6)
    return tuple(
        Rank(1 + int((values > values[item]).sum()), 1 + int(better[item]), n - int(worse[item]), n)
        for item in range(n)
    )


def told(every: Sequence[Judged]) -> Iterator[str]:
    """Give what is to know of the verdicts, in sentences: the families and what was found in them."""
    verdicts = [verdict for one in every for verdict in one.verdicts]
    for family in ("confirmatory", "exploratory"):
        members = [verdict for verdict in verdicts if verdict.family == family]
        if members:
            sure = sum(verdict.word == "better" for verdict in members)
            untested = sum(verdict.word == "untested" for verdict in members)
            also = f", {untested} without a test" if untested else ""
            level = f"{100 * members[0].alpha:g}%"
            yield f"{family}: {sure} of {len(members)} differences are significant by Holm's p at {level}{also}"
    if not any(verdict.confirmatory for verdict in verdicts):
        yield "no pair was named beforehand, so nothing here is confirmatory"
