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
    as_flags,
    carried,
    column,
    each,
    filled,
    named,
    names,
    parsed,
    utc,
    words,
)
from analysis.files import Table

AIC3 = ("worker", "codec_left", "codec_right", "dlevel_left", "dlevel_right", "response")
USED = tuple(
    """
    assignment method task question_id img_num codec_pivot dlevel_pivot is_same is_cross is_bias is_trap question_order
    submission_time response_time reload_count toggle_count simulated """.split()
)
SIDES = {"left": "left", "right": "right", "not sure": "not_sure", "not_sure": "not_sure"}
REFERENCES = {"btc": "always", "ptc": "on_demand", "iptc": "on_demand"}
SOURCE = "reference"


def _read(table: Table) -> Reading:
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
    columns["asks_for"] = ["more_different"] * len(table)
    columns["choice"] = words(table, "response", SIDES, "write left, right or not sure")
    if "img_num" in table.columns:
        columns["source"] = names(table.columns["img_num"])
    if "method" in table.columns:
        columns["layout"] = each(table.columns["method"], str.lower)
        columns["reference"] = each(columns["layout"], lambda method: REFERENCES.get(method, ""))
    for side in ("left", "right"):
        pairs = list(zip(table.columns[f"codec_{side}"], table.columns[f"dlevel_{side}"], strict=True))
        columns[side] = [_condition(codec, level) for codec, level in pairs]
        columns[f"{side}_codec"] = ["" if codec in {"0", ""} else named(codec) for codec, _ in pairs]
    columns |= _kinds(table)
    if "response_time" in table.columns:
        columns["response_ms"] = parsed(table, "response_time", _milliseconds, "not seconds", "write a number")
    if "submission_time" not in table.columns:
        return Reading(columns)
    remedy = "write it as in 2024-01-10T12:00:00Z"
    columns["voted_at"] = parsed(table, "submission_time", _moment, "not an ISO 8601 time", remedy)
    unknown = sum(map(bool, table.columns["submission_time"])) - sum(map(bool, columns["voted_at"]))
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


def _kinds(table: Table) -> Columns:
    """Return kinds, and of catch trials the known answer: the more distorted side differs more."""
    traps, bias = (
        words(table, name, FLAGS | {"": "0"}, "write 0 or 1") if name in table.columns else ["0"] * len(table)
        for name in ("is_trap", "is_bias")
    )
    levels = zip(table.columns["dlevel_left"], table.columns["dlevel_right"], strict=True)
    return {
        "kind": [
            "catch" if trap == "1" else "identical" if same == "1" else "rating"
            for trap, same in zip(traps, bias, strict=True)
        ],
        "expected": [_more(*pair) if trap == "1" else "" for trap, pair in zip(traps, levels, strict=True)],
    }


def _more(left: str, right: str) -> str:
    try:
        difference = float(left) - float(right)
    except ValueError:
        return ""
    return "left" if difference > 0 else "right" if difference < 0 else ""


def _write(votes: Columns) -> Columns:
    sides = {side: _parts(votes, side) for side in ("left", "right")}
    same = [one[0] == other[0] for one, other in zip(sides["left"], sides["right"], strict=True)]
    kinds = votes.get("kind") or ["rating"] * len(same)
    pivot = ["0"] * len(same)
    written: Columns = filled(votes, assignment="session") | {"worker": votes["participant"]}
    if any(votes.get("layout", ())):
        written["method"] = each(votes["layout"], str.upper)
    written |= filled(votes, task="block", question_id="trial", img_num="source")
    written |= {f"codec_{side}": [codec for codec, _ in parts] for side, parts in sides.items()}
    written |= {f"dlevel_{side}": [level for _, level in parts] for side, parts in sides.items()}
    written |= {"codec_pivot": pivot, "dlevel_pivot": pivot}
    written |= {"is_same": as_flags(same), "is_cross": as_flags(not alike for alike in same)}
    for name, ours in (("is_bias", "identical"), ("is_trap", "catch")):
        written[name] = as_flags(kind == ours for kind in kinds)
    written |= filled(votes, question_order="position")
    written["response"] = each(votes["choice"], lambda choice: choice.replace("_", " "))
    written |= filled(votes, submission_time="voted_at", reload_count="reloads", toggle_count="flips")
    if any(times := column(votes, "response_ms")):
        written["response_time"] = each(times, lambda cell: cell and format(float(cell) / 1000, ".10g"))
    return written


def _parts(votes: Columns, side: str) -> list[tuple[str, str]]:
    """Return codec and level of a side's conditions."""
    parts = []
    for condition, codec in zip(votes[side], column(votes, f"{side}_codec"), strict=True):
        if condition == SOURCE:
            parts.append(("0", "0"))
        elif codec and condition.startswith(f"{codec}@"):
            parts.append((codec, condition[len(codec) + 1 :]))
        else:
            name, _, level = condition.partition("@")
            parts.append((name, level))
    return parts


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
