"""What is wrong with a study.toml, in sentences that name the key and the remedy."""

import difflib
import json
import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import msgspec

from study.rows import NAME
from study.spec_tables import RULES, Spec, keys, struct, tables

STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FLIPPED = ("flip", "flip_reference")
NEEDED_BY = {"catch_accuracy": "catch_rate", "identical_side": "identical_rate", "repeats": "repeat_rate"}
"""Rules whose limit is a share or a chance, and the key of `[design]` that makes the trials that they look at."""


def complaints(spec: Spec) -> list[str]:
    """What types cannot say."""
    found = [*_contradictions(spec), *_questions(spec), *_sampling(spec), *_analysis(spec), *_languages(spec)]
    if not STUDY_NAME.fullmatch(spec.study.name):
        found.insert(
            0,
            f"`study.name` is {spec.study.name!r}: use up to 64 letters, digits, `.`, `_` or `-`, "
            "beginning with a letter or digit, for it is part of the participants' link.",
        )
    for table, values in tables(spec).items():
        for key, value in values.items():
            if isinstance(value, float) and not math.isfinite(value):
                found.append(f"`{table}.{key}` is not a number: write one.")
            if any("\0" in text for text in (value if isinstance(value, list | tuple) else [value])
                   if isinstance(text, str)):  # fmt: skip
                found.append(f"`{table}.{key}` has a NUL character: take it out.")
            if table == "links" and value and not _is_link(value):
                found.append(f"`{table}.{key}` is no link: write one that begins with https:// or leave it empty.")
            elif table == "links" and {"{", "}"} & set(urlsplit(value).netloc):
                found.append(f"`{table}.{key}` leaves its host open: `{{...}}` may stand only after it.")
    return found


def explained(message: str) -> str:
    """msgspec's message as a sentence with the dotted name first and what would be accepted."""
    said, _, where = message.partition(" - at `$")
    dotted = where.rstrip("`").lstrip(".").replace("[...]", "")  # so msgspec writes a key of ours
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", said, re.DOTALL)
    if not unknown:
        table, _, key = dotted.partition(".")
        return f"`{dotted}`: {said[0].lower()}{said[1:]}{_choices(table, key)}."
    key = unknown[1]
    known = keys(dotted)
    near = difflib.get_close_matches(key, known, n=1)
    remedy = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(f'`{k}`' for k in known)}."
    return f"`{dotted}{'.' if dotted else ''}{key}` is no key of a study; {remedy}"


def _contradictions(spec: Spec) -> Iterator[str]:
    study = spec.study
    if study.layout == "flip_reference" and study.reference == "never":
        yield (
            '`study.layout` is "flip_reference", but `study.reference` is "never": write "flip", or show the original.'
        )
    if study.layout == "flicker_reference" and study.reference != "always":
        yield (
            f'`study.layout` is "flicker_reference", whose images take turns with the original, but `study.reference` '
            f'is "{study.reference}": write "always".'
        )
    if spec.screening.catches_missed and not spec.design.catch_rate:
        yield "`screening.catches_missed` counts catch trials, but `design.catch_rate` is 0: show some."
    if spec.screening.catches_missed and spec.links.completion and not spec.links.screen_out:
        yield (
            "`screening.catches_missed` sends people away, who are to be paid as well: "
            "write the link that pays them as `links.screen_out`."
        )


def _questions(spec: Spec) -> Iterator[str]:
    study = spec.study
    for key in ("asks_for", "or_asks_for"):
        asked = getattr(study, key)
        if study.reference == "never" and asked not in {"prefer", ""}:
            yield (
                f'`study.{key}` is "{asked}", which speaks of the original, but `study.reference` is '
                '"never": show the original or ask for "prefer".'
            )
    if study.or_asks_for == study.asks_for:
        yield (
            f'`study.or_asks_for` is "{study.or_asks_for}", as `study.asks_for` is: ask another second question, '
            "or leave it empty."
        )
    for table, values in tables(spec).items():
        for key in ("or_question", "or_instructions"):
            if values.get(key, "").strip() and not study.or_asks_for:
                yield (
                    f"`{table}.{key}` is for those who are asked `study.or_asks_for`, which is empty: "
                    "name the second question there, or take the text out."
                )


def _sampling(spec: Spec) -> Iterator[str]:
    design, usual = spec.design, type(spec.design)().random_share
    if design.strategy != "adaptive" and design.random_share != usual:
        yield (
            f'`design.random_share` is of adaptive studies, but `design.strategy` is "{design.strategy}": '
            'write "adaptive", or take the share out.'
        )
    if design.strategy == "adaptive" and design.random_share == 1:
        yield (
            "`design.random_share` is 1, so priorities would never be followed: write less, or "
            '`design.strategy = "balanced"`.'
        )


def _analysis(spec: Spec) -> Iterator[str]:
    yield from _primary(spec.analysis.primary)
    yield from _rules(spec)
    looks, most = spec.analysis.looks, spec.design.participants
    if any(second <= first for first, second in pairwise(looks)):
        yield (
            f"`analysis.looks` is {json.dumps(looks)}, which does not rise: write numbers of complete sessions, "
            "each above the one before."
        )
    elif looks and most and looks[-1] > most:
        yield (
            f"`analysis.looks` ends at {looks[-1]} sessions, but `design.participants` is {most}: "
            "look no later than that, or invite more."
        )


def _primary(pairs: Sequence[str]) -> Iterator[str]:
    seen: set[frozenset[str]] = set()
    for pair in pairs:
        names = frozenset(pair.split(","))
        if pair.count(",") != 1 or len(names) != 2 or not all(map(NAME.fullmatch, names)):
            yield (
                f"`analysis.primary`: {pair!r} is not A,B with two different conditions or codecs: "
                'write, for example, "avif@0.30,jpeg@0.30" or "avif,jpeg".'
            )
        elif names in seen:
            yield f"`analysis.primary` names {pair!r} twice: write each comparison once."
        seen.add(names)


def _rules(spec: Spec) -> Iterator[str]:
    chosen = [text.partition("=") for text in spec.analysis.screening]
    for rule, sign, limit in chosen:
        text = f"{rule}{sign}{limit}"
        if rule not in RULES or not sign:
            yield f"`analysis.screening`: {text!r} is not RULE=LIMIT: write one of {', '.join(RULES)} before it."
        elif [other for other, _, _ in chosen].count(rule) > 1:
            yield f"`analysis.screening` has {rule} twice: write it once."
            return
        else:
            yield from filter(None, [_limit(rule, limit), _out_of_place(spec, rule)])


def _limit(rule: str, limit: str) -> str:
    """What is wrong with the limit of a rule, if anything."""
    most = 1.0 if rule in NEEDED_BY else math.inf
    found = float(limit) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", limit, re.ASCII) else math.nan
    if 0 <= found <= most:
        return ""
    to = "from 0 to 1" if rule in NEEDED_BY else "of at least 0, with a decimal point"
    return f"`analysis.screening`: {limit!r} is no limit of {rule}: write a number {to}."


def _out_of_place(spec: Spec, rule: str) -> str:
    """Why a rule can say nothing in this study, if so."""
    study, needs = spec.study, NEEDED_BY.get(rule, "")
    if needs and not getattr(spec.design, needs):
        return f"`analysis.screening` has {rule}, but `design.{needs}` is 0: show such trials, or take the rule out."
    if rule == "likelihood" and "prefer" in {study.asks_for, study.or_asks_for}:
        return (
            "`analysis.screening` has likelihood, but people are asked what they prefer, and another taste is no "
            "fault: take the rule out."
        )
    if rule == "flips" and study.layout not in FLIPPED:
        return (
            f'`analysis.screening` has flips, but nobody flips the view under the layout "{study.layout}": '
            "take the rule out."
        )
    return ""


def _languages(spec: Spec) -> Iterator[str]:
    offered = spec.study.languages
    if not offered:
        yield '`study.languages` is empty: write at least one, for example ["en"].'
    if len(set(offered)) < len(offered):
        yield "`study.languages` names a language twice: write each once."
    for language in spec.translations:
        if language in offered[:1]:
            yield f"`translations.{language}`: the first of `study.languages` has its texts in `[texts]`; move them."
        elif language not in offered:
            yield f"`translations.{language}`: `study.languages` does not name {language}; add it there."


def _is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and url.isprintable() and " " not in url


def _choices(table: str, key: str) -> str:
    types = {field.name: field.type for field in msgspec.structs.fields(struct(table))} if table else {}
    words = [json.dumps(value) for value in _words(types.get(key.partition("[")[0]))]
    return f"; write {' or '.join(words)}" if words else ""


def _words(kind: Any) -> list[str]:
    """The words that a type accepts, through unions and tuples; an empty one says that nothing is one of them."""
    parts = getattr(kind, "__args__", ())
    return [word for part in parts for word in ([part] if isinstance(part, str) else _words(part))]
