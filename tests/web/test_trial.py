"""The trial page: locks that say why, "not sure", the reference in its three modes, images that do not come."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Route, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


def test_a_choice_waits_until_both_were_in_view(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0, minimum_view_ms=1500)
    someone = visit(address)
    page = someone.page
    page.get_by_role("button", name="I agree, begin").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#count")).to_contain_text("0 of 10")
    expect(page.locator("#hint")).to_have_text("Look at both images first.")  # before anything is pressed
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#hint")).to_have_text("Look at both images first.")
    expect(page.locator("#choose-left")).to_have_attribute("aria-disabled", "true")
    page.locator("#choose-right").click(force=True)
    assert someone.votes_sent() == 0
    someone.ready()
    expect(page.locator("#hint")).to_be_empty()
    someone.vote("ArrowRight")
    [vote] = site.votes(address)
    assert vote["choice"] == "right"
    assert 1500 <= int(vote["response_ms"]) < 15_000


def test_time_with_the_page_hidden_does_not_count_as_looking(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0, minimum_view_ms=400)
    someone = visit(address).begin()
    hide = """hidden => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    someone.page.evaluate(hide, True)
    someone.page.keyboard.press("ArrowLeft")
    someone.page.wait_for_timeout(700)
    assert someone.votes_sent() == 0
    someone.page.evaluate(hide, False)
    someone.vote()
    [vote] = site.votes(address)
    assert 700 <= int(vote["hidden_ms"]) <= int(vote["response_ms"]) - 400


def test_not_sure_by_key_and_by_button(site: Any, visit: Visit) -> None:
    address = site.open_study("not_sure = true", practice=0)
    someone = visit(address).begin()
    for key in ("ArrowDown", "0"):
        someone.vote(key)
    expect(someone.page.locator("#count")).to_contain_text("2 of 10")
    someone.ready()
    someone.page.get_by_role("button", name="Not sure").click()
    expect(someone.page.locator("#count")).to_contain_text("3 of 10")
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["not_sure"] * 3


def test_without_not_sure_its_keys_do_nothing(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study(practice=0)).begin()
    for key in ("ArrowDown", "0"):
        someone.page.keyboard.press(key)
    someone.page.wait_for_timeout(200)
    assert someone.votes_sent() == 0
    expect(someone.page.get_by_role("button", name="Not sure")).to_have_count(0)


def test_the_reference_on_demand_is_there_while_a_key_is_held(site: Any, visit: Visit) -> None:
    address = site.open_study('reference = "on_demand"', practice=0)
    someone = visit(address).begin()
    page, reference = someone.page, someone.page.locator("#reference")
    for key in ("r", " "):
        expect(reference).to_be_hidden()
        page.keyboard.down(key)
        expect(reference).to_be_visible()
        page.wait_for_timeout(350)
        page.keyboard.up(key)
    expect(reference).to_be_hidden()
    assert someone.votes_sent() == 0
    someone.vote("ArrowRight")
    expect(page.locator("#count")).to_contain_text("1 of 10")
    someone.vote("ArrowRight")
    looked, unlooked = site.votes(address)
    assert 700 <= int(looked["reference_ms"]) < int(looked["response_ms"])
    assert (looked["flips"], unlooked["flips"], unlooked["reference_ms"]) == ("4", "0", "0")


def test_the_reference_on_demand_by_button(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study('reference = "on_demand"', practice=0)).begin()
    page, reference = someone.page, someone.page.locator("#reference")
    expect(page.locator(".caption").nth(1)).to_have_text("Original")  # its place says what comes there
    button = page.get_by_role("button", name="Original")
    button.click()  # a tap latches
    expect(reference).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(reference).to_be_hidden()
    button.hover()
    page.mouse.down()  # a hold does not
    page.wait_for_timeout(350)
    expect(reference).to_be_visible()
    page.mouse.up()
    expect(reference).to_be_hidden()
    button.focus()
    page.keyboard.press("Enter")
    expect(reference).to_be_visible()
    someone.vote()
    expect(page.locator("#count")).to_contain_text("1 of 10")
    expect(reference).to_be_hidden()


def test_a_press_while_a_pair_is_painted_shows_no_uncounted_reference(site: Any, visit: Visit) -> None:
    address = site.open_study('reference = "on_demand"', practice=0)
    someone = visit(address).begin()
    page = someone.page
    # The bar under the choice goes in the frame that paints the next pair: a key pressed just then.
    page.evaluate("""() => {
      const mark = document.getElementById("mark");
      const press = () => mark.hidden && dispatchEvent(new KeyboardEvent("keydown", { key: "r", code: "KeyR" }));
      new MutationObserver(press).observe(mark, { attributeFilter: ["hidden"] });
    }""")
    someone.vote("ArrowLeft")
    expect(page.locator("#count")).to_contain_text("1 of 10")
    someone.ready()
    expect(page.locator("#reference")).to_be_hidden()
    expect(page.locator("#show-reference")).to_have_attribute("aria-pressed", "false")
    someone.vote("ArrowRight")
    expect(page.locator("#count")).to_contain_text("2 of 10")
    assert [(vote["flips"], vote["reference_ms"]) for vote in site.votes(address)] == [("0", "0")] * 2


def test_without_a_reference_none_is_fetched(site: Any, visit: Visit) -> None:
    address = site.open_study('reference = "never"', practice=0, catch_rate=0.0)
    someone = visit(address).begin()
    assert someone.page.locator("canvas").count() == 2
    someone.vote()
    someone.ready()
    assert sum(url.endswith(".png") for url in someone.asked) >= 4
    assert not [url for url in someone.asked if any(sha256 in url for sha256 in site.references(address))]
    assert [vote["reference_ms"] for vote in site.votes(address)] == ["0"]


def test_an_image_that_does_not_come_is_asked_for_again(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study(practice=0), expects="Failed to load resource")
    someone.page.route("**/*.png", lambda route: route.abort(), times=1)
    someone.begin()
    expect(someone.page.locator("#status")).to_be_empty()
    someone.vote()


def test_other_bytes_are_asked_for_again(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address)
    someone.page.route("**/*.png", swap, times=1)
    someone.begin().vote()
    assert [vote["bytes_verified"] for vote in site.votes(address)] == ["1"]


def test_other_bytes_that_stay_are_told(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address)
    someone.page.route("**/*.png", swap)
    someone.begin().vote()
    assert [vote["bytes_verified"] for vote in site.votes(address)] == ["0"]


def test_without_a_secure_context_the_page_cannot_tell(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address.replace("127.0.0.1", "study.test"), expects="Cross-Origin-Opener-Policy")
    assert someone.page.evaluate("isSecureContext") is False
    someone.begin().vote()
    assert [vote["bytes_verified"] for vote in site.votes(address)] == [""]


def test_practice_says_what_was_clear(site: Any, visit: Visit) -> None:
    address = site.open_study('reference = "on_demand"', practice=2)
    someone = visit(address).begin()
    page = someone.page
    expect(page.locator("#count")).to_have_text("Practice")
    said = []
    for _ in range(2):
        someone.ready()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#go-on")).to_be_focused()
        page.keyboard.press("ArrowRight")  # no answer while the feedback is read
        page.keyboard.down("r")  # but the original may be looked at
        expect(page.locator("#reference")).to_be_visible()
        page.wait_for_timeout(300)
        page.keyboard.up("r")
        said.append(page.locator("#feedback p").text_content())
        page.keyboard.press("Enter")
    someone.ready()
    expect(page.locator("#count")).to_contain_text("0 of 10")
    votes = site.votes(address)
    expected = {
        "left": "✓ Yes, here the clear answer is: left.",
        "right": "✗ Here the clear answer is: right. Have another look.",
    }
    assert said == [expected[vote["expected"]] for vote in votes]


def swap(route: Route) -> None:
    """Answer with another image than was asked for, of the same size."""
    out = io.BytesIO()
    Image.new("RGB", (96, 96), (200, 100, 50)).save(out, "PNG")
    route.fulfill(body=out.getvalue(), content_type="image/png")
