"""study.toml: read strictly into frozen structs, and written out whole as the frozen design.

`read` gives the spec with every default filled in; `to_toml` writes it with every key, so that the frozen text
stands alone: reading it again gives the same spec.
"""

import hashlib
import json
import tomllib
from functools import lru_cache
from pathlib import Path

import msgspec

from study.errors import Refused
from study.spec_refusals import STUDY_NAME, complaints, explained
from study.spec_tables import (
    IN_PLACE,
    Analysis,
    Ask,
    AsksFor,
    Design,
    Interval,
    Kind,
    Language,
    Layout,
    Line,
    Links,
    Prose,
    Rates,
    ReferenceMode,
    Screening,
    Spec,
    Strategy,
    Study,
    Texts,
    View,
    tables,
)
from study.wording import defaults

__all__ = [
    "FILE", "IN_PLACE", "STUDY_NAME", "Analysis", "Ask", "AsksFor", "Design", "Interval", "Kind", "Language", "Layout",
    "Line", "Links", "Prose", "Rates", "ReferenceMode", "Screening", "Spec", "Strategy", "Study", "Texts", "View",
    "digest", "parse", "read", "renamed", "texts_in", "to_toml",
]  # fmt: skip
FILE = "study.toml"


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
        raise Refused(f"{where}: {explained(str(error))}") from error
    name = spec.study.name or default_name
    spec = msgspec.structs.replace(spec, study=msgspec.structs.replace(spec.study, name=name))
    for complaint in complaints(spec):
        raise Refused(f"{where}: {complaint}")
    return _with_defaults(spec)


def renamed(spec: Spec, name: str) -> Spec:
    """The same study under another name.

    Raises:
        Refused: the name cannot stand in a link.
    """
    spec = msgspec.structs.replace(spec, study=msgspec.structs.replace(spec.study, name=name))
    for complaint in complaints(spec):
        raise Refused(complaint)
    return spec


def to_toml(spec: Spec, *remarks: str) -> str:
    """Every key of the contract with its value, below the remarks."""
    lines = [f"# {remark}" for remark in remarks]
    for table, values in tables(spec).items():
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


def _toml_value(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


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
