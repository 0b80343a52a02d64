"""What this project does with the same votes, from integer codes to the numbers, counting included."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis import bradley_terry as bt
from analysis.bootstrap import bootstrap
from analysis.counts import Counts, count
from analysis.elo import EloSettings, replayed
from analysis.intervals import uncertainty
from analysis.votes import Item, Votes
from tests.benchmarks.peers import Made, Work


def coded(votes: Made, *, clusters: bool) -> Votes:
    """Return the votes as `analysis` holds them; without `clusters` all are of one person, on no named image."""
    one = np.zeros_like(votes.left)
    return Votes(
        path=Path("votes.csv"),
        sha256="",
        lines=np.arange(len(one)) + 2,
        frame=pd.DataFrame(index=pd.RangeIndex(len(one))),
        items=tuple(Item(None, f"system-{index:03d}", "") for index in range(votes.n)),
        participants=tuple(map(str, range(40 if clusters else 1))),
        sources=tuple(map(str, range(30))) if clusters else (),
        left=votes.left,
        right=votes.right,
        participant=votes.person if clusters else one,
        source=votes.image if clusters else one - 1,
        outcome=votes.outcome,
    )


def _counted(votes: Votes) -> Counts:
    return count(votes)[0]


def our_bootstrap(votes: Made, rounds: int) -> Work:
    """Bradley-Terry, ties half a win as the peers take them."""
    data = coded(votes, clusters=False)
    return lambda: bootstrap(_counted(data), "votes", rounds, 1, ties="half").interval()


def our_fit(votes: Made, _rounds: int) -> Work:
    """One fit of Davidson's model."""
    data = coded(votes, clusters=False)

    def work() -> bt.Fit:
        counts = _counted(data)
        return bt.fit(counts.first, counts.second, counts.table)

    return work


def our_elo(votes: Made, rounds: int) -> Work:
    """Elo, K 32, resampled."""
    data = coded(votes, clusters=False)
    return lambda: replayed(_counted(data), EloSettings(rounds=rounds))


def our_intervals(votes: Made, _rounds: int) -> Work:
    """A fit with two-way clustered intervals over 40 people and 30 images."""
    data = coded(votes, clusters=True)

    def work() -> object:
        counts = _counted(data)
        return uncertainty(counts, bt.fit(counts.first, counts.second, counts.table), "both")

    return work
