"""Votes whose pairs were drawn by earlier votes: ratings from all votes, and from those drawn without looking.

A likelihood takes no harm from such a plan as long as the model holds; where it does not, ratings lean on the pairs
that the plan preferred. So the two stand side by side. Win rates, base rates and the evaluation of anything that
predicts votes belong to the random share, or to weights of 1 / probability.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.parts import bare
from analysis.rating import Scale, Settings, rate
from analysis.selection import Selection

BLIND = ("balanced", "full", "random")  # strategies that look at no answer, only at how often a pair was asked


@dataclass(frozen=True)
class Shares:
    """Ratings from all votes and from the random share, and how many votes that are; `probability` where all say it.

    `lowest` is the smallest probability with which a vote's pair was drawn: the largest weight is its inverse.
    """

    votes: int
    random_votes: int
    strategies: tuple[str, ...]
    lowest: float | None
    everything: tuple[Scale, ...]
    random: tuple[Scale, ...]


def shares(selection: Selection, settings: Settings, scales: Sequence[Scale]) -> Shares | None:
    """Rate the random share beside `scales`, which are of all votes; None where no vote's pair was drawn adaptively."""
    strategy = selection.rated.frame["strategy"]
    named = sorted(str(name) for name in strategy.unique() if name)
    if not set(named) - set(BLIND):
        return None
    blind = strategy.isin(BLIND).to_numpy(bool)
    probability = selection.rated.frame["probability"].to_numpy(float)
    votes = bare(selection.rated).take(blind)
    random = (
        rate(replace(selection, rated=votes), replace(settings, anchor=""), ("bradley-terry",)) if len(votes) else ()
    )
    lowest = None if np.isnan(probability).any() else float(probability.min())
    return Shares(len(strategy), len(votes), tuple(named), lowest, tuple(scales), random)
