"""The proofs in small: intervals cover, a true tie is not told apart, a published mistake is not repeated.

The whole of them, with thousands of studies of each kind, is `tests/benchmarks/coverage_study.py` and its neighbours;
docs/proofs-of-ratings.md has their tables.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.counts import count
from analysis.fitting import fitted
from analysis.intervals import OVERS
from analysis.models import DEFAULT
from analysis.votes import Item, Votes
from tests.analysis.made_votes import write_csv
from tests.benchmarks import coverage_study, coverage_ties, hific, negative_control
from tests.benchmarks.coverage_world import Kind, aims, counted, draw

BOTH, VOTES = OVERS.index("both"), OVERS.index("votes")


def good(share: float, error: float) -> bool:
    """Whether a simulated coverage may be one of at least 95%, but for chance (3 standard errors)."""
    return share + 3 * error >= 0.95


@pytest.mark.parametrize(
    "kind", [Kind(15, 10, 80.0, 0.0), Kind(15, 10, 0.0, 80.0), Kind(40, 30, 80.0, 80.0, not_sure=0.5), Kind(15, 30)]
)
def test_the_default_interval_covers_and_votes_alone_do_not(kind: Kind) -> None:
    """200 studies x 6 pairs. The same bar that the default passes has to fail votes alone where anything clusters."""
    line = coverage_study.cell(kind, range(200))
    assert line["unrated"] == 0
    assert good(line["covered"][BOTH], line["covered_error"][BOTH])
    assert good(line["best"][BOTH], line["best_error"][BOTH])
    assert good(line["covered"][VOTES], line["covered_error"][VOTES]) != kind.clusters
    assert 0.8 < line["half"][BOTH] / line["ideal"] < 1.5


def test_the_committed_grid_is_the_one_that_was_asked_for() -> None:
    kinds = {(kind.participants, kind.sources, kind.person, kind.image) for kind in coverage_study.GRID}
    assert len(kinds) == len(coverage_study.GRID) == 2 * 2 * 2 * 3
    assert {part[2] for part in kinds} == {0, 80}
    assert {part[3] for part in kinds} == {0, 80, 150}
    starts = [coverage_study.seeds_of(kind, 3000) for kind in (*coverage_study.GRID, *coverage_ties.KINDS)]
    assert len({seed for seeds in starts for seed in (seeds[0], seeds[-1])}) == 2 * len(starts)


@pytest.mark.parametrize("not_sure", [0.0, 0.5])
def test_the_aim_is_what_an_endless_study_gives(not_sure: float) -> None:
    """So many people and images that the fit to their votes is that of the population, within 4 standard errors."""
    kind = Kind(40_000, 40_000, 80.0, 80.0, votes=400_000, not_sure=not_sure)
    found = fitted(draw(kind, 3), DEFAULT).rating
    error = 173.7 * np.sqrt(2 / (0.2 * 100_000))
    assert np.abs(found - aims(kind)).max() < 4 * error
    assert np.abs(aims(kind) - np.array(kind.ratings)).max() > 4 * error  # the population's scale is shrunk
    assert aims(Kind(9, 9, not_sure=not_sure)) == pytest.approx(kind.ratings, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_counts_of_codes_are_those_of_the_counter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(3, size=60)
    second = (first + rng.integers(1, 3, size=60)) % 3
    who, where, outcome = rng.integers(4, size=60), rng.integers(5, size=60), rng.integers(-1, 2, size=60)
    items = tuple(Item(None, f"c{index}", "") for index in range(3))
    names = tuple("01234")
    votes = Votes(Path("v"), "", np.arange(60), None, items, names, names, first, second, who, where, outcome)
    (theirs,) = count(votes)
    won = np.where(first < second, outcome, -outcome)
    pair = np.array([[-1, 0, 1], [0, -1, 2], [1, 2, -1]])[first, second]
    ours = counted(3, who, where, 3 * pair + np.array([2, 0, 1])[won])
    used = ours.table.sum(axis=1) > 0
    assert (ours.table[used] == theirs.table).all()
    place = np.cumsum(used) - 1
    rows = {
        (person, image, 3 * place[cell // 3] + cell % 3, votes)
        for person, image, cell, votes in zip(ours.participant, ours.source, ours.cell, ours.cell_votes, strict=True)
    }
    assert rows == set(zip(theirs.participant, theirs.source, theirs.cell, theirs.cell_votes, strict=True))


def test_an_interrupted_study_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage_study, "GRID", (Kind(15, 10), Kind(15, 10, 80.0)))
    monkeypatch.setattr(coverage_study, "OTHERS", {"100 votes": Kind(10, 10, votes=60)})
    words = ["--studies", "4", "--results", str(tmp_path / "cells.jsonl")]
    whole = CliRunner().invoke(coverage_study.main, words)
    assert whole.exit_code == 0, whole.output
    lines = (tmp_path / "cells.jsonl").read_text().splitlines()
    assert len(lines) == 3
    (tmp_path / "cells.jsonl").write_text(lines[1] + "\n")
    again = CliRunner().invoke(coverage_study.main, words)
    assert again.stdout == whole.stdout
    assert sorted((tmp_path / "cells.jsonl").read_text().splitlines()) == sorted(lines)
    assert "| 15, 10, 80, 0 | **" in whole.stdout
    assert [json.loads(line)["studies"] for line in lines] == [4, 4, 4]


def rare(line: coverage_study.Line, name: str) -> bool:
    """Whether a simulated share may be one of at most 5%, but for chance (3 standard errors of 5%)."""
    studies = line["studies"] - line["unrated"]
    return bool(line[name][0] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies))


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (Kind(15, 10, 80.0, 150.0, ratings=coverage_ties.EQUAL), ("pair", "family")),
        (Kind(15, 10, 80.0, 0.0, ratings=coverage_ties.EQUAL), ("pair", "family", "participants", "flipped_family")),
        (Kind(15, 10, 0.0, 150.0, ratings=coverage_ties.EQUAL), ("pair", "family", "sources")),
        (Kind(15, 10, 80.0, 80.0, ratings=coverage_ties.MIDDLE), ("pair", "family")),
    ],
)
def test_one_look_at_a_true_tie_keeps_its_level(kind: Kind, kept: tuple[str, ...]) -> None:
    """200 studies. Sign flips hold the other kind of cluster fixed, so they keep theirs only where that is nothing."""
    line = coverage_ties.cell(kind, range(200))
    assert all(rare(line, name) for name in kept)
    if kind.person and kind.image:
        assert not rare(line, "participants")


def test_the_table_of_ties_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage_ties, "KINDS", (Kind(6, 6, votes=200, ratings=coverage_ties.MIDDLE),))
    done = CliRunner().invoke(coverage_ties.main, ["--studies", "3", "--results", str(tmp_path / "ties.jsonl")])
    assert done.exit_code == 0, done.output
    assert "| 6, 6, 0, 0, two of four tie | " in done.stdout


def test_the_negative_control_comes_out_the_right_way_round() -> None:
    """Marker beat MinerU 53:26. The published ranking, which said otherwise, comes from its method, not from votes."""
    found = negative_control.rated(rounds=1500)
    counts = negative_control.votes()
    marker, mineru = (negative_control.NAMES.index(name) for name in ("Marker", "MinerU"))
    pair = int(np.flatnonzero((counts.first == marker) & (counts.second == mineru))[0])
    assert counts.table[pair].tolist() == [53, 26, 0]
    assert counts.votes == 452
    assert found.blocks == pytest.approx(negative_control.PUBLISHED, abs=15)
    assert found.blocks[marker] < found.blocks[mineru] - 50
    assert found.elo[marker] > found.elo[mineru] + 50
    assert found.bradley_terry[marker] - found.bradley_terry[mineru] > found.margin
    assert np.abs(found.elo - found.bradley_terry).max() < 20
    assert "| Marker | 1429 | " in negative_control.table(found)


@pytest.fixture
def hific_folder(tmp_path: Path) -> Path:
    """Votes as HiFiC published them, in two files, beside a table of something else."""
    kind = Kind(12, 9, 80.0, 80.0, votes=600, ratings=(100.0, 0.0, -100.0))
    counts, names = draw(kind, 5), ("ours_gan_low", "ours_lpips_low", "minnen")
    rows = []
    for row in range(len(counts.cell)):
        pair, outcome = divmod(int(counts.cell[row]), 3)
        ends = [names[counts.first[pair]], names[counts.second[pair]]]
        cells = {"rater": counts.participant[row], "seq": 0, "image": f"i{counts.source[row]}.png", "x": 0, "y": 0}
        cells |= {"w": 64, "h": 64, "winner": ends[outcome], "loser": ends[1 - outcome], "random_choice": 0}
        rows += [cells] * int(counts.cell_votes[row])
    rows = [row | {"seq": number} for number, row in enumerate(rows)]
    write_csv(tmp_path / "first.csv", rows[:300])
    write_csv(tmp_path / "second.csv", rows[300:])
    write_csv(tmp_path / "other.csv", [{"a": 1}])
    return tmp_path


def test_hific_has_four_bars_a_method(hific_folder: Path, tmp_path: Path) -> None:
    words = [str(hific_folder), "-o", str(tmp_path / "table.md"), "--picture", str(tmp_path / "bars.svg")]
    done = CliRunner().invoke(hific.main, words)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("600 votes of 12 raters on 9 images; left out: none.\n")
    assert (tmp_path / "table.md").read_text() == done.stdout
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows] == ["| method", "| ours_gan_low", "| ours_lpips_low", "| minnen", *rows[-1][:1]]
    assert rows[-1][0] == "| ours_gan_low less ours_lpips_low"
    for row in rows[1:]:
        both, raters, images, votes = map(int, row[2:6])
        assert both >= max(raters, images) > votes
    assert (tmp_path / "bars.svg").read_text().count('stroke-width="3"') == 4 * 3 + 4


def test_a_folder_without_hific_is_one_sentence(tmp_path: Path) -> None:
    write_csv(tmp_path / "other.csv", [{"a": 1}])
    done = CliRunner().invoke(hific.main, [str(tmp_path)])
    assert done.exit_code == 1
    assert "holds no CSV file with them: HiFiC's votes have one header with image, loser" in done.stderr


def test_hific_itself(human_votes: Path) -> None:
    """The order that is known, and bars that images widen most: three times those over votes for the best method."""
    selection = hific.read(human_votes)
    found = hific.bars(selection)
    names = [found.counts.items[item].condition for item in np.argsort(-found.rating)]
    assert names[:3] == ["ours_gan_high", "ours_gan_med", "bpg_med_3_v2"]
    assert names[-1] == "minnen_mse_low"
    assert found.counts.votes == 3404
    both, raters, images, votes = found.margins
    assert (images[found.rating.argmax()] / votes[found.rating.argmax()]) > 2.5
    assert (both >= np.maximum(raters, images) - 15).all()
    assert found.pair > found.pair_margins.max()
