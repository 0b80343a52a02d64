"""The default texts press nobody towards an answer, whatever is asked and in whatever language."""

import re
from itertools import product

import pytest

from study import languages, spec, wording

KINDS = ("compare", "label")
ASKED = ("prefer", "closer", "more_different")
LIKING = {
    "en": r"\b(prefer\w*|lik(e|es|ed|ing)|better|best|favou?r\w*|keep|rather|welcome|want)\b",
    "de": r"\b(gef[aä]ll\w*|besser|lieber|bevorzug\w*|behalten|willkommen|möchten)\b",
    "ar": r"تفضّل|يفضل|أفضل|تحتفظ|الاحتفاظ|تميل|يرحب|يريد",
}
"""Words of taste, which have no place where the question is one of likeness."""
LEADING = {
    "en": r"soft|sharp|invent|blur|detail",
    "de": r"\bweich(er)?\b|scharf|schärf|erfund|Einzelheit",
    "ar": r"أنعم|أكثر حدة|مختلق|تفاصيل",
}
"""What an image may show, which nobody should look for because the study said so."""
GONE = {"en": "the original is gone", "de": "das Original sei verloren", "ar": "الأصل ضاع"}
RIGHT = {"en": r"\bright\b|\bwrong\b", "de": r"\brichtig|\bfalsch", "ar": r"صحيح|خاط"}


def texts(language: str, kind: str, asks_for: str, *, not_sure: bool = False) -> dict[str, str]:
    return wording.defaults(kind, asks_for, not_sure=not_sure, language=language)


@pytest.mark.parametrize("language", languages.OFFERED)
@pytest.mark.parametrize(("kind", "asks_for"), list(product(KINDS, ASKED)))
def test_liking_is_spoken_of_only_where_it_is_asked_for(language: str, kind: str, asks_for: str) -> None:
    for not_sure in (False, True):
        said = texts(language, kind, asks_for, not_sure=not_sure)
        found = {name for name, text in said.items() if re.search(LIKING[language], text)}
        if asks_for == "prefer":
            assert found >= {"question", "title"}
        else:
            assert found == set()
        undecided = said["instructions"].split("\n\n")[-1]
        assert not re.search(LIKING[language], undecided)


@pytest.mark.parametrize("language", languages.OFFERED)
@pytest.mark.parametrize(("kind", "asks_for"), list(product(KINDS, ASKED)))
def test_nobody_is_told_before_what_to_look_for(language: str, kind: str, asks_for: str) -> None:
    said = texts(language, kind, asks_for)
    for name in ("title", "question", "consent", "instructions"):
        assert not re.search(LEADING[language], said[name]), said[name]
    assert (GONE[language] in said["instructions"]) is ((kind, asks_for) == ("label", "prefer"))
    assert not re.search(RIGHT[language], said["consent"])


@pytest.mark.parametrize("language", languages.OFFERED)
def test_title_and_question_point_the_same_way(language: str) -> None:
    said = {asked: texts(language, "compare", asked) for asked in ASKED}
    for kind, asked in product(KINDS, ("closer", "more_different")):
        assert texts(language, kind, asked)["title"] == said[asked]["question"]
    assert len({text["title"] for text in said.values()}) == len(ASKED)


def test_who_is_sent_away_reads_of_pay_only_where_a_link_pays() -> None:
    links = '[links]\nscreen_out = "https://example.org/early"\n'
    said = [spec.parse(toml, "f", "n").texts.screened_out for toml in ("", links)]
    assert ["paid" in text for text in said] == [False, True]
    assert ["code" in text for text in said] == [True, False]
    own = spec.parse(f'{links}[texts]\nscreened_out = "Half of it is paid."', "f", "n")
    assert own.texts.screened_out == "Half of it is paid."
