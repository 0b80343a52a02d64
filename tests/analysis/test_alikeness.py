"""Intraclass correlations from votes, against every pair of votes in a loop, and recovered from drawn ones."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import expit

from analysis.alikeness import alikeness, sums
from analysis.counts import Counts
from analysis.planning import correlation
from analysis.scales import ELO
from tests.analysis.made_counts import counts_of

SCORE = (1.0, 0.0, 0.5)


def by_hand(counts: Counts) -> dict[str, np.ndarray]:
    found = {name: np.zeros((2, len(counts.first))) for name in ("participant", "source", "none")}
    votes = [
        (who, source, cell)
        for who, source, cell, many in zip(
            counts.participant, counts.source, counts.cell, counts.cell_votes, strict=True
        )
        for _ in range(many)
    ]
    for (who, source, cell), (other, elsewhere, beside) in combinations(votes, 2):
        if cell // 3 != beside // 3:
            continue
        on_one = source == elsewhere and source >= 0
        if who == other and on_one:
            continue
        name = "participant" if who == other else "source" if on_one else "none"
        found[name][:, cell // 3] += (SCORE[cell % 3] - SCORE[beside % 3]) ** 2, 1
    return found


@pytest.mark.parametrize("unnamed", ["none", "some", "all"])
def test_sums_are_those_of_every_pair_of_votes(unnamed: str) -> None:
    made = counts_of(np.array([0.0, 60.0, -60.0]), 120, 1, not_sure=0.2, participants=4, sources=3)
    source = {"none": made.source, "some": made.source - 1, "all": np.full(len(made.source), -1)}[unnamed]
    counts = Counts(made.items, made.first, made.second, made.table, made.participant, source, made.cell,
                    made.cell_votes)  # fmt: skip
    found, expected = sums(counts), by_hand(counts)
    for name, known in expected.items():
        np.testing.assert_allclose(found[name], known, atol=1e-9)


def drawn(seed: int, people_sd: float, images_sd: float) -> Counts:
    """A crossed study of one pair of equals: each of 60 people votes once on each of 30 images."""
    rng = np.random.default_rng(seed)
    people, images = 60, 30
    ahead = rng.normal(0, people_sd, (people, 1)) + rng.normal(0, images_sd, (1, images))
    lost = (rng.random((people, images)) > expit(np.sqrt(2) * ahead / ELO)).astype(int).ravel()
    who, source = (part.ravel() for part in np.indices((people, images)))
    table = np.bincount(lost, minlength=3).reshape(1, 3)
    return Counts(counts_of(np.zeros(2), 5).items, np.array([0]), np.array([1]), table, who, source, lost,
                  np.ones(len(lost), int))  # fmt: skip


@pytest.mark.parametrize(("people_sd", "images_sd"), [(80, 0), (0, 80), (60, 120)])
def test_correlations_are_recovered(people_sd: float, images_sd: float) -> None:
    found = [alikeness(drawn(seed, people_sd, images_sd)) for seed in range(60)]
    assert np.mean([one.participants for one in found]) == pytest.approx(correlation(people_sd, images_sd), abs=0.01)
    assert np.mean([one.sources for one in found]) == pytest.approx(correlation(images_sd, people_sd), abs=0.02)


def test_too_few_votes_that_share_say_nothing() -> None:
    found = alikeness(counts_of(np.array([0.0, 60.0]), 20, 1, participants=20, sources=20))
    assert found.participants is None
    assert found.sources is None
    assert found.participant_pairs < 30
    lone = alikeness(counts_of(np.array([0.0, 60.0]), 50, 1))
    assert (lone.participants, lone.sources) == (None, None)
