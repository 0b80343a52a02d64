"""Every sentence of the pages is there in every language, with the same placeholders, and compiled as it stands."""

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from study import errors, languages, spec, wording, words

HOUSE = Path(__file__).resolve().parents[2]
SCRIPT = HOUSE / "scripts/translations.py"
STATIC = HOUSE / "study/static"
PLACEHOLDERS = re.compile(r"%\(\w+\)s|\{\w+\}")
ARABIC = re.compile(r"[\u0600-\u06ff]")


def script() -> Any:
    found = importlib.util.spec_from_file_location("translations", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


catalogues = script()
TEMPLATE = catalogues.collected()


def sentences(message: Any) -> tuple[list[str], list[str]]:
    """A message's English and its translations, one or several by number."""
    as_list = lambda text: list(text) if isinstance(text, tuple | list) else [text]  # noqa: E731
    return as_list(message.id), as_list(message.string)


def test_the_languages_are_those_that_a_study_may_offer() -> None:
    assert {"en", *catalogues.LANGUAGES} == set(languages.OFFERED)


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_every_sentence_is_translated_with_its_placeholders(language: str) -> None:
    catalogue = catalogues.read(language)
    assert {message.id for message in catalogue if message.id} == {message.id for message in TEMPLATE if message.id}
    for message in catalogue:
        if not message.id:
            continue
        english, translated = sentences(message)
        assert not message.fuzzy, english
        assert all(text.strip() for text in translated), f"{language} has nothing for {english}"
        wanted = set(PLACEHOLDERS.findall(english[-1]))
        for text in translated:
            named = set(PLACEHOLDERS.findall(text))
            assert named == wanted or (len(translated) > 1 and named <= wanted), f"{language}: {english}: {text}"
        assert set(PLACEHOLDERS.findall(translated[-1])) == wanted, f"{language}: {english}"


def refusals() -> Iterator[tuple[str, type[errors.Problem], ast.Call]]:
    """Every call in the study room that makes a refusal for a participant, with its class; researchers read English."""
    for path in sorted((HOUSE / "study").rglob("*.py")):
        if path.name.startswith("researcher_"):
            continue
        module = importlib.import_module(".".join(path.relative_to(HOUSE).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            kind = getattr(module, node.func.id, None) if isinstance(node, ast.Call) and hasattr(node.func, "id") else 0
            if isinstance(kind, type) and issubclass(kind, errors.Problem):
                assert isinstance(node, ast.Call)
                yield f"{path.name}:{node.lineno}", kind, node


def test_whatever_a_page_may_say_of_a_refusal_is_in_the_catalogues() -> None:
    known = {message.id for message in TEMPLATE}
    found = list(refusals())
    assert {kind.code for _, kind, _ in found} >= {"malformed", "csrf", "closed", "not_open", "expired", "busy"}
    for where, kind, call in found:
        said = kind.on_page or (call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None)
        assert said in known, f"{where}: give {kind.__name__} a plain sentence, or an `on_page`"
        assert kind.title in known, kind


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_every_compiled_catalogue_is_that_of_its_sentences(language: str) -> None:
    path = catalogues.path_of(language)
    assert path.with_suffix(".mo").read_bytes() == catalogues.compiled(catalogues.read(language))


def test_running_the_script_again_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {language: catalogues.path_of(language).read_bytes() for language in catalogues.LANGUAGES}
    for language, content in before.items():
        there = tmp_path / language / "LC_MESSAGES"
        there.mkdir(parents=True)
        (there / "messages.po").write_bytes(content)
    monkeypatch.setattr(catalogues, "TRANSLATIONS", tmp_path)
    for language, content in before.items():
        assert catalogues.update(language, catalogues.collected()) == 0
        assert catalogues.path_of(language).read_bytes() == content


def test_arabic_is_written_in_arabic() -> None:
    latin = [message.id for message in catalogues.read("ar") if message.id and not ARABIC.search(str(message.string))]
    assert set(latin) <= {"A", "B"}


def test_scripts_say_only_words_that_the_server_gives_them_and_all_of_these() -> None:
    known = words.TRIAL.keys() | words.DEVICE.keys() | words.SCREEN.keys()
    code = "\n".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))
    asked = set(re.findall(r'\bsay\(\s*"(\w+)"', code))
    assert asked <= known
    spoken = set(re.findall(r'"(\w+)"', code))
    assert known <= spoken, f"nobody says {known - spoken}"


@pytest.mark.parametrize("language", languages.OFFERED)
@pytest.mark.parametrize("kind", ["compare", "label"])
def test_default_texts_are_in_the_language_that_is_asked_for(language: str, kind: str) -> None:
    more = [] if language == "en" else [language]
    toml = f'[study]\nkind = "{kind}"\nlanguages = {["en", *more]}'
    texts = spec.texts_in(spec.parse(toml, "f", "n"), language)
    english = wording.defaults(kind, "prefer", not_sure=False)
    assert (texts.question == english["question"]) is (language == "en")
    assert bool(ARABIC.search(texts.consent)) is (language == "ar")


@pytest.mark.parametrize(
    ("language", "seconds", "said"),
    [
        ("en", 1, "1 minute"),
        ("en", 61, "2 minutes"),
        ("de", 300, "5 Minuten"),
        ("ar", 300, "5 دقائق"),
        ("ar", 0, "دقيقة"),
    ],
)
def test_durations_are_whole_minutes_in_the_page_s_language(app: Flask, language: str, seconds: int, said: str) -> None:
    with app.test_request_context():
        languages.use(language)
        assert languages.duration(seconds) == said
