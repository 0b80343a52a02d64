"""Is the model true? Everything that speaks against one scale for all votes, gathered for each scale."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import SeedSequence

from analysis.codes import distinct, how_many
from analysis.counts import Counts, count
from analysis.deviance import Deviance, Residual, deviance, residuals
from analysis.files import Table
from analysis.fitting import fitted, why_no_side
from analysis.groups import labelled
from analysis.homogeneity import Division, Homogeneity, homogeneity
from analysis.intervals import uncertainty
from analysis.linking import comparable
from analysis.parts import bare, too_small
from analysis.rating import Scale, Settings
from analysis.selection import Selection
from analysis.side_bias import SideBias, side_bias
from analysis.triads import BY_CHANCE, Transitivity, transitivity
from analysis.votes import Floats, Mask

STARVED = 10  # votes, below which a compared pair is named
FAR = 2.0  # standard normal: a residual beyond is named

CAVEATS = {
    "deviance": "The deviance asks whether one distance for each two conditions, all on one line, is enough. It takes "
    "votes as independent: where people or images differ, it says so too.",
    "homogeneity": "Each test asks whether the parts would have ratings of their own. The first p takes votes as "
    "independent; the p by participant does not, and is left out where participants are too few for it.",
}


@dataclass(frozen=True)
class Starved:
    """A pair of items with few votes, or none."""

    first: int
    second: int
    votes: int


@dataclass(frozen=True)
class FitCheck:
    """What speaks for and against the model on one scale; without ratings (`scale.problem`) only what needs none.

    `side` is None for the reason `no_side`, which is empty where nothing was tested.
    """

    scale: Scale
    deviance: Deviance | None
    residuals: tuple[Residual, ...]
    transitivity: Transitivity | None
    side: SideBias | None
    no_side: str
    homogeneity: tuple[Homogeneity, ...]
    starved: tuple[Starved, ...]

    def told(self) -> Iterator[str]:
        """Give the findings in sentences."""
        yield from _deviance_told(self)
        yield from _transitivity_told(self.transitivity)
        if self.side:
            yield self.side.told(self.scale.settings.unit)
        elif self.no_side:
            yield f"side bias not tested: {self.no_side}"
        yield from (sentence for found in self.homogeneity for sentence in _homogeneity_told(found))
        yield from _starved_told(self)


def checked(
    selection: Selection,
    scales: Sequence[Scale],
    settings: Settings,
    sessions: Table | None = None,
    *,
    seed: int | SeedSequence = 1,
    done: Callable[[int], None] = lambda _: None,
) -> tuple[FitCheck, ...]:
    """Check the model of every scale of `rate(selection, settings)`; `done` hears of each scale.

    `sessions` is a `sessions.csv`, whose answers group the participants.
    """
    votes = comparable(selection, settings.model).rated
    known = selection.asked["layout"] != "unknown"
    left = -1 if selection.asked["asks_for"] == "more_different" else 1
    divided: list[list[tuple[Counts, Division]]] = [[] for _ in scales]
    for by, names, code in labelled(votes, sessions):
        if how_many(code[code >= 0]) < 2:
            continue
        for at, counts in enumerate(count(replace(bare(votes), source=code, sources=tuple(names)))):
            divided[at].append((counts, Division(by, names, _small(counts, len(names), by))))
    found, root = [], seed if isinstance(seed, SeedSequence) else SeedSequence(seed)
    for scale, parts, stream in zip(scales, divided, root.spawn(len(scales)), strict=True):
        found.append(_checked(scale, parts, left if known else None, stream))
        done(1)
    return tuple(found)


def _small(counts: Counts, parts: int, by: str) -> Mask:
    """Return which parts (parts,) of a scale have votes, but too few; a participant is one person whatever they did."""
    used = counts.source >= 0
    votes = np.bincount(counts.source[used], counts.cell_votes[used], parts).astype(int)
    width = int(counts.participant.max(initial=0)) + 1
    pairs = distinct(counts.source[used] * width + counts.participant[used])
    people = np.bincount(pairs // width, minlength=parts)
    if by == "participant":
        return np.zeros(parts, bool)
    return np.array([bool(n and too_small(n, p)) for n, p in zip(votes.tolist(), people.tolist(), strict=True)], bool)


def _checked(scale: Scale, parts: Sequence[tuple[Counts, Division]], left: int | None, seed: SeedSequence) -> FitCheck:
    counts, fit = scale.counts, scale.fit
    if fit is None:
        return FitCheck(scale, None, (), transitivity(counts), None, "", (), starved(counts))
    side, no_side = _side(scale, left)
    stream, *streams = seed.spawn(1 + len(parts))
    divided = [] if fit.ridge else list(zip(parts, streams, strict=True))
    return FitCheck(
        scale,
        deviance=deviance(counts, fit, seed=stream),
        residuals=residuals(counts, fit) if not fit.ridge else (),
        transitivity=transitivity(counts),
        side=side,
        no_side=no_side,
        homogeneity=tuple(homogeneity(part, fit, division, stream) for (part, division), stream in divided),
        starved=starved(counts),
    )


def _side(scale: Scale, left: int | None) -> tuple[SideBias | None, str]:
    """Return the side bias beside the ratings, or why there is none."""
    if scale.side is not None or scale.fit is None:
        return scale.side, ""
    if left is None:
        return None, "the votes do not say which condition stood on the left"
    model = replace(scale.fit.model, side_bias=True)
    if reason := why_no_side(scale.counts, model):
        return None, reason.split(": ", maxsplit=1)[0]
    try:
        found = fitted(scale.counts, model)
    except ArithmeticError as error:
        return None, f"it could not be computed ({error})"
    return side_bias(scale.counts, found, uncertainty(scale.counts, found, scale.over), left), ""


def starved(counts: Counts) -> tuple[Starved, ...]:
    """Return the pairs of a scale, of one rate each, with fewer than `STARVED` votes, fewest first."""
    votes: Floats = np.zeros((len(counts.items), len(counts.items)))
    votes[counts.first, counts.second] = counts.table.sum(axis=1)
    pairs = [
        Starved(a, b, int(votes[a, b]))
        for a, b in zip(*(side.tolist() for side in np.triu_indices(len(votes), 1)), strict=True)
        if votes[a, b] < STARVED and counts.items[a].rate == counts.items[b].rate
    ]
    return tuple(sorted(pairs, key=lambda pair: pair.votes))


def _deviance_told(check: FitCheck) -> Iterator[str]:
    found = check.deviance
    if found:
        yield (
            f"deviance {found.statistic:.1f} on {found.degrees} degrees of freedom, p = {found.p:.2g} by "
            f"{found.rounds} rounds that the model made itself"
            + (f" ({found.unsolved} of them without finite ratings, taken as far)" if found.unsolved else "")
            + f", {found.chi_squared_p:.2g} by chi-squared"
        )
    names = [item.condition for item in check.scale.counts.items]
    worst = [one for one in check.residuals if abs(one.z) > FAR][:5]
    for one in worst:
        yield (
            f"{names[one.first]} took {100 * one.share:.0f}% of {one.votes} votes against {names[one.second]}, where "
            f"the model expects {100 * one.expected:.0f}% (z = {one.z:.1f})"
        )


def _transitivity_told(found: Transitivity | None) -> Iterator[str]:
    if found is None:
        return
    yield f"{found.pooled.circular} of {found.pooled.decided} triads of the pooled votes are circular"
    if found.decided:
        yield (
            f"{found.circular} of {found.decided} triads of single participants are circular, "
            f"{100 * found.circular / found.decided:.0f}% where answers at random make {100 * BY_CHANCE:.0f}%"
        )
    if found.zeta is not None:
        yield f"{found.complete} participants decided every pair, with a mean consistence (zeta) of {found.zeta:.2f}"


def _homogeneity_told(found: Homogeneity) -> Iterator[str]:
    if found.p is not None:
        said = (
            f"the same ratings by {found.by}? Score test {found.statistic:.1f} on {found.degrees} degrees of freedom, "
        )
        said += f"p = {found.p:.2g}"
        if found.participants_p is not None:
            said += f"; by participant F = {found.f:.2f}, p = {found.participants_p:.2g}"
        yield said
    if found.small:
        names = ", ".join(found.small[:5]) + (f" and {len(found.small) - 5} more" if len(found.small) > 5 else "")
        yield f"by {found.by}: {names} left out, as there are too few votes or participants"


def _starved_told(check: FitCheck) -> Iterator[str]:
    names = [item.condition for item in check.scale.counts.items]
    for what, pairs in (
        ("never compared", [pair for pair in check.starved if not pair.votes]),
        (f"under {STARVED} votes", [pair for pair in check.starved if pair.votes]),
    ):
        if pairs:
            told = ", ".join(f"{names[pair.first]} - {names[pair.second]}" for pair in pairs[:5])
            yield f"{what}: {told}" + (f" and {len(pairs) - 5} more" if len(pairs) > 5 else "")
