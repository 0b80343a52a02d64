"""Which trials a session shows. Pure: no database, no clock, no hidden state.

Everything follows from the study's seed and the session's number, so that a plan can be made again and checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from random import Random
from typing import NamedTuple

from study.ordering import Pair, Planned, freely_sided, sided, spread, strewn, with_repeats
from study.spec import AsksFor, Design


@dataclass(frozen=True)
class Candidate:
    """A stimulus as the design sees it."""

    id: int
    crop: int
    rate: str
    condition: str
    sha256: str


class Numbers(NamedTuple):
    """How many trials of each kind go with the ratings; `practice` is one round."""

    practice: int
    catch: int
    identical: int
    repeat: int


def rating_pairs(candidates: Iterable[Candidate]) -> list[tuple[Candidate, Candidate]]:
    """Every two conditions of one crop at one rate, in the order of their names.

    Stimuli with the same bytes make no rating pair: an answer to them can only be a guess.
    """
    groups: dict[tuple[int, float], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.crop, float(candidate.rate)), []).append(candidate)
    ordered = (sorted(group, key=lambda c: c.condition) for group in groups.values())
    return [(a, b) for group in ordered for a, b in combinations(group, 2) if a.sha256 != b.sha256]


def numbers(design: Design, rated: int, *, known: bool) -> Numbers:
    """The trials that go with `rated` rating trials; `known` says whether the study has trials of known answer."""
    return Numbers(
        practice=design.practice if known else 0,
        catch=round(design.catch_rate * rated) if known else 0,
        identical=round(design.identical_rate * rated),
        repeat=round(design.repeat_rate * rated),
    )


def wanted(ratings: Iterable[Pair], counts: Mapping[int, int], design: Design) -> list[Pair]:
    """The pairs that may still be asked about: those with fewer answers and live plans than `design.votes_per_pair`."""
    limit = design.votes_per_pair
    return [pair for pair in ratings if not limit or counts.get(pair.id, 0) < limit]


def plan(
    ratings: Sequence[Pair],
    catches: Sequence[Pair],
    counts: Mapping[int, int],
    *,
    design: Design,
    asks_for: AsksFor,
    ordinal: int,
) -> list[Planned]:
    """Every trial of the study's session number `ordinal`, in order: all rounds of practice, then what counts.

    Args:
        ratings: all rating pairs of the study.
        catches: all pairs of a reference (first) and its strongly degraded crop (second).
        counts: how often each rating pair has been answered or stands in a live plan, by id; absent is 0.
        design: trials, strategy, quota, blocks, practice, rates and seed.
        asks_for: the question's polarity, which decides the expected side of practice and catch trials.
        ordinal: the session's number within the study.
    """
    random = Random(f"{design.seed}/{ordinal}")
    rated = sided(spread(_draw(wanted(ratings, counts, design), counts, design, random), random), random)
    many = numbers(design, len(rated), known=bool(catches))
    practice, known = _dealt(catches, [many.practice * design.practice_rounds, many.catch], random)
    practice, known = freely_sided(practice, random), sided(known, random)
    shown = strewn(rated, _answered(known, asks_for), random)
    shown = strewn(shown, _identical(ratings, many.identical, random), random)
    shown = with_repeats(shown, many.repeat, random)
    trials = [replace(trial, kind="practice") for trial in _answered(practice, asks_for)]
    trials += [
        replace(trial, block=block) for trial, block in zip(shown, blocks(len(shown), design.block), strict=True)
    ]
    return [replace(trial, position=at) for at, trial in enumerate(trials, start=1)]


def blocks(trials: int, most: int) -> list[int]:
    """The block, from 1, of each of so many trials: as few blocks of at most `most` as can be, as equal as can be."""
    number = -(-trials // most)
    return [1 + at * number // trials for at in range(trials)]


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


def _dealt(catches: Sequence[Pair], sizes: Sequence[int], random: Random) -> list[list[Planned]]:
    """Groups of trials of known answer, dealt from one deck over and over.

    So no crop comes again before all have been dealt, and catches share none with practice where there are enough.
    """
    deck = spread([Planned(pair.id, pair.source, "catch") for pair in catches], random)
    starts = [sum(sizes[:at]) for at in range(len(sizes))]
    return [
        [deck[at % len(deck)] for at in range(start, start + size)] for start, size in zip(starts, sizes, strict=True)
    ]


def _identical(ratings: Sequence[Pair], number: int, random: Random) -> list[Planned]:
    """Trials of a pair's first stimulus against itself; flipped, of its second.

    They are drawn from all pairs alike and flipped by halves, so each condition is as likely as it has pairs.
    """
    drawn = random.sample(sorted(ratings, key=lambda pair: pair.id), number)
    return sided([Planned(pair.id, pair.source, "identical") for pair in drawn], random)


def _answered(known: Iterable[Planned], asks_for: AsksFor) -> list[Planned]:
    """With the known answer: the side of the reference, or of the degraded crop if asked which one differs more."""
    worse = asks_for == "more_different"
    return [replace(trial, expected="right" if trial.flipped != worse else "left") for trial in known]
