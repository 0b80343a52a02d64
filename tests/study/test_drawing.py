"""Which pairs a session holds: every stored chance is the true one, whatever the counts, weights and share."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise, permutations
from math import prod
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm

from study import pool as pools
from study.drawing import UNIT, Part, _numbers, draw, parts
from study.pool import Asked, Pool, pooled, runs

UNLIKELY = 2 * norm.sf(4)
"""How improbable a statistic must be to fail a test: as four standard errors."""

levels = st.integers(0, 3)
weights = st.one_of(st.just(0.0), st.floats(1e-6, 1e6), st.sampled_from([1e-30, 0.1, 0.1001, 1.0, 7.0, 1e30]))
tables = st.lists(st.tuples(levels, levels, weights), min_size=1, max_size=40)
"""Of each pair: how often it was asked about blindly, how often by priorities, and its weight."""
shares = st.one_of(st.just(1.0), st.floats(0.01, 1.0))


def asked_of(table: list[tuple[int, int, float]], limit: int = 0) -> Asked:
    pool = pooled(runs(range(10, 10 + len(table))), [(10 + at, w) for at, (_, _, w) in enumerate(table) if w])
    rows = [(10 + at, blind, n) for at, row in enumerate(table) for blind, n in ((True, row[0]), (False, row[1])) if n]
    return Asked(pool, limit).plus(rows)


def chances(asked: Asked, places: int, share: float) -> dict[int, tuple[Fraction, Fraction]]:
    """Of each pair, how likely it is in the session blindly, and by priorities: from `parts`, exactly."""
    found = parts(asked.cells, asked.pool.weights, min(places, asked.open()), share)
    cell = {pair: (asked.pool.class_of(pair), asked.times(pair)[1]) for pair in every(asked)}
    return {
        pair: tuple(Fraction(units, asked.cells[cell[pair]] * UNIT) for units in found[cell[pair]])  # type: ignore[misc]
        for pair in cell
        if not 0 < asked.limit <= asked.times(pair)[0]
    }


def every(asked: Asked) -> list[int]:
    return [asked.pool.pair(place) for place in range(len(asked.pool))]


@given(table=tables, places=st.integers(1, 50), share=shares, limit=st.integers(0, 4))
def test_chances_fill_the_session_and_none_is_above_one(
    table: list[tuple[int, int, float]], places: int, share: float, limit: int
) -> None:
    asked = asked_of(table, limit)
    if not asked.open():
        return
    found = chances(asked, places, share)
    filled = min(places, len(found))
    assert sum(blind + by for blind, by in found.values()) == filled
    assert all(blind >= 0 and by >= 0 and blind + by <= 1 for blind, by in found.values())
    blindly = sum(blind for blind, _ in found.values())
    assert blindly >= Fraction(round(share * filled * UNIT), UNIT)
    for pair, (_, by) in found.items():
        assert by == 0 or table[pair - 10][2] > 0


@given(table=tables, places=st.integers(1, 50), share=shares)
def test_the_random_share_looks_at_no_weight_and_takes_the_least_asked_first(
    table: list[tuple[int, int, float]], places: int, share: float
) -> None:
    asked = asked_of(table)
    found = chances(asked, places, share)
    of_level: dict[int, list[Fraction]] = {}
    for pair, (blind, _) in found.items():
        of_level.setdefault(table[pair - 10][0], []).append(blind)
    rates = [of_level[level] for level in sorted(of_level)]
    for alike in rates:
        assert max(alike) - min(alike) < Fraction(100, UNIT)
    for lower, upper in pairwise(rates):
        assert max(upper) == 0 or min(lower) > 1 - Fraction(100, UNIT)


@given(table=tables, places=st.integers(1, 50), share=shares)
def test_the_rest_is_in_proportion_to_the_weights_unless_a_pair_is_certain(
    table: list[tuple[int, int, float]], places: int, share: float
) -> None:
    asked = asked_of(table)
    found = chances(asked, places, share)
    scale = [asked.pool.weights[asked.pool.class_of(pair)] for pair in found]
    free = [
        by / weight
        for (blind, by), weight in zip(found.values(), scale, strict=True)
        if weight and blind + by < 1 - Fraction(1, 1 << 20)
    ]
    full = [by / w for (blind, by), w in zip(found.values(), scale, strict=True) if w and blind + by == 1]
    if free:
        slack = Fraction(200, UNIT) + max(free) / (1 << 20)
        assert max(free) - min(free) <= slack
        assert all(rate <= max(free) + slack for rate in full)


def test_priorities_that_cover_few_pairs_leave_the_rest_to_the_balanced_draw() -> None:
    """Two of ten pairs have a weight, of six places 4.5 would be theirs: both come, four others, none twice."""
    asked = asked_of([(0, 0, 1.0), (0, 0, 5.0), *[(0, 0, 0.0)] * 8])
    found = chances(asked, 6, 0.25)
    assert [sum(found[pair]) for pair in (10, 11)] == [1, 1]
    assert all(found[pair] == (Fraction(4, 8), 0) for pair in range(12, 20))
    for seed in range(50):
        drawn = draw(asked, 6, 0.25, Random(seed))
        assert {10, 11} <= {pair for pair, _, _ in drawn}
        assert len({pair for pair, _, _ in drawn}) == 6


def test_without_priorities_everything_is_drawn_blindly() -> None:
    asked = asked_of([(at % 2, 0, 0.0) for at in range(20)])
    drawn = draw(asked, 15, 0.25, Random(1))
    assert all(blind for _, blind, _ in drawn)
    assert sorted(chance for _, _, chance in drawn) == [0.5] * 5 + [1.0] * 10


TABLE = [(0, 0, 0.0), (0, 2, 1.0), (0, 0, 1.0), (1, 0, 4.0), (1, 1, 4.0), (1, 0, 0.0), (2, 0, 0.5), (3, 9, 30.0)]


@pytest.mark.parametrize(("places", "share"), [(3, 0.25), (4, 0.5), (5, 0.1), (7, 0.25)])
def test_the_numbers_of_a_draw_are_those_of_its_parts_by_exact_enumeration(places: int, share: float) -> None:
    """Every order of the cells, and every stretch of starts that mark the same ones: means are the parts exactly."""
    asked = asked_of(TABLE)
    found = parts(asked.cells, asked.pool.weights, places, share)
    mean = dict.fromkeys(found, (Fraction(0), Fraction(0)))
    some = list(permutations(sorted(found)))[:: 1 if len(found) < 6 else 97]
    for order in some:
        ends, at = [0], 0
        for cell in order:
            for units in found[cell]:
                at += units
                ends.append(-at % UNIT)
        starts = sorted({0, *ends})
        for start, end in zip(starts, [*starts[1:], UNIT], strict=True):
            numbers = _numbers(found, Fixed(order, start))
            assert sum(map(sum, numbers.values())) == places
            for cell, part in numbers.items():
                share_of = Fraction(end - start, UNIT * len(some))
                mean[cell] = (mean[cell][0] + part.blind * share_of, mean[cell][1] + part.adaptive * share_of)
                assert sum(part) <= asked.cells[cell]
    assert mean == {cell: tuple(Fraction(units, UNIT) for units in part) for cell, part in found.items()}


class Fixed(Random):
    """Chance that falls as it is told: the order of the cells, and the start of the grid."""

    def __init__(self, order: tuple[tuple[int, int], ...], start: int) -> None:
        super().__init__(0)
        self.order, self.start = order, start

    def shuffle(self, x: list[tuple[int, int]]) -> None:  # type: ignore[override]
        x[:] = self.order

    def randrange(self, *_: int) -> int:  # type: ignore[override]
        return self.start


@pytest.mark.parametrize(("places", "share"), [(1, 0.25), (3, 0.5), (5, 0.1), (5, 1.0)])
def test_pairs_come_as_often_as_their_stored_chance_says(places: int, share: float) -> None:
    """2,000 sessions with the same counts, by Pearson's chi-square with each pair's variance; all, and the blind ones.

    The statistic is halved, as pairs of one session are not independent: conservative, and far from what a fault gives.
    """
    asked, rounds = asked_of(TABLE), 2000
    exact = chances(asked, places, share)
    seen, blindly = Counter[int](), Counter[int]()
    for seed in range(rounds):
        for pair, blind, chance in draw(asked, places, share, Random(f"{places}/{share}/{seed}")):
            assert chance == pytest.approx(float(sum(exact[pair])), rel=1e-12)
            seen[pair] += 1
            blindly[pair] += blind
    for counts, ways in ((seen, slice(2)), (blindly, slice(1))):
        truth = {pair: float(sum(both[ways])) for pair, both in exact.items()}
        assert all(counts[pair] == p * rounds for pair, p in truth.items() if p in {0.0, 1.0})
        open_ones = {pair: p for pair, p in truth.items() if 0.0 < p < 1.0}
        statistic = sum((counts[pair] - rounds * p) ** 2 / (rounds * p * (1 - p)) for pair, p in open_ones.items())
        assert not open_ones or chi2.sf(statistic / 2, len(open_ones)) > UNLIKELY


def test_sums_that_are_weighed_by_the_inverse_chance_are_unbiased() -> None:
    """Of all pairs, though what is asked follows the answers: a pair that lost gets five times the weight next time.

    Ten pairs with known values; twelve sessions of three, each planned on what all before have said. Horvitz and
    Thompson's estimate of the sum has the right mean in every session; the plain one of the adaptive trials has not.
    """
    values = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5, 1.0]
    rounds, weighed, plain = 1500, [0.0] * 3, []
    squares = [0.0] * 3
    for seed in range(rounds):
        random = Random(f"history {seed}")
        weight = [1.0] * 10
        for session in range(3):
            table = [(0, 0, weight[at]) for at in range(10)]
            drawn = draw(asked_of(table), 3, 0.25, random)
            answers = {pair - 10: random.random() < values[pair - 10] for pair, _, _ in drawn}
            estimate = sum(answers[pair - 10] / chance for pair, _, chance in drawn)
            weighed[session] += estimate
            squares[session] += estimate**2
            plain += [answers[pair - 10] for pair, blind, _ in drawn if not blind and session]
            for at, won in answers.items():
                weight[at] *= 0.2 if won else 5.0
    for session in range(3):
        mean = weighed[session] / rounds
        error = ((squares[session] / rounds - mean**2) / rounds) ** 0.5
        assert abs(mean - sum(values)) < 4 * error
    assert sum(plain) / len(plain) < sum(values) / 10 - 0.05


def test_the_random_share_is_a_balanced_study_of_its_own() -> None:
    """Whatever the priorities draw meanwhile, no pair of the random share is two ahead of another one."""
    table = [(0, 0, 1000.0 if at < 3 else 0.001 * at) for at in range(30)]
    asked, random = asked_of(table), Random(5)
    for _ in range(200):
        asked = asked.plus((pair, blind, 1) for pair, blind, _ in draw(asked, 6, 0.3, random))
        blindly = [asked.times(pair)[1] for pair in every(asked)]
        assert max(blindly) - min(blindly) <= 1
    assert max(asked.totals().values()) > 150


counted = st.lists(st.tuples(st.integers(0, 39), st.booleans(), st.integers(1, 3)))


@settings(max_examples=40)
@given(table=tables, rows=counted, limit=st.integers(0, 4))
def test_what_is_counted_on_is_what_is_counted_anew(
    table: list[tuple[int, int, float]], rows: list[tuple[int, bool, int]], limit: int
) -> None:
    """Kept or looked up in the one before, in one go or in two: the same times, and the same cells."""
    fresh = asked_of([(0, 0, weight) for _, _, weight in table], limit)
    more = [(10 + at % len(table), blind, times) for at, blind, times in rows]
    one, other = more[: len(more) // 2], more[len(more) // 2 :]
    ways = (fresh.plus(more), fresh.plus(one).plus(other), layered(fresh.plus(one)).plus(other))
    for found in ways:
        for pair in every(fresh):
            times = [n for p, _, n in more if p == pair]
            assert found.times(pair) == (sum(times), sum(n for p, blind, n in more if p == pair and blind))
            assert found.totals().get(pair, 0) == sum(times)
        still = [pair for pair in every(fresh) if not 0 < limit <= found.times(pair)[0]]
        assert found.cells == Counter((fresh.pool.class_of(pair), found.times(pair)[1]) for pair in still)
        assert found.open() == len(still)
    assert not fresh.totals()


@settings(max_examples=40)
@given(table=tables, rows=counted, limit=st.integers(0, 4), places=st.integers(1, 30), seed=st.integers(0, 999))
def test_a_draw_follows_from_the_counts_and_not_from_how_they_came_about(
    table: list[tuple[int, int, float]], rows: list[tuple[int, bool, int]], limit: int, places: int, seed: int
) -> None:
    """In any order, in two layers or one, and with something counted in between that was taken back."""
    fresh = asked_of([(0, 0, weight) for _, _, weight in table], limit)
    more = [(10 + at % len(table), blind, times) for at, blind, times in rows]
    half = len(more) // 2
    back = [(pair, blind, -times) for pair, blind, times in more[half:]]
    ways = [
        fresh.plus(more),
        fresh.plus(reversed(more)),
        layered(fresh.plus(more[:half])).plus(more[half:]),
        layered(fresh.plus(more + more[half:])).plus(back),
    ]
    expected = draw(ways[0], places, 0.5, Random(seed))
    for found in ways[1:]:
        assert draw(found, places, 0.5, Random(seed)) == expected
        assert (found.cells, found.totals()) == (ways[0].cells, ways[0].totals())


def layered(asked: Asked) -> Asked:
    """The same with everything in the layer below, as if much had been counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "LAYER", 0)
        return asked.settled()


@pytest.mark.parametrize("left", [3, 40, 200])
@pytest.mark.parametrize("limit", [0, 300])
def test_the_few_pairs_that_are_left_are_found_in_a_large_pool(left: int, limit: int) -> None:
    """At the end of a round nearly all pairs are a level above, or closed; levels are marked modulo 255."""
    before = 299
    asked = layered(Asked(Pool(((1, 20_000),)), limit).plus((pair, True, before) for pair in range(1, 20_001)))
    asked = layered(asked.plus((pair, True, 1) for pair in range(1, 20_001) if pair % (20_000 // left)))
    open_ones = [pair for pair in range(1, 20_001) if asked.times(pair)[1] == before]
    asked = asked.plus([(open_ones[0], True, 1), (7, True, -1)])
    members = {*open_ones[1:], 7}
    assert asked.cells[0, before] == len(members)
    number = min(30, len(members))
    seen = Counter(pair for seed in range(600) for pair in asked.sample((0, before), number, Random(seed)))
    assert set(seen) == members
    p, rounds = number / len(members), 600
    if p < 1:
        statistic = sum((seen[pair] - rounds * p) ** 2 / (rounds * p * (1 - p)) for pair in members)
        assert chi2.sf(statistic, len(members)) > UNLIKELY


@pytest.mark.parametrize("taken", [0, 30, 55])
def test_tried_places_are_as_likely_as_passed_ones(taken: int) -> None:
    """A cell of a large pool is drawn by trying places; pairs of other cells, and those that are closed, never come."""
    asked = asked_of([(at < taken, 0, 2.0 if at % 3 else 0.0) for at in range(60)], 2)
    for cell in asked.cells:
        members = [pair for pair in every(asked) if (asked.pool.class_of(pair), asked.times(pair)[1]) == cell]
        number, rounds = min(2, len(members)), 2000
        seen = Counter(pair for seed in range(rounds) for pair in asked.sample(cell, number, Random(seed)))
        assert set(seen) <= set(members)
        p = number / len(members)
        if p < 1:
            statistic = sum((seen[pair] - rounds * p) ** 2 / (rounds * p * (1 - p)) for pair in members)
            assert chi2.sf(statistic, len(members)) > UNLIKELY
        assert all(len(set(asked.sample(cell, number, Random(seed)))) == number for seed in range(20))


@given(st.lists(st.integers(1, 10_000), unique=True, min_size=1).map(sorted))
def test_places_and_numbers_are_each_others_inverse(numbers: list[int]) -> None:
    pool = pooled(runs(numbers))
    assert [pool.pair(place) for place in range(len(pool))] == numbers
    assert [pool.place(pair) for pair in numbers] == list(range(len(numbers)))
    assert sum(length for _, length in pool.runs) == len(numbers)


@given(st.dictionaries(st.integers(1, 500), st.floats(1e-9, 1e9), min_size=1))
def test_weights_keep_two_digits(given_weights: dict[int, float]) -> None:
    pool = pooled(((1, 500),), given_weights.items())
    top = max(given_weights.values())
    for pair, weight in given_weights.items():
        kept = pool.weights[pool.class_of(pair)] / pools.HEAVIEST
        assert kept == pytest.approx(weight / top, rel=0.11, abs=1 / pools.HEAVIEST)
    assert sum(pool.sizes()) == 500
    assert pool.sizes()[0] == 500 - len(given_weights)
    assert prod(len(members) for members in pool.members[1:]) > 0


def test_part_is_what_a_certain_cell_gets_without_chance() -> None:
    assert _numbers({(0, 0): Part(2 * UNIT, 0), (0, 1): Part(UNIT, 0)}, Random(1)) == {(0, 0): (2, 0), (0, 1): (1, 0)}
