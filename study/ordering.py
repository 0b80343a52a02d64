"""In which order a session's trials come, and on which sides. Pure: all chance comes from the generator given.

Nothing in the order marks a trial as a catch, as identical or as a repeat: each kind is strewn in at random places.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

GAP = 5
"""So many trials at least lie between a rating and its repeat, where the session is long enough."""


@dataclass(frozen=True)
class Pair:
    """Two stimuli of one crop; the source counts because it should not follow itself."""

    id: int
    crop: int
    source: int


@dataclass(frozen=True)
class Planned:
    """One showing. `flipped` puts the pair's second stimulus on the left, and on both sides of an identical trial.

    `probability` is the chance, given all earlier plans, with which this session came to hold this pair (none for
    trials that are not drawn for rating).
    """

    pair: int
    source: int
    kind: str
    flipped: bool = False
    expected: str | None = None
    strategy: str | None = None
    probability: float | None = None
    block: int = 1
    position: int = 1


def spread(trials: Sequence[Planned], random: Random) -> list[Planned]:
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


def sided(trials: Sequence[Planned], random: Random) -> list[Planned]:
    """Half of the trials flipped, at random; of an odd number the last half falls either way."""
    flips = [at % 2 == 0 for at in range(len(trials))]
    if random.random() < 0.5:
        flips = [not flip for flip in flips]
    random.shuffle(flips)
    return [replace(trial, flipped=flip) for trial, flip in zip(trials, flips, strict=True)]


def strewn(order: Sequence[Planned], extra: Sequence[Planned], random: Random) -> list[Planned]:
    """The order with one extra trial in each of as many equal stretches of its ratings, at a random place there.

    An extra trial stands beside its own source only where no place of its stretch and none of the extra trials still
    to be placed would avoid it. There are at most as many extra trials as ratings.
    """
    mixed, waiting = list(order), list(extra)
    ratings = sum(trial.kind == "rating" for trial in order)
    bounds = [ratings * at // max(len(extra), 1) for at in range(len(extra) + 1)]
    for start, end in pairwise(bounds):
        at = [place for place, trial in enumerate(mixed) if trial.kind == "rating"]
        places = range(at[start - 1] + 1 if start else 0, at[end - 1] + 1)
        tried = random.sample(places, len(places))
        free = ((p, t) for p in tried for t in waiting if t.source not in _beside(mixed, p))
        place, trial = next(free, (tried[0], waiting[0]))
        waiting.remove(trial)
        mixed.insert(place, trial)
    return mixed


def with_repeats(order: Sequence[Planned], number: int, random: Random) -> list[Planned]:
    """The order with `number` of its ratings once more, each at a random place after its first and on sides drawn anew.

    Ratings are drawn for it among those with several places to choose from, `GAP` trials or more later; where these
    are too few, among the first ones.
    """
    rated = [trial for trial in order if trial.kind == "rating"]
    early = rated[: max(len(rated) - 2 * GAP, number)]
    mixed = list(order)
    for trial in sided(random.sample(early, number), random):
        repeat = replace(trial, kind="repeat", strategy=None, probability=None)
        mixed.insert(_later(mixed, repeat, random), repeat)
    return mixed


def _later(order: Sequence[Planned], repeat: Planned, random: Random) -> int:
    """A place for the repeat: far from its first and away from its source, away from its source, far, or any after."""
    first = next(at for at, trial in enumerate(order) if trial.kind == "rating" and trial.pair == repeat.pair)
    after = range(first + 1, len(order) + 1)
    away = [place for place in after if repeat.source not in _beside(order, place)]
    far = after[GAP:]
    return random.choice([place for place in away if place in far] or away or far or after)


def _beside(order: Sequence[Planned], place: int) -> set[int]:
    """The sources on both sides of a place between two trials."""
    return {trial.source for trial in order[max(place - 1, 0) : place + 1]}
