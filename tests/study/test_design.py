"""The plan of a session: balance, sides, order, known answers and probabilities, as properties."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil, comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.design import Candidate, Pair, Planned, plan, rating_pairs
from study.spec import AsksFor, Design


def pairs(number: int, sources: int, start: int = 0) -> list[Pair]:
    return [Pair(id=start + at, crop=at % (2 * sources), source=at % sources) for at in range(number)]


designs = st.builds(
    Design,
    seed=st.integers(0, 2**53),
    trials=st.integers(1, 40),
    strategy=st.sampled_from(["balanced", "full"]),
    block=st.integers(1, 12),
    practice=st.integers(0, 4),
    catch_rate=st.floats(0, 1),
)
ratings = st.builds(pairs, st.integers(1, 30), st.integers(1, 8))
catches = st.builds(lambda n: pairs(n, n, start=1000), st.integers(1, 8))
counts = st.dictionaries(st.integers(0, 29), st.integers(0, 4))


@dataclass(frozen=True)
class Case:
    """Everything that a plan follows from."""

    ratings: list[Pair]
    catches: list[Pair] = field(default_factory=list)
    counts: Mapping[int, int] = field(default_factory=dict)
    design: Design = field(default_factory=Design)
    asks_for: AsksFor = "prefer"
    ordinal: int = 1

    def plan(self) -> list[Planned]:
        return plan(
            self.ratings, self.catches, self.counts, design=self.design, asks_for=self.asks_for, ordinal=self.ordinal
        )

    def shown(self) -> list[Planned]:
        return self.plan()[self.design.practice :]


PLAIN = Design(practice=0, catch_rate=0)

cases = st.builds(
    Case,
    ratings,
    catches,
    counts,
    designs,
    st.sampled_from(["prefer", "closer", "more_different"]),
    st.integers(1, 500),
)


@given(cases)
def test_a_plan_is_whole(case: Case) -> None:
    trials = case.plan()
    of = Counter(trial.kind for trial in trials)
    rated = min(case.design.trials, len(case.ratings))
    assert of["rating"] == rated
    assert of["practice"] == case.design.practice
    assert of["catch"] == round(case.design.catch_rate * rated)
    assert [trial.position for trial in trials] == list(range(1, len(trials) + 1))
    assert all(trial.kind == "practice" and trial.block == 1 for trial in trials[: case.design.practice])
    assert len({trial.pair for trial in trials if trial.kind == "rating"}) == rated
    assert trials == case.plan()


@given(cases)
def test_blocks_follow_one_another_and_are_full_but_for_the_last(case: Case) -> None:
    trials = case.shown()
    sizes = Counter(trial.block for trial in trials)
    assert [trial.block for trial in trials] == sorted(trial.block for trial in trials)
    assert sorted(sizes) == list(range(1, len(sizes) + 1))
    assert all(sizes[block] == case.design.block for block in range(1, len(sizes)))


@given(cases)
def test_known_answers_name_the_side_of_the_reference(case: Case) -> None:
    """The reference is the pair's first stimulus, on the left unless flipped."""
    for trial in case.plan():
        if trial.kind == "rating":
            assert trial.expected is None
        elif case.asks_for == "more_different":
            assert trial.expected == ("left" if trial.flipped else "right")
        else:
            assert trial.expected == ("right" if trial.flipped else "left")


@given(cases)
def test_sides_are_even_among_ratings_and_among_known_answers(case: Case) -> None:
    trials = case.plan()
    for kinds in ({"rating"}, {"catch", "practice"}):
        flipped = [trial.flipped for trial in trials if trial.kind in kinds]
        assert abs(2 * sum(flipped) - len(flipped)) <= 1


@given(cases)
def test_no_source_follows_itself_wherever_that_can_be_avoided(case: Case) -> None:
    trials = replace(case, catches=[]).plan()
    most = max(Counter(trial.source for trial in trials).values())
    repeats = sum(a.source == b.source for a, b in pairwise(trials))
    assert repeats == max(0, 2 * most - len(trials) - 1)  # the least that any order has


@given(cases)
def test_catch_trials_are_spread(case: Case) -> None:
    """One in each of as many equal stretches of the ratings, so no two follow one another."""
    shown = case.shown()
    rated = sum(trial.kind == "rating" for trial in shown)
    before, stretches = 0, []
    for trial in shown:
        if trial.kind == "catch":
            stretches.append(before)
        before += trial.kind == "rating"
    for at_catch, ratings_before in enumerate(stretches):
        assert rated * at_catch // len(stretches) <= ratings_before < rated * (at_catch + 1) // len(stretches)


@given(catches=catches, at=st.integers(1, 500), practice=st.integers(0, 8))
def test_no_known_answer_comes_again_before_all_were_shown(catches: list[Pair], at: int, practice: int) -> None:
    trials = Case(pairs(20, 5), catches, {}, Design(practice=practice, catch_rate=0.4), ordinal=at).plan()
    known = Counter(trial.pair for trial in trials if trial.kind != "rating")
    times = [known.get(pair.id, 0) for pair in catches]
    assert max(times) - min(times) <= 1


@settings(max_examples=40)
@given(number=st.integers(1, 40), sources=st.integers(1, 6), trials=st.integers(1, 25), seed=st.integers(0, 99))
def test_balanced_sessions_keep_all_pairs_within_one_answer(number: int, sources: int, trials: int, seed: int) -> None:
    all_pairs, answered = pairs(number, sources), Counter[int]()
    for ordinal in range(1, 15):
        drawn = Case(all_pairs, [], answered, Design(seed=seed, trials=trials), ordinal=ordinal).plan()
        answered.update(trial.pair for trial in drawn)
        times = [answered[pair.id] for pair in all_pairs]
        assert max(times) - min(times) <= 1


@given(cases)
def test_probabilities_are_those_of_the_draw(case: Case) -> None:
    trials = [trial for trial in case.plan() if trial.kind == "rating"]
    places = min(case.design.trials, len(case.ratings))
    level = {p.id: case.counts.get(p.id, 0) if case.design.strategy == "balanced" else 0 for p in case.ratings}
    drawn = {trial.pair for trial in trials}
    for trial in trials:
        below = sum(count < level[trial.pair] for count in level.values())
        tied = sum(count == level[trial.pair] for count in level.values())
        assert trial.probability == min(1, (places - below) / tied)
        assert trial.strategy == case.design.strategy
        assert all(pair in drawn for pair, count in level.items() if count < level[trial.pair])


def test_pairs_are_drawn_as_often_as_their_probability_says() -> None:
    """Over 4,000 sessions with the same counts: 3 of 5 tied pairs, one certain, one never; 4 standard errors."""
    counts, rounds = {0: 0, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 2}, 4000
    design = Design(trials=4, practice=0, catch_rate=0)
    drawn = Counter(t.pair for at in range(rounds) for t in Case(pairs(7, 7), [], counts, design, ordinal=at).plan())
    assert drawn[0] == rounds
    assert drawn[6] == 0
    for pair in range(1, 6):
        assert abs(drawn[pair] / rounds - 0.6) < 4 * (0.6 * 0.4 / rounds) ** 0.5


def test_every_order_of_sides_and_sources_occurs() -> None:
    """Three pairs of three sources: all six orders, and each pair on both sides."""
    plans = [Case(pairs(3, 3), design=PLAIN, ordinal=at).plan() for at in range(300)]
    assert len({tuple(trial.pair for trial in trials) for trials in plans}) == 6
    assert len({(trial.pair, trial.flipped) for trials in plans for trial in trials}) == 6


def test_seeds_and_ordinals_make_different_plans() -> None:
    def shown(seed: int, at: int) -> tuple[object, ...]:
        return tuple(Case(pairs(30, 6), design=Design(seed=seed, practice=0), ordinal=at).plan())

    assert len({shown(seed, at) for seed in (1, 11) for at in (1, 2, 3, 11)}) == 8


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.sampled_from(["0.50", "0.5", "1.0"]), st.integers(0, 3), st.sampled_from("xyz")
        ),
        unique_by=lambda row: (row[0], float(row[1]), row[2]),
    )
)
def test_rating_pairs_are_two_conditions_of_one_crop_at_one_rate(rows: list[tuple[int, str, int, str]]) -> None:
    candidates = [Candidate(at, crop, rate, f"c{name}", sha) for at, (crop, rate, name, sha) in enumerate(rows)]
    found = rating_pairs(candidates)
    for a, b in found:
        assert a.crop == b.crop
        assert float(a.rate) == float(b.rate)
        assert a.condition < b.condition
        assert a.sha256 != b.sha256
    assert len(set(found)) == len(found)
    sizes = Counter((c.crop, float(c.rate)) for c in candidates)
    same = Counter((c.crop, float(c.rate), c.sha256) for c in candidates)
    assert len(found) == sum(comb(n, 2) for n in sizes.values()) - sum(comb(n, 2) for n in same.values())


@pytest.mark.parametrize(("catch_rate", "expected"), [(0.0, 0), (0.1, 6), (1.0, 60)])
def test_the_share_of_catch_trials(catch_rate: float, expected: int) -> None:
    trials = Case(pairs(90, 9), pairs(9, 9, 1000), design=Design(catch_rate=catch_rate)).plan()
    assert sum(trial.kind == "catch" for trial in trials) == expected
    assert max(trial.block for trial in trials) == ceil((60 + expected) / 20)
