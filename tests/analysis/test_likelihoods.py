"""Leave-one-out likelihoods, each participant really left out in turn, and what is known of real observers."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from analysis.convert import converted
from analysis.counts import Counts, count
from analysis.likelihoods import PRIOR, RIDGE, cells, distances, leave_one_out, simulated
from analysis.selection import select
from analysis.votes import Floats, parse_votes
from tests.analysis.made_counts import counts_of


def by_hand(counts: Counts, person: int) -> float:
    """The mean log10 likelihood of one participant's votes, from the others' alone, vote by vote."""
    n = len(counts.items)
    own, rest = [], []
    for who, source, cell, many in zip(counts.participant, counts.source, counts.cell, counts.cell_votes, strict=True):
        vote = (source, counts.first[cell // 3], counts.second[cell // 3], cell % 3 == 0)
        if cell % 3 != 2:
            (own if who == person else rest).extend([vote] * many)

    def cost(theta: Floats) -> float:
        ahead = np.array([(theta[i] - theta[j]) * (1 if won else -1) for _, i, j, won in rest])
        return float(np.logaddexp(0, -ahead).sum() + RIDGE / 2 * theta @ theta)

    theta = minimize(cost, np.zeros(n), method="BFGS", options={"gtol": 1e-9}).x
    logs = []
    for source, i, j, won in own:
        same = [vote[3] for vote in rest if vote[:3] == (source, i, j)]
        p = (sum(same) + PRIOR / (1 + np.exp(theta[j] - theta[i]))) / (len(same) + PRIOR)
        logs.append(np.log10(p if won else 1 - p))
    return float(np.mean(logs))


def test_each_is_predicted_by_the_others_alone() -> None:
    counts = counts_of(np.array([0.0, 80.0, -120.0]), 150, 1, not_sure=0.1, participants=5, sources=4)
    found = leave_one_out([counts])
    np.testing.assert_allclose(found.mean, [by_hand(counts, person) for person in range(5)], atol=1e-6)
    assert found.votes.sum() == counts.table[:, :2].sum()


def test_scales_add_up() -> None:
    one, two = (counts_of(np.array([0.0, 80.0, -120.0]), 90, seed, participants=6, sources=3) for seed in (1, 2))
    single, other, both = leave_one_out([one]), leave_one_out([two]), leave_one_out([one, two])
    expected = (single.mean * single.votes + other.mean * other.votes) / (single.votes + other.votes)
    np.testing.assert_allclose(both.mean, expected, atol=1e-9)


def test_who_answers_the_other_way_round_stands_out() -> None:
    honest = counts_of(np.array([0.0, 200.0, -200.0, 400.0]), 1500, 3, participants=15, sources=5)
    turned = np.where(
        (honest.participant == 7) & (honest.cell % 3 < 2), honest.cell + 1 - 2 * (honest.cell % 3), honest.cell
    )
    table = np.bincount(turned, honest.cell_votes, honest.table.size).astype(int).reshape(-1, 3)
    counts = Counts(honest.items, honest.first, honest.second, table, honest.participant, honest.source, turned,
                    honest.cell_votes)  # fmt: skip
    found = leave_one_out([counts])
    assert found.distance.argmax() == 7
    assert found.distance[7] > 3


def test_distances_are_those_of_the_quartiles() -> None:
    values = np.array([-1.0, -0.9, -0.8, -0.7, -3.0])
    low, high = np.quantile(values, [0.25, 0.75])
    np.testing.assert_allclose(distances(values), [0, 0, 0, 0, (low + 3) / (high - low)])
    assert np.isnan(distances(np.array([1.0, 2.0, 3.0]))).all()
    assert np.isnan(distances(np.full(8, -0.3))).all()


def test_simulated_studies_resemble_one_of_people_with_one_taste() -> None:
    counts = counts_of(np.array([0.0, 80.0, -120.0]), 900, 4, participants=18, sources=5)
    drawn = simulated(cells([counts]), 200, np.random.default_rng(1))
    again = simulated(cells([counts]), 200, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn, again)
    assert drawn.shape == (200, 18)
    assert 0.002 < (drawn > 1.5).mean() < 0.06
    made = [
        leave_one_out([counts_of(np.array([0.0, 80.0, -120.0]), 900, seed, participants=18, sources=5)]).distance
        for seed in range(100)
    ]
    assert (np.array(made) > 1.5).mean() == pytest.approx((drawn > 1.5).mean(), abs=0.015)


def test_nobody_decides() -> None:
    counts = counts_of(np.zeros(3), 30, 1, not_sure=1.0, participants=4)
    assert len(leave_one_out([counts]).mean) == 0


def test_two_observers_of_the_tone_mapping_study_are_far_from_the_others(human_votes: Path) -> None:
    """The same two that the authors of the method find in their example."""
    path = human_votes / "pwcmp_tmo.csv"
    votes = parse_votes(path, converted(path, "pwcmp").encode())
    found = leave_one_out(count(select(votes).rated))
    far = {votes.participants[code] for code in found.participant[found.distance > 1.5]}
    assert far == {"M02", "bab"}
