"""stimuli.csv beside the votes: matched by hash, averaged by condition."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.files import Refusal, Table
from analysis.selection import Selection
from analysis.stimuli import STIMULI_REQUIRED, measured, read_stimuli
from tests.analysis.made_votes import Rows, stimulus_rows, vote_rows, write_csv

Selected = Callable[..., Selection]


@pytest.fixture
def rows() -> Rows:
    return vote_rows(5, {0.3: {"avif": 0, "jpeg": 0}, 0.5: {"avif": 0, "jpeg": 0}}, sources=4, votes=30)


@pytest.fixture
def stimuli(tmp_path: Path) -> Callable[[Rows], Table]:
    return lambda rows: read_stimuli(write_csv(tmp_path / "stimuli.csv", rows))


def test_means_are_of_what_was_shown(selected: Selected, stimuli: Callable[[Rows], Table], rows: Rows) -> None:
    of_rows = stimulus_rows(rows)
    unseen = of_rows[0] | {"source": "photo-99", "source_sha256": "99", "sha256": "99", "bpp": 9.9, "psnr": 99}
    second_crop = of_rows[0] | {"crop_x": 200, "psnr": "inf"}
    found = measured(stimuli([*of_rows, unseen, second_crop]), selected(rows).rated)
    assert found.mean[0.3, "avif@0.30"]["bpp"] == pytest.approx(0.3 + 0.01 + 0.0015)
    assert found.mean[0.5, "jpeg@0.50"]["psnr"] == pytest.approx(35 - 0.01 + 0.0015, abs=0.01)
    assert found.mean[0.5, "jpeg@0.50"]["ms_ssim"] is None
    assert found.mean[0.5, "avif@0.50"]["ms_ssim"] == pytest.approx(0.95)
    assert found.codec[0.5, "jpeg@0.50"] == "jpeg"


def test_bits_count_once_a_source_and_metrics_once_a_crop(
    selected: Selected, stimuli: Callable[[Rows], Table], rows: Rows
) -> None:
    votes = [row for row in rows if row["left_rate"] == 0.3 and "photo-00" in str(row["source"])]
    other = [row for row in rows if row["left_rate"] == 0.3 and "photo-01" in str(row["source"])]
    crops = [vote | {"crop_x": 200, "vote": 1000 + number} for number, vote in enumerate(votes)]
    for vote in crops:
        vote["left_sha256"], vote["right_sha256"] = (f"crop {vote[side]}" for side in ("left", "right"))
    shown = votes + other + crops
    of_rows = stimulus_rows(votes + other) + [row | {"crop_x": 200, "psnr": 60} for row in stimulus_rows(crops)]
    found = measured(stimuli(of_rows), selected(shown).rated).mean[0.3, "avif@0.30"]
    assert found["bpp"] == pytest.approx(0.3 + 0.01 + 0.0005)
    assert found["psnr"] == pytest.approx((33.01 + 33.01 + 60) / 3, abs=0.01)


def test_identical_pixels_have_infinite_psnr(selected: Selected, stimuli: Callable[[Rows], Table], rows: Rows) -> None:
    of_rows = stimulus_rows(rows)
    of_rows[0]["psnr"] = "inf"
    key = float(str(of_rows[0]["rate"])), str(of_rows[0]["condition"])
    assert measured(stimuli(of_rows), selected(rows).rated).mean[key]["psnr"] == np.inf


@pytest.mark.parametrize("column", ["sha256", "condition", "source"])
def test_other_stimuli_are_refused(
    selected: Selected, stimuli: Callable[[Rows], Table], rows: Rows, column: str
) -> None:
    of_rows = stimulus_rows(rows)
    of_rows[0][column] = "other"
    with pytest.raises(
        Refusal, match=r"column (left|right)_sha256: .* holds no .*; give the stimuli\.csv of the study"
    ):
        measured(stimuli(of_rows), selected(rows).rated)


def test_votes_without_hashes_are_refused(selected: Selected, stimuli: Callable[[Rows], Table], rows: Rows) -> None:
    of_rows = stimulus_rows(rows)
    with pytest.raises(Refusal, match="line 2, column left_sha256: the votes carry no hashes"):
        measured(stimuli(of_rows), selected([row | {"left_sha256": ""} for row in rows]).rated)


@pytest.mark.parametrize("name", STIMULI_REQUIRED)
def test_every_required_column_is_demanded(stimuli: Callable[[Rows], Table], rows: Rows, name: str) -> None:
    with pytest.raises(Refusal, match=f"the column {name} is missing"):
        stimuli([{key: cell for key, cell in row.items() if key != name} for row in stimulus_rows(rows)])


@pytest.mark.parametrize(("column", "cell"), [("bpp", "nan"), ("bpp", "inf"), ("psnr", "x"), ("ms_ssim", "inf")])
def test_bad_numbers_are_refused(stimuli: Callable[[Rows], Table], rows: Rows, column: str, cell: str) -> None:
    of_rows = stimulus_rows(rows)
    of_rows[2][column] = cell
    with pytest.raises(Refusal, match=f"line 4, column {column}: not a number '{cell}'"):
        stimuli(of_rows)
