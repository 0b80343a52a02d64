"""What divides the votes: sources, tags, both halves of each session, participants, and what these said of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.files import Table, read_table
from analysis.parts import labels
from analysis.votes import Floats, Ints, Votes

SESSIONS_REQUIRED = ("participant", "session")
GROUPS = ("age_band", "vision", "display", "language", "browser", "touch", "colour_gamut")
HALVES = ("first half", "second half")

Labelled = tuple[str, Sequence[str], Ints]


def read_sessions(path: Path) -> Table:
    """Read a `sessions.csv`; refuse one that says of no session whose it is."""
    table = read_table(path, SESSIONS_REQUIRED)
    for column in SESSIONS_REQUIRED:
        for row, cell in enumerate(table.columns[column]):
            if not cell:
                table.refuse(row, column, "empty", "export the file again")
    return table


def labelled(votes: Votes, sessions: Table | None = None) -> Iterator[Labelled]:
    """Give each way of dividing the votes: its name, the parts' names, and each vote's part (-1: none).

    Only those that the files say something about; the halves of a session are by position.
    """
    yield "source", *labels(votes, "source")
    yield "tag", *labels(votes, "tag")
    yield "half of session", HALVES, halves(votes)
    yield "participant", votes.participants, votes.participant
    for column in GROUPS if sessions else ():
        yield column, *_group(votes, sessions, column)


def halves(votes: Votes) -> Ints:
    """Return the half of its session (0 or 1) in which each vote lies, -1 where the file has no positions.

    A session is halved at the median position of its votes; without `session` all votes of a participant are one.
    """
    position: Floats = votes.frame["position"].to_numpy(float)
    named = (votes.frame["session"] != "").to_numpy(bool)
    if np.isnan(position).any():
        return np.full(len(votes), -1)
    session = votes.participant
    if named.all():
        session = pd.factorize(votes.frame["session"])[0]
    order = np.lexsort((position, session))
    begins = np.flatnonzero(np.diff(session[order], prepend=-1))
    sizes = np.diff(np.append(begins, len(order)))
    place = np.empty(len(votes), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(begins, sizes) >= np.repeat((sizes + 1) // 2, sizes)
    return place


def _group(votes: Votes, sessions: Table | None, column: str) -> tuple[Sequence[str], Ints]:
    """Return what a column of `sessions.csv` says of the session of each vote; nothing where it is empty."""
    if sessions is None or column not in sessions.columns:
        return (), np.full(len(votes), -1)
    said = sessions.columns[column]
    of_session = dict(zip(zip(*(sessions.columns[name] for name in SESSIONS_REQUIRED), strict=True), said, strict=True))
    names = sorted({cell for cell in said if cell})
    people = np.array(votes.participants, object)[votes.participant]
    keys = zip(people.tolist(), votes.frame["session"], strict=True)
    found = [of_session.get(key, "") for key in keys]
    number = {name: at for at, name in enumerate(names)}
    return names, np.array([number.get(cell, -1) for cell in found], np.int64)
