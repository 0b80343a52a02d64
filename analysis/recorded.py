"""What was recorded beside the votes: the frozen study, the sessions, who could see ratings, and how each vote came.

All of it is optional, and what is not there stays empty: a checklist then says "not recorded".
"""

import hashlib
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analysis.columns import Column, beginnings
from analysis.files import Cells, Refusal, Table, parse_plain, parse_table, read_bytes
from analysis.groups import read_sessions
from analysis.votes import REQUIRED, Ints, Votes

CIRCUMSTANCES = ("voted_at", "zoomed", "device_pixels_per_pixel", "pixel_exact", "bytes_verified")
DAY = len("2024-12-31")
HISTORY_REQUIRED = ("did", "sessions", "votes")
SEEN = {
    "uncovered": "Ratings were uncovered while the study took votes ({often}, first with {sessions} complete sessions "
    "and {votes} rating votes): who stops when something is separated finds too much, and no p or interval knows it.",
    "looked": "Ratings were looked at while the study took votes, as it had planned ({often}, first with {sessions} "
    "complete sessions and {votes} rating votes): each look has a part of alpha alone, as the frozen study says.",
}
"""What history.csv calls it when ratings could be seen before the study had closed, and what the report says then."""
Section = Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """What lies beside the votes; `design` is empty where there is none, `notes` say what was found and not used.

    `seen` says how often ratings came into view before the study had closed, by the words of `history.csv`; empty where
    that does not lie there. `in_view` says the same in sentences. `circumstances` holds, for the columns of
    `CIRCUMSTANCES` that the file has, how many rated votes say what; of `voted_at` the day alone. Empty cells do not
    count.
    """

    design: Mapping[str, Section] = field(default_factory=dict)
    sessions: Table | None = None
    circumstances: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seen: Mapping[str, int] = field(default_factory=dict)
    in_view: tuple[str, ...] = ()

    def setting(self, section: str, name: str) -> Any:
        """Return what the frozen study says; None where it says nothing."""
        return self.design.get(section, {}).get(name)


def recorded(rated: Votes, sessions: Table | None = None, table: Cells | None = None) -> Recorded:
    """Read what lies beside the file of these votes; `sessions` replaces the `sessions.csv` there.

    `table` is that file where it was read already.

    A `design.toml` that is not the one of the votes (by its digest) is left aside, and a note says so. Raises `Refusal`
    for files that cannot be read.
    """
    folder = rated.path.parent
    design, notes = _design(folder / "design.toml", set(rated.frame["config"].unique()))
    beside = folder / "sessions.csv"
    if sessions is None and beside.is_file():
        sessions = read_sessions(beside)
    seen, told = _seen(folder / "history.csv") if design else ({}, [])
    return Recorded(design, sessions, _circumstances(rated, table), tuple(notes), seen, tuple(told))


def _design(path: Path, configs: set[str]) -> tuple[Mapping[str, Section], list[str]]:
    if not path.is_file():
        return {}, []
    data = read_bytes(path)
    if configs != {hashlib.sha256(data).hexdigest()}:
        return {}, ["the design.toml beside the votes is not the one that they name, and was left aside"]
    try:
        return tomllib.loads(data.decode()), []
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refusal(f"{path} cannot be read ({error}); export the votes again.") from None


def _seen(path: Path) -> tuple[Mapping[str, int], list[str]]:
    """Return how often ratings came into view while votes came in, and a sentence for each way in which they did."""
    if not path.is_file():
        return {}, []
    data = read_bytes(path)
    if len(data.splitlines()) == 1:  # the header alone: nothing was done yet, as in a simulated copy
        return dict.fromkeys(SEEN, 0), []
    table = parse_table(path, data, HISTORY_REQUIRED)
    did, sessions, votes = (table.columns[name] for name in HISTORY_REQUIRED)
    often = {word: did.count(word) for word in SEEN}
    told = []
    for word, times in often.items():
        if times:
            first = did.index(word)
            said = "once" if times == 1 else f"{times} times"
            told.append(SEEN[word].format(often=said, sessions=sessions[first], votes=votes[first]))
    return often, told


def _circumstances(rated: Votes, table: Cells | None) -> Mapping[str, Mapping[str, int]]:
    if table is None and not rated.path.is_file():
        return {}
    table = table or parse_plain(rated.path, read_bytes(rated.path), REQUIRED)
    if table.sha256 != rated.sha256:
        return {}
    row = np.searchsorted(np.asarray(table.lines), rated.lines)
    there = [name for name in CIRCUMSTANCES if name in table.columns]
    return {name: _tally(beginnings(table.columns, name, DAY), row) for name in there}


def _tally(column: Column, row: Ints) -> Mapping[str, int]:
    often = np.bincount(column.code[row], minlength=len(column.cells))
    found: Counter[str] = Counter()
    for cell, votes in zip(column.cells, often.tolist(), strict=True):
        if cell and votes:
            found[cell] += votes
    return found
