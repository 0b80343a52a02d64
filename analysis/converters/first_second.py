"""Formats whose rows name a first and a second condition, in an order that is no side: pwcmp, and elo_rater_model.

`elo` is what google-research's elo_rater_model reads and mucped23's answers.csv (which lacks raters and golden
questions). `pwcmp` is the table of pwcmp's and ASAP's examples under either of the names that they use.
"""

from analysis.columns import Column, coded
from analysis.converters.forms import (
    FLAGS,
    NO_PARTICIPANT,
    TURNED,
    Columns,
    Form,
    Reading,
    as_flags,
    carried,
    column,
    combined,
    constant,
    each,
    filled,
    holds,
    names,
    unsided,
    words,
)
from analysis.files import Cells, Refusal

ELO = ("methodA", "methodB", "answerValue")
ELO_USED = ("isGolden", "modelProbability", "answerer", "originalName", "simulated")
ANSWERS = {"a": "left", "0": "left", "false": "left", "b": "right", "1": "right", "true": "right", "draw": "not_sure"}

PWCMP_PAIRS = (("condition_A", "condition_B"), ("condition_1", "condition_2"))
PWCMP_SELECTED = {
    "is_A_selected": {"1": "left", "true": "left", "0": "right", "false": "right", "0.5": "not_sure"},
    "selected_A": {"1": "left", "true": "left", "0": "right", "false": "right", "0.5": "not_sure"},
    "selected": {"1": "left", "2": "right"},
    "selection": {"1": "left", "2": "right"},
}
PWCMP_REST = ("observer", "session_id", "session", "scene", "trial", "criterion", "simulated")
ASKED = frozenset(("prefer", "closer", "more_different"))


def _read_elo(table: Cells) -> Reading:
    won = words(table, "answerValue", ANSWERS, "write A, B or draw", "answer")
    columns = unsided(table, (*ELO, *ELO_USED[:4]), "methodA", "methodB", won)
    columns |= {"participant": constant(NO_PARTICIPANT, len(table))} | carried(table, participant="answerer")
    if "originalName" in table.columns:
        columns["source"] = names(table.columns["originalName"])
    golden, right = (_flags(table, name) for name in ("isGolden", "modelProbability"))
    columns["kind"] = each(golden, lambda flag: "catch" if flag == "1" else "rating")
    columns["expected"] = combined(_expected, columns["choice"], right, golden)
    return Reading(columns)


def _flags(table: Cells, name: str) -> Column:
    return words(table, name, FLAGS | {"": ""}, "write 0 or 1") if name in table.columns else constant("", len(table))


def _expected(choice: str, right: str, golden: str) -> str:
    """Return the known answer of a golden question from the answer and whether it was right."""
    if golden != "1":
        return ""
    return choice if right == "1" else TURNED.get(choice, "") if right == "0" else ""


def _write_elo(votes: Columns) -> Columns:
    answers = {"left": "A", "right": "B", "not_sure": "draw"}
    kinds = column(votes, "kind", "rating")
    return {
        "methodA": votes["left"],
        "methodB": votes["right"],
        **filled(votes, originalName="source"),
        "isGolden": as_flags(holds(kinds, "catch".__eq__)),
        "modelProbability": combined(_right, kinds, column(votes, "expected"), votes["choice"]),
        "answerValue": each(votes["choice"], answers.__getitem__),
        "answerer": votes["participant"],
    }


def _right(kind: str, known: str, choice: str) -> str:
    """Return 1 where a golden question was answered rightly, nothing where nobody knows its answer."""
    if kind == "catch" and not known:
        return ""
    return "1" if kind == "catch" and known == choice else "0"


def _read_pwcmp(table: Cells) -> Reading:
    first, second = _pair(table)
    selected = next((name for name in PWCMP_SELECTED if name in table.columns), "")
    if not selected:
        raise _missing(table, "is_A_selected", "selected")
    remedy = "write " + " or ".join(dict.fromkeys(key for key in PWCMP_SELECTED[selected] if key.isdigit()))
    won = words(table, selected, PWCMP_SELECTED[selected], remedy)
    hashed = ("observer", "session_id", "session", "scene", "trial", first, second, selected)
    columns = unsided(table, hashed, first, second, won) | {"kind": constant("rating", len(table))}
    columns |= carried(table, participant="observer", session="session", trial="trial")
    columns |= carried(table, session="session_id")
    if "scene" in table.columns:
        columns["source"] = names(table.columns["scene"])
    criteria = set(coded(table.columns.get("criterion", ())).cells)
    if criteria and criteria <= ASKED:
        return Reading(columns | {"asks_for": table.columns["criterion"]})
    said = ", ".join(sorted(criteria)[:3])
    told = f"the criterion ({said}) is no question of votes.csv; name it with --asks-for"
    return Reading(columns, (told,) if said else ())


def _pair(table: Cells) -> tuple[str, str]:
    for first, second in PWCMP_PAIRS:
        if first in table.columns and second in table.columns:
            return first, second
    raise _missing(table, "condition_A and condition_B", "condition_1 and condition_2")


def _missing(table: Cells, what: str, other: str) -> Refusal:
    return Refusal(f"{table.path}, line 1: {what} (or {other}) is missing; add it or export the file again.")


def _write_pwcmp(votes: Columns) -> Columns:
    return {
        "observer": votes["participant"],
        **filled(votes, session_id="session"),
        "scene": column(votes, "source"),
        "condition_A": votes["left"],
        "condition_B": votes["right"],
        "is_A_selected": as_flags(holds(votes["choice"], "left".__eq__)),
        **filled(votes, criterion="asks_for", trial="trial"),
    }


PWCMP_USED = (*(name for pair in PWCMP_PAIRS for name in pair), *PWCMP_SELECTED, *PWCMP_REST)

FORMS = {
    "elo": Form(
        ELO,
        ELO_USED,
        _read_elo,
        _write_elo,
        (("methodA", "methodB"), ("originalName",)),
        kinds=frozenset(("rating", "catch")),
    ),
    "pwcmp": Form(
        ("observer",),
        PWCMP_USED,
        _read_pwcmp,
        _write_pwcmp,
        (tuple(name for pair in PWCMP_PAIRS for name in pair), ("scene",)),
        ties=False,
    ),
}
