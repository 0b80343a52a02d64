"""Votes to labels: for each crop, the share of votes that the hallucinated side of a pair of conditions won."""

from collections.abc import Hashable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from analysis.files import Refusal, csv_text, number
from analysis.rating import rank
from analysis.selection import Selection
from analysis.votes import Votes

CROP = ("source", "source_sha256", "tag", "crop_x", "crop_y", "crop_width", "crop_height")
LABELS_COLUMNS = (
    *CROP,
    *("hallucinated", "faithful", "rate", "asks_for", "reference", "layout"),
    *("participants", "votes", "hallucinated_votes", "faithful_votes", "not_sure_votes"),
    *("share", "share_low", "share_high", "study", "config", "votes_sha256", "simulated", "view"),
)
GROUP = (*CROP, "rate")


def labels_csv(selection: Selection, hallucinated: str, faithful: str) -> str:
    """Return `labels.csv` of two conditions; refuse names that the votes do not hold, and votes without a source.

    Who won is meant, not which side was pressed: with a question that asks for the worse image the two differ.
    """
    votes = _of_pair(selection.rated, hallucinated, faithful)
    return csv_text(LABELS_COLUMNS, _rows(votes, selection, hallucinated, faithful))


def _of_pair(votes: Votes, hallucinated: str, faithful: str) -> Votes:
    known = sorted({votes.items[item].condition for item in np.union1d(votes.left, votes.right)})
    for condition in (hallucinated, faithful):
        if condition not in known:
            raise Refusal(f"{votes.path} rates no condition {condition}; it knows {', '.join(known)}.")
    if hallucinated == faithful:
        raise Refusal(f"{hallucinated} stands for both sides; name two different conditions.")
    left, right = votes.frame["left"], votes.frame["right"]
    straight = (left == hallucinated) & (right == faithful)
    swapped = (left == faithful) & (right == hallucinated)
    pair = votes.take((straight | swapped).to_numpy(bool))
    if not len(pair):
        raise Refusal(f"{votes.path} never compares {hallucinated} with {faithful}; name two conditions that were.")
    if pair.frame["source"].eq("").any():
        line = pair.lines[pair.frame["source"].eq("").to_numpy(bool)][0]
        raise Refusal(
            f"{votes.path}, line {line}, column source: empty, but a label belongs to a crop; name every source."
        )
    return pair


def _rows(votes: Votes, selection: Selection, hallucinated: str, faithful: str) -> Iterator[Mapping[str, object]]:
    frame = votes.frame
    won = np.where(frame["left"] == hallucinated, votes.outcome, -votes.outcome)
    rate = frame["left_rate"].where(frame["left_rate"] == frame["right_rate"])
    table = frame[[*CROP]].assign(rate=rate, won=won, participant=votes.participant)
    for column in ("crop_x", "crop_y", "crop_width", "crop_height", "rate"):
        table[column] = [number(None if np.isnan(value) else value) for value in table[column]]
    groups = sorted(table.groupby([*GROUP], sort=False), key=lambda group: _order(group[0]))
    for key, of_crop in groups:
        yield {
            **dict(zip(GROUP, key, strict=True)),
            "hallucinated": hallucinated,
            "faithful": faithful,
            **selection.asked,
            **_shares(of_crop),
            "votes_sha256": votes.sha256,
            "simulated": votes.simulated,
        }


def _order(key: tuple[Hashable, ...]) -> tuple[object, ...]:
    source, digest, tag, *crop_and_rate = key
    return source, digest, tag, *map(rank, crop_and_rate)


def _shares(of_crop: pd.DataFrame) -> dict[str, object]:
    """Return the counts and the share: posterior mean and central 95% interval under Beta(1/2, 1/2) (Jeffreys 1946)."""
    wins, losses = int((of_crop["won"] == 1).sum()), int((of_crop["won"] == -1).sum())
    not_sure = len(of_crop) - wins - losses
    a, b = wins + not_sure / 2 + 0.5, losses + not_sure / 2 + 0.5
    low, high = betaincinv(a, b, [0.025, 0.975])
    return {
        "participants": of_crop["participant"].nunique(),
        "votes": len(of_crop),
        "hallucinated_votes": wins,
        "faithful_votes": losses,
        "not_sure_votes": not_sure,
        "share": f"{a / (a + b):.6f}",
        "share_low": f"{low:.6f}",
        "share_high": f"{high:.6f}",
    }
