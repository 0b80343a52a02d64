"""Votes to labels: for each crop, the share of votes that the hallucinated side of a pair of conditions won.

Where participants marked the region that decided, each such vote has its region beside: what was preferred, and where.
"""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from analysis.files import Refusal, csv_text, number
from analysis.rating import rank
from analysis.selection import Selection
from analysis.votes import REGION, Votes

CROP = ("source", "source_sha256", "tag", "crop_x", "crop_y", "crop_width", "crop_height")
LABELS_COLUMNS = (
    *CROP,
    *("hallucinated", "faithful", "rate", "asks_for", "reference", "layout"),
    *("participants", "votes", "hallucinated_votes", "faithful_votes", "not_sure_votes"),
    *("share", "share_low", "share_high", "study", "config", "votes_sha256", "simulated", "view"),
)
GROUP = (*CROP, "rate")
REGIONS_COLUMNS = (
    *CROP,
    *("hallucinated", "faithful", "rate", "asks_for", "vote", "won", *REGION),
    *("study", "config", "votes_sha256", "simulated"),
)


def labels_csv(selection: Selection, hallucinated: str, faithful: str) -> str:
    """Return `labels.csv` of two conditions; refuse names that the votes do not hold, and votes without a source.

    Who won is meant, not which side was pressed: with a question that asks for the worse image the two differ.
    """
    votes = _of_pair(selection.rated, hallucinated, faithful)
    return csv_text(LABELS_COLUMNS, _rows(votes, selection, hallucinated, faithful))


def regions_csv(selection: Selection, hallucinated: str, faithful: str) -> str:
    """Return `regions.csv` of the same votes as `labels_csv`, a row a vote with a region; empty where none has one."""
    votes = _of_pair(selection.rated, hallucinated, faithful)
    if REGION[0] not in votes.frame or votes.frame[REGION[0]].isna().all():
        return ""
    marked = votes.take(votes.frame[REGION[0]].notna().to_numpy(bool))
    return csv_text(REGIONS_COLUMNS, _region_rows(marked, selection, hallucinated, faithful))


def regions_file(labels: Path) -> Path:
    """Return where regions stand beside a labels.csv; refuse to replace what is no such file."""
    path = labels.with_name("regions.csv")
    if path == labels:
        raise Refusal(f"{labels} is the place of the regions beside; name the labels otherwise.")
    if path.exists() and not (path.is_file() and path.read_bytes().startswith(",".join(REGIONS_COLUMNS).encode())):
        raise Refusal(f"{path} is no table of regions, so it is not replaced; move it, or write to another folder.")
    return path


def _region_rows(
    votes: Votes, selection: Selection, hallucinated: str, faithful: str
) -> Iterator[Mapping[str, object]]:
    won = np.where(votes.frame["left"] == hallucinated, votes.outcome, -votes.outcome)
    words = {1: "hallucinated", -1: "faithful", 0: "not_sure"}
    given = {name: selection.asked[name] for name in ("asks_for", "study", "config")}
    numbers = ("crop_x", "crop_y", "crop_width", "crop_height", "vote", *REGION)
    for at, cells in enumerate(votes.frame.to_dict("records")):
        yield {
            **{name: cells[name] for name in CROP},
            **{name: _number(cells[name]) for name in numbers},
            "hallucinated": hallucinated,
            "faithful": faithful,
            "rate": _number(cells["left_rate"]) if cells["left_rate"] == cells["right_rate"] else "",
            "won": words[int(won[at])],
            **given,
            "votes_sha256": votes.sha256,
            "simulated": votes.simulated,
        }


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
        table[column] = [_number(value) for value in table[column]]
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


def _number(value: float) -> str:
    return number(None if np.isnan(value) else value)


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
