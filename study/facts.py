"""What a participant chose to say, and what the browser tells: held to its vocabulary, kept as rows of `fact`.

An empty field was not said. What is said again replaces what was said before, for a page may be sent twice.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study.errors import Malformed
from study.models import Fact, Session
from study.plates import Plate
from study.spec import Ask

AGE_BANDS = ("under_18", "18_29", "30_44", "45_59", "60_74", "75_over")
VISION = ("normal", "corrected", "impaired")
DISPLAYS = ("laptop", "monitor", "tablet", "phone", "television")
GAMUTS = ("srgb", "p3", "rec2020")
LONGEST_ANSWER = 16
"""Characters of a number that was read on a plate."""

SILENT = ("touch", "screen_width", "screen_height", "colour_depth", "colour_gamut")
"""What static/device.js fills in."""

# The order decides: most browsers also call themselves by the names of others.
_BROWSERS = (
    ("Edge", r"Edg(?:A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("Samsung Internet", r"SamsungBrowser/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Chrome|CriOS)/(\d+)"),
    ("Safari", r"Version/(\d+)\S* (?:Mobile/\S+ )?Safari/"),
)


class _Number(NamedTuple):
    """The least and the greatest value of a field, and its decimals."""

    least: float
    greatest: float
    decimals: int = 0


_FIELDS: dict[str, tuple[str, ...] | _Number] = {
    "age_band": AGE_BANDS,
    "vision": VISION,
    "display": DISPLAYS,
    "pixels_per_mm": _Number(0.5, 200, 3),
    "distance_mm": _Number(50, 20_000),
    "touch": ("0", "1"),
    "screen_width": _Number(1, 100_000),
    "screen_height": _Number(1, 100_000),
    "colour_depth": _Number(1, 64),
    "colour_gamut": GAMUTS,
}


def read(step: str, form: Mapping[str, str], ask: Ask) -> dict[str, str]:
    """The facts that a step's form says, by their names; `plates` apart, whose answers have their own reader.

    Raises:
        Malformed: a field has a value that is not in its vocabulary or out of its range.
    """
    said = {name: form.get(name, "").strip() for name in asked(step, ask)}
    facts = {name: _held(name, value) for name, value in said.items() if value}
    if {"pixels_per_mm", "distance_mm"} <= facts.keys():
        degree_mm = float(facts["distance_mm"]) * math.tan(math.radians(1))
        facts["pixels_per_degree"] = _written(degree_mm * float(facts["pixels_per_mm"]), 2)
    return facts


def asked(step: str, ask: Ask) -> tuple[str, ...]:
    """The fields of a step's form in a study that asks for these things."""
    if step in {"consent", "instructions"}:
        return SILENT
    if step == "screen":
        return ("pixels_per_mm", "distance_mm")
    questions = {"age_band": ask.age, "vision": ask.vision, "display": ask.display}
    return tuple(name for name, wanted in questions.items() if wanted and step == "questions")


def read_plates(form: Mapping[str, str], shown: Sequence[Plate]) -> dict[str, str]:
    """How many plates were shown, how many numbers were read, and which kinds were missed, for a missed control tells
    of something else than a missed deutan plate. Nothing where nothing was typed.
    """
    answers = [form.get(f"plate{place}", "").strip() for place in range(1, len(shown) + 1)]
    for place, answer in enumerate(answers, 1):
        if len(answer) > LONGEST_ANSWER:
            raise Malformed(f"`plate{place}`: a number has at most {LONGEST_ANSWER} characters.")
    if not any(answers):
        return {}
    missed = [plate.kind for answer, plate in zip(answers, shown, strict=True) if _digits(answer) != plate.number]
    counts = {"plates_shown": str(len(shown)), "plates_right": str(len(shown) - len(missed))}
    return counts | ({"plates_missed": ";".join(missed)} if missed else {})


def browser(user_agent: str) -> dict[str, str]:
    """Family and major version, as the browser calls itself; nothing where it is none of the usual ones."""
    for family, pattern in _BROWSERS:
        found = re.search(pattern, user_agent[:1000])
        if found:
            return {"browser": f"{family} {found[1][:9]}"}
    return {}


def keep(db: OrmSession, session: Session, facts: Mapping[str, str]) -> None:
    """Store facts of a session, in place of those of the same names."""
    known = {fact.name: fact for fact in db.scalars(select(Fact).where(Fact.session_id == session.id))}
    for name, value in facts.items():
        if name in known:
            known[name].value = value
        else:
            db.add(Fact(session_id=session.id, name=name, value=value))
    db.flush()


def _held(name: str, value: str) -> str:
    """The value as it is written in sessions.csv."""
    field = _FIELDS[name]
    if isinstance(field, _Number):
        number = _number(value)
        if not field.least <= number <= field.greatest:
            raise Malformed(f"`{name}`: write a number from {field.least:g} to {field.greatest:g}.")
        return _written(number, field.decimals)
    if value not in field:
        raise Malformed(f"`{name}`: it is one of {', '.join(field)}.")
    return value


def _number(value: str) -> float:
    """NaN, which lies in no range, for what is no number."""
    return float(value) if re.fullmatch(r"\d{1,9}(\.\d{1,20})?", value, re.ASCII) else math.nan


def _written(number: float, decimals: int) -> str:
    return f"{number:.{decimals}f}"


def _digits(answer: str) -> str:
    """In the digits of ASCII, since an Arabic keyboard may write its own."""
    return "".join(str(int(sign)) if sign.isdecimal() else sign for sign in answer)
