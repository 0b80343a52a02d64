"""In which order a session's trials come, and on which sides. Pure: all chance comes from the generator given.

Nothing in the order marks a trial as a catch, as identical or as a repeat: each kind is strewn in at random places.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import NamedTuple

GAP = 5
"""So many trials at least lie between a rating and its repeat, where the session is long enough."""


@dataclass(frozen=True)
class Pair:
    """Two stimuli of one crop; the source counts because it should not follow itself."""

    id: int
    crop: int
    source: int


class Planned(NamedTuple):
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


def spread(trials: Sequence[Planned], random: Random, first: int | None = None) -> list[Planned]:
    """A random order in which no source follows itself, wherever such an order exists; or only the `first` so many.

    Each step draws from the trials that leave the rest solvable: with n trials left, a source may own at most half
    of them, rounded up, and the source that was just shown at most half, rounded down.
    """
    left = sorted(trials, key=lambda trial: trial.pair)
    of = Counter(trial.source for trial in left)
    order: list[Planned] = []
    last: int | None = None
    while left and (first is None or len(order) < first):
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
    return [trial._replace(flipped=flip) for trial, flip in zip(trials, flips, strict=True)]


def freely_sided(trials: Sequence[Planned], random: Random) -> list[Planned]:
    """Each trial flipped or not, whatever the others are, so that none tells the next one; three or more not all alike.

    Two are free to be alike: were they not, the first one's answer would give the second one's away.
    """
    number = len(trials)
    flips = random.randrange(1, 2**number - 1) if number > 2 else random.randrange(2**number)
    return [trial._replace(flipped=bool(flips >> at & 1)) for at, trial in enumerate(trials)]


def strewn(order: Sequence[Planned], extra: Sequence[Planned], random: Random) -> list[Planned]:
    """The order with one extra trial in each of as many equal stretches of it, at a random place there.

    Places are counted by the ratings before them, from none to all. An extra trial stands beside its own source only
    where no place of its stretch and none of the extra trials still to be placed would avoid it. There are at most as
    many extra trials as ratings.
    """
    mixed, waiting = list(order), list(extra)
    ratings = sum(trial.kind == "rating" for trial in order)
    for start, end in _stretches(0, ratings, len(extra)):
        places = _places(mixed, start, end)
        tried = random.sample(places, len(places))
        free = ((p, t) for p in tried for t in waiting if t.source not in _beside(mixed, p))
        place, trial = next(free, (tried[0], waiting[0]))
        waiting.remove(trial)
        mixed.insert(place, trial)
    return mixed


def with_repeats(order: Sequence[Planned], number: int, random: Random) -> list[Planned]:
    """The order with `number` ratings of its first half once more, strewn over its second half on sides drawn anew.

    At least `GAP` trials after its first and away from its source, away from its source, far, or any after: the first
    of these that the places of a stretch and the repeats still to be placed allow. More repeats than half of the
    ratings are of the first ones, and where the second half has no place after its first a repeat comes anywhere after.
    """
    rated = [trial for trial in order if trial.kind == "rating"]
    half = (len(rated) + 1) // 2
    drawn = sided(random.sample(rated[: max(half, number)], number), random)
    waiting = [trial._replace(kind="repeat", strategy=None, probability=None) for trial in drawn]
    mixed = list(order)
    for start, end in _stretches(half, len(rated), number):
        _repeat(mixed, waiting, _places(mixed, start, end), random)
    for repeat in list(waiting):
        _repeat(mixed, [repeat], range(len(mixed) + 1), random)
    return mixed


def _repeat(mixed: list[Planned], waiting: list[Planned], places: range, random: Random) -> None:
    """Move one of the waiting repeats to its best place among these, if it has one after its first."""
    first = {trial.pair: at for at, trial in enumerate(mixed) if trial.kind == "rating"}
    tried = random.sample(places, len(places))
    after = [(place, trial) for place in tried for trial in waiting if place > first[trial.pair]]
    if after:
        place, trial = min(
            after, key=lambda to: (to[1].source in _beside(mixed, to[0]), to[0] - first[to[1].pair] <= GAP)
        )
        waiting.remove(trial)
        mixed.insert(place, trial)


def _stretches(start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """So many stretches, as equal as can be, of the places before which `start` to `end` ratings come."""
    bounds = [start + (end + 1 - start) * at // max(number, 1) for at in range(number + 1)]
    return pairwise(bounds)


def _places(order: Sequence[Planned], start: int, end: int) -> range:
    """The places before which at least `start` and fewer than `end` ratings come."""
    at = [-1, *(place for place, trial in enumerate(order) if trial.kind == "rating"), len(order)]
    return range(at[start] + 1, at[end] + 1)


def _beside(order: Sequence[Planned], place: int) -> set[int]:
    """The sources on both sides of a place between two trials."""
    return {trial.source for trial in order[max(place - 1, 0) : place + 1]}
