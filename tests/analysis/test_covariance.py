"""covariance.csv: the covariance behind the intervals, of ratings and of differences from an anchor."""

import csv
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import stdtrit

from analysis.covariance import COVARIANCE_COLUMNS, covariance, covariance_csv
from analysis.rating import Scale, Settings, bounds, rate
from analysis.scales import JOD
from analysis.selection import Selection
from tests.analysis.made_votes import pair_rows, vote_rows

Selected = Callable[..., Selection]
TRUTH = {0.5: {"x": 60, "y": 10, "z": -70}}
METHODS = ("bradley-terry",)


def scale_of(selection: Selection, **settings: object) -> Scale:
    (scale,) = rate(selection, Settings(**settings), METHODS)  # type: ignore[arg-type]
    return scale


@pytest.mark.parametrize("method", ["bradley-terry", "thurstone"])
@pytest.mark.parametrize("over", ["both", "participants", "votes"])
def test_an_anchors_differences_have_the_intervals_of_differences(selected: Selected, method: str, over: str) -> None:
    selection = selected(vote_rows(5, TRUTH, not_sure=0.1))
    plain, anchored = (
        scale_of(selection, method=method, over=over),
        scale_of(selection, method=method, over=over, anchor="y@0.50"),
    )
    values, lows, highs, said = bounds(anchored, method)
    found = covariance(anchored)
    assert said == over
    assert anchored.anchor == 1
    assert values[1] == 0
    assert np.isnan([lows[1], highs[1]]).all()
    for item in (0, 2):
        assert values[item] == pytest.approx(plain.rating[item] - plain.rating[1])
        assert (highs[item] - lows[item]) / 2 == pytest.approx(plain.margin(item, 1))
        assert anchored.uncertainty is not None
        t = stdtrit(anchored.uncertainty.freedom_between(item, 1), 0.975)
        assert t * np.sqrt(found[item, item]) == pytest.approx(plain.margin(item, 1))
    both = found[0, 0] + found[2, 2] - 2 * found[0, 2]
    assert anchored.uncertainty is not None
    assert both == pytest.approx(anchored.uncertainty.variances()[0, 2])


def test_with_mean_zero_it_has_the_variances_of_all_differences(selected: Selected) -> None:
    scale = scale_of(selected(vote_rows(5, TRUTH)))
    assert scale.uncertainty is not None
    found, variances = covariance(scale), scale.uncertainty.variances()
    own = found.diagonal()
    assert own[:, None] + own - 2 * found == pytest.approx(variances)
    assert found.sum(axis=0) == pytest.approx(0, abs=1e-9)
    # where no floor is above the estimate, it is the estimate
    votes = scale_of(selected(vote_rows(5, TRUTH)), over="votes")
    assert votes.uncertainty is not None
    largest = np.maximum(votes.uncertainty.covariance, votes.uncertainty.floors[0])
    assert covariance(votes).diagonal() == pytest.approx(largest.diagonal(), rel=0.05)


def test_the_table_names_every_pair_once(selected: Selected) -> None:
    selection = selected(vote_rows(5, {0.3: {"x": 0, "y": 0}, **TRUTH}))
    scales = rate(selection, Settings(anchor="x", unit="jod"), METHODS)
    text = covariance_csv(scales, selection)
    rows = list(csv.DictReader(text.splitlines()))
    assert tuple(rows[0]) == COVARIANCE_COLUMNS
    assert [(row["condition_a"], row["condition_b"], row["anchor"]) for row in rows] == [
        ("y@0.30", "y@0.30", "x@0.30"),
        ("y@0.50", "y@0.50", "x@0.50"),
        ("y@0.50", "z@0.50", "x@0.50"),
        ("z@0.50", "z@0.50", "x@0.50"),
    ]
    assert {row["scale"] for row in rows} == {"jod"}
    assert {row["votes_sha256"] for row in rows} == {selection.rated.sha256}
    elo = scale_of(selected(vote_rows(5, TRUTH)), anchor="x")
    expected = covariance(elo)[1, 1] / JOD**2
    alone = scale_of(selected(vote_rows(5, TRUTH)), anchor="x", unit="jod")
    assert covariance(alone)[1, 1] == pytest.approx(expected)


def test_what_has_no_interval_has_no_covariance(selected: Selected) -> None:
    votes = [("a", "b", side) for side in ("left", "right")] * 3
    rows = [row | {"participant": "p", "source": "s"} for row in pair_rows(*votes)]
    selection = selected(rows)
    scale = scale_of(selection)
    assert np.isnan(covariance(scale)).all()
    found = list(csv.DictReader(covariance_csv((scale,), selection).splitlines()))
    assert {(row["covariance"], row["degrees_of_freedom"], row["interval"]) for row in found} == {("", "", "none")}
