"""The order of a session: sources apart, each kind of trial strewn, repeats after their first, sides by halves."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from study.ordering import GAP, Planned, freely_sided, sided, spread, strewn, with_repeats

SEEDS = st.integers(0, 2**32)


def trials(kind: str, sources: Sequence[int], start: int = 0) -> list[Planned]:
    return [Planned(pair=start + at, source=source, kind=kind) for at, source in enumerate(sources)]


def together(order: Sequence[Planned]) -> int:
    """How often a source follows itself."""
    return sum(a.source == b.source for a, b in pairwise(order))


owners = st.lists(st.integers(0, 5), min_size=1, max_size=40)


@given(sources=owners, seed=SEEDS)
def test_no_source_follows_itself_wherever_that_can_be_avoided(sources: list[int], seed: int) -> None:
    order = spread(trials("rating", sources), Random(seed))
    most = max(Counter(sources).values())
    assert together(order) == max(0, 2 * most - len(sources) - 1)  # the least that any order has
    assert sorted(trial.pair for trial in order) == list(range(len(sources)))


@given(number=st.integers(0, 40), seed=SEEDS)
def test_half_are_flipped(number: int, seed: int) -> None:
    flipped = sum(trial.flipped for trial in sided(trials("rating", [0] * number), Random(seed)))
    assert abs(2 * flipped - number) <= 1


def strewn_kinds(sources: Sequence[int], catches: Sequence[int], identical: Sequence[int], seed: int) -> list[Planned]:
    random = Random(seed)
    order = spread(trials("rating", sources), random)
    order = strewn(order, trials("catch", catches[: len(sources)], 1000), random)
    return strewn(order, trials("identical", identical[: len(sources)], 2000), random)


@given(
    sources=owners,
    catches=st.lists(st.integers(0, 5), max_size=20),
    identical=st.lists(st.integers(0, 5), max_size=20),
    seed=SEEDS,
)
def test_each_kind_is_spread_over_the_ratings(
    sources: list[int], catches: list[int], identical: list[int], seed: int
) -> None:
    """One in each of as many equal stretches, before the first and after the last rating too; no two of a kind meet."""
    order = strewn_kinds(sources, catches, identical, seed)
    for kind, number in (("catch", min(len(catches), len(sources))), ("identical", min(len(identical), len(sources)))):
        before = [sum(trial.kind == "rating" for trial in order[:at]) for at, t in enumerate(order) if t.kind == kind]
        assert len(before) == number
        for at, ratings in enumerate(before):
            assert (len(sources) + 1) * at // number <= ratings < (len(sources) + 1) * (at + 1) // number
        assert all(not a.kind == b.kind == kind for a, b in pairwise(order))


@given(sources=owners, catches=st.lists(st.integers(0, 5), max_size=20), seed=SEEDS)
def test_a_catch_stands_beside_its_source_only_where_all_places_of_its_stretch_do(
    sources: list[int], catches: list[int], seed: int
) -> None:
    order = strewn_kinds(sources, catches, [], seed)
    ratings = [trial.source for trial in order if trial.kind == "rating"]
    extra = [(at, trial) for at, trial in enumerate(order) if trial.kind == "catch"]
    for which, (at, trial) in enumerate(extra):
        start, end = ((len(ratings) + 1) * (which + more) // len(extra) for more in (0, 1))
        beside = {neighbour.source for neighbour in order[max(at - 1, 0) : at + 2] if neighbour is not trial}
        if trial.source in beside:
            assert all(trial.source in ratings[max(place - 1, 0) : place + 1] for place in range(start, end))


@given(
    sources=owners,
    catches=st.lists(st.integers(0, 5), max_size=10),
    share=st.floats(0, 1),
    seed=SEEDS,
)
def test_a_repeat_comes_well_after_its_first_and_away_from_its_source(
    sources: list[int], catches: list[int], share: float, seed: int
) -> None:
    """Its place is checked against all places where it is alone; with others, what it was chosen from is gone."""
    before = strewn_kinds(sources, catches, [], seed)
    number = round(share * len(sources))
    order = with_repeats(before, number, Random(seed))
    repeats = [trial for trial in order if trial.kind == "repeat"]
    assert len({trial.pair for trial in repeats}) == len(repeats) == number
    assert [trial for trial in order if trial.kind != "repeat"] == before
    assert abs(2 * sum(trial.flipped for trial in repeats) - number) <= 1
    for repeat in repeats:
        first = next(at for at, trial in enumerate(order) if trial.pair == repeat.pair)
        assert order[first].kind == "rating"
        assert order.index(repeat) > first
    half = (len(sources) + 1) // 2
    if number <= half:
        check_stretches(order, repeats, half)
    if number == 1:
        check_place(order, repeats[0], half)


def check_stretches(order: list[Planned], repeats: list[Planned], half: int) -> None:
    """Ratings of the first half, one in each equal stretch of the second one."""
    rated = [trial for trial in order if trial.kind == "rating"]
    late = len(rated) + 1 - half
    for which, repeat in enumerate(repeats):
        assert repeat.pair in {trial.pair for trial in rated[:half]}
        before = sum(trial.kind == "rating" for trial in order[: order.index(repeat)]) - half
        assert late * which // len(repeats) <= before < late * (which + 1) // len(repeats)


def check_place(order: list[Planned], repeat: Planned, half: int) -> None:
    at = order.index(repeat)
    without = [*order[:at], *order[at + 1 :]]
    first = next(place for place, trial in enumerate(without) if trial.pair == repeat.pair)
    middle = [place for place, trial in enumerate(without) if trial.kind == "rating"][half - 1]
    places = range(middle + 1, len(without) + 1)

    def beside(place: int) -> bool:
        return repeat.source in {trial.source for trial in without[max(place - 1, 0) : place + 1]}

    def far(place: int) -> bool:
        return place - first - 1 >= GAP

    for wish in (lambda p: far(p) and not beside(p), lambda p: not beside(p), far):
        if any(wish(place) for place in places):
            assert wish(at)
            return


def test_in_a_usual_session_nothing_stands_beside_its_source_and_repeats_keep_their_distance() -> None:
    for seed in range(300):
        order = usual(Random(seed))
        assert together(order) == 0
        for repeat in (trial for trial in order if trial.kind == "repeat"):
            first = next(at for at, trial in enumerate(order) if trial.pair == repeat.pair)
            assert order.index(repeat) - first > GAP


def usual(random: Random) -> list[Planned]:
    """60 ratings of 8 sources with 6 catch, 3 identical and 3 repeat trials."""
    order = spread(trials("rating", [at % 8 for at in range(60)]), random)
    order = strewn(order, trials("catch", random.sample(range(8), 6), 1000), random)
    order = strewn(order, trials("identical", random.sample(range(8), 3), 2000), random)
    return with_repeats(order, 3, random)


def shares(kind: str, arrange: Callable[[Random], list[Planned]], rounds: int = 2000) -> Counter[int]:
    """At how many of the rounds each position of the order holds this kind."""
    return Counter(at for seed in range(rounds) for at, trial in enumerate(arrange(Random(seed))) if trial.kind == kind)


def test_no_place_marks_a_catch_trial() -> None:
    """Each place of its stretch is as likely: 3 catches in 11 ratings of sources that never meet; 4 standard errors."""
    sources = list(range(11))

    def arrange(random: Random) -> list[Planned]:
        return strewn(trials("rating", sources), trials("catch", [20, 21, 22], 1000), random)

    seen = shares("catch", arrange)
    for stretch in range(3):
        for place in range(4):
            assert abs(seen[5 * stretch + place] / 2000 - 1 / 4) < 4 * (1 / 4 * 3 / 4 / 2000) ** 0.5


def test_repeats_are_spread_over_the_second_half_and_any_kind_may_be_the_last() -> None:
    """Three repeats a session: each sixteenth of it holds 3/8 of one in the second half, a few fewer at its start."""
    rounds = 1000
    orders = [usual(Random(seed)) for seed in range(rounds)]
    eighths = Counter(
        16 * at // len(order) for order in orders for at, trial in enumerate(order) if trial.kind == "repeat"
    )
    assert sum(eighths[eighth] for eighth in range(7)) == 0
    assert all(0.25 < eighths[eighth] / rounds < 0.5 for eighth in range(8, 16))
    last = Counter(order[-1].kind for order in orders)
    # The last place of its stretch, which has 61 / 6, 61 / 3 and 31 / 3 of them.
    for kind, share in (("catch", 6 / 61), ("identical", 3 / 61), ("repeat", 3 / 31)):
        assert abs(last[kind] / rounds - share) < 0.04


def test_free_sides_tell_nothing_of_the_next_one_but_that_not_all_are_alike() -> None:
    """All 14 ways of four that are not all alike are as likely, and all of one and of two; 4 standard errors."""
    for number, ways in ((0, 1), (1, 2), (2, 4), (3, 6), (4, 14)):
        drawn = Counter(
            tuple(trial.flipped for trial in freely_sided(trials("catch", [0] * number), Random(seed)))
            for seed in range(3000)
        )
        assert len(drawn) == ways
        assert number < 3 or not {(True,) * number, (False,) * number} & set(drawn)
        for seen in drawn.values():
            assert abs(seen / 3000 - 1 / ways) <= 4 * (1 / ways * (1 - 1 / ways) / 3000) ** 0.5
