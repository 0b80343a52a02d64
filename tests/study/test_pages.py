"""What the pages around the trials say of the study at hand, and what they do not."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from study.db import Database
from study.models import Session

Load = Callable[..., str]
Browse = Callable[..., Any]

LINK = '[links]\nscreen_out = "https://example.org/early"\n'
SCREENING = "[screening]\ncatches_missed = 2\n"
CLEAR, EARLY, PAID = "A few pairs have a clear answer", "ends early", "paid all the same"


@pytest.mark.parametrize(
    ("toml", "told"),
    [("", ()), (SCREENING, (CLEAR, EARLY)), (SCREENING + LINK, (CLEAR, EARLY, PAID))],
)
def test_consent_tells_of_checks_and_of_an_early_end(load: Load, browse: Browse, toml: str, told: tuple[str]) -> None:
    load(toml=f"{toml}[texts]\nconsent = 'Own words.'")
    page = browse().get().text
    assert [words for words in (CLEAR, EARLY, PAID) if words in page] == list(told)
    assert "Own words." in page


@pytest.mark.parametrize("layout", ["side_by_side", "flip", "flip_reference", "flicker", "flicker_reference"])
def test_consent_warns_of_flicker_where_there_is_any(load: Load, browse: Browse, layout: str) -> None:
    load(toml=f"[study]\nlayout = '{layout}'")
    page = browse().get().text
    assert ("If flickering does you harm" in page) is layout.startswith("flicker")


@pytest.mark.parametrize(("asks_for", "told"), [("prefer", "like better"), ("closer", "stays closer to the original")])
@pytest.mark.parametrize("kind", ["compare", "label"])
def test_the_debrief_says_what_was_asked_and_what_was_shown(
    load: Load, browse: Browse, kind: str, asks_for: str, told: str
) -> None:
    load(
        toml=f"[study]\nkind = '{kind}'\nasks_for = '{asks_for}'\n"
        "[design]\npractice = 0\ncatch_rate = 0\nidentical_rate = 1.0\nrepeat_rate = 0"
    )
    browser = browse().begin()
    browser.finish()
    page = browser.get().text
    assert [words for words in ("like better", "stays closer to the original") if words in page] == [told]
    assert ("invented detail" in page) is (kind == "label")
    checks = ("spoilt on purpose", "both images were the same", "came a second time")
    assert [words for words in checks if words in page] == ["both images were the same"]


def test_a_break_and_a_warning_have_the_link_that_erases(load: Load, browse: Browse, app: Any) -> None:
    load(toml="[design]\npractice = 0\nblock = 1\ncatch_rate = 0")
    browser = browse().begin()
    browser.vote(browser.state()["trial"])
    assert browser.state()["step"] == "break"
    page = browser.get().text
    assert "/withdraw/" in page
    assert 'id="shortcuts"' in page
    warning, _, _ = app.jinja_env.loader.get_source(app.jinja_env, "warning.html")
    assert "parts.withdrawal()" in warning


@pytest.mark.parametrize("link", ["", LINK])
def test_who_is_sent_away_reads_the_study_s_own_words(
    database: Database, load: Load, browse: Browse, link: str
) -> None:
    load(toml=f"{SCREENING}{link}[texts]\nscreened_out = 'Half of it, <thanks>.'")
    browser = browse().begin()
    with database.write() as db:
        db.execute(update(Session).values(outcome="screened_out", ended_at=Session.started_at))
    page = browser.get().text
    assert "Half of it, &lt;thanks&gt;." in page
    assert "paid" not in page
    assert ("https://example.org/early" in page) is bool(link)


def test_a_refused_entry_speaks_the_participant_s_language(load: Load, browse: Browse) -> None:
    load(toml="[study]\nlanguages = ['de', 'en']\n[ask]\nvision = true")
    browser = browse()
    browser.get(lang="de")
    browser.step("consent", "agree")
    form = {"csrf_token": browser.token(), "step": "questions", "action": "next", "vision": "eagle"}
    page = browser.client.post(f"{browser.at}/step", data=form)
    assert page.status_code == 400
    assert "Das hat nicht geklappt" in page.text
    assert "vision" not in page.text
