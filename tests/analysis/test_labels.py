"""Labels: shares and their intervals, crop by crop."""

import csv
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from analysis.files import Refusal
from analysis.labels import LABELS_COLUMNS, labels_csv
from analysis.selection import Selection, select
from analysis.votes import parse_votes
from tests.analysis.made_votes import Rows, pair_rows

Selected = Callable[..., Selection]


def labels(selection: Selection, hallucinated: str = "gan", faithful: str = "mse") -> Rows:
    return list(csv.DictReader(labels_csv(selection, hallucinated, faithful).splitlines()))


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_shares_are_those_of_the_posterior(wins: int, losses: int, not_sure: int) -> None:
    lines = ["p,gan,mse,left,s"] * wins + ["q,gan,mse,right,s"] * losses + ["r,mse,gan,not_sure,s"] * not_sure
    if not lines:
        return
    text = "participant,left,right,choice,source\n" + "\n".join(lines) + "\n"
    (row,) = labels(select(parse_votes("votes.csv", text.encode())))
    total = wins + losses + not_sure
    posterior = beta(wins + not_sure / 2 + 0.5, losses + not_sure / 2 + 0.5)
    assert float(row["share"]) == pytest.approx((wins + not_sure / 2 + 0.5) / (total + 1), abs=1e-6)
    assert float(row["share"]) == pytest.approx(posterior.mean(), abs=1e-6)
    low, high = posterior.interval(0.95)
    assert (float(row["share_low"]), float(row["share_high"])) == pytest.approx((low, high), abs=2e-6)
    counted = [int(row[f"{name}votes"]) for name in ("", "hallucinated_", "faithful_", "not_sure_")]
    assert counted == [total, wins, losses, not_sure]
    assert int(row["participants"]) == (wins > 0) + (losses > 0) + (not_sure > 0)


def test_rows_are_crops_in_order(selected: Selected) -> None:
    places = [("b", 10, 0.5), ("b", 9, 0.5), ("a", 9, 0.5), ("a", 9, 0.3), ("a", 9, 0.3)]
    rows = pair_rows(*[("gan", "mse", "left")] * 5, reference="always", asks_for="closer", layout="side_by_side")
    for row, (source, x, rate) in zip(rows, places, strict=True):
        row |= {"source": source, "crop_x": x, "crop_y": 0, "left_rate": rate, "right_rate": rate, "study": "s"}
    found = labels(selected(rows))
    assert tuple(found[0]) == LABELS_COLUMNS
    assert [(row["source"], row["crop_x"], row["rate"], row["votes"]) for row in found] == [
        ("a", "9", "0.3", "2"),
        ("a", "9", "0.5", "1"),
        ("b", "9", "0.5", "1"),
        ("b", "10", "0.5", "1"),
    ]
    assert {(row["asks_for"], row["reference"], row["layout"], row["study"]) for row in found} == {
        ("closer", "always", "side_by_side", "s")
    }


def test_rates_that_differ_leave_the_common_rate_empty(selected: Selected) -> None:
    (row,) = labels(selected(pair_rows(("gan", "mse", "left"), left_rate=0.3, right_rate=0.5)))
    assert (row["rate"], row["simulated"]) == ("", "0")


def test_the_press_for_the_worse_image_counts_for_the_other(selected: Selected) -> None:
    (row,) = labels(selected(pair_rows(("gan", "mse", "left"), asks_for="more_different")))
    assert (row["hallucinated_votes"], row["faithful_votes"]) == ("0", "1")


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        (("gna", "mse"), "rates no condition gna; it knows gan, jpeg, mse"),
        (("gan", "msee"), "rates no condition msee"),
        (("gan", "gan"), "stands for both sides"),
        (("gan", "jpeg"), "never compares gan with jpeg"),
    ],
)
def test_wrong_pairs_are_refused(selected: Selected, pair: tuple[str, str], says: str) -> None:
    selection = selected(pair_rows(("gan", "mse", "left"), ("jpeg", "mse", "left")))
    with pytest.raises(Refusal, match=says):
        labels_csv(selection, *pair)


def test_a_label_needs_a_source(selected: Selected) -> None:
    selection = selected(pair_rows(("gan", "mse", "left"), source=""))
    with pytest.raises(Refusal, match="line 2, column source: empty"):
        labels_csv(selection, "gan", "mse")
