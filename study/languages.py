"""The language of a page: chosen once a request, spoken by Flask-Babel, written in its own direction."""

from collections.abc import Sequence
from typing import Any, get_args

from babel import Locale
from babel.units import format_unit
from flask import Flask, g
from flask_babel import Babel, get_locale, refresh

from study import identity
from study.spec import Language

OFFERED: tuple[str, ...] = get_args(Language)
"""What the catalogues in translations/ can say; the first is the language that the code is written in."""


def prepare(app: Flask) -> None:
    """Let every template translate, and know the page's language and direction."""
    Babel(app, default_locale=OFFERED[0], locale_selector=_selected)
    app.context_processor(_context)


def choose(offered: Sequence[str]) -> str:
    """Speak that one of a study's languages which the link or the browser asks for; which it is."""
    return use(identity.language(offered))


def use(language: str) -> str:
    """Speak this language until the request ends."""
    g.language = language
    refresh()
    return language


def spoken() -> str:
    """The language of this request."""
    return (get_locale() or Locale(OFFERED[0])).language


def own_name(language: str) -> str:
    """What a language calls itself."""
    return (Locale.parse(language).get_display_name() or language).capitalize()


def duration(seconds: float) -> str:
    """Whole minutes, rounded up and at least one: "5 minutes"."""
    return format_unit(max(1, -int(-seconds // 60)), "duration-minute", locale=get_locale())


def _selected() -> str:
    """What was chosen; a page about a study that is not known speaks what the browser asks for."""
    return g.language if "language" in g else identity.language(OFFERED)


def _context() -> dict[str, Any]:
    language = spoken()
    return {"lang": language, "dir": Locale(language).text_direction, "duration": duration, "own_name": own_name}
