"""A published ranking that its own votes contradict: `python -m tests.benchmarks.negative_control`.

452 human votes on four programs that read PDF files, counts per pair (olmOCR's technical report, arXiv 2502.18443, and
the table in its repository). Marker had beaten MinerU 53 to 26, and the published "bootstrapped Elo" put MinerU 116
points above Marker. Its bootstrap draws whole rows of the table, six pairs, where it has to draw votes, and it replays
all wins of a row's first program before all of its second one's, so with K 32 whoever stands second ends high.

The method is written anew below from that description; beside it stand the same votes through `analysis`.
"""

from dataclasses import dataclass

import click
import numpy as np

from analysis.counts import Counts
from analysis.elo import PRESETS, replayed
from analysis.fitting import fitted
from analysis.intervals import uncertainty
from analysis.models import DEFAULT
from analysis.votes import Floats
from tests.benchmarks.coverage_world import counted

NAMES = ("olmOCR", "Marker", "MinerU", "GOT-OCR")
PUBLISHED = (1813.0, 1429.1, 1545.2, 1212.7)
ROWS = ((1, 2, 53, 26), (2, 0, 22, 55), (3, 1, 26, 45), (1, 0, 31, 49), (3, 0, 29, 41), (3, 2, 38, 37))
"""First and second program of each row of the published table, and the wins of both, in its order."""
START, K = 1500.0, 32.0


@dataclass(frozen=True)
class Rated:
    """Ratings (4,) by each method, in the order of `NAMES`; `margin` is that of Marker less MinerU over votes."""

    blocks: Floats
    elo: Floats
    bradley_terry: Floats
    margin: float


def by_blocks(rounds: int, shuffles: int, seed: int) -> Floats:
    """Return the mean ratings (4,) of the published method: `rounds` draws of rows, each in `shuffles` orders."""
    rng = np.random.default_rng(seed)
    drawn = np.repeat(rng.integers(len(ROWS), size=(rounds, len(ROWS))), shuffles, axis=0)
    ratings = np.full((len(drawn), len(NAMES)), START)
    for slot in rng.permuted(drawn, axis=1).T:
        for row, (first, second, won, lost) in enumerate(ROWS):
            lanes = slot == row
            ahead = ratings[lanes, first] - ratings[lanes, second]
            gained = np.zeros(len(ahead))
            for score in [1.0] * won + [0.0] * lost:
                gained += K * (score - 1 / (1 + 10 ** (-(ahead + 2 * gained) / 400)))
            ratings[lanes, first] += gained
            ratings[lanes, second] -= gained
    return np.asarray(ratings.mean(axis=0))


def votes() -> Counts:
    """Return the counts; the table names neither raters nor pages, so each vote stands for itself."""
    order = {pair: at for at, pair in enumerate(zip(*np.triu_indices(len(NAMES), 1), strict=True))}
    cells = []
    for first, second, won, lost in ROWS:
        pair, swapped = order[min(first, second), max(first, second)], first > second
        cells += [3 * pair + swapped] * won + [3 * pair + (not swapped)] * lost
    return counted(len(NAMES), np.arange(len(cells)), np.zeros(len(cells), int), np.array(cells))


def rated(rounds: int = 1000, shuffles: int = 10, seed: int = 1) -> Rated:
    """Rate the votes in all three ways."""
    counts = votes()
    fit = fitted(counts, DEFAULT)
    found = uncertainty(counts, fit, "votes")
    assert found is not None
    margin = found.between(1, 2)
    assert margin is not None
    elo = START + replayed(counts, PRESETS["olmocr"]).rating
    return Rated(by_blocks(rounds, shuffles, seed), elo, START + fit.rating, margin)


def table(found: Rated) -> str:
    """Return the table in Markdown, and the verdict on the pair."""
    lines = [
        "| | published | rows, in blocks (written anew) | votes drawn, Elo K 32 | Bradley-Terry |",
        "|---|---|---|---|---|",
    ]
    for at, name in enumerate(NAMES):
        cells = (PUBLISHED[at], found.blocks[at], found.elo[at], found.bradley_terry[at])
        lines.append(f"| {name} | " + " | ".join(f"{value:.0f}" for value in cells) + " |")
    ahead = found.bradley_terry[1] - found.bradley_terry[2]
    return "\n".join(
        [
            *lines,
            "",
            f"Marker less MinerU by Bradley-Terry: {ahead:.0f} +- {found.margin:.0f} points (95%, over votes).",
        ]
    )


@click.command()
@click.option(
    "--rounds", default=5000, show_default=True, type=click.IntRange(1), help="Draws of the published method."
)
def main(rounds: int) -> None:
    """Print all ratings side by side."""
    click.echo(table(rated(rounds, 100)))


if __name__ == "__main__":
    main()
