"""Labels: shares and their intervals, crop by crop."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from analysis.cli import cli
from analysis.files import Refusal
from analysis.labels import LABELS_COLUMNS, REGIONS_COLUMNS, labels_csv, regions_csv, regions_file
from analysis.selection import Selection, select
from analysis.votes import parse_votes
from tests.analysis.made_votes import Rows, pair_rows, vote_rows

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


PLACE = {"region_x": 3, "region_y": 0, "region_width": 20, "region_height": 12}


def test_each_vote_with_a_region_is_a_row(selected: Selected) -> None:
    """Whichever side stood left, `won` names the condition that was preferred; votes without a region have no row."""
    rows = pair_rows(
        ("gan", "mse", "left"), ("mse", "gan", "left"), ("gan", "mse", "not_sure"), ("gan", "mse", "right")
    )
    rows += pair_rows(("gan", "jpeg", "left"))
    for number, row in enumerate(rows, 1):
        region = dict.fromkeys(PLACE, "") if number == 4 else PLACE
        row |= {"vote": number, "crop_x": 8, "tag": "t", "left_rate": 0.5, "right_rate": 0.5, **region}
    selection = selected(rows)
    found = list(csv.DictReader(regions_csv(selection, "gan", "mse").splitlines()))
    assert tuple(found[0]) == REGIONS_COLUMNS
    assert [(row["vote"], row["won"]) for row in found] == [("1", "hallucinated"), ("2", "faithful"), ("3", "not_sure")]
    for row in found:
        assert {name: int(row[name]) for name in PLACE} == PLACE
        assert (row["hallucinated"], row["faithful"], row["rate"], row["crop_x"]) == ("gan", "mse", "0.5", "8")
        assert (row["tag"], row["crop_y"], row["simulated"]) == ("t", "", "0")
        assert row["votes_sha256"] == selection.rated.sha256
    assert found[0]["source"] == "s1"


def test_the_worse_image_was_pressed_and_the_region_goes_with_the_other(selected: Selected) -> None:
    rows = [row | PLACE for row in pair_rows(("gan", "mse", "left"), asks_for="more_different")]
    (row,) = csv.DictReader(regions_csv(selected(rows), "gan", "mse").splitlines())
    assert (row["won"], row["asks_for"]) == ("faithful", "more_different")


@pytest.mark.parametrize("cells", [{}, dict.fromkeys(PLACE, "")])
def test_without_regions_there_is_no_table(selected: Selected, cells: dict[str, str]) -> None:
    assert not regions_csv(selected([row | cells for row in pair_rows(("gan", "mse", "left"))]), "gan", "mse")


def test_regions_replace_only_their_own_kind(tmp_path: Path, selected: Selected) -> None:
    beside = tmp_path / "regions.csv"
    assert regions_file(tmp_path / "labels.csv") == beside
    rows = [row | PLACE for row in pair_rows(("gan", "mse", "left"))]
    beside.write_text(regions_csv(selected(rows), "gan", "mse"))
    assert regions_file(tmp_path / "labels.csv") == beside
    beside.write_text("somebody's own")
    with pytest.raises(Refusal, match=r"regions.csv is no table of regions, so it is not replaced; move it"):
        regions_file(tmp_path / "labels.csv")
    with pytest.raises(Refusal, match="name the labels otherwise"):
        regions_file(beside)


def test_labels_put_marked_regions_beside(write_votes: Callable[[Rows], Path], tmp_path: Path) -> None:
    marked = {"region_x": 1, "region_y": 2, "region_width": 30, "region_height": 40}
    rows = vote_rows(1, {0.5: {"gan": 30, "mse": -30}})
    path = write_votes([row | (marked if place % 3 else dict.fromkeys(marked, "")) for place, row in enumerate(rows)])
    folder = tmp_path / "labels"
    folder.mkdir()
    words = ["labels", path, "--hallucinated", "gan@0.50", "--faithful", "mse@0.50", "-o", folder / "labels.csv"]
    words = [str(word) for word in words]
    assert f"160 regions: {folder / 'regions.csv'}" in CliRunner().invoke(cli, words).stdout
    assert len((folder / "regions.csv").read_text().splitlines()) == 161
    (folder / "labels.csv").unlink()
    (folder / "regions.csv").write_text("mine")
    refused = CliRunner().invoke(cli, words)
    assert refused.exit_code == 1
    assert "is no table of regions" in refused.stderr
    assert [entry.name for entry in folder.iterdir()] == ["regions.csv"]
