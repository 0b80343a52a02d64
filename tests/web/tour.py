"""A way past every page that a participant may see, for whoever wants to look at each of them."""

import hashlib
from collections.abc import Iterator

from playwright.sync_api import Page, expect
from sqlalchemy import create_engine, text

from tests.web.drawn import SOURCES, Server, noise

EVERYTHING = """\
languages = ["en", "de", "ar"]
not_sure = true
contact = "study@example.org"
[ask]
age = true
vision = true
display = true
colour_plates = 2
screen_size = true
[screening]
catches_missed = 1
[links]
completion = "https://example.org/done?code={code}"
screen_out = "https://example.org/early?code={code}"
"""
"""The part of a study.toml that opens every page; the rest is `SHORT`."""
SHORT = {"trials": 6, "block": 3, "catch_rate": 1.0, "practice": 1}

SPOILT = [hashlib.sha256(noise(f"{source}/catch")).hexdigest() for source in SOURCES]
ANSWER = """
async ([spoilt, wrongly]) => {
  const address = document.querySelector("[data-address]").dataset.address;
  const token = document.querySelector("meta[name=csrf-token]").content;
  let state = await (await fetch(`${address}/trial`)).json();
  while (state.step === "trial") {
    const { id, key, left } = state.trial;
    const choice = spoilt.includes(left.sha256) === wrongly ? "left" : "right";
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
    const body = JSON.stringify({ trial: id, key, choice });
    state = await (await fetch(`${address}/vote`, { method: "POST", headers, body })).json();
  }
}
"""
"""Answers every trial up to the next step, the clear ones rightly or wrongly."""


def go_on(page: Page) -> None:
    """Press the page's main button, and see the next page."""
    with page.expect_navigation():
        page.locator("button.main").first.click()


def answer(page: Page, *, wrongly: bool = False) -> None:
    """Answer the open block of trials and see what comes after it."""
    page.locator("#choose-left[aria-disabled=false]").wait_for()
    page.evaluate(ANSWER, [SPOILT, wrongly])
    page.reload()


def preparation(page: Page, address: str, language: str) -> Iterator[str]:
    """From the link to the first trial; each page's name while it is open."""
    page.goto(f"{address}?lang={language}")
    for step in ("consent", "questions", "plates", "screen", "instructions"):
        yield step
        go_on(page)
    page.locator("#choose-left[aria-disabled=false]").wait_for()
    yield "trial"


def whole(page: Page, address: str, language: str) -> Iterator[str]:
    """A walk that is answered rightly, and withdrawn after its end."""
    yield from preparation(page, address, language)
    page.keyboard.press("2")
    expect(page.locator("#feedback")).to_be_visible()
    yield "feedback"
    page.locator("#go-on").click()
    while page.locator("#trial").count():
        answer(page)
        if page.locator("button.main").count():
            yield "break"
            go_on(page)
    page.locator("summary").click()
    yield "thanks"
    page.locator("main a[href*=withdraw]").click()
    yield "withdraw"
    go_on(page)
    yield "withdrawn"


def early_end(page: Page, address: str, language: str) -> Iterator[str]:
    """A walk that misses every clear answer."""
    for _ in preparation(page, address, language):
        pass
    answer(page, wrongly=True)
    yield "warning"
    while page.locator("button.main").count():
        go_on(page)
        if page.locator("#trial").count():
            answer(page, wrongly=True)
    yield "screened_out"


def left(page: Page, site: Server, address: str, language: str) -> Iterator[str]:
    """A session that was left for too long, and one that never began."""
    for _ in preparation(page, address, language):
        pass
    engine = create_engine(site.environ["STUDY_DATABASE_URL"])
    with engine.begin() as connection:
        here = "study_id = (SELECT id FROM study WHERE name = :name)"
        long_ago = f"UPDATE session SET active_at = '2020-01-01 00:00:00.000000' WHERE outcome = 'open' AND {here}"  # noqa: S608
        connection.execute(text(long_ago), {"name": address.rpartition("/")[2]})
    engine.dispose()
    page.reload()
    yield "expired"
    page.context.clear_cookies()
    page.goto(f"{address}?lang={language}")
    with page.expect_navigation():
        page.locator("button.quiet").click()
    yield "declined"
    page.goto(f"{site.address}/s/nothing-of-this-name")
    yield "message"
