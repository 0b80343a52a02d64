"""The pull of a side: found where it was put, absent where it was not, and told by press whatever was asked."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binomtest

from analysis.counts import Counts, count
from analysis.files import Refusal
from analysis.fitting import fitted, why_no_side, why_not
from analysis.intervals import uncertainty
from analysis.models import Model
from analysis.rating import Settings, rate
from analysis.scales import ELO, JOD
from analysis.selection import Selection
from analysis.side_bias import side_bias
from analysis.votes import Item
from tests.analysis.made_votes import Rows, pair_rows, vote_rows

Selected = Callable[..., Selection]
SIDED = Settings(side_bias=True)
TRUTH = {0.5: {"x": 60, "y": 0, "z": -60}}


def biased_rows(seed: int, pull: float, votes: int = 60) -> Rows:
    """Votes whose left press has `pull` more logits than the ratings say, 12 participants on 8 sources."""
    rng, rows = np.random.default_rng(seed), vote_rows(seed, TRUTH, votes=votes)
    for row in rows:
        ahead = TRUTH[0.5][str(row["left_codec"])] - TRUTH[0.5][str(row["right_codec"])]
        row["choice"] = "left" if rng.random() < expit(ahead / ELO + pull) else "right"
    return rows


def test_a_pull_is_found_with_its_interval_and_test(selected: Selected) -> None:
    (scale,) = rate(selected(biased_rows(1, 0.5)), SIDED, ("bradley-terry",))
    side = scale.side
    assert side is not None
    assert side.margin is not None
    assert side.statistic is not None
    assert side.ends[0] < 0.5 * ELO < side.ends[1]
    assert 0 < side.margin < 80
    assert side.share == pytest.approx(expit(side.points / ELO))
    assert side.p is not None
    assert side.p < 1e-6
    assert side.told("elo").startswith(f"the left side draws the press by {side.points:.3g} Elo points (from ")
    assert side.record("jod")["side_bias"] == pytest.approx(side.points / JOD)
    assert side.words("elo")[0] == f"side_bias={side.points:.3f}"


def test_without_ratings_between_them_the_test_is_that_of_a_binomial(selected: Selected) -> None:
    """Two equals, balanced: the likelihood ratio is that of left presses against one half."""
    votes = [("a", "b", "left")] * 30 + [("a", "b", "right")] * 20 + [("b", "a", "left")] * 30
    votes += [("b", "a", "right")] * 20
    (scale,) = rate(selected(pair_rows(*votes)), SIDED, ("bradley-terry",))
    assert scale.side is not None
    assert scale.rating == pytest.approx([0, 0], abs=1e-6)
    assert scale.side.points == pytest.approx(ELO * np.log(1.5))
    assert scale.side.share == pytest.approx(0.6)
    statistic = 2 * (60 * np.log(0.6 / 0.5) + 40 * np.log(0.4 / 0.5))
    assert scale.side.statistic == pytest.approx(statistic)
    assert scale.side.p == pytest.approx(binomtest(60, 100).pvalue, abs=0.02)


def test_no_pull_is_rarely_found() -> None:
    """300 studies of independent votes without a pull: about 5% have p < 0.05, and 95% of intervals hold 0."""
    rng, alarms, misses = np.random.default_rng(8), 0, 0
    first, second = np.triu_indices(3, 1)
    items, everyone = tuple(Item(None, name, "") for name in "abc"), np.arange(10)
    for _ in range(300):
        cell = np.tile(np.arange(9), 10)
        votes = rng.poisson(np.tile([6, 4, 1, 6, 4, 1, 6, 4, 1], 10)) + 1
        table = np.bincount(cell, votes, 9).astype(int).reshape(-1, 3)
        person = np.repeat(everyone, 9)
        counts = Counts(items, first, second, table, person, person, cell, votes, rng.binomial(votes, 0.5))
        fit = fitted(counts, Model(side_bias=True))
        side = side_bias(counts, fit, uncertainty(counts, fit, "votes"), 1)
        assert side is not None
        assert side.p is not None
        alarms += side.p < 0.05
        misses += not side.ends[0] <= 0 <= side.ends[1]
    assert 4 <= alarms <= 28
    assert 4 <= misses <= 28


def test_a_question_for_the_worse_image_turns_the_sign(selected: Selected) -> None:
    """The left press is the same, whoever wins by it."""
    rows = biased_rows(2, 0.5)
    (better,) = rate(selected(rows), SIDED, ("bradley-terry",))
    for row in rows:
        row["asks_for"] = "more_different"
    (worse,) = rate(selected(rows), SIDED, ("bradley-terry",))
    assert better.side is not None
    assert worse.side is not None
    assert better.side.points == pytest.approx(worse.side.points)
    assert better.rating == pytest.approx(-worse.rating)


@pytest.mark.parametrize("over", ["both", "participants", "sources", "votes"])
def test_ratings_and_intervals_work_beside_it(selected: Selected, over) -> None:
    (scale,) = rate(selected(biased_rows(3, 0.0)), Settings(over, side_bias=True), ("bradley-terry",))
    (plain,) = rate(selected(biased_rows(3, 0.0)), Settings(over), ("bradley-terry",))
    assert scale.rating == pytest.approx(plain.rating, abs=3)
    for item in range(3):
        assert scale.margin(item) == pytest.approx(plain.margin(item), rel=0.15)


def test_the_sandwich_of_a_side_bias_is_the_sum_over_votes(selected: Selected) -> None:
    votes = selected(biased_rows(4, 0.3, votes=20)).rated
    (counts,) = count(votes)
    fit = fitted(counts, Model(side_bias=True))
    scores = np.zeros((len(votes), 4))
    for row, (left, right, outcome) in enumerate(zip(votes.left, votes.right, votes.outcome, strict=True)):
        slope = (outcome > 0) - expit(fit.theta[left] - fit.theta[right] + (fit.side or 0))
        scores[row, [left, right, 3]] = slope, -slope, slope
    bread = np.linalg.pinv(fit.information)
    summed = np.array([scores[votes.participant == who].sum(axis=0) for who in range(12)])
    expected = ELO**2 * 12 / 11 * bread @ summed.T @ summed @ bread
    found = uncertainty(counts, fit, "participants")
    assert found is not None
    assert found.covariance == pytest.approx(expected[:3, :3], abs=1e-8)
    floor = (
        ELO**2
        * np.linalg.inv(
            fit.information[3:, 3:]
            - fit.information[3:, :3] @ np.linalg.pinv(fit.information[:3, :3]) @ fit.information[:3, 3:]
        )[0, 0]
    )
    assert found.side_margin == pytest.approx(2.2009852 * np.sqrt(max(expected[3, 3], floor)))


def test_votes_without_sides_are_refused(selected: Selected) -> None:
    rows = vote_rows(3, TRUTH, layout="unknown")
    with pytest.raises(Refusal, match="does not say which condition stood on the left; leave --side-bias out"):
        rate(selected(rows), SIDED, ("bradley-terry",))


@pytest.mark.parametrize(
    ("votes", "says"),
    [
        ([("a", "b", "left"), ("b", "a", "left")] * 4, "every vote that decides chose the same side"),
        ([("a", "b", "left"), ("a", "b", "right")] * 4, "cannot be told from the conditions' ratings"),
        (
            [("a", "b", "left"), ("a", "b", "right"), ("b", "a", "left")] * 4,
            "ratings and a side bias together explain every vote",
        ),
    ],
)
def test_no_side_bias_is_one_sentence(selected: Selected, votes: list, says: str) -> None:
    selection = selected(pair_rows(*votes))
    (scale,) = rate(selection, SIDED, ("bradley-terry",))
    assert says in scale.problem
    assert scale.problem.endswith("leave --side-bias out")
    assert rate(selection, Settings(), ("bradley-terry",))[0].problem == ""
    (counts,) = count(selection.rated)
    assert bool(why_no_side(counts, Model(ridge=0.1, side_bias=True))) == ("same side" in says)
    if "same side" not in says:
        (ridged,) = rate(selection, Settings(side_bias=True, ridge=0.1), ("bradley-terry",))
        assert ridged.side is not None
        assert ridged.side.p is None
        assert "not tested under a ridge" in ridged.side.told("elo")
        assert not why_not(counts, Model(ridge=0.1, side_bias=True))
