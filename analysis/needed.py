"""`needed.csv`: the votes that each pair of a study still needs until a difference of a wished size would be told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.alikeness import Alikeness, alikeness
from analysis.files import csv_text, number
from analysis.intervals import Over
from analysis.planning import (
    LEVEL,
    POWER,
    SPREAD,
    Clusters,
    correlation,
    exact_votes,
    most,
    preferred,
    votes_worth,
    worth,
)
from analysis.rating import Row, Scale
from analysis.scales import ELO
from analysis.selection import Selection
from analysis.votes import Floats

NEEDED_COLUMNS = tuple(
    """
    rate condition_a condition_b difference standard_error votes_needed votes wished participants sources
    participant_correlation source_correlation interval simulated votes_sha256
    """.split()
)


@dataclass(frozen=True)
class Wish:
    """What is to be told: a `difference` in Elo points, at a two-sided `level`, with a `power`.

    `participants` and `sources` are those that there will be in the end, None for those of each scale; `bonferroni`:
    the pairs of a scale share the level. The spreads, in Elo points, stand in where the votes tell no correlation.
    """

    difference: float = 50.0
    level: float = LEVEL
    power: float = POWER
    bonferroni: bool = False
    participants: int | None = None
    sources: int | None = None
    participant_spread: float = SPREAD
    source_spread: float = SPREAD


@dataclass(frozen=True)
class Pair:
    """A pair of items of a scale, with its direct `votes`, and the votes it still needs.

    `difference` (of the first less the second) and `standard_error` are in Elo points, None where there are none.
    `votes_needed` is None where no number of votes by so many participants on so many sources would do.
    """

    scale: Scale
    first: int
    second: int
    votes: int
    difference: float | None
    standard_error: float | None
    votes_needed: int | None


def correlations(scales: Sequence[Scale], wish: Wish) -> tuple[Alikeness, float, float]:
    """Return how alike the votes say that votes are, and the correlations to plan with: these, or those of a spread."""
    found = alikeness(*(scale.counts for scale in scales))
    people, images = found.participants, found.sources
    return (
        found,
        correlation(wish.participant_spread, wish.source_spread) if people is None else people,
        correlation(wish.source_spread, wish.participant_spread) if images is None else images,
    )


def needed(scales: Sequence[Scale], wish: Wish) -> Iterator[Pair]:
    """Give every pair of conditions of every scale, with the votes that it still needs.

    What is there already counts as far as the standard error of the rated difference says, indirect votes included;
    further votes are taken to be direct ones, by as many participants and on as many sources as `wish` says.
    """
    _, people, images = correlations(scales, wish)
    for scale in scales:
        ways, counts, n = clusters(scale, wish, people, images), scale.counts, len(scale.counts.items)
        tests = n * (n - 1) // 2 if wish.bonferroni else 1
        wanted = exact_votes(wish.difference, wish.level / tests, wish.power)
        errors, table = _errors(scale), np.zeros((n, n), np.int64)
        table[counts.first, counts.second] = counts.table.sum(axis=1)
        for first, second in zip(*np.triu_indices(n, 1), strict=True):
            votes, error = int(table[first, second]), float(errors[first, second])
            ahead = float(scale.rating[first] - scale.rating[second]) if scale.fit else None
            have = worth(votes, *ways) if votes else 0.0
            if ahead is not None and error > 0:
                p = preferred(ahead)
                have = ELO**2 / (error**2 * p * (1 - p))
            more = _more(have, wanted, ways)
            yield Pair(scale, int(first), int(second), votes, ahead, error if error > 0 else None, more)


def clusters(scale: Scale, wish: Wish, people: float, images: float) -> tuple[Clusters, ...]:
    """Return what clusters the votes of a scale, as far as its intervals speak of it."""
    over: Over = scale.over if scale.over != "none" else scale.settings.over
    ways = []
    if over in ("both", "participants"):
        ways.append(Clusters(wish.participants or scale.counts.participants, people))
    if over in ("both", "sources") and (sources := wish.sources or scale.counts.sources):
        ways.append(Clusters(sources, images))
    return tuple(ways)


def _more(have: float, wanted: float, ways: tuple[Clusters, ...]) -> int | None:
    """Return the votes that lift what is worth `have` independent votes to `wanted` of them."""
    if have >= wanted:
        return 0
    if wanted >= most(*ways):
        return None
    goal, there = votes_worth(wanted, *ways), votes_worth(have, *ways) if have > 0 else 0.0
    return None if goal is None or there is None else int(np.ceil(goal - there - 1e-9))


def _errors(scale: Scale) -> Floats:
    """Return the standard errors (n, n) of the differences in Elo points; NaN where there is none."""
    n = len(scale.counts.items)
    if scale.uncertainty is None:
        return np.full((n, n), np.nan)
    return np.where(scale.uncertainty.lone, np.nan, np.sqrt(scale.uncertainty.variances()))


def told(scales: Sequence[Scale], wish: Wish) -> list[str]:
    """Return what to know of the votes that are needed, a sentence each."""
    found, people, images = correlations(scales, wish)
    from_votes = [name for name in ("participants", "sources") if getattr(found, name) is not None]
    assumed = [name for name in ("participants", "sources") if getattr(found, name) is None]
    lines = [f"Intraclass correlations: {people:.3f} by participants, {images:.3f} by sources."]
    if assumed:
        known = f", those by {' and '.join(from_votes)} from the votes" if from_votes else ""
        lines.append(f"Too few votes tell the one by {' and '.join(assumed)}: a spread is assumed{known}.")
    every = list(needed(scales, wish))
    if never := sum(pair.votes_needed is None for pair in every):
        lines.append(
            f"{never} of {len(every)} pairs: no number of votes by so many participants on so many images tells "
            f"{wish.difference:g} Elo points; plan with more --participants and --sources, or a larger --difference."
        )
    return lines


def needed_csv(scales: Sequence[Scale], selection: Selection, wish: Wish) -> str:
    """Return `needed.csv`, scales by rate, pairs in the order of their names."""
    made_from = {"simulated": selection.rated.simulated, "votes_sha256": selection.rated.sha256}
    return csv_text(NEEDED_COLUMNS, [{**row, **made_from} for row in needed_rows(scales, wish)])


def needed_rows(scales: Sequence[Scale], wish: Wish) -> list[Row]:
    """Return the rows of `needed.csv`, without what every file says of the votes."""
    _, people, images = correlations(scales, wish)
    return [_row(pair, wish, people, images) for pair in needed(scales, wish)]


def _row(pair: Pair, wish: Wish, people: float, images: float) -> Row:
    a, b = pair.scale.counts.items[pair.first], pair.scale.counts.items[pair.second]
    return {
        "rate": number(a.rate) if a.rate == b.rate else "",
        "condition_a": a.condition,
        "condition_b": b.condition,
        "difference": "" if pair.difference is None else f"{pair.difference:.3f}",
        "standard_error": "" if pair.standard_error is None else f"{pair.standard_error:.3f}",
        "votes_needed": pair.votes_needed,
        "votes": pair.votes,
        "wished": number(wish.difference),
        "participants": wish.participants or pair.scale.counts.participants,
        "sources": wish.sources or pair.scale.counts.sources,
        "participant_correlation": f"{people:.4g}",
        "source_correlation": f"{images:.4g}",
        "interval": "none" if pair.standard_error is None else pair.scale.over,
    }
