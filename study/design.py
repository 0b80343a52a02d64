"""Which trials a session shows. Pure: no database, no clock, no hidden state.

Everything follows from the study's seed and the session's number, so that a plan can be made again and checked.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Literal, NamedTuple

from study.drawing import draw
from study.ordering import Pair, Planned, freely_sided, sided, spread, strewn, with_repeats
from study.pool import Asked
from study.spec import AsksFor, Design, Rates

Sources = Callable[[Collection[int]], Mapping[int, int]]
"""From numbers of pairs to the sources that they lie in."""


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


def rating_pairs(candidates: Iterable[Candidate], rates: Rates) -> list[tuple[Candidate, Candidate]]:
    """Every two conditions of one crop, at one rate or `across` them, in the order of their names.

    Stimuli with the same bytes make no rating pair: an answer to them can only be a guess.
    """
    groups: dict[tuple[int, float], list[Candidate]] = {}
    for candidate in candidates:
        rate = float(candidate.rate) if rates == "within" else 0.0
        groups.setdefault((candidate.crop, rate), []).append(candidate)
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


def question(seed: int, ordinal: int, first: AsksFor, second: AsksFor | Literal[""]) -> AsksFor:
    """What the session of this number is asked, where the study has a second question: half of them either one.

    Of each two sessions that follow one another (1 and 2, 3 and 4) one is asked each, which one by the study's seed.
    """
    turned = Random(f"{seed}/question/{(ordinal + 1) // 2}").random() < 0.5
    return second if second and (ordinal % 2 == 0) != turned else first


def plan(
    asked: Asked, sources: Sources, catches: Sequence[Pair], *, design: Design, asks_for: AsksFor, ordinal: int
) -> list[Planned]:
    """Every trial of the study's session number `ordinal`, in order: all rounds of practice, then what counts.

    Args:
        asked: all rating pairs of the study, and how often each has been answered or stands in a live plan.
        sources: gives the sources of rating pairs.
        catches: all pairs of a reference (first) and its strongly degraded crop (second).
        design: trials, strategy, blocks, practice, rates and seed.
        asks_for: the question's polarity, which decides the expected side of practice and catch trials.
        ordinal: the session's number within the study.
    """
    random = Random(f"{design.seed}/{ordinal}")
    rated = sided(spread(_ratings(asked, sources, design, random), random), random)
    many = numbers(design, len(rated), known=bool(catches))
    practice, known = _dealt(catches, [many.practice * design.practice_rounds, many.catch], random)
    practice, known = freely_sided(practice, random), sided(known, random)
    shown = strewn(rated, _answered(known, asks_for), random)
    shown = strewn(shown, _identical(asked, sources, many.identical, random), random)
    shown = with_repeats(shown, many.repeat, random)
    trials = [trial._replace(kind="practice") for trial in _answered(practice, asks_for)]
    trials += [
        trial._replace(block=block) for trial, block in zip(shown, blocks(len(shown), design.block), strict=True)
    ]
    return [trial._replace(position=at) for at, trial in enumerate(trials, start=1)]


def blocks(trials: int, most: int) -> list[int]:
    """The block, from 1, of each of so many trials: as few blocks of at most `most` as can be, as equal as can be."""
    number = -(-trials // most)
    return [1 + at * number // trials for at in range(trials)]


def blind(design: Design, strategy: str | None) -> bool:
    """Whether a trial that was drawn so is counted where the least-asked pairs come first.

    In an adaptive study only the random share is: it is then a balanced study of its own, whose draws follow from
    nothing that anybody answered. Where every pair is as likely as any other, nothing is counted.
    """
    return design.strategy != "full" and strategy != "adaptive"


def _ratings(asked: Asked, sources: Sources, design: Design, random: Random) -> list[Planned]:
    """Draw up to `design.trials` pairs, each with the chance that it had to be in the session."""
    adaptive = design.strategy == "adaptive"
    drawn = draw(asked, design.trials, design.random_share if adaptive else 1.0, random)
    of, blindly = sources([pair for pair, _, _ in drawn]), "random" if adaptive else design.strategy
    return [
        Planned(pair, of[pair], "rating", strategy=blindly if unseen else "adaptive", probability=chance)
        for pair, unseen, chance in drawn
    ]


def _dealt(catches: Sequence[Pair], sizes: Sequence[int], random: Random) -> list[list[Planned]]:
    """Groups of trials of known answer, dealt from one deck over and over.

    So no crop comes again before all have been dealt, and catches share none with practice where there are enough.
    """
    deck = spread([Planned(pair.id, pair.source, "catch") for pair in catches], random, first=sum(sizes))
    starts = [sum(sizes[:at]) for at in range(len(sizes))]
    return [
        [deck[at % len(deck)] for at in range(start, start + size)] for start, size in zip(starts, sizes, strict=True)
    ]


def _identical(asked: Asked, sources: Sources, number: int, random: Random) -> list[Planned]:
    """Trials of a pair's first stimulus against itself; flipped, of its second.

    They are drawn from all pairs alike and flipped by halves, so each condition is as likely as it has pairs.
    """
    pairs = [asked.pool.pair(place) for place in random.sample(range(len(asked.pool)), number)]
    of = sources(pairs)
    return sided([Planned(pair, of[pair], "identical") for pair in pairs], random)


def _answered(known: Iterable[Planned], asks_for: AsksFor) -> list[Planned]:
    """With the known answer: the side of the reference, or of the degraded crop if asked which one differs more."""
    worse = asks_for == "more_different"
    return [trial._replace(expected="right" if trial.flipped != worse else "left") for trial in known]
