"""The same ratings in all parts, or not: against fits of each part, and under votes that the common model made."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from analysis.counts import Counts
from analysis.fitting import fitted
from analysis.homogeneity import Division, homogeneity
from analysis.models import Model, fit
from tests.analysis.made_studies import study_of

FOUR = np.array([60.0, 20.0, -20.0, -60.0])


def in_parts(counts: Counts, parts: int) -> tuple[Counts, Division]:
    """Sources told apart by their number modulo `parts`."""
    names = [f"part {at}" for at in range(parts)]
    return replace(counts, source=counts.source % parts), Division("image", names, np.zeros(parts, bool))


@pytest.mark.parametrize(
    "model", [Model(), Model(ties="rao-kupper"), Model("probit", "dropped"), Model(side_bias=True)]
)
def test_with_many_votes_it_is_the_gain_of_fits_of_the_parts(model: Model) -> None:
    """Rao's score test against the likelihood ratio, where no parameter is in common."""
    counts, division = in_parts(study_of(FOUR, 3, votes=20_000, images=25), 4)
    found = homogeneity(counts, fitted(counts, model), division)
    whole = fitted(counts, model).log_likelihood
    parts = 0.0
    for part in range(4):
        rows = counts.source == part
        table = np.bincount(counts.cell[rows], counts.cell_votes[rows], counts.table.size).astype(int).reshape(-1, 3)
        assert counts.first_left is not None
        mine = replace(
            counts,
            table=table,
            **{name: getattr(counts, name)[rows] for name in ("participant", "source", "cell", "cell_votes")},
            first_left=counts.first_left[rows],
        )
        if model.side_bias:
            seen, side = mine.by_side()
            parts += fit(seen.first, seen.second, seen.table, model, side).log_likelihood
        else:
            parts += fitted(mine, model).log_likelihood
    assert found.degrees == 9
    slack = 12 if model.side_bias else 1.5  # there the parts have a side of their own in the ratio, 3 more parameters
    assert found.statistic == pytest.approx(2 * (parts - whole), rel=0.06, abs=slack)
    assert found.p is not None
    assert found.p < 0.01
    assert chi2.sf(found.statistic, 9) < 0.01


@pytest.mark.parametrize("model", [Model(), Model(side_bias=True)])
def test_parts_that_do_not_differ_alarm_as_often_as_they_say(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """80 studies of few votes a part: both p-values are spread evenly."""
    monkeypatch.setattr("analysis.homogeneity.ROUNDS", 99)
    p, by_participant = [], []
    for seed in range(80):
        counts, division = in_parts(study_of(FOUR, seed, participants=60, votes=500, not_sure=0.1), 5)
        found = homogeneity(counts, fitted(counts, model), division, seed)
        p.append(found.p)
        by_participant.append(found.participants_p)
    for values in (np.array(p), np.array(by_participant)):
        assert (values < 0.1).sum() <= 8 + 3.3 * np.sqrt(7.2)
        assert 0.36 < values.mean() < 0.64


def test_likeness_of_one_persons_votes_is_no_difference_of_parts() -> None:
    """People who differ, each in one group only: the independent test alarms, the test by participant does not."""
    independent = clustered = 0
    for seed in range(40):
        counts = study_of(FOUR, 700 + seed, participants=40, votes=2000, taste=150)
        counts = replace(counts, source=counts.participant % 2)
        found = homogeneity(counts, fitted(counts, Model()), Division("group", ("a", "b"), np.zeros(2, bool)))
        assert found.participants_p is not None
        assert found.p is not None
        independent += found.p < 0.05
        clustered += found.participants_p < 0.05
    assert independent > 8
    assert clustered <= 6


def test_small_parts_are_left_out_and_named() -> None:
    counts, division = in_parts(study_of(FOUR, 3), 3)
    division = replace(division, small=np.array([False, True, False]))
    found = homogeneity(counts, fitted(counts, Model()), division)
    assert (found.parts, found.small) == (("part 0", "part 2"), ("part 1",))
    assert found.degrees == 3
    alone = homogeneity(counts, fitted(counts, Model()), replace(division, small=np.array([True, True, False])))
    assert (alone.statistic, alone.p, alone.participants_p) == (None, None, None)


def test_few_participants_have_the_independent_test_only() -> None:
    counts, division = in_parts(study_of(FOUR, 3, participants=8), 5)
    found = homogeneity(counts, fitted(counts, Model()), division)
    assert found.p is not None
    assert (found.f, found.participants_p) == (None, None)


def test_dropped_votes_and_parts_of_other_pairs() -> None:
    """A part that saw two items only adds one degree of freedom, whatever it thinks of the others."""
    counts = study_of(FOUR, 3, votes=1500, not_sure=0.2)
    other = (counts.cell // 3 == 0) & (counts.participant < 6)
    division = Division("what", ("rest", "one pair"), np.zeros(2, bool))
    found = homogeneity(replace(counts, source=other.astype(int)), fitted(counts, Model(ties="dropped")), division)
    assert found.degrees == 1
    assert found.p is not None
