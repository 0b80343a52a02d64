"""Keys and buttons: what has the focus is what space and Enter press, and single keys can be switched off."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


@pytest.mark.parametrize("key", [" ", "Enter"])
@pytest.mark.parametrize(
    "study", ['reference = "on_demand"', 'layout = "flicker"\nflicker_ms = 200', "mark_region = true"]
)
def test_a_focused_button_is_pressed(site: Any, visit: Visit, study: str, key: str) -> None:
    address = site.open_study(study, practice=0, catch_rate=0.0)
    someone = visit(address).begin()
    page = someone.page
    if "flicker" in study:
        page.locator("#run").focus()
        page.keyboard.press(key)
        expect(page.get_by_role("button", name="Let run")).to_be_visible()
    page.locator("#choose-right").focus()
    with page.expect_response("**/vote"):
        page.keyboard.press(key)
    [vote] = site.votes(address)
    assert (vote["choice"], vote["region_x"]) == ("right", "")


def test_a_pointer_leaves_no_focus_behind(site: Any, visit: Visit) -> None:
    address = site.open_study('reference = "on_demand"', practice=0)
    someone = visit(address).begin()
    page = someone.page
    with page.expect_response("**/vote"):
        page.get_by_role("button", name="Left").click()
    someone.ready()
    page.keyboard.down(" ")
    expect(page.locator("#reference")).to_be_visible()
    page.wait_for_timeout(300)
    page.keyboard.up(" ")
    expect(page.locator("#reference")).to_be_hidden()
    assert len(site.votes(address)) == 1


def test_without_single_keys_only_buttons_answer(site: Any, visit: Visit) -> None:
    address = site.open_study("loupe = true\nmark_region = true\nnot_sure = true", practice=0)
    someone = visit(address)
    page = someone.page
    page.get_by_role("button", name="I agree, begin").click()
    page.locator("#shortcuts").uncheck()
    page.get_by_role("button", name="Go on").click()
    someone.ready()
    expect(page.locator("kbd:visible")).to_have_count(0)
    expect(page.locator("[aria-keyshortcuts]")).to_have_count(0)
    for key in ("1", "2", "0", "ArrowLeft", "ArrowRight", "ArrowDown", "Shift+ArrowLeft", "z", "m", "u"):
        page.keyboard.press(key)
    expect(page.locator("#mark-region")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#zoom")).to_contain_text("1")
    assert someone.votes_sent() == 0
    page.locator("#mark-region").focus()
    for key in ("Enter", "ArrowLeft", "Enter", "ArrowLeft", "Enter"):  # the cross has no button
        page.keyboard.press(key)
    page.locator("#choose-right").focus()
    with page.expect_response("**/vote"):
        page.keyboard.press("Enter")
    [vote] = site.votes(address)
    assert (vote["choice"], vote["region_width"], vote["zoomed"]) == ("right", "2", "0")
