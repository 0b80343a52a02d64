"""How often 95% intervals hold the truth: `python -m tests.benchmarks.coverage_study --results cells.jsonl`.

Thousands of studies of each kind are made in `coverage_world`, rated, and the intervals of all differences held against
what a fit to the whole population would give. Each finished kind is a line of the results file: a run that was
interrupted goes on where it stopped, and `--studies` asks for more of them from other seeds. The table is printed.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass
from itertools import product
from pathlib import Path
from typing import Any
from zlib import crc32

import click
import numpy as np

from analysis.fitting import fitted, why_not
from analysis.intervals import OVERS, uncertainty
from analysis.models import DEFAULT
from analysis.votes import Floats
from tests.benchmarks.coverage_world import SEVEN, Kind, aims, draw, pairs

Z = 1.959964
Line = dict[str, Any]
GRID = tuple(
    Kind(participants, sources, person, image)
    for person, image, sources, participants in product((0.0, 80.0), (0.0, 80.0, 150.0), (10, 30), (15, 40))
)
OTHERS = {
    "nu 0.5: a fifth of the votes not sure": Kind(15, 10, 80.0, 80.0, not_sure=0.5),
    "nu 0.5, nothing clusters": Kind(40, 30, not_sure=0.5),
    "100 votes": Kind(10, 10, 80.0, 80.0, votes=100),
    "100 votes, nothing clusters": Kind(10, 10, votes=100),
    "40 x 38 votes, 7 conditions": Kind(40, 10, 80.0, 80.0, ratings=SEVEN),
    "40 x 38 votes, 7 conditions, 30 images": Kind(40, 30, 80.0, 80.0, ratings=SEVEN),
    "40 x 38 votes, 7 conditions, nothing clusters": Kind(40, 10, ratings=SEVEN),
    "little clusters": Kind(15, 10, 40.0, 40.0),
    "little clusters, 40 people": Kind(40, 10, 20.0, 40.0),
    "little clusters, 30 images": Kind(15, 30, 40.0, 20.0),
    "the fewest images": Kind(15, 5, 80.0, 80.0),
    "the fewest images, nothing clusters": Kind(15, 5),
}


@dataclass(frozen=True)
class Found:
    """What one study gave: by way (4,), in the order of `OVERS`, shares and means over the pairs.

    `covered` holds the share of all differences, `best` whether that of the two best in truth, `chosen` that of the two
    best as this study ranks them, `half` half the width, `error` the squared errors of the differences (pairs,).
    """

    covered: Floats
    best: Floats
    chosen: Floats
    half: Floats
    error: Floats


def studied(kind: Kind, seed: int) -> Found | None:
    """Return what one study gives; None where its votes determine no ratings, or not every interval."""
    counts = draw(kind, seed)
    if why_not(counts, DEFAULT):
        return None
    fit = fitted(counts, DEFAULT)
    first, second = pairs(len(kind.ratings))
    aim = aims(kind)
    missed = np.abs((fit.rating - aim)[first] - (fit.rating - aim)[second])
    margins = np.empty((len(OVERS), len(first)))
    for way, over in enumerate(OVERS):
        found = uncertainty(counts, fit, over)
        assert found is not None
        margins[way] = [found.between(i, j) for i, j in zip(first, second, strict=True)]  # None becomes NaN
    if np.isnan(margins).any():
        return None
    hit = missed <= margins
    top = np.sort(np.argsort(-fit.rating, kind="stable")[:2])
    at = int(np.flatnonzero((first == top[0]) & (second == top[1]))[0])
    return Found(hit.mean(axis=1), hit[:, 0] * 1.0, hit[:, at] * 1.0, margins.mean(axis=1), missed**2)


def cell(kind: Kind, seeds: Sequence[int]) -> Line:
    """Return a line of the results: coverage and width by way, each coverage with its Monte-Carlo standard error.

    `ideal` is half the mean width of intervals that knew the sampling error and were normal.
    """
    found = [one for seed in seeds if (one := studied(kind, seed)) is not None]
    ideal = Z * np.sqrt(np.mean([one.error for one in found], axis=0)).mean()
    line: Line = {"kind": asdict(kind), "studies": len(seeds), "unrated": len(seeds) - len(found)}
    line["ideal"] = float(ideal)
    for name in ("covered", "best", "chosen", "half"):
        values = np.array([getattr(one, name) for one in found])
        line[name] = values.mean(axis=0).tolist()
        line[f"{name}_error"] = (values.std(axis=0, ddof=1) / np.sqrt(len(found))).tolist()
    return line


def seeds_of(kind: Kind, studies: int) -> range:
    """Return seeds that no other kind has."""
    begin = crc32(repr(astuple(kind)).encode()) * 1_000_000
    return range(begin, begin + studies)


def lines_of(
    results: Path, kinds: Sequence[Kind], studies: int, make: Callable[[Kind, Sequence[int]], Line]
) -> list[Line]:
    """Return a line for each kind: from the results where it stands there, else made now and added to them."""
    text = results.read_text(encoding="utf-8") if results.exists() else ""
    done = {_key(line["kind"], line["studies"]): line for line in map(json.loads, text.splitlines())}
    found = []
    for kind in kinds:
        line = done.get(_key(asdict(kind), studies))
        if line is None:
            begin = time.perf_counter()
            line = json.loads(json.dumps(make(kind, seeds_of(kind, studies))))
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            click.echo(f"{kind}: {time.perf_counter() - begin:.0f} s", err=True)
        found.append(line)
    return found


def _key(kind: Line, studies: int) -> str:
    return json.dumps([kind, studies])


HEAD = (
    "P, S, person sd, image sd | **two-way** | its error | best and second | two best as found | width | of ideal "
    "| participants only | sources only | votes only"
)


def row(line: Line, name: str = "") -> str:
    """Return a row of the table in Markdown."""
    kind, covered, half = line["kind"], line["covered"], line["half"]
    what = ", ".join(f"{kind[part]:g}" for part in ("participants", "sources", "person", "image"))
    cells = [f"{what}{': ' + name if name else ''}", f"**{100 * covered[0]:.1f}**"]
    cells += [f"{100 * line['covered_error'][0]:.1f}", f"{100 * line['best'][0]:.1f}", f"{100 * line['chosen'][0]:.1f}"]
    cells += [f"{2 * half[0]:.0f}", f"{half[0] / line['ideal']:.2f}", *(f"{100 * share:.1f}" for share in covered[1:])]
    return f"| {' | '.join(cells)} |"


def table(grid: Sequence[Line], others: Sequence[Line]) -> str:
    """Return both tables and what they come to."""
    ruled = ["", f"| {HEAD} |", "|" + "---|" * len(HEAD.split("|"))]
    clustered = [line for line in grid if line["kind"]["person"] or line["kind"]["image"]]
    plain = [line for line in grid if line not in clustered]
    text = [*ruled, *map(row, grid), ""]
    lowest = min(grid, key=lambda line: line["covered"][0])
    text.append(
        f"Lowest {100 * lowest['covered'][0]:.1f} (error {100 * lowest['covered_error'][0]:.1f}); mean "
        f"{mean(clustered):.1f} where something clusters, {mean(plain):.1f} where nothing does."
    )
    text += [*ruled, *(row(line, name) for line, name in zip(others, OTHERS, strict=True)), ""]
    unrated = {name: line for line, name in zip(others, OTHERS, strict=True) if line["unrated"]}
    text += [
        f"{name}: {line['unrated']} of {line['studies']} had no ratings or not every interval."
        for name, line in unrated.items()
    ]
    return "\n".join(text)


def mean(lines: Sequence[Line]) -> float:
    """Return the mean coverage of the default interval, in percent."""
    return 100 * float(np.mean([line["covered"][0] for line in lines]))


@click.command()
@click.option("--studies", default=3000, show_default=True, type=click.IntRange(2), help="Of each kind.")
@click.option("--results", required=True, type=click.Path(path_type=Path), help="Finished kinds; goes on from there.")
def main(studies: int, results: Path) -> None:
    """Simulate and print the tables."""
    grid = lines_of(results, GRID, studies, cell)
    others = lines_of(results, list(OTHERS.values()), studies, cell)
    click.echo(table(grid, others))


if __name__ == "__main__":
    main()
