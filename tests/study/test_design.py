"""The plan of a session: numbers, balance, sides, known answers, quotas and probabilities, as properties."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import ceil, comb
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm

from study.design import Candidate, blind, plan, rating_pairs
from study.ordering import Pair, Planned
from study.pool import Asked, pooled, runs
from study.spec import AsksFor, Design

UNLIKELY = 2 * norm.sf(4)
"""How improbable a statistic must be to fail a test: as four standard errors."""


def pairs(number: int, sources: int, start: int = 0) -> list[Pair]:
    return [Pair(id=start + at, crop=at % (2 * sources), source=at % sources) for at in range(number)]


designs = st.builds(
    Design,
    seed=st.integers(0, 2**53),
    trials=st.integers(1, 40),
    strategy=st.sampled_from(["balanced", "full", "adaptive"]),
    random_share=st.floats(0.01, 1),
    block=st.integers(1, 12),
    practice=st.integers(0, 4),
    practice_rounds=st.integers(1, 3),
    catch_rate=st.floats(0, 1),
    identical_rate=st.floats(0, 1),
    repeat_rate=st.floats(0, 1),
    votes_per_pair=st.integers(0, 4),
)
ratings = st.builds(pairs, st.integers(1, 30), st.integers(1, 8))
catches = st.builds(lambda n: pairs(n, n, start=1000), st.integers(1, 8))
counts = st.dictionaries(st.integers(0, 29), st.integers(0, 4))
weights = st.dictionaries(st.integers(0, 29), st.floats(0.01, 100))


@dataclass(frozen=True)
class Case:
    """Everything that a plan follows from."""

    ratings: list[Pair]
    catches: list[Pair] = field(default_factory=list)
    counts: Mapping[int, int] = field(default_factory=dict)
    weights: Mapping[int, float] = field(default_factory=dict)
    design: Design = field(default_factory=Design)
    asks_for: AsksFor = "prefer"
    ordinal: int = 1

    def plan(self) -> list[Planned]:
        sources = {pair.id: pair.source for pair in self.ratings}
        return plan(
            self.asked(),
            lambda pairs: {pair: sources[pair] for pair in pairs},
            self.catches,
            design=self.design,
            asks_for=self.asks_for,
            ordinal=self.ordinal,
        )

    def asked(self) -> Asked:
        stretches = runs(sorted(pair.id for pair in self.ratings))
        there = {pair.id for pair in self.ratings}
        adaptive = self.design.strategy == "adaptive"
        pool = pooled(stretches, [(pair, w) for pair, w in self.weights.items() if adaptive and pair in there])
        counted = [(pair, times) for pair, times in self.counts.items() if pair in there and times]
        seen = blind(self.design, None)
        return Asked(pool, self.design.votes_per_pair).plus((pair, seen, times) for pair, times in counted)

    def shown(self) -> list[Planned]:
        return [trial for trial in self.plan() if trial.kind != "practice"]

    def wanted(self) -> set[int]:
        """The pairs below the quota."""
        limit = self.design.votes_per_pair or 1000
        return {pair.id for pair in self.ratings if self.counts.get(pair.id, 0) < limit}


PLAIN = Design(practice=0, catch_rate=0, identical_rate=0, repeat_rate=0)


def replace_all(design: Design, **changes: object) -> Design:
    return msgspec.structs.replace(design, **changes)


cases = st.builds(
    Case,
    ratings,
    catches,
    counts,
    weights,
    designs,
    st.sampled_from(["prefer", "closer", "more_different"]),
    st.integers(1, 500),
)


@given(cases)
def test_a_plan_is_whole(case: Case) -> None:
    trials, design = case.plan(), case.design
    of = Counter(trial.kind for trial in trials)
    rated = min(design.trials, len(case.wanted()))
    practice = design.practice * design.practice_rounds
    assert of == +Counter(
        rating=rated,
        practice=practice,
        catch=round(design.catch_rate * rated),
        identical=round(design.identical_rate * rated),
        repeat=round(design.repeat_rate * rated),
    )
    assert [trial.position for trial in trials] == list(range(1, len(trials) + 1))
    assert all(trial.kind == "practice" and trial.block == 1 for trial in trials[:practice])
    assert trials == case.plan()


@given(cases)
def test_every_trial_shows_a_pair_of_its_kind(case: Case) -> None:
    source = {pair.id: pair.source for pair in [*case.ratings, *case.catches]}
    of: dict[str, list[int]] = {"rating": [], "repeat": [], "identical": [], "catch": [], "practice": []}
    for trial in case.plan():
        assert trial.source == source[trial.pair]
        assert (trial.expected is None) == (trial.kind not in {"catch", "practice"})
        assert (trial.strategy is None) == (trial.probability is None) == (trial.kind != "rating")
        of[trial.kind].append(trial.pair)
    assert all(len(set(of[kind])) == len(of[kind]) for kind in ("rating", "repeat", "identical"))
    assert set(of["rating"]) <= case.wanted()
    assert set(of["repeat"]) <= set(of["rating"])
    assert set(of["identical"]) <= {pair.id for pair in case.ratings}
    assert {*of["catch"], *of["practice"]} <= {pair.id for pair in case.catches}


@given(cases)
def test_blocks_follow_one_another_as_few_and_as_even_as_can_be(case: Case) -> None:
    """So no break comes before one or two trials."""
    trials = case.shown()
    sizes = Counter(trial.block for trial in trials)
    assert [trial.block for trial in trials] == sorted(trial.block for trial in trials)
    assert sorted(sizes) == list(range(1, len(sizes) + 1))
    assert len(sizes) == ceil(len(trials) / case.design.block)
    assert not sizes or max(sizes.values()) - min(sizes.values()) <= 1


@given(cases)
def test_known_answers_name_the_side_of_the_reference(case: Case) -> None:
    """The reference is the pair's first stimulus, on the left unless flipped."""
    for trial in case.plan():
        if trial.kind not in {"catch", "practice"}:
            assert trial.expected is None
        elif case.asks_for == "more_different":
            assert trial.expected == ("left" if trial.flipped else "right")
        else:
            assert trial.expected == ("right" if trial.flipped else "left")


@given(cases)
def test_sides_are_even_within_each_kind_and_free_in_practice(case: Case) -> None:
    """So no answer of practice follows from the ones before, and nobody passes all of it by pressing one key."""
    trials = case.plan()
    for kind in ("rating", "catch", "identical", "repeat"):
        group = [trial for trial in trials if trial.kind == kind]
        assert abs(2 * sum(trial.flipped for trial in group) - len(group)) <= 1
    practice = [trial.expected for trial in trials if trial.kind == "practice"]
    assert len(practice) < 3 or set(practice) == {"left", "right"}


def test_a_round_of_practice_may_have_both_answers_on_one_side() -> None:
    plans = [Case(pairs(30, 6), pairs(6, 6, 1000), ordinal=at).plan() for at in range(200)]
    rounds = Counter(tuple(trial.expected for trial in trials[:2]) for trials in plans)
    assert len(rounds) == 4
    assert abs(sum(rounds[side, side] for side in ("left", "right")) / 200 - 6 / 14) < 0.14


@given(case=cases, rounds=st.integers(1, 4))
def test_known_answers_come_again_as_late_as_can_be(case: Case, rounds: int) -> None:
    """As they are dealt (practice, then catches in any order): no crop again before all others have been."""
    design = replace_all(case.design, practice_rounds=rounds)
    trials = replace(case, design=design).plan()
    practice = [trial.pair for trial in trials if trial.kind == "practice"]
    for at, pair in enumerate(practice):
        assert pair not in practice[max(0, at - len(case.catches) + 1) : at]
    if 2 * design.practice <= len(case.catches):
        for at in range(rounds - 1):
            one, other = (practice[design.practice * n :][: design.practice] for n in (at, at + 1))
            assert not set(one) & set(other)
    times = Counter(trial.pair for trial in trials if trial.expected)
    assert max(times.values(), default=0) - min(times[pair.id] for pair in case.catches) <= 1


@settings(max_examples=40)
@given(number=st.integers(1, 40), sources=st.integers(1, 6), trials=st.integers(1, 25), seed=st.integers(0, 99))
def test_balanced_sessions_keep_all_pairs_within_one_answer(number: int, sources: int, trials: int, seed: int) -> None:
    all_pairs, answered = pairs(number, sources), Counter[int]()
    for ordinal in range(1, 15):
        drawn = Case(all_pairs, [], answered, {}, Design(seed=seed, trials=trials), ordinal=ordinal).plan()
        answered.update(trial.pair for trial in drawn if trial.kind == "rating")
        times = [answered[pair.id] for pair in all_pairs]
        assert max(times) - min(times) <= 1


@given(cases)
def test_every_strategy_says_how_and_with_what_chance(case: Case) -> None:
    """That the chances are true is shown in test_drawing.py; here, that they are what a trial keeps."""
    trials = [trial for trial in case.plan() if trial.kind == "rating"]
    for trial in trials:
        assert 0 < (trial.probability or 0) <= 1
        if case.design.strategy == "adaptive":
            assert trial.strategy == "random" or (trial.strategy == "adaptive" and trial.pair in case.weights)
        else:
            assert trial.strategy == case.design.strategy


@given(cases)
def test_probabilities_are_those_of_the_draw(case: Case) -> None:
    if case.design.strategy == "adaptive":  # without priorities, it is a balanced one
        case = replace(case, weights={})
    trials = [trial for trial in case.plan() if trial.kind == "rating"]
    places = min(case.design.trials, len(case.wanted()))
    balanced = case.design.strategy != "full"
    level = {pair: case.counts.get(pair, 0) if balanced else 0 for pair in case.wanted()}
    drawn = {trial.pair for trial in trials}
    assert sum(trial.probability or 0 for trial in trials) <= len(trials)
    if case.wanted():  # over all pairs, drawn or not, the chances sum to the number drawn
        below = {pair: sum(count < level[pair] for count in level.values()) for pair in level}
        tied = Counter(level.values())
        chances = [min(1, max(0, (places - below[pair]) / tied[level[pair]])) for pair in level]
        assert sum(chances) == pytest.approx(len(trials))
    for trial in trials:
        below = sum(count < level[trial.pair] for count in level.values())
        tied = sum(count == level[trial.pair] for count in level.values())
        assert trial.probability == min(1, (places - below) / tied)
        assert trial.strategy == ("random" if case.design.strategy == "adaptive" else case.design.strategy)
        assert all(pair in drawn for pair, count in level.items() if count < level[trial.pair])


@pytest.mark.parametrize(
    ("strategy", "certain", "tied", "never"),
    [("balanced", {0}, {1, 2, 3, 4}, {5, 6}), ("full", set(), {0, 1, 2, 3, 4}, {5, 6})],
)
def test_pairs_are_drawn_as_often_as_their_probability_says(
    strategy: str, certain: set[int], tied: set[int], never: set[int]
) -> None:
    """4 of 7 pairs, two of which have all the votes they need: every subset that may be drawn is as likely.

    Enumerated, and held against 4,000 sessions with the same counts by Pearson's chi-square.
    """
    counts, rounds = {0: 0, 1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 3}, 4000
    design = replace_all(PLAIN, seed=20241019, trials=4, strategy=strategy, votes_per_pair=2)
    plans = [Case(pairs(7, 7), [], counts, {}, design, ordinal=at).plan() for at in range(rounds)]
    subsets = [frozenset({*certain, *rest}) for rest in combinations(sorted(tied), 4 - len(certain))]
    seen = Counter(frozenset(trial.pair for trial in trials) for trials in plans)
    assert set(seen) == set(subsets)
    expected = rounds / len(subsets)
    statistic = sum((seen[subset] - expected) ** 2 / expected for subset in subsets)
    assert chi2.sf(statistic, len(subsets) - 1) > UNLIKELY
    for trials in plans:
        for trial in trials:
            assert trial.pair not in never
            assert trial.probability == sum(trial.pair in subset for subset in subsets) / len(subsets)


def test_identical_trials_favour_no_condition() -> None:
    """Four conditions on each of six crops: six pairs a crop, three of which have a given condition, a or b of it."""
    names = list(combinations("wxyz", 2))
    ratings = [Pair(id=at, crop=at // 6, source=at // 6) for at in range(36)]
    design = replace_all(PLAIN, seed=20241019, trials=36, identical_rate=0.1)
    shown = [t for at in range(1000) for t in Case(ratings, design=design, ordinal=at).plan() if t.kind == "identical"]
    seen = Counter(names[trial.pair % 6][trial.flipped] for trial in shown)
    expected = 4 * 1000 / 4
    assert seen.total() == 4 * 1000
    assert chi2.sf(sum((seen[name] - expected) ** 2 / expected for name in "wxyz"), 3) > UNLIKELY


@settings(max_examples=40)
@given(
    number=st.integers(1, 30),
    trials=st.integers(1, 20),
    limit=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    strategy=st.sampled_from(["balanced", "full", "adaptive"]),
)
def test_no_pair_gets_more_votes_than_its_quota_whoever_gives_up(
    number: int, trials: int, limit: int, seed: int, strategy: str
) -> None:
    """People begin, vote, finish and give up at random; a live plan counts, what was given up does not."""
    chance, voted = Random(seed), Counter[int]()
    live: dict[int, list[int]] = {}
    design = replace_all(PLAIN, seed=seed, trials=trials, strategy=strategy, votes_per_pair=limit)
    for ordinal in range(1, 200):
        counted = voted + Counter(pair for plan_of_one in live.values() for pair in plan_of_one)
        case = Case(pairs(number, 5), [], counted, {0: 5.0, 1: 1.0}, design, ordinal=ordinal)
        live[ordinal] = [trial.pair for trial in case.plan()]
        assert bool(live[ordinal]) == bool(case.wanted())
        for someone in list(live):
            fate = chance.random()
            votes = len(live[someone]) if fate < 0.3 else chance.randrange(len(live[someone]) + 1)
            voted.update(live[someone][:votes])
            live[someone] = live[someone][votes:]
            if fate > 0.8:
                del live[someone]
        assert max(voted.values(), default=0) <= limit
    for rest in live.values():
        voted.update(rest)
    assert max(voted.values(), default=0) <= limit


def test_every_order_of_sides_and_sources_occurs() -> None:
    """Three pairs of three sources: all six orders, and each pair on both sides."""
    plans = [Case(pairs(3, 3), design=PLAIN, ordinal=at).plan() for at in range(300)]
    assert len({tuple(trial.pair for trial in trials) for trials in plans}) == 6
    assert len({(trial.pair, trial.flipped) for trials in plans for trial in trials}) == 6


def test_seeds_and_ordinals_make_different_plans() -> None:
    def shown(seed: int, at: int) -> tuple[object, ...]:
        return tuple(Case(pairs(30, 6), design=Design(seed=seed), ordinal=at).plan())

    assert len({shown(seed, at) for seed in (1, 11) for at in (1, 2, 3, 11)}) == 8


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.sampled_from(["0.50", "0.5", "1.0"]), st.integers(0, 3), st.sampled_from("xyz")
        ),
        unique_by=lambda row: (row[0], float(row[1]), row[2]),
    )
)
def test_rating_pairs_are_two_conditions_of_one_crop_within_or_across_rates(
    rows: list[tuple[int, str, int, str]],
) -> None:
    candidates = [Candidate(at, crop, rate, f"c{name}", sha) for at, (crop, rate, name, sha) in enumerate(rows)]
    found = rating_pairs(candidates, "within")
    across = rating_pairs(candidates, "across")
    for a, b in found:
        assert a.crop == b.crop
        assert float(a.rate) == float(b.rate)
        assert a.condition < b.condition
        assert a.sha256 != b.sha256
    assert len(set(found)) == len(found)
    assert {frozenset(pair) for pair in across} == {
        frozenset((a, b)) for a, b in combinations(candidates, 2) if a.crop == b.crop and a.sha256 != b.sha256
    }
    assert len(across) == len({frozenset(pair) for pair in across})
    sizes = Counter((c.crop, float(c.rate)) for c in candidates)
    same = Counter((c.crop, float(c.rate), c.sha256) for c in candidates)
    assert len(found) == sum(comb(n, 2) for n in sizes.values()) - sum(comb(n, 2) for n in same.values())


@pytest.mark.parametrize(("catch_rate", "expected"), [(0.0, 0), (0.1, 6), (1.0, 60)])
def test_the_share_of_catch_trials(catch_rate: float, expected: int) -> None:
    design = replace_all(PLAIN, practice=2, catch_rate=catch_rate)
    trials = Case(pairs(90, 9), pairs(9, 9, 1000), design=design).plan()
    assert sum(trial.kind == "catch" for trial in trials) == expected
    assert max(trial.block for trial in trials) == ceil((60 + expected) / 20)
