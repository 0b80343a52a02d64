"""Everything that speaks against one scale, gathered: what is there, what is left out, and what is named."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import SeedSequence

from analysis.deviance import deviance
from analysis.fit import STARVED, checked, starved
from analysis.groups import read_sessions
from analysis.rating import Settings, rate
from analysis.selection import Selection
from analysis.triads import transitivity
from tests.analysis.made_studies import study_of
from tests.analysis.made_votes import Rows, pair_rows, vote_rows, write_csv

Selected = Callable[..., Selection]
TRUTH = {0.3: {"x": 80, "y": 0, "z": -80}, 0.5: {"x": 60, "y": 50, "z": -110}}
METHODS = ("bradley-terry",)


def with_circumstances(rows: Rows) -> Rows:
    """Tags and positions: in the first half of every session y is as good as x, in the second it is worse than z."""
    for at, row in enumerate(rows):
        row["tag"] = "text" if int(str(row["source"])[-2:]) % 2 else "face"
        row |= {"session": f"s-{row['participant']}", "position": at % 40 + 1}
    return rows


def test_a_check_holds_what_its_modules_say(selected: Selected) -> None:
    selection = selected(with_circumstances(vote_rows(5, TRUTH, votes=60)))
    scales = rate(selection, Settings(), METHODS)
    found = checked(selection, scales, Settings(), seed=4)
    assert [check.scale for check in found] == list(scales)
    assert found == checked(selection, scales, Settings(), seed=4)
    for check, stream in zip(found, SeedSequence(4).spawn(2), strict=True):
        assert check.scale.fit is not None
        assert check.deviance == deviance(check.scale.counts, check.scale.fit, seed=stream.spawn(1)[0])
        assert check.transitivity == transitivity(check.scale.counts)
        assert [part.by for part in check.homogeneity] == ["source", "tag", "half of session", "participant"]
        assert all(part.p is not None for part in check.homogeneity)
        assert check.side is not None
        assert check.side.p is not None
        assert check.starved == ()
        told = list(check.told())
        assert told[0].startswith("deviance ")
        assert sum(line.startswith("the same ratings by ") for line in told) == 4
        assert all(line == line.strip() and not line.endswith(".") for line in told)


def test_a_drift_within_sessions_is_found(selected: Selected) -> None:
    """Who is better turns round in the second half of every session: nothing but the drift is told by participant."""
    early = vote_rows(5, {0.3: {"x": 120, "y": -120}}, participants=20, votes=30)
    late = vote_rows(6, {0.3: {"x": -60, "y": 60}}, participants=20, votes=30)
    for rows, begin in ((early, 1), (late, 31)):
        for at, row in enumerate(rows):
            row |= {"session": f"s-{row['participant']}", "position": begin + at % 30}
    for at, row in enumerate(early + late):
        row["vote"] = at + 1
    selection = selected(early + late)
    (check,) = checked(selection, rate(selection, Settings(), METHODS), Settings())
    drift = next(part for part in check.homogeneity if part.by == "half of session")
    assert drift.p == 1 / (1 + drift.rounds)
    assert drift.participants_p is not None
    assert drift.participants_p < 1e-4
    others = [part.p for part in check.homogeneity if part.by in ("source", "participant")]
    assert all(p is not None and p > 0.001 for p in others)


def test_groups_come_from_sessions_and_small_ones_are_named(selected: Selected, tmp_path) -> None:
    selection = selected(with_circumstances(vote_rows(5, TRUTH, votes=60)))
    said = [
        {
            "participant": f"p{at:02d}",
            "session": f"s-p{at:02d}",
            "vision": "normal" if at < 6 else "corrected",
            "display": "phone" if at < 2 else "laptop" if at < 7 else "monitor",
        }
        for at in range(12)
    ]
    sessions = read_sessions(write_csv(tmp_path / "sessions.csv", said))
    for check in checked(selection, rate(selection, Settings(), METHODS), Settings(), sessions):
        groups = {part.by: part for part in check.homogeneity}
        assert groups["vision"].parts == ("corrected", "normal")
        assert groups["vision"].p is not None
        assert groups["display"].small == ("phone",)
        assert groups["display"].parts == ("laptop", "monitor")
        assert "by display: phone left out, as there are too few votes or participants" in list(check.told())


def test_an_unrated_scale_is_checked_for_what_needs_no_ratings(selected: Selected) -> None:
    rows = pair_rows(*[("a", "b", "left"), ("b", "c", "left"), ("c", "a", "right")] * 4)
    selection = selected(rows)
    scales = rate(selection, Settings(), METHODS)
    (check,) = checked(selection, scales, Settings())
    assert scales[0].problem
    assert (check.deviance, check.residuals, check.homogeneity, check.side) == (None, (), (), None)
    assert check.transitivity is not None
    assert check.transitivity.pooled.circular == 0
    assert [pair.votes for pair in check.starved] == [4, 4, 4]
    assert any(line.startswith(f"under {STARVED} votes: a - b, a - c, b - c") for line in check.told())


def test_pairs_never_compared_are_named() -> None:
    counts = study_of(np.zeros(4), 3, votes=400)
    assert starved(counts) == ()
    few = study_of(np.zeros(6), 3, votes=100)
    table = {
        (a, b): votes
        for a, b, votes in zip(few.first.tolist(), few.second.tolist(), few.table.sum(axis=1), strict=True)
    }
    for pair in starved(few):
        assert pair.votes == table[pair.first, pair.second] < STARVED
    assert len(starved(few)) == sum(votes < STARVED for votes in table.values())


@pytest.mark.parametrize(("cells", "says"), [({"layout": "unknown"}, "do not say which condition stood on the left")])
def test_sides_that_nobody_knows_are_not_tested(selected: Selected, cells: dict[str, str], says: str) -> None:
    selection = selected(vote_rows(5, TRUTH, **cells))
    for check in checked(selection, rate(selection, Settings(), METHODS), Settings()):
        assert check.side is None
        assert any(line.startswith("side bias not tested: ") and says in line for line in check.told())


@pytest.mark.parametrize("settings", [Settings(method="thurstone"), Settings(ties="half"), Settings(side_bias=True)])
def test_every_model_is_checked(selected: Selected, settings: Settings) -> None:
    selection = selected(vote_rows(5, TRUTH, not_sure=0.1))
    for check in checked(selection, rate(selection, settings, METHODS), settings):
        assert check.deviance is not None
        assert check.side is not None
        assert all(np.isfinite(part.statistic or 0) for part in check.homogeneity)


def test_a_ridge_leaves_the_tests_out(selected: Selected) -> None:
    settings = Settings(ridge=0.1)
    selection = selected(vote_rows(5, TRUTH))
    for check in checked(selection, rate(selection, settings, METHODS), settings):
        assert (check.deviance, check.residuals, check.homogeneity) == (None, (), ())
