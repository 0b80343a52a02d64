"""Battles as Chatbot Arena publishes them: `model_a` was left, `model_b` right, `winner` names one, a tie, or neither.

A battle in which both were bad says as little about which is better as a tie does: both become `not_sure`.
"""

from datetime import UTC, datetime

from analysis.converters.forms import (
    FLAGS,
    NO_PARTICIPANT,
    Columns,
    Form,
    Reading,
    carried,
    constant,
    content,
    each,
    filled,
    holds,
    names,
    parsed,
    utc,
    words,
)
from analysis.files import Cells

ARENA = ("model_a", "model_b", "winner")
USED = ("question_id", "judge", "anony", "tstamp", "simulated")
BAD = ("tie (bothbad)", "bothbad", "both_bad")
WINNERS = {"model_a": "left", "model_b": "right", "tie": "not_sure", **dict.fromkeys(BAD, "not_sure")}


def _read(table: Cells) -> Reading:
    rows = len(table)
    told = {"participant": NO_PARTICIPANT, "kind": "rating", "layout": "side_by_side"}
    columns: Columns = {name: constant(cell, rows) for name, cell in told.items()}
    columns |= carried(table, participant="judge", trial="question_id")
    columns |= {"left": names(table.columns["model_a"]), "right": names(table.columns["model_b"])}
    columns["choice"] = words(table, "winner", WINNERS, f"write {', '.join(WINNERS)}", "winner")
    notes = []
    if bad := holds(table.columns["winner"], lambda cell: cell.strip().lower() in BAD).sum():
        notes.append(f"{bad} battles in which both were bad are not_sure, as ties are")
    if "tstamp" in table.columns:
        columns["voted_at"] = parsed(table, "tstamp", _moment, "not seconds since 1970", "write a number")
    if shown := _shown(table):
        notes.append(f"{shown} battles showed the models' names; Arena's own ratings leave them out, they are kept")
    return Reading(columns, tuple(notes))


def _shown(table: Cells) -> int:
    """Return in how many battles the models were not anonymous."""
    if "anony" not in table.columns:
        return 0
    return int(holds(words(table, "anony", FLAGS | {"": ""}, "write true or false"), "0".__eq__).sum())


def _moment(cell: str) -> str:
    return utc(datetime.fromtimestamp(float(cell), UTC))


def _write(votes: Columns) -> Columns:
    winner = {"left": "model_a", "right": "model_b", "not_sure": "tie"}
    written = filled(votes, question_id="trial") | {"model_a": votes["left"], "model_b": votes["right"]}
    written |= {"winner": each(votes["choice"], winner.__getitem__), "judge": votes["participant"]}
    written["anony"] = constant("true", len(votes["choice"]))
    if content(votes.get("voted_at", ())):
        written["tstamp"] = each(votes["voted_at"], _seconds)
    return written


def _seconds(cell: str) -> str:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return ""
    return format(moment.timestamp(), ".3f") if moment.tzinfo else ""


FORMS = {
    "arena": Form(
        ARENA,
        USED,
        _read,
        _write,
        (("model_a", "model_b"),),
        container="json",
        literal=frozenset(("anony", "tstamp", "simulated")),
    )
}
