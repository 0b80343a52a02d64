"""How often a true tie is told apart: `python -m tests.benchmarks.coverage_ties --results ties.jsonl`.

Studies of conditions that the population likes equally, while single people and images do not: one look at the votes of
each, through `analysis.verdicts` as the command uses it. A pair's p and its interval say the same by construction, and
that is checked. In the last kinds only the two middle ones of four conditions tie.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from analysis.fitting import fitted, why_not
from analysis.intervals import uncertainty
from analysis.models import DEFAULT
from analysis.rating import Scale
from analysis.verdicts import ALPHA, Judged, judged
from tests.benchmarks.coverage_study import Line, lines_of
from tests.benchmarks.coverage_world import Kind, draw

EQUAL, MIDDLE = (0.0, 0.0, 0.0, 0.0), (60.0, 0.0, 0.0, -60.0)
KINDS = (
    *(
        Kind(participants, sources, person, image, ratings=EQUAL)
        for participants, sources in ((15, 10), (40, 30))
        for person, image in ((0.0, 0.0), (80.0, 0.0), (0.0, 150.0), (80.0, 150.0))
    ),
    Kind(15, 10, 80.0, 80.0, ratings=EQUAL, not_sure=0.5),
    Kind(15, 10, 80.0, 80.0, ratings=MIDDLE),
    Kind(40, 30, 80.0, 80.0, ratings=MIDDLE),
)
COUNTED = {
    "pair": "p below 0.05",
    "participants": "sign flips by participant",
    "sources": "sign flips by image",
    "family": "any verdict (Holm)",
    "flipped_family": "any by sign flips (Holm)",
}


def looked_at(kind: Kind, seed: int) -> Judged | None:
    """Return the verdicts on one study; None where its votes determine no ratings."""
    counts = draw(kind, seed)
    if why_not(counts, DEFAULT):
        return None
    fit = fitted(counts, DEFAULT)
    scale = Scale(counts, over="both", fit=fit, uncertainty=uncertainty(counts, fit, "both"))
    return judged((scale,), seed=seed % 2**32)[0]


def alarms(kind: Kind, seed: int) -> dict[str, float] | None:
    """Return for one study the shares of tied pairs that each test tells apart, and whether any is (1 or 0)."""
    found = looked_at(kind, seed)
    if found is None:
        return None
    tied = [one for one in found.verdicts if kind.ratings[one.better] == kind.ratings[one.other]]
    for one in tied:
        assert one.margin is not None
        assert (one.p < ALPHA) == (one.difference > one.margin)
    flips = {"participants": [one.participants for one in tied], "sources": [one.sources for one in tied]}
    shares = {name: float(np.mean([bool(flip) and flip.p < ALPHA for flip in some])) for name, some in flips.items()}
    return shares | {
        "pair": float(np.mean([one.p < ALPHA for one in tied])),
        "family": float(any(one.word == "better" for one in tied)),
        "flipped_family": float(any(one.participants_holm <= ALPHA for one in tied)),
    }


def cell(kind: Kind, seeds: Sequence[int]) -> Line:
    """Return the shares of all studies of a kind, each with its Monte-Carlo standard error."""
    every = [one for seed in seeds if (one := alarms(kind, seed)) is not None]
    line: Line = {"kind": asdict(kind), "studies": len(seeds), "unrated": len(seeds) - len(every)}
    for name in COUNTED:
        values = np.array([one[name] for one in every])
        line[name] = [float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))]
    return line


def row(line: Line) -> str:
    """Return a row of the table: percent, with twice the standard error."""
    kind = line["kind"]
    what = ", ".join(f"{kind[part]:g}" for part in ("participants", "sources", "person", "image"))
    what += ", nu 0.5" if kind["not_sure"] else ""
    what += ", two of four tie" if any(kind["ratings"]) else ""
    shares = [f"{100 * line[name][0]:.1f} +- {200 * line[name][1]:.1f}" for name in COUNTED]
    return f"| {' | '.join([what, *shares])} |"


def table(lines: Sequence[Line]) -> str:
    """Return the table in Markdown."""
    head = f"| P, S, person sd, image sd | {' | '.join(COUNTED.values())} |"
    return "\n".join([head, "|" + "---|" * (len(COUNTED) + 1), *map(row, lines)])


@click.command()
@click.option("--studies", default=2000, show_default=True, type=click.IntRange(2), help="Of each kind.")
@click.option("--results", required=True, type=click.Path(path_type=Path), help="Finished kinds; goes on from there.")
def main(studies: int, results: Path) -> None:
    """Simulate and print the table."""
    click.echo(table(lines_of(results, KINDS, studies, cell)))


if __name__ == "__main__":
    main()
