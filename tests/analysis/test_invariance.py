"""Nothing depends on what has no meaning: names, sides, the order of rows, who is called what."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.counts import count
from analysis.elo import EloSettings, histories
from analysis.files import csv_text
from analysis.fitting import fitted
from analysis.intervals import OVERS, uncertainty
from analysis.models import Model
from analysis.outcomes import TIES
from analysis.selection import select
from analysis.votes import Floats, parse_votes
from tests.analysis.made_votes import Rows, vote_rows

MODELS = [
    Model(link, ties, side, ridge)
    for link, kinds in TIES.items()
    for ties in kinds
    for side, ridge in ((False, 0.0), (True, 0.0), (True, 0.5))
]
NAMED = pytest.mark.parametrize("model", MODELS, ids=lambda model: "-".join(map(str, vars(model).values())))
VOTES = vote_rows(4, {0.5: {"x": 60, "y": 0, "z": -60}}, participants=9, sources=7, votes=30, not_sure=0.15)
NEW = {"x": "z", "y": "x", "z": "y"}


def swapped(rows: Rows) -> Rows:
    """The same winners, with the sides of every vote exchanged."""
    other = {"left": "right", "right": "left", "not_sure": "not_sure"}
    pairs = [name for name in rows[0] if name.startswith("left")]
    return [
        row
        | {name: row[name.replace("left", "right")] for name in pairs}
        | {name.replace("left", "right"): row[name] for name in pairs}
        | {"choice": other[str(row["choice"])]}
        for row in rows
    ]


def renamed(rows: Rows) -> Rows:
    """The same votes about conditions that exchanged their names."""
    return [
        row
        | {side: f"{NEW[str(row[f'{side}_codec'])]}@0.50" for side in ("left", "right")}
        | {f"{side}_codec": NEW[str(row[f"{side}_codec"])] for side in ("left", "right")}
        for row in rows
    ]


def shuffled(rows: Rows) -> Rows:
    return [rows[at] for at in np.random.default_rng(1).permutation(len(rows))]


def strangers(rows: Rows) -> Rows:
    """Other pseudonyms, and other names of the images."""
    return [
        row
        | {"participant": f"q{99 - int(str(row['participant'])[1:])}", "source_sha256": str(row["source_sha256"])[::-1]}
        for row in rows
    ]


def found(rows: Rows, model: Model) -> tuple[Floats, Floats, float | None]:
    """Ratings (3,), margins (ways, 3, 3) of all differences and single ratings, and the side bias."""
    (counts,) = count(select(parse_votes(Path("votes.csv"), csv_text(list(rows[0]), rows).encode())).rated)
    fit = fitted(counts, model)
    margins = []
    for over in OVERS:
        interval = uncertainty(counts, fit, over)
        assert interval is not None
        margins.append([[interval.between(i, None if i == j else j) for j in range(3)] for i in range(3)])
    return fit.rating, np.array(margins, float), fit.side


@NAMED
@pytest.mark.parametrize("change", [shuffled, strangers])
def test_order_and_pseudonyms_do_not_matter(model: Model, change: Callable[[Rows], Rows]) -> None:
    before, after = found(VOTES, model), found(change(VOTES), model)
    assert after[0] == pytest.approx(before[0], abs=1e-7)
    assert after[1] == pytest.approx(before[1], abs=1e-6)
    assert after[2] == (before[2] if before[2] is None else pytest.approx(before[2], abs=1e-9))


@NAMED
def test_ratings_and_intervals_follow_the_names(model: Model) -> None:
    before, after = found(VOTES, model), found(renamed(VOTES), model)
    new = np.array([2, 0, 1])  # x, y, z are now z, x, y
    assert after[0][new] == pytest.approx(before[0], abs=1e-7)
    assert after[1][:, new][:, :, new] == pytest.approx(before[1], abs=1e-6)


@NAMED
def test_exchanged_sides_turn_the_side_bias_and_nothing_else(model: Model) -> None:
    before, after = found(VOTES, model), found(swapped(VOTES), model)
    assert after[0] == pytest.approx(before[0], abs=1e-7)
    assert after[1] == pytest.approx(before[1], abs=1e-6)
    if before[2] is not None and after[2] is not None:
        assert after[2] == pytest.approx(-before[2], abs=1e-9)
        assert abs(before[2]) > 1e-4


@pytest.mark.parametrize("replay", ["resamples", "shuffles"])
def test_elo_follows_the_votes(replay) -> None:
    """Sides, order of rows and pseudonyms leave every round as it is; names leave the rounds' distribution."""
    settings = EloSettings(rounds=3000, replay=replay)

    def rounds(rows: Rows) -> Floats:
        (counts,) = count(select(parse_votes(Path("votes.csv"), csv_text(list(rows[0]), rows).encode())).rated)
        return histories(counts, settings, counts.votes)

    before = rounds(VOTES)
    for change in (swapped, shuffled, strangers):
        assert np.array_equal(rounds(change(VOTES)), before)
    after, spread = rounds(renamed(VOTES))[[2, 0, 1]], before.std(axis=1)
    assert not np.array_equal(after, before)
    assert np.abs(after.mean(axis=1) - before.mean(axis=1)).max() < 5 * spread.max() * np.sqrt(2 / 3000)
    assert after.std(axis=1) == pytest.approx(spread, rel=5 / np.sqrt(3000))
