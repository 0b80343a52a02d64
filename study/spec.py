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
Layout = Literal["side_by_side"]
Strategy = Literal["balanced", "full"]
Line = Annotated[str, msgspec.Meta(max_length=300)]
Prose = Annotated[str, msgspec.Meta(max_length=20_000)]


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked, of whom, and what is in view."""

    name: str = ""
    kind: Kind = "compare"
    asks_for: AsksFor = "prefer"
    reference: ReferenceMode = "always"
    layout: Layout = "side_by_side"
    not_sure: bool = False
    device_pixels_per_pixel: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1
    contact: Line = ""


class Design(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many trials, of which kinds, in which order."""

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 1
    trials: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 60
    strategy: Strategy = "balanced"
    block: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    practice: Annotated[int, msgspec.Meta(ge=0, le=20)] = 2
    catch_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    minimum_view_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 500
    participants: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0


class Links(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a participant goes afterwards."""

    completion: Line = ""


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the pages say; an empty text is the default one."""

    title: Line = ""
    question: Line = ""
    consent: Prose = ""
    instructions: Prose = ""
    thanks: Prose = ""


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole study.toml."""

    study: Study = Study()
    design: Design = Design()
    links: Links = Links()
    texts: Texts = Texts()


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
    spec = msgspec.structs.replace(
        spec, study=msgspec.structs.replace(spec.study, name=name), texts=_with_defaults(spec.texts, spec.study)
    )
    for complaint in _complaints(spec):
        raise Refused(f"{where}: {complaint}")
    return spec


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
    for table, values in msgspec.to_builtins(spec).items():
        lines += ["", f"[{table}]", *(f"{key} = {_toml_value(value)}" for key, value in values.items())]
    return "\n".join(lines).strip() + "\n"


def digest(design: str) -> str:
    """SHA-256 of the frozen text: the `config` of every vote."""
    return hashlib.sha256(design.encode()).hexdigest()


def _toml_value(value: str | float) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _complaints(spec: Spec) -> list[str]:
    """What types cannot say."""
    found = []
    if not STUDY_NAME.fullmatch(spec.study.name):
        found.append(
            f"`study.name` is {spec.study.name!r}: use up to 64 letters, digits, `.`, `_` or `-`, "
            "beginning with a letter or digit, for it is part of the participants' link."
        )
    if spec.study.reference == "never" and spec.study.asks_for != "prefer":
        found.append(
            f'`study.asks_for` is "{spec.study.asks_for}", which speaks of the original, but `study.reference` is '
            '"never": show the original or ask for "prefer".'
        )
    if not math.isfinite(spec.design.catch_rate):
        found.append("`design.catch_rate` is not a number: write one from 0 to 1.")
    if spec.links.completion and not _is_link(spec.links.completion):
        found.append("`links.completion` is no link: write one that begins with https:// or leave it empty.")
    found += [f"`{key}` has a NUL character: take it out." for key, value in _strings(spec) if "\0" in value]
    return found


def _is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and url.isprintable() and " " not in url


def _strings(spec: Spec) -> list[tuple[str, str]]:
    tables: dict[str, dict[str, Any]] = msgspec.to_builtins(spec)
    return [
        (f"{table}.{key}", v) for table, values in tables.items() for key, v in values.items() if isinstance(v, str)
    ]


def _explained(message: str) -> str:
    """msgspec's message as a sentence with the dotted name first and what would be accepted."""
    said, _, where = message.partition(" - at `$")
    dotted = where.rstrip("`").lstrip(".")
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
    struct = {field.name: field.type for field in msgspec.structs.fields(Spec)}.get(table, Spec)
    return [field.name for field in msgspec.structs.fields(struct)]


def _choices(table: str, key: str) -> str:
    tables = {field.name: field.type for field in msgspec.structs.fields(Spec)}
    types = {field.name: field.type for field in msgspec.structs.fields(tables[table])} if table in tables else {}
    values = getattr(types.get(key), "__args__", ()) if key else ()
    words = [f'"{value}"' for value in values if isinstance(value, str)]
    return f"; write {' or '.join(words)}" if words else ""


def _with_defaults(texts: Texts, study: Study) -> Texts:
    given = defaults(study.kind, study.asks_for, not_sure=study.not_sure)
    blank = {name: default for name, default in given.items() if not getattr(texts, name).strip()}
    return msgspec.structs.replace(texts, **blank)
