"""Formats with the columns of `votes.csv`: itself, the same as Parquet, and `plain`, with a winner for the choice.

`plain` is left, right and winner (left, right, or a word for a tie); further columns that have the name of one of
`votes.csv` are carried over. The left and right of the file are taken at their word.
"""

from analysis.converters.forms import NO_PARTICIPANT, Columns, Form, Reading, constant, each, names, words
from analysis.files import Cells
from analysis.votes import CHOICES, REQUIRED, VOTES_COLUMNS

TIES = ("tie", "tied", "draw", "equal", "same", "both", "not_sure", "not sure", "unsure")
PLAIN = ("left", "right", "winner")
WON = {"left": "left", "right": "right", **dict.fromkeys(TIES, "not_sure")}
KINDS = frozenset(CHOICES["kind"])


def _read_votes(table: Cells) -> Reading:
    return Reading({name: table.columns[name] for name in VOTES_COLUMNS if name in table.columns})


def _write_votes(votes: Columns) -> Columns:
    return {name: votes[name] for name in VOTES_COLUMNS if name in votes}


def _read_plain(table: Cells) -> Reading:
    columns: Columns = {"participant": constant(NO_PARTICIPANT, len(table))} | _read_votes(table).columns
    columns |= {name: names(columns[name]) for name in ("left", "right", "source", "tag") if name in columns}
    columns["choice"] = words(table, "winner", WON, f"write left, right, or {', '.join(TIES)}", "winner")
    return Reading(columns)


def _write_plain(votes: Columns) -> Columns:
    winner = {"left": "left", "right": "right", "not_sure": "tie"}
    written: Columns = {
        "left": votes["left"],
        "right": votes["right"],
        "winner": each(votes["choice"], winner.__getitem__),
    }
    return written | {name: cells for name, cells in _write_votes(votes).items() if name not in {*PLAIN, "choice"}}


FORMS = {
    "plain": Form(
        PLAIN,
        VOTES_COLUMNS,
        _read_plain,
        _write_plain,
        (("left", "right"), ("source",), ("tag",)),
        kinds=KINDS,
        own=True,
    ),
    "votes": Form(REQUIRED, VOTES_COLUMNS, _read_votes, _write_votes, kinds=KINDS, pressed=True, own=True),
    "parquet": Form(
        REQUIRED, VOTES_COLUMNS, _read_votes, _write_votes, kinds=KINDS, pressed=True, own=True, container="parquet"
    ),
}
