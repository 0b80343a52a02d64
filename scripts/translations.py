#!/usr/bin/env python3
"""Collect what the study's pages say, bring the catalogues up to date, and compile them: docs/translations.md."""

import io
import sys
from pathlib import Path

import click
from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

HOUSE = Path(__file__).resolve().parent.parent
TRANSLATIONS = HOUSE / "study/translations"
LANGUAGES = ("ar", "de")
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
TRANSLATED = (
    "AlreadyCast", "Busy", "Closed", "Elsewhere", "Expired", "Full", "LinkTooLong", "NoSession", "NotForPeople",
    "NotOpen", "Paused", "StaleForm", "TooMany", "UnknownParticipant", "UnknownStudy", "UnknownTrial", "Withdrawn",
)  # fmt: skip
"""Refusals that a participant may read: what such a call says is collected like what stands in `_()`."""
KEYWORDS = DEFAULT_KEYWORDS | {"lazy_gettext": None} | dict.fromkeys(TRANSLATED)


def collected() -> Catalog:
    """Every sentence that a page may say, in English."""
    catalogue = Catalog(project="conha", charset="utf-8")
    study = str(HOUSE / "study")
    found = extract_from_dir(study, METHODS, keywords=KEYWORDS, strip_comment_tags=True)
    for name, _line, message, comments, context in sorted(found, key=lambda row: (row[0], row[1])):
        catalogue.add(message, locations=[(f"study/{name}", None)], auto_comments=comments, context=context)
    return catalogue


def path_of(language: str) -> Path:
    """The catalogue of a language; its compiled form stands beside it as .mo."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """The catalogue of a language; an empty one where there is none yet."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, project="conha", charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return pofile.read_po(file, locale=language)


def compiled(catalogue: Catalog) -> bytes:
    """The .mo file of a catalogue; unfinished sentences are left out."""
    out = io.BytesIO()
    mofile.write_mo(out, catalogue)
    return out.getvalue()


def update(language: str, template: Catalog) -> int:
    """Write both files of a language; how many sentences still wait for a translation."""
    catalogue = read(language)
    template.creation_date = catalogue.creation_date  # nothing is written anew where nothing changed
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.header_comment = f"# What the study's pages say, in `{language}`. Kept by scripts/translations.py."
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "the project's contributors"
    catalogue.version, catalogue.revision_date = "", catalogue.creation_date
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pofile.write_po(file, catalogue, width=120, include_lineno=False, sort_by_file=True)
    path.with_suffix(".mo").write_bytes(compiled(catalogue))
    return sum(not message.string or not any(message.string) for message in catalogue if message.id)


def main() -> int:
    """Update every language; 1 where a sentence still waits for its translation."""
    waiting = {language: update(language, collected()) for language in LANGUAGES}
    for language, number in waiting.items():
        click.echo(f"{path_of(language).relative_to(HOUSE)}: {number or 'no'} sentences wait for a translation")
    return int(any(waiting.values()))


if __name__ == "__main__":
    sys.exit(main())
