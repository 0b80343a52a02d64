"""Which trials a session shows, in which order and on which sides. Pure: no database, no clock, no hidden state.

Everything follows from the study's seed and the session's number, so that a plan can be made again and checked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from random import Random

from study.spec import AsksFor, Design


@dataclass(frozen=True)
class Candidate:
    """A stimulus as the design sees it."""

    id: int
    crop: int
    rate: str
    condition: str
    sha256: str


@dataclass(frozen=True)
class Pair:
    """Two stimuli of one crop; the source counts because it should not follow itself."""

    id: int
    crop: int
    source: int


@dataclass(frozen=True)
class Planned:
    """One showing. `flipped` puts the pair's second stimulus on the left; `probability` is the chance, given all
    earlier plans, with which this session came to hold this pair (none for trials that are not drawn for rating)."""

    pair: int
    source: int
    kind: str
    flipped: bool = False
    expected: str | None = None
    strategy: str | None = None
    probability: float | None = None
    block: int = 1
    position: int = 1


def rating_pairs(candidates: Iterable[Candidate]) -> list[tuple[Candidate, Candidate]]:
    """Every two conditions of one crop at one rate, in the order of their names.

    Stimuli with the same bytes make no rating pair: an answer to them can only be a guess.
    """
    groups: dict[tuple[int, float], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.crop, float(candidate.rate)), []).append(candidate)
    ordered = (sorted(group, key=lambda c: c.condition) for group in groups.values())
    return [(a, b) for group in ordered for a, b in combinations(group, 2) if a.sha256 != b.sha256]


def plan(
    ratings: Sequence[Pair],
    catches: Sequence[Pair],
    counts: Mapping[int, int],
    *,
    design: Design,
    asks_for: AsksFor,
    ordinal: int,
) -> list[Planned]:
    """Every trial of the study's session number `ordinal`, in order.

    Args:
        ratings: all rating pairs of the study.
        catches: all pairs of a reference (first) and its strongly degraded crop (second).
        counts: how often each rating pair has been answered or stands in a live plan, by id; absent is 0.
        design: trials, strategy, blocks, practice, catch rate and seed.
        asks_for: the question's polarity, which decides the expected side of practice and catch trials.
        ordinal: the session's number within the study.
    """
    random = Random(f"{design.seed}/{ordinal}")
    drawn = _draw(ratings, counts, design, random)
    rated = _sided(_spread(drawn, random), random)
    known = _known(catches, design.practice + round(design.catch_rate * len(rated)), asks_for, random)
    practice = [replace(trial, kind="practice") for trial in known[: design.practice]]
    shown = _mixed(rated, known[design.practice :], random)
    blocks = [replace(trial, block=1 + at // design.block) for at, trial in enumerate(shown)]
    return [replace(trial, position=at) for at, trial in enumerate(practice + blocks, start=1)]


def _draw(ratings: Sequence[Pair], counts: Mapping[int, int], design: Design, random: Random) -> list[Planned]:
    """Draw up to `design.trials` pairs; each pair's inclusion probability is exact.

    `full` draws without regard to counts: k of n, so k/n each. `balanced` takes the least-counted pairs: all those
    below the count at which the places run out (probability 1), and k of the m pairs at that count (k/m each).
    """
    places = min(design.trials, len(ratings))
    tied: dict[int, list[Pair]] = {}
    for pair in sorted(ratings, key=lambda pair: pair.id):
        tied.setdefault(counts.get(pair.id, 0) if design.strategy == "balanced" else 0, []).append(pair)
    drawn: list[Planned] = []
    for _count, pairs in sorted(tied.items()):
        taken = min(places - len(drawn), len(pairs))
        chance = taken / len(pairs)
        drawn += [
            Planned(pair.id, pair.source, "rating", strategy=design.strategy, probability=chance)
            for pair in random.sample(pairs, taken)
        ]
    return drawn


def _spread(trials: Sequence[Planned], random: Random) -> list[Planned]:
    """A random order in which no source follows itself, wherever such an order exists.

    Each step draws from the trials that leave the rest solvable: with n trials left, a source may own at most half
    of them, rounded up, and the source that was just shown at most half, rounded down.
    """
    left = sorted(trials, key=lambda trial: trial.pair)
    of = Counter(trial.source for trial in left)
    order: list[Planned] = []
    last: int | None = None
    while left:
        pressing = [source for source, count in of.items() if source != last and 2 * count > len(left)]
        allowed = [t for t in left if (t.source in pressing if pressing else t.source != last)] or left
        chosen = random.choice(allowed)
        left.remove(chosen)
        of[chosen.source] -= 1
        last = chosen.source
        order.append(chosen)
    return order


def _sided(trials: Sequence[Planned], random: Random) -> list[Planned]:
    """Half of the trials flipped, at random; of an odd number the last half falls either way."""
    flips = [at % 2 == 0 for at in range(len(trials))]
    if random.random() < 0.5:
        flips = [not flip for flip in flips]
    random.shuffle(flips)
    return [replace(trial, flipped=flip) for trial, flip in zip(trials, flips, strict=True)]


def _known(catches: Sequence[Pair], number: int, asks_for: AsksFor, random: Random) -> list[Planned]:
    """Trials whose answer is known: the reference against its strongly degraded crop.

    No crop comes again before all have been shown.
    """
    drawn: list[Pair] = []
    while catches and len(drawn) < number:
        drawn += random.sample(sorted(catches, key=lambda pair: pair.id), min(number - len(drawn), len(catches)))
    trials = _sided([Planned(pair.id, pair.source, "catch") for pair in drawn], random)
    return [replace(trial, expected=_expected(trial.flipped, asks_for)) for trial in trials]


def _expected(flipped: bool, asks_for: AsksFor) -> str:
    """The side of the reference; of the degraded crop where the question asks which one differs more."""
    return "right" if flipped != (asks_for == "more_different") else "left"


def _mixed(rated: Sequence[Planned], catches: Sequence[Planned], random: Random) -> list[Planned]:
    """One catch trial in each of as many equal stretches of the ratings, away from its own source where possible."""
    order = list(rated)
    waiting = list(catches)
    bounds = [len(rated) * at // max(len(catches), 1) for at in range(len(catches) + 1)]
    for start, end in reversed(list(pairwise(bounds))):
        places = list(range(start, end)) or [start]
        at = random.choice(places)
        beside = {trial.source for trial in order[max(at - 1, 0) : at + 1]}
        catch = next((c for c in waiting if c.source not in beside), waiting[0])
        waiting.remove(catch)
        order.insert(at, catch)
    return order
