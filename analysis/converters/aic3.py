"""JPEG AIC-3 (ISO/IEC 29170-3): triplets around the source, answered with the side that differs more from it.

The columns are those of the response files that the JPEG AIC group published (boosted triplets, `BTC`, and plain ones
with a toggle, `PTC`). A condition is `codec@level`, level 0 of codec 0 is the source: `reference`. Boosted and plain
triplets are different tasks, so `method` becomes `layout`, and is never pooled.
"""

from datetime import datetime

from analysis.converters.forms import (
    FLAGS,
    Columns,
    Form,
    Reading,
    alike,
    as_flags,
    carried,
    column,
    combined,
    constant,
    content,
    each,
    filled,
    holds,
    named,
    names,
    parsed,
    utc,
    words,
)
from analysis.files import Cells

AIC3 = ("worker", "codec_left", "codec_right", "dlevel_left", "dlevel_right", "response")
USED = tuple(
    """
    assignment method task question_id img_num codec_pivot dlevel_pivot is_same is_cross is_bias is_trap question_order
    submission_time response_time reload_count toggle_count simulated """.split()
)
SIDES = {"left": "left", "right": "right", "not sure": "not_sure", "not_sure": "not_sure"}
REFERENCES = {"btc": "always", "ptc": "on_demand", "iptc": "on_demand"}
SOURCE = "reference"


def _read(table: Cells) -> Reading:
    columns = carried(
        table,
        participant="worker",
        session="assignment",
        block="task",
        trial="question_id",
        position="question_order",
        flips="toggle_count",
        reloads="reload_count",
    )
    columns["asks_for"] = constant("more_different", len(table))
    columns["choice"] = words(table, "response", SIDES, "write left, right or not sure")
    if "img_num" in table.columns:
        columns["source"] = names(table.columns["img_num"])
    if "method" in table.columns:
        columns["layout"] = each(table.columns["method"], str.lower)
        columns["reference"] = each(columns["layout"], lambda method: REFERENCES.get(method, ""))
    for side in ("left", "right"):
        codecs = table.columns[f"codec_{side}"]
        columns[side] = combined(_condition, codecs, table.columns[f"dlevel_{side}"])
        columns[f"{side}_codec"] = each(codecs, lambda codec: "" if codec in {"0", ""} else named(codec))
    columns |= _kinds(table)
    if "response_time" in table.columns:
        columns["response_ms"] = parsed(table, "response_time", _milliseconds, "not seconds", "write a number")
    if "submission_time" not in table.columns:
        return Reading(columns)
    remedy = "write it as in 2024-01-10T12:00:00Z"
    columns["voted_at"] = parsed(table, "submission_time", _moment, "not an ISO 8601 time", remedy)
    unknown = (holds(table.columns["submission_time"], bool) & ~holds(columns["voted_at"], bool)).sum()
    told = f"{unknown} times of submission name no time zone and are left out"
    return Reading(columns, (told,) if unknown else ())


def _milliseconds(cell: str) -> str:
    return format(1000 * float(cell), ".10g")


def _condition(codec: str, level: str) -> str:
    if codec == "0":
        return SOURCE
    return named(f"{codec}@{level}" if level else codec)


def _moment(cell: str) -> str:
    """Return an ISO time in UTC; one that names no zone cannot be."""
    moment = datetime.fromisoformat(cell)
    return utc(moment) if moment.tzinfo else ""


def _kinds(table: Cells) -> Columns:
    """Return kinds, and of catch trials the known answer: the more distorted side differs more."""
    traps, bias = (
        words(table, name, FLAGS | {"": "0"}, "write 0 or 1") if name in table.columns else constant("0", len(table))
        for name in ("is_trap", "is_bias")
    )
    levels = (table.columns["dlevel_left"], table.columns["dlevel_right"])
    return {
        "kind": combined(_kind, traps, bias),
        "expected": combined(lambda trap, *pair: _more(*pair) if trap == "1" else "", traps, *levels),
    }


def _kind(trap: str, same: str) -> str:
    return "catch" if trap == "1" else "identical" if same == "1" else "rating"


def _more(left: str, right: str) -> str:
    try:
        difference = float(left) - float(right)
    except ValueError:
        return ""
    return "left" if difference > 0 else "right" if difference < 0 else ""


def _write(votes: Columns) -> Columns:
    sides = ("left", "right")
    whole = {side: (votes[side], column(votes, f"{side}_codec")) for side in sides}
    codecs, levels = (
        {side: combined(lambda name, codec, at=at: _parts(name, codec)[at], *whole[side]) for side in sides}
        for at in (0, 1)
    )
    same = alike(codecs["left"], codecs["right"])
    kinds = column(votes, "kind", "rating")
    pivot = constant("0", len(same))
    written: Columns = filled(votes, assignment="session") | {"worker": votes["participant"]}
    if content(votes.get("layout", ())):
        written["method"] = each(votes["layout"], str.upper)
    written |= filled(votes, task="block", question_id="trial", img_num="source")
    written |= {f"codec_{side}": cells for side, cells in codecs.items()}
    written |= {f"dlevel_{side}": cells for side, cells in levels.items()}
    written |= {"codec_pivot": pivot, "dlevel_pivot": pivot}
    written |= {"is_same": as_flags(same), "is_cross": as_flags(~same)}
    for name, ours in (("is_bias", "identical"), ("is_trap", "catch")):
        written[name] = as_flags(holds(kinds, ours.__eq__))
    written |= filled(votes, question_order="position")
    written["response"] = each(votes["choice"], lambda choice: choice.replace("_", " "))
    written |= filled(votes, submission_time="voted_at", reload_count="reloads", toggle_count="flips")
    if content(times := column(votes, "response_ms")):
        written["response_time"] = each(times, lambda cell: cell and format(float(cell) / 1000, ".10g"))
    return written


def _parts(condition: str, codec: str) -> tuple[str, str]:
    """Return codec and level of a condition; one that would not come back from them is its own codec."""
    if condition == SOURCE:
        return "0", "0"
    if codec and condition.startswith(f"{codec}@"):
        parts = codec, condition[len(codec) + 1 :]
    else:
        name, _, level = condition.partition("@")
        parts = name, level
    return parts if _condition(*parts) == condition else (condition, "")


FORMS = {
    "aic3": Form(
        AIC3,
        USED,
        _read,
        _write,
        (("codec_left", "codec_right"), ("img_num",)),
        kinds=frozenset(("rating", "catch", "identical")),
        pressed=True,
    )
}
