"""`study check` and `analysis plan` say the same of how many votes a pair needs."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import planning
from study import precision

LEVELS = st.floats(0.001, 0.2)
DIFFERENCES = st.floats(5, 800)


def both(
    participants: int, sources: int, alike: tuple[float, float]
) -> tuple[list[precision.Clusters], list[planning.Clusters]]:
    given_ways = list(zip((participants, sources), alike, strict=True))
    return [precision.Clusters(*way) for way in given_ways], [planning.Clusters(*way) for way in given_ways]


@given(difference=DIFFERENCES, level=LEVELS, power=st.floats(0.5, 0.99))
def test_independent_votes_are_the_same(difference: float, level: float, power: float) -> None:
    ours = precision.independent_votes(difference, level, power)
    assert math.isclose(ours, planning.exact_votes(difference, level, power), rel_tol=1e-9)


@pytest.mark.parametrize(("difference", "votes"), [(10, 9478), (25, 1519), (50, 382), (100, 98), (200, 27)])
def test_they_are_those_of_the_tables(difference: float, votes: int) -> None:
    assert math.ceil(precision.independent_votes(difference, 0.05)) == votes


@given(
    votes=st.floats(1, 1e5),
    participants=st.integers(1, 300),
    sources=st.integers(1, 100),
    alike=st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)),
)
def test_clustered_votes_are_the_same(
    votes: float, participants: int, sources: int, alike: tuple[float, float]
) -> None:
    ours, theirs = both(participants, sources, alike)
    assert math.isclose(precision.worth(votes, ours), planning.worth(votes, *theirs), rel_tol=1e-12)
    assert math.isclose(precision.most_worth(ours), planning.most(*theirs), rel_tol=1e-12)


@given(votes=st.floats(1, 5000), level=LEVELS)
def test_the_least_difference_is_the_same(votes: float, level: float) -> None:
    assert math.isclose(precision.told(votes, level), planning.least_difference(votes, level), rel_tol=1e-9)


@given(spread=st.floats(0, 200), beside=st.floats(0, 200))
def test_votes_are_taken_to_be_as_alike(spread: float, beside: float) -> None:
    # Gauss and Hermite's 40 points are exact to about a millionth where people differ that much.
    assert math.isclose(precision.correlation(spread, beside), planning.correlation(spread, beside), abs_tol=1e-6)


def test_what_is_assumed_is_the_same() -> None:
    assert (precision.SPREAD, precision.POWER) == (planning.SPREAD, planning.POWER)


@given(
    independent=st.floats(5, 2000),
    each=st.floats(0.05, 20),
    sources=st.integers(1, 60),
    alike=st.floats(0, 0.4),
)
def test_one_participant_less_would_not_do(independent: float, each: float, sources: int, alike: float) -> None:
    images = precision.Clusters(sources, 0.05)
    found = precision.participants_needed(independent, each, images, alike)
    if found is None:
        most = precision.worth(precision.MOST * each, [precision.Clusters(precision.MOST, alike), images])
        assert most < independent * 1.01
        return
    for people, enough in ((found, True), (found - 1, False)):
        if people:
            ways = [precision.Clusters(people, alike), images]
            assert (precision.worth(people * each, ways) >= independent) is enough
