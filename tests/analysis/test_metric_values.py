"""Metrics of stimuli.csv: their polarity, ties, missing and infinite values, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.files import Refusal, Table
from analysis.metric_values import measure
from analysis.selection import Selection
from analysis.stimuli import read_stimuli, shown_rows
from tests.analysis.made_metrics import stimuli, study
from tests.analysis.made_votes import Rows, write_csv

Selected = Callable[..., Selection]


@pytest.fixture
def table(tmp_path: Path) -> Callable[[Rows], Table]:
    return lambda rows: read_stimuli(write_csv(tmp_path / "stimuli.csv", rows))


def test_names_tell_polarity_and_options_the_rest(selected: Selected, table: Callable[[Rows], Table]) -> None:
    rows, quality, _ = study(1, participants=5, votes=10)
    names = ("psnr", "ms_ssim", "lpips_squeeze", "dists", "mine", "yours", "ours")
    found = measure(table(stimuli(rows, **dict.fromkeys(names, quality))), selected(rows).rated, ["mine"], ["yours"])
    assert {metric.name: metric.lower for metric in found.metrics} == {
        "psnr": False,
        "ms_ssim": False,
        "lpips_squeeze": True,
        "dists": True,
        "mine": True,
        "yours": False,
    }
    assert found.unused == ("ours",)
    votes = selected(rows).rated
    for name, place in zip(names, range(6), strict=False):
        sign = -1 if name in ("lpips_squeeze", "dists", "mine") else 1
        for vote, gap in enumerate(found.difference(place)):
            left, right = (quality[votes.frame["source"].iloc[vote], votes.frame[side].iloc[vote]] for side in SIDES)
            assert gap == pytest.approx(sign * (left - right), abs=1e-8)


SIDES = ("left", "right")


def test_ties_missing_and_infinite_values(selected: Selected, table: Callable[[Rows], Table]) -> None:
    rows, quality, _ = study(1, participants=1, sources=1, votes=1)
    votes = selected(rows).rated
    both = stimuli(rows, psnr=quality)
    left = next(row for row in both if row["condition"] == rows[0]["left"])
    right = next(row for row in both if row is not left)
    for cells, expected in (
        (("inf", "inf"), 0.0),
        (("inf", "30"), np.inf),
        (("30", "30"), 0.0),
        (("31", "30"), 1.0),
        (("", "30"), np.nan),
    ):
        left["psnr"], right["psnr"] = cells
        assert measure(table(both), votes).difference(0).tolist() == pytest.approx([expected], nan_ok=True)


@pytest.mark.parametrize(
    ("change", "lower", "said"),
    [
        ({}, ["vmafx"], r"has no metric vmafx \(its metrics: lpips\); name one of its columns"),
        ({"lpips": "bad"}, [], r"line 2, column lpips: not a number 'bad'; leave it empty"),
        ({"lpips": "nan"}, [], r"line 2, column lpips: not a number 'nan'"),
        ({"sha256": "0"}, [], r"holds no .*; give the stimuli\.csv of the study"),
    ],
)
def test_bad_metrics_are_refused(
    selected: Selected, table: Callable[[Rows], Table], change: dict[str, object], lower: list[str], said: str
) -> None:
    rows, quality, _ = study(1, participants=5, votes=30)
    changed = stimuli(rows, lpips=quality)
    changed[0] |= change
    with pytest.raises(Refusal, match=said):
        measure(table(changed), selected(rows).rated, lower)


def test_stimuli_without_metrics_are_refused(selected: Selected, table: Callable[[Rows], Table]) -> None:
    rows, quality, _ = study(1, participants=5, votes=10)
    with pytest.raises(Refusal, match=r"holds no metric; add columns such as psnr"):
        measure(table(stimuli(rows, mine=quality)), selected(rows).rated)


def test_under_context_the_larger_window_and_the_crop_tell_the_stimulus(
    selected: Selected, table: Callable[[Rows], Table]
) -> None:
    rows, quality, _ = study(1, participants=3, sources=2, votes=10)
    shown = [row | {"view": "context"} for row in rows]
    both = [
        row | {"context_sha256": row["sha256"], "sha256": f"crop {number}"}
        for number, row in enumerate(stimuli(rows, psnr=quality))
    ]
    both += [row | {"crop_x": 99, "psnr": "0"} for row in both]
    votes = selected(shown).rated
    left, right = shown_rows(table(both), votes)
    assert max(left.max(), right.max()) < len(both) // 2
    assert [both[row]["condition"] for row in left] == votes.frame["left"].tolist()
    with pytest.raises(Refusal, match="column context_sha256 is missing"):
        shown_rows(table(stimuli(rows, psnr=quality)), votes)
