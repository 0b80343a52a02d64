"""Sample sizes against published figures and simulated tests; design effects against simulated clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from analysis.planning import (
    Clusters,
    correlation,
    effect,
    exact_votes,
    least_difference,
    most,
    need,
    preferred,
    votes_for,
    votes_worth,
    worth,
)
from analysis.scales import ELO

ways = st.lists(st.builds(Clusters, st.integers(1, 60), st.floats(0, 0.45)), max_size=2)


@pytest.mark.parametrize(
    ("difference", "alone", "among_six"),
    [(10, 9478, 14623), (25, 1519, 2344), (50, 382, 590), (100, 98, 152), (200, 27, 42)],
)
def test_known_sample_sizes(difference: float, alone: int, among_six: int) -> None:
    assert votes_for(difference) == alone
    assert votes_for(difference, tests=6) == among_six
    assert need(difference, tests=6).votes == among_six


def test_power_is_what_it_says() -> None:
    """The score test of the share of so many drawn votes, at the two-sided level, is right as often as planned."""
    votes, p = votes_for(50), preferred(50)
    share = np.random.default_rng(1).binomial(votes, p, 40_000) / votes
    found = np.abs(share - 0.5) / (0.5 / np.sqrt(votes)) > 1.959964
    assert found.mean() == pytest.approx(0.8, abs=0.02)


def test_a_study_of_the_size_of_the_papers_tells_so_much() -> None:
    assert least_difference(170) == pytest.approx(75, abs=2)
    assert least_difference(85) == pytest.approx(107, abs=3)
    assert least_difference(1) == np.inf
    for difference in (3.0, 70.0, 900.0):
        assert least_difference(exact_votes(difference)) == pytest.approx(difference, rel=1e-6)


@given(st.floats(1, 1e4), ways)
def test_worth_is_undone(votes: float, ways: list[Clusters]) -> None:
    votes = max([votes, *(1.5 * way.number for way in ways if way.correlation)])
    independent = worth(votes, *ways)
    assert independent <= votes + 1e-9
    assert independent < most(*ways)
    assert votes_worth(independent, *ways) == pytest.approx(votes, rel=1e-6)


@given(st.floats(1, 1e5), ways)
def test_no_number_of_votes_is_worth_more_than_the_clusters(independent: float, ways: list[Clusters]) -> None:
    votes = votes_worth(independent, *ways)
    if votes is None:
        assert worth(1e12, *ways) <= independent * (1 + 1e-3)
    else:
        assert votes >= independent - 1e-6
        assert worth(votes, *ways) == pytest.approx(independent, rel=1e-6)


def test_one_vote_a_cluster_costs_nothing() -> None:
    assert effect(30, Clusters(30, 0.3), Clusters(40, 0.2)) == 1
    assert effect(60, Clusters(30, 0.3)) == pytest.approx(1.3)
    assert effect(60, Clusters(30, 0.3), Clusters(10, 0.1)) == pytest.approx(1.8)


def test_design_effect_is_that_of_simulated_clusters() -> None:
    """People and images that differ, each vote of a crossed design: the variance of the share is as large as said."""
    people, images, people_sd, images_sd = 20, 12, 60.0, 90.0
    rng, rounds = np.random.default_rng(2), 3000
    person = rng.normal(0, np.sqrt(2) * people_sd / ELO, (rounds, people, 1))
    image = rng.normal(0, np.sqrt(2) * images_sd / ELO, (rounds, 1, images))
    share = (rng.random((rounds, people, images)) < expit(person + image)).mean(axis=(1, 2))
    votes = people * images
    expected = effect(
        votes, Clusters(people, correlation(people_sd, images_sd)), Clusters(images, correlation(images_sd, people_sd))
    )
    assert share.var() * votes / 0.25 == pytest.approx(expected, rel=0.08)


def test_what_cannot_be_told_is_said() -> None:
    found = need(25, Clusters(40, 0.1), Clusters(10, 0.1))
    assert found.votes is None
    assert found.effect is None
    assert found.independent == 1519
    assert exact_votes(found.reached) == pytest.approx(most(Clusters(40, 0.1), Clusters(10, 0.1)), rel=1e-6)
    assert need(25).reached == 0
    told = need(2 * found.reached, Clusters(40, 0.1), Clusters(10, 0.1))
    assert told.votes > told.independent
    assert told.votes == pytest.approx(told.effect * exact_votes(2 * found.reached), rel=0.01)


def test_correlation_grows_with_its_spread_and_drowns_in_the_other() -> None:
    assert correlation(0) == 0
    assert correlation(5) == pytest.approx(0.25 * 2 * (5 / ELO) ** 2, rel=0.01)  # to first order
    assert correlation(40) < correlation(80) < correlation(400) < 1
    assert correlation(80, 150) < correlation(80)
    assert correlation(80, difference=300) < correlation(80)
    drawn = expit(np.sqrt(2) * 80 / ELO * np.random.default_rng(1).normal(size=200_000))
    assert correlation(80) == pytest.approx(4 * drawn.var(), rel=0.01)
