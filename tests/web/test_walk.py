"""A whole study in a real browser: by mouse, by keyboard alone, blind, light, and in nobody's markup but ours."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from study.identity import SIMULATED, simulated_token

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
PRACTICE, FIRST_BLOCK, TRIALS = 2, 7, 12  # nine ratings and one catch after practice, five of them in the first block
NAMES = ("avif", "jpeg", "webp", "0.50", "catch")
HEAVIEST = 100_000  # bytes of the trial page without its images


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def test_by_mouse(site: Any, visit: Visit) -> None:
    address = site.open_study()
    someone = visit(f"{address}?PROLIFIC_PID=one&SESSION_ID=two")
    page = someone.page
    assert page.url == address
    someone.begin()
    for trial in range(TRIALS):
        someone.ready()
        page.get_by_role("button", name="Right" if trial % 2 else "Left").click()
        if trial < PRACTICE:
            expect(page.locator("#feedback")).to_contain_text("the clear answer is")
            page.get_by_role("button", name="Go on").click()
        if trial == FIRST_BLOCK - 1:
            heading(page, "A short break")
            page.get_by_role("button", name="Go on").click()
    heading(page, "Thank you")
    expect(page.get_by_text("All 10 answers are saved.")).to_be_visible()
    votes = site.votes(address)
    assert [vote["choice"] for vote in votes] == ["left", "right"] * 6
    assert [vote["kind"] for vote in votes].count("practice") == PRACTICE
    for vote in votes:
        assert (vote["pixel_exact"], vote["bytes_verified"], vote["simulated"], vote["zoomed"]) == ("1", "1", "0", "0")
        assert (vote["viewport_width"], vote["viewport_height"]) == ("1280", "800")
        assert (vote["reloads"], vote["hidden_ms"], vote["flips"]) == ("0", "0", "0")
        assert int(vote["response_ms"]) == int(vote["left_ms"]) == int(vote["right_ms"]) == int(vote["reference_ms"])


def test_by_keyboard_alone(site: Any, visit: Visit) -> None:
    address = site.open_study()
    page = visit(address).page

    def go_on() -> None:
        page.keyboard.press("Tab")
        if page.locator("#shortcuts:focus").count():
            page.keyboard.press("Tab")
        expect(page.locator("button.main:focus")).to_be_visible()
        page.keyboard.press("Enter")

    go_on()
    heading(page, "How it works")
    go_on()
    for trial in range(TRIALS):
        expect(page.locator("#choose-left")).to_have_attribute("aria-disabled", "false")
        page.keyboard.press(("ArrowLeft", "ArrowRight", "1", "2")[trial % 4])
        if trial < PRACTICE:
            expect(page.locator("#go-on")).to_be_focused()
            page.keyboard.press("Enter")
        if trial == FIRST_BLOCK - 1:
            heading(page, "A short break")
            go_on()
    heading(page, "Thank you")
    assert [vote["choice"] for vote in site.votes(address)] == ["left", "right"] * 6


def test_a_focused_button_answers_to_enter(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    someone.page.keyboard.press("Tab")
    expect(someone.page.locator("#choose-left")).to_be_focused()
    someone.page.keyboard.press("Tab")
    with someone.page.expect_response("**/vote"):
        someone.page.keyboard.press("Enter")
    assert [vote["choice"] for vote in site.votes(address)] == ["right"]


def test_nothing_that_a_browser_gets_names_a_condition(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study(), record=True).begin()
    for trial in range(TRIALS):
        someone.vote("ArrowRight", practice=trial < PRACTICE)
        if trial == FIRST_BLOCK - 1:
            someone.page.get_by_role("button", name="Go on").click()
    heading(someone.page, "Thank you")
    texts = 0
    for answer in someone.answers:
        said = [answer.url, json.dumps(answer.headers)]
        if not answer.headers.get("content-type", "").startswith("image/png"):
            said.append(answer.body.decode())
            texts += 1
        # "catch" is a word of JavaScript.
        names = NAMES[:-1] if answer.url.endswith(".js") else NAMES
        assert not [name for name in names if any(name in text.lower() for text in said)], answer.url
    assert texts > TRIALS


def test_the_trial_page_is_light(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study(), record=True).begin()
    someone.answers.clear()
    someone.page.reload()
    someone.ready()
    parts = [answer for answer in someone.answers if not answer.url.endswith(".png")]
    names = {answer.url.rpartition("/")[2] for answer in parts}
    assert names >= {"trial.js", "pixels.js", "trial.css", "page.css", "trial"}
    assert sum(len(answer.body) for answer in parts) < HEAVIEST


def test_images_are_there_before_they_are_wanted(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study(practice=0)).begin()
    for _ in range(3):
        someone.ready()
        before = set(someone.asked)
        with someone.page.expect_response("**/vote") as answer:
            someone.page.keyboard.press("ArrowLeft")
        trial = answer.value.json()["trial"]
        someone.page.wait_for_load_state("networkidle")
        # All of the next pair was asked for while the one before was in view.
        assert {site.address + trial[side]["url"] for side in ("left", "right", "reference")} <= before


def test_texts_of_a_study_are_text(site: Any, visit: Visit) -> None:
    markup = "<script>document.title = 'owned'</script><b>bold</b>"
    texts = "\n".join(f'{key} = "{markup}"' for key in ("title", "question", "consent", "instructions", "thanks"))
    someone = visit(site.open_study(f'contact = "{markup}"\n[texts]\n{texts}'))
    expect(someone.page.get_by_role("heading", level=1)).to_have_text(markup)
    someone.begin()
    expect(someone.page.locator("#question")).to_have_text(markup)
    assert someone.page.locator("b").count() == 0
    assert someone.page.title() == markup


def test_a_simulation_says_so(site: Any, visit: Visit) -> None:
    address = site.open_study()
    name = address.rpartition("/")[2]
    site.command("simulate", name, "--participants", "1")
    token = simulated_token(site.environ["STUDY_SECRET_KEY"], f"{name}-simulated")
    someone = visit(f"{address}-simulated?{SIMULATED}={token}")
    expect(someone.page.locator(".badge")).to_have_text("Simulated")
    someone.begin()
    expect(someone.page.locator(".badge")).to_have_text("Simulated")


def test_who_declines_is_let_go(site: Any, visit: Visit) -> None:
    address = site.open_study()
    page = visit(address).page
    page.get_by_role("button", name="No, thank you").click()
    heading(page, "That is fine")
    page.reload()
    heading(page, "That is fine")
    assert site.votes(address) == []
