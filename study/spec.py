"""study.toml: read strictly into frozen structs, and written out whole as the frozen design.

`read` gives the spec with every default filled in; `to_toml` writes it with every key, so that the frozen text
stands alone: reading it again gives the same spec.
"""

import difflib
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from study.errors import Refused
from study.wording import defaults

FILE = "study.toml"
STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Kind = Literal["compare", "label"]
AsksFor = Literal["prefer", "closer", "more_different"]
ReferenceMode = Literal["always", "on_demand", "never"]
Layout = Literal["side_by_side", "flip", "flip_reference", "flicker", "flicker_reference"]
View = Literal["crop", "context"]
Strategy = Literal["balanced", "full", "adaptive"]
Rates = Literal["within", "across"]
Interval = Literal["both", "participants", "sources", "votes"]
Language = Literal["en", "de", "ar"]
Line = Annotated[str, msgspec.Meta(max_length=300)]
Prose = Annotated[str, msgspec.Meta(max_length=20_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

IN_PLACE = ("flip", "flip_reference", "flicker")
"""Layouts that show both candidates in one place, one after the other."""


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked, of whom, and what is in view."""

    name: str = ""
    kind: Kind = "compare"
    asks_for: AsksFor = "prefer"
    or_asks_for: AsksFor | Literal[""] = ""
    reference: ReferenceMode = "always"
    languages: tuple[Language, ...] = ("en",)
    layout: Layout = "side_by_side"
    flicker_ms: Annotated[int, msgspec.Meta(ge=167, le=5000)] = 500
    view: View = "crop"
    loupe: bool = False
    mark_region: bool = False
    not_sure: bool = False
    device_pixels_per_pixel: Annotated[int, msgspec.Meta(ge=1, le=8)] | Literal["auto"] = 1
    phones: bool = False
    contact: Line = ""


class Design(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many trials, of which kinds, in which order."""

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 1
    trials: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 60
    strategy: Strategy = "balanced"
    random_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.25
    rates: Rates = "within"
    block: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    practice: Annotated[int, msgspec.Meta(ge=0, le=20)] = 2
    practice_rounds: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    catch_rate: Share = 0.1
    identical_rate: Share = 0.05
    repeat_rate: Share = 0.05
    minimum_view_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 500
    participants: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    votes_per_pair: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    resume_hours: Annotated[float, msgspec.Meta(ge=0.1, le=720)] = 2.0


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What participants may say of themselves and their screen before they begin; each answer may be left out."""

    age: bool = False
    vision: bool = False
    display: bool = False
    colour_plates: Annotated[int, msgspec.Meta(ge=0, le=6)] = 0
    screen_size: bool = False


class Screening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a session ends early: after a warning."""

    catches_missed: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0


class Analysis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is decided before the first vote: how the votes will be judged, and when anybody may look."""

    primary: tuple[Line, ...] = ()
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=0.5)] = 0.05
    interval: Interval = "both"
    screening: tuple[Line, ...] = ()
    wished: Annotated[float, msgspec.Meta(gt=0, le=10_000)] = 50.0
    looks: tuple[Annotated[int, msgspec.Meta(ge=1, le=1_000_000)], ...] = ()


class Links(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a participant goes afterwards."""

    completion: Line = ""
    screen_out: Line = ""


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the pages say in one language; an empty text is the default one (that of `pay` says nothing)."""

    title: Line = ""
    pay: Line = ""
    question: Line = ""
    or_question: Line = ""
    consent: Prose = ""
    instructions: Prose = ""
    or_instructions: Prose = ""
    thanks: Prose = ""
    screened_out: Prose = ""


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole study.toml."""

    study: Study = Study()
    design: Design = Design()
    ask: Ask = Ask()
    screening: Screening = Screening()
    analysis: Analysis = Analysis()
    links: Links = Links()
    texts: Texts = Texts()
    translations: dict[Language, Texts] = {}


def read(folder: Path) -> Spec:
    """The spec of a study folder, with the folder's name and the default texts where it gives none.

    Raises:
        Refused: there is no study.toml, it is no TOML, or a key or value is not in the contract.
    """
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Refused(f"{path} is missing: make one with `manage.py study new {folder}`.") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8.") from error
    return parse(text, str(path), folder.resolve().name)


@lru_cache(maxsize=64)
def parse(text: str, where: str = FILE, default_name: str = "") -> Spec:
    """The spec that `text` spells; `where` names it in refusals.

    Raises:
        Refused: the text is no TOML, or a key or value is not in the contract.
    """
    try:
        spec = msgspec.convert(tomllib.loads(text), Spec)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{where} is not TOML: {error}.") from error
    except RecursionError as error:
        raise Refused(
            f"{where} has brackets within brackets too deep to read: a study needs none in another."
        ) from error
    except msgspec.ValidationError as error:
        raise Refused(f"{where}: {_explained(str(error))}") from error
    name = spec.study.name or default_name
    spec = msgspec.structs.replace(spec, study=msgspec.structs.replace(spec.study, name=name))
    for complaint in _complaints(spec):
        raise Refused(f"{where}: {complaint}")
    return _with_defaults(spec)


def renamed(spec: Spec, name: str) -> Spec:
    """The same study under another name.

    Raises:
        Refused: the name cannot stand in a link.
    """
    spec = msgspec.structs.replace(spec, study=msgspec.structs.replace(spec.study, name=name))
    for complaint in _complaints(spec):
        raise Refused(complaint)
    return spec


def to_toml(spec: Spec, *remarks: str) -> str:
    """Every key of the contract with its value, below the remarks."""
    lines = [f"# {remark}" for remark in remarks]
    for table, values in _tables(spec).items():
        lines += ["", f"[{table}]", *(f"{key} = {_toml_value(value)}" for key, value in values.items())]
    return "\n".join(lines).strip() + "\n"


def texts_in(spec: Spec, language: str) -> Texts:
    """The study's texts in one of its languages; in its first one for every other word."""
    for offered, texts in spec.translations.items():
        if offered == language:
            return texts
    return spec.texts


def digest(design: str) -> str:
    """SHA-256 of the frozen text: the `config` of every vote."""
    return hashlib.sha256(design.encode()).hexdigest()


def _tables(spec: Spec) -> dict[str, dict[str, Any]]:
    """Every table of the file by its dotted name."""
    tables: dict[str, dict[str, Any]] = msgspec.to_builtins(spec)
    translations = tables.pop("translations")
    return tables | {f"translations.{language}": texts for language, texts in translations.items()}


def _toml_value(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _complaints(spec: Spec) -> list[str]:
    """What types cannot say."""
    found = [*_contradictions(spec), *_languages(spec)]
    if not STUDY_NAME.fullmatch(spec.study.name):
        found.insert(
            0,
            f"`study.name` is {spec.study.name!r}: use up to 64 letters, digits, `.`, `_` or `-`, "
            "beginning with a letter or digit, for it is part of the participants' link.",
        )
    for table, values in _tables(spec).items():
        for key, value in values.items():
            if isinstance(value, float) and not math.isfinite(value):
                found.append(f"`{table}.{key}` is not a number: write one.")
            if isinstance(value, str) and "\0" in value:
                found.append(f"`{table}.{key}` has a NUL character: take it out.")
            if table == "links" and value and not _is_link(value):
                found.append(f"`{table}.{key}` is no link: write one that begins with https:// or leave it empty.")
            elif table == "links" and {"{", "}"} & set(urlsplit(value).netloc):
                found.append(f"`{table}.{key}` leaves its host open: `{{...}}` may stand only after it.")
    return found


def _contradictions(spec: Spec) -> Iterator[str]:
    study = spec.study
    if study.reference == "never" and study.asks_for != "prefer":
        yield (
            f'`study.asks_for` is "{study.asks_for}", which speaks of the original, but `study.reference` is '
            '"never": show the original or ask for "prefer".'
        )
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


def _explained(message: str) -> str:
    """msgspec's message as a sentence with the dotted name first and what would be accepted."""
    said, _, where = message.partition(" - at `$")
    dotted = where.rstrip("`").lstrip(".").replace("[...]", "")  # so msgspec writes a key of ours
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", said, re.DOTALL)
    if not unknown:
        table, _, key = dotted.partition(".")
        return f"`{dotted}`: {said[0].lower()}{said[1:]}{_choices(table, key)}."
    key = unknown[1]
    known = _keys(dotted)
    near = difflib.get_close_matches(key, known, n=1)
    remedy = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(f'`{k}`' for k in known)}."
    return f"`{dotted}{'.' if dotted else ''}{key}` is no key of a study; {remedy}"


def _keys(table: str) -> list[str]:
    return [field.name for field in msgspec.structs.fields(_struct(table))]


def _choices(table: str, key: str) -> str:
    types = {field.name: field.type for field in msgspec.structs.fields(_struct(table))} if table else {}
    words = [json.dumps(value) for value in _words(types.get(key.partition("[")[0]))]
    return f"; write {' or '.join(words)}" if words else ""


def _struct(table: str) -> Any:
    """The struct of a table by its dotted name; the whole file's for every other name."""
    if table.partition(".")[0] == "translations":
        return Texts
    found = {field.name: field.type for field in msgspec.structs.fields(Spec)}.get(table, Spec)
    return found if isinstance(found, type) else Spec


def _words(kind: Any) -> list[str]:
    """The words that a type accepts, through unions and tuples."""
    parts = getattr(kind, "__args__", ())
    return [word for part in parts for word in ([part] if isinstance(part, str) else _words(part))]


def _with_defaults(spec: Spec) -> Spec:
    first, *others = spec.study.languages
    translations = {language: _filled(spec.translations.get(language, Texts()), spec, language) for language in others}
    return msgspec.structs.replace(spec, texts=_filled(spec.texts, spec, first), translations=translations)


def _filled(texts: Texts, spec: Spec, language: str) -> Texts:
    study, pays_early = spec.study, bool(spec.links.screen_out)
    given = defaults(
        study.kind, study.asks_for, or_asks_for=study.or_asks_for, not_sure=study.not_sure, pays_early=pays_early,
        language=language,
    )  # fmt: skip
    blank = {name: default for name, default in given.items() if not getattr(texts, name).strip()}
    return msgspec.structs.replace(texts, **blank)
