"""The search for the encoder setting whose file has a given number of bytes.

File size is not always monotone in an encoder's quality (WebP and JPEG XL go back by up to a fifth in places), so plain
bisection can miss a setting that exists. Here bisection only proposes a place; if that misses, the neighbourhood is
looked at, then settings between the marks of the dial, and before a miss is declared every mark has been tried.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, TypeVar

S = TypeVar("S")  # an encoder's setting
NEIGHBOURS = 2


@dataclass(frozen=True)
class Dial(Generic[S]):
    """An encoder's settings: `marks` from the smallest file to roughly the largest; `between` gives finer ones."""

    marks: Sequence[S]
    between: Callable[[S, S], Sequence[S]]


@dataclass(frozen=True)
class Match(Generic[S]):
    """The setting whose file came nearest to the target, and whether that is within the tolerance."""

    setting: S
    size: float
    hit: bool


@dataclass
class _Search(Generic[S]):
    """What one search has seen: the sizes of the settings that it asked for, in the order of asking."""

    size_of: Callable[[S], float]
    target: float
    tolerance: float
    seen: dict[S, float] = field(default_factory=dict)

    def size(self, setting: S) -> float:
        if setting not in self.seen:
            self.seen[setting] = self.size_of(setting)
        return self.seen[setting]

    def off(self, setting: S) -> float:
        return abs(self.size(setting) / self.target - 1)

    def nearest(self) -> S:
        """Of equally near settings, the one with the smaller file, then the one that was asked for first."""
        return min(self.seen, key=lambda setting: (self.off(setting), self.seen[setting]))

    def hit(self) -> bool:
        return self.off(self.nearest()) <= self.tolerance


def match(dial: Dial[S], size_of: Callable[[S], float], target: float, tolerance: float) -> Match[S]:
    """Find a setting whose size hits the target, |size / target - 1| <= tolerance; of those tried, the nearest.

    `size_of` is called at most once a setting; cache it to share encodes between targets. The result depends on nothing
    but the arguments. If any mark is within the tolerance, the result is a hit.
    """
    search = _Search(size_of, target, tolerance)
    place = _bisect(dial.marks, search)
    if not search.hit():
        for mark in dial.marks[max(0, place - NEIGHBOURS) : place + NEIGHBOURS + 2]:
            search.size(mark)
    if not search.hit():
        _look_between(dial, search)
    if not search.hit():
        _try_every_mark(dial, search, place)
    nearest = search.nearest()
    return Match(nearest, search.seen[nearest], search.hit())


def _bisect(marks: Sequence[S], search: _Search[S]) -> int:
    """The index below which, were sizes monotone, all marks would be smaller than the target; both sides are seen."""
    low, high = 0, len(marks) - 1
    while high - low > 1:
        middle = _guess(marks, low, high, search)
        if search.size(marks[middle]) < search.target:
            low = middle
        else:
            high = middle
    search.size(marks[low])
    search.size(marks[high])
    return low


def _guess(marks: Sequence[S], low: int, high: int, search: _Search[S]) -> int:
    """Halfway; or, every other time and where both ends are known, where their sizes' logarithms put the target."""
    ends = search.seen.get(marks[low]), search.seen.get(marks[high])
    if len(search.seen) % 2 and ends[0] and ends[1] and ends[0] < search.target < ends[1]:
        share = math.log(search.target / ends[0]) / math.log(ends[1] / ends[0])
        return min(max(low + round(share * (high - low)), low + 1), high - 1)
    return (low + high) // 2


def _look_between(dial: Dial[S], search: _Search[S]) -> None:
    """Try the finer settings on both sides of the nearest mark."""
    index = dial.marks.index(search.nearest())
    around = dial.marks[max(0, index - 1) : index + 2]
    for first, second in pairwise(around):
        for setting in dial.between(first, second):
            search.size(setting)


def _try_every_mark(dial: Dial[S], search: _Search[S], place: int) -> None:
    """Go outward from the place, so that a hit is found early where there is one."""
    for mark in sorted(dial.marks, key=lambda mark: abs(dial.marks.index(mark) - place)):
        search.size(mark)
        if search.off(mark) <= search.tolerance:
            return
