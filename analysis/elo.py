"""The paper's score: sequential Elo, replayed over many random orders and averaged ("paper-comparable").

Elo 1978, "The Rating of Chessplayers": E = 1 / (1 + 10^((R_b - R_a) / 400)), R_a += K (S - E), R_b -= K (S - E), with
S = 1, 1/2 or 0 for a win, not sure and a loss. A round is one replay: of a resample (as many votes drawn with
replacement, in random order, which is as many independent draws from the counted votes) or of a shuffle (a random
permutation of the votes themselves). With a constant K the spread of the rounds is mostly the noise of the last
updates: it does not shrink with more votes, and it is no confidence interval.

**Only the last votes matter.** Let e (n,) be the difference of two histories that meet the same votes. Both have the
same sum, so e sums to 0. By the mean value theorem a vote on (i, j) replaces (e_i, e_j) by
((1 - a) e_i + a e_j, a e_i + (1 - a) e_j), with a = K E'(x) for some x between the two differences of ratings, and
0 < a <= K ln(10) / 1600. Hence |e'|^2 = |e|^2 - 2 a (1 - a) (e_i - e_j)^2: for a <= 1, that is K <= 694, no vote ever
moves two histories apart. Averaged over votes drawn with shares q_ij it shrinks |e|^2 by the factor 1 - 2 g at least,
where g is the second smallest eigenvalue of the Laplacian with the weights q_ij a_ij (1 - a_ij), positive as the pairs
are connected: a history forgets its beginning exponentially, in a time that does not depend on the number of votes.
`window` measures that time on histories of its own, and each round then replays only its last votes: to the rounding
of the arithmetic what a replay of all of them gives.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence

from analysis.counts import Counts
from analysis.votes import Floats, Ints

Replay = Literal["resamples", "shuffles"]
Summary = Literal["mean", "median"]

UNIT = 800 / np.log(10)
SCORES = np.array([1.0, 0.0, 0.5])
LANES = 1000  # histories played side by side: their ratings stay in the cache
STEPS = 16  # votes prepared at a time, for the same reason
HELD = 2**25  # shuffled votes held at a time
TWINS, FIRST_LOOK, FORGOTTEN = 64, 1024, 1e-9  # of `window`; the last in Elo points


@dataclass(frozen=True)
class EloSettings:
    """How Elo is replayed: where every condition begins, the update's size, how many rounds of what, their summary."""

    start: float = 1000.0
    k: float = 32.0
    rounds: int = 1000
    seed: int = 1
    replay: Replay = "resamples"
    summary: Summary = "mean"


PRESETS = {
    "paper": EloSettings(),  # it says "bootstrapped Elo" and leaves every number open: these are ours
    "mucped22": EloSettings(start=2000, k=30, rounds=10_000, replay="shuffles"),
    "arena": EloSettings(start=1000, k=4, rounds=100, summary="median"),
    "olmocr": EloSettings(start=1500, k=32, rounds=5000),  # that tool resamples rows of pairs; votes are drawn here
}


@dataclass(frozen=True)
class EloResult:
    """Ratings (n,) less the start, with the central 95% of the rounds: update noise.

    `replayed` is how many of its votes each round had to replay.
    """

    rating: Floats
    low: Floats
    high: Floats
    replayed: int


@dataclass(frozen=True)
class _Deck:
    """The votes to draw from, as `cell[vote]`, and per cell who meets whom and half of what the first one gets.

    Strengths are in `UNIT`s of 800 / ln 10 Elo points, in which E = (1 + tanh(u_a - u_b)) / 2.
    """

    n: int
    cell: Ints
    first: Ints
    second: Ints
    gain: Floats
    slope: float


def _deck(counts: Counts, k: float) -> _Deck:
    slope = k / (2 * UNIT)
    return _Deck(
        n=len(counts.items),
        cell=np.repeat(np.arange(counts.table.size), counts.table.ravel()),
        first=np.repeat(counts.first, 3),
        second=np.repeat(counts.second, 3),
        gain=np.tile(slope * (2 * SCORES - 1), len(counts.first)),
        slope=slope,
    )


def play(ratings: Floats, first: Ints, second: Ints, score: Floats, k: float) -> None:
    """Update `ratings` (n, lanes) in place by the games `first` against `second` (steps, lanes), played step by step.

    `score` (steps, lanes) is what the first one got. Every lane is a history of its own.
    """
    n, lanes = ratings.shape
    slope, strength = k / (2 * UNIT), ratings.ravel() / UNIT
    lane = np.arange(lanes)
    _play(strength, np.stack([first * lanes + lane, second * lanes + lane], 1), slope * (2 * score - 1), slope)
    ratings[:] = UNIT * strength.reshape(n, lanes)


def _play(strength: Floats, pair: Ints, gain: Floats, slope: float) -> None:
    """Play `pair` (steps, 2, lanes), indices into the flat `strength` (n * lanes,): gain - slope tanh(u_a - u_b)."""
    both = np.empty(pair.shape[1:])
    one, other = both
    change = np.empty_like(one)
    for places, gained in zip(pair, gain, strict=True):  # named outputs would cost a tenth of the time
        strength.take(places, None, both, "wrap")  # without the copy that a check of bounds makes
        np.subtract(one, other, change)
        np.tanh(change, change)
        np.multiply(change, slope, change)
        np.subtract(gained, change, change)
        np.add(one, change, one)
        np.subtract(other, change, other)
        strength[places] = both


def _play_cells(strength: Floats, deck: _Deck, cells: Iterator[Ints], lanes: int, copies: int = 1) -> Iterator[int]:
    """Play drawn `cells` ((steps, lanes) each); yield the steps just done. Each of the `copies` meets the same."""
    width = lanes * copies
    first, second, lane = deck.first * width, deck.second * width, np.arange(width)
    pair, gain = np.empty((STEPS, 2, width), np.int64), np.empty((STEPS, width))
    place = np.empty((STEPS, width), np.int64)
    for cell in cells:
        steps, drawn = len(cell), np.tile(cell, copies) if copies > 1 else cell
        for side, items in enumerate((first, second)):
            items.take(drawn, out=place[:steps], mode="wrap")
            np.add(place[:steps], lane, out=pair[:steps, side])
        deck.gain.take(drawn, out=gain[:steps], mode="wrap")
        _play(strength, pair[:steps], gain[:steps], deck.slope)
        yield steps


def _resample(deck: _Deck, steps: int, lanes: int, rng: Generator) -> Iterator[Ints]:
    """Yield the cells of `steps` votes drawn with replacement, for each lane its own, some steps at a time."""
    cell = np.empty((STEPS, lanes), np.int64)
    for begin in range(0, steps, STEPS):
        some = cell[: min(STEPS, steps - begin)]
        yield deck.cell.take(rng.integers(0, len(deck.cell), some.shape), out=some, mode="wrap")


def _shuffle(deck: _Deck, steps: int, lanes: int, rng: Generator) -> Iterator[Ints]:
    """Yield the cells of the last `steps` votes of a random permutation of all, for each lane its own."""
    order = np.stack([rng.choice(deck.cell, steps, replace=False) for _ in range(lanes)], axis=1)
    for begin in range(0, steps, STEPS):
        yield order[begin : begin + STEPS]


def window(counts: Counts, k: float, seed: int) -> int:
    """Return how many last votes of a round decide its ratings, at most all of them.

    Twin histories are played: one with a past of at least as many votes, one that begins where all conditions are
    equal. The answer is half as many again as the common votes after which no twins differ by more than `FORGOTTEN`
    points: by the module's argument the differences are then below the rounding of the ratings.
    """
    deck, past, strength = _deck(counts, k), FIRST_LOOK, np.zeros(len(counts.items) * TWINS)
    rng = Generator(SFC64(_stream(counts, seed).spawn(1)[0]))
    before = 0
    while 4 * past < counts.votes:
        for _ in _play_cells(strength, deck, _resample(deck, past - before, TWINS, rng), TWINS):
            pass
        before, together = past, _meeting(strength, deck, past, rng)
        if together:
            return min(3 * together // 2, counts.votes)
        past *= 2
    return counts.votes


def _meeting(past: Floats, deck: _Deck, steps: int, rng: Generator) -> int:
    """Return after how many common votes histories from `past` (n * TWINS,) meet those from equality; 0: not yet."""
    pasts = past.reshape(deck.n, 1, TWINS)
    twins = np.concatenate([pasts, np.zeros_like(pasts)], axis=1).ravel()
    done = 0
    for more in _play_cells(twins, deck, _resample(deck, steps, TWINS, rng), TWINS, copies=2):
        done += more
        sides = twins.reshape(deck.n, 2, TWINS)
        if UNIT * np.abs(sides[:, 0] - sides[:, 1]).max() < FORGOTTEN:
            return done
    return 0


def _stream(counts: Counts, seed: int) -> SeedSequence:
    """Return the root of a scale's random streams: scales with other conditions share none."""
    return SeedSequence(seed, spawn_key=(zlib.crc32(repr(counts.items).encode()),))


def histories(
    counts: Counts, settings: EloSettings, last: int, progress: Callable[[float], None] = lambda _: None
) -> Floats:
    """Return the final ratings (n, rounds), less the start, of rounds that replay their `last` votes.

    `progress` is told of shares of the work just done, which add up to 1.
    """
    deck, lanes = _deck(counts, settings.k), LANES
    if settings.replay == "shuffles":
        lanes = max(1, min(LANES, HELD // last))
    drawn = _shuffle if settings.replay == "shuffles" else _resample
    begins = range(0, settings.rounds, lanes)
    ratings = np.empty((deck.n, settings.rounds))
    for begin, stream in zip(begins, _stream(counts, settings.seed).spawn(len(begins) + 1)[1:], strict=True):
        block = min(lanes, settings.rounds - begin)
        strength = np.zeros(deck.n * block)
        for steps in _play_cells(strength, deck, drawn(deck, last, block, Generator(SFC64(stream))), block):
            progress(steps * block / (last * settings.rounds))
        ratings[:, begin : begin + block] = UNIT * strength.reshape(deck.n, block)
    return ratings


def replayed(counts: Counts, settings: EloSettings, progress: Callable[[int], None] = lambda _: None) -> EloResult:
    """Return the ratings of one scale, averaged over rounds; `progress` is told of votes just replayed, all in all."""
    told = done = 0.0

    def tell(share: float) -> None:
        nonlocal told, done
        done += share
        votes = round(done * counts.votes) - told
        told += votes
        progress(int(votes))

    last = window(counts, settings.k, settings.seed)
    ratings = histories(counts, settings, last, tell)
    low, high = np.quantile(ratings, [0.025, 0.975], axis=1)
    rating = ratings.mean(axis=1) if settings.summary == "mean" else np.median(ratings, axis=1)
    return EloResult(rating, low, high, last)
