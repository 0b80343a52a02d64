"""WCAG 2.2 AA on every page: axe-core, targets large enough, focus that is seen, all by keyboard, and no motion."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.web.drawn import Server
from tests.web.tour import EVERYTHING, SHORT, early_end, left, whole

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS: dict[str, tuple[str, dict[str, Any]]] = {
    "light": ("en", {"viewport": {"width": 1280, "height": 800}}),
    "dark and narrow": ("de", {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}),
    "from right to left": ("ar", {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}),
}
PAGES = {
    "consent", "questions", "plates", "screen", "instructions", "trial", "feedback", "break", "warning", "screened_out",
    "thanks", "withdraw", "withdrawn", "expired", "declined", "message",
}  # fmt: skip
TARGETS = """
() => [...document.querySelectorAll("a, button, input:not([type=hidden]), summary")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest("p:not(.copy)"))
  .map((element) => {
    const target = element.closest("label") ?? element;
    const { width, height } = target.getBoundingClientRect();
    return { name: element.outerHTML.slice(0, 80), width, height, main: element.matches(".main, [data-choice]") };
  })
"""
"""Everything to be pressed but for links in a sentence, which are exempt; a label belongs to what it labels."""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUSED = """
() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const seen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return { tag: element.tagName, name: element.textContent.trim(), seen };
}
"""


@pytest.fixture
def person(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that looks as the test's parameter says; axe-core is injected past our content policy."""
    language, options = LOOKS[request.param]
    context = chromium.new_context(bypass_csp=True, locale=language, **options)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def complaints(page: Page, step: str) -> list[str]:
    """What is wrong with the page that is open."""
    # Styles and all; a page of the dashboard that still counts looks again by itself.
    page.wait_for_function("document.readyState === 'complete' && !document.querySelector('[data-behind]')")
    found = Axe().run(page, options=RULES).response["violations"]
    said = [f"{step}: {fault['id']}: {node['html']}" for fault in found for node in fault["nodes"]]
    for target in page.evaluate(TARGETS):
        least = 44 if target["main"] else 24
        if min(target["width"], target["height"]) < least:
            said.append(f"{step}: smaller than {least} px: {target}")
    if page.evaluate(OVERFLOW) > 0:
        said.append(f"{step}: wider than the window")
    if page.evaluate("document.getAnimations().length"):
        said.append(f"{step}: something moves")
    return said


@pytest.mark.parametrize(("person", "language"), [(name, look[0]) for name, look in LOOKS.items()], indirect=["person"])
def test_no_page_keeps_anybody_out(site: Server, person: Page, language: str) -> None:
    address = site.open_study(EVERYTHING, **SHORT)
    seen: set[str] = set()
    said: list[str] = []
    walks = (
        lambda: whole(person, address, language),
        lambda: early_end(person, address, language),
        lambda: left(person, site, address, language),
    )
    for walk in walks:
        for step in walk():
            seen.add(step)
            said += complaints(person, step)
            html = person.locator("html")
            assert html.get_attribute("lang") == language, step
            assert html.get_attribute("dir") == ("rtl" if language == "ar" else "ltr"), step
        person.context.clear_cookies()
    assert said == []
    assert seen == PAGES


@pytest.mark.parametrize("person", ["light"], indirect=True)
def test_what_keeps_people_out_is_found(site: Server, person: Page) -> None:
    person.goto(site.open_study())
    assert complaints(person, "consent") == []
    faults = "<img src='/static/icon.svg'><button style='width: 20px; height: 20px'>x</button>"
    faults += "<p style='color: #bbb; width: 200vw'>pale</p>"
    person.evaluate("faults => document.querySelector('main').insertAdjacentHTML('beforeend', faults)", faults)
    said = "\n".join(complaints(person, "consent"))
    for fault in ("image-alt", "color-contrast", "smaller than 24 px", "wider than the window"):
        assert fault in said


@pytest.mark.parametrize("layout", ["flip", "flip_reference", "flicker", "flicker_reference"])
@pytest.mark.parametrize("person", ["light"], indirect=True)
def test_no_layout_and_no_closer_look_keeps_anybody_out(site: Server, person: Page, layout: str) -> None:
    tools = f'layout = "{layout}"\nloupe = true\nmark_region = true\nnot_sure = true'
    to_first_trial(person, site.open_study(tools, practice=0, catch_rate=0.0))
    said = complaints(person, layout)
    person.get_by_role("button", name="Magnify").click()
    said += complaints(person, "magnified")
    person.get_by_role("button", name="Mark where").click()
    said += complaints(person, "marking")
    person.keyboard.press("Escape")
    for key in ("ArrowLeft", "ArrowRight", "r", "1"):
        person.keyboard.press(key)
        person.wait_for_timeout(100)
    change = person.get_by_role("button", name="Change the last answer")
    change.click()
    expect(person.get_by_role("button", name="Leave it")).to_be_visible()
    assert said + complaints(person, "correcting") == []


@pytest.mark.parametrize("person", ["dark and narrow"], indirect=True)
def test_a_window_that_is_too_small_says_so_to_everybody(site: Server, person: Page) -> None:
    to_first_trial(person, site.open_study(practice=0, catch_rate=0.0, side=256), wait=False)
    expect(person.locator("#misfit")).to_be_visible()
    assert complaints(person, "misfit") == []


def test_a_phone_that_is_sent_to_a_computer_can_be_read(site: Server, chromium: Browser) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    context = chromium.new_context(bypass_csp=True, **phone)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(site.open_study())
    expect(page.get_by_text("Please use a computer")).to_be_visible()
    assert complaints(page, "elsewhere") == []
    context.close()


def to_first_trial(page: Page, address: str, *, wait: bool = True) -> None:
    """Agree and go on until the first pair is there, shown or not."""
    page.goto(address)
    for _ in range(2):
        with page.expect_navigation():
            page.locator("button.main").first.click()
    if wait:
        page.locator("#images .shown").first.wait_for()


def focused(page: Page, name: str) -> None:
    """Go on by Tab until the element of this name has the focus; it must be seen on the way."""
    for _ in range(40):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["tag"] != "BODY":
            assert found["seen"], found
        if found["name"] == name:
            return
    raise AssertionError(f"no way by Tab to {name}")


@pytest.mark.parametrize("person", ["light"], indirect=True)
def test_by_keyboard_alone_everything_can_be_said(site: Server, person: Page) -> None:
    """Radio groups, plates, the card's slider, and a trial, without a mouse."""
    page = person
    address = site.open_study(EVERYTHING, **SHORT)
    page.goto(address)
    focused(page, "I agree, begin")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("About you and your screen")
    page.keyboard.press("Tab")
    for _ in range(6):  # from "I would rather not say" up to the first answer
        page.keyboard.press("ArrowUp")
    focused(page, "Go on")
    assert page.locator("input[name=age_band]:checked").input_value() == "under_18"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Numbers in dots")
    page.keyboard.press("Tab")
    page.keyboard.type("23")
    focused(page, "Go on")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("The size of your screen")
    page.keyboard.press("Tab")
    width = page.locator("#card").bounding_box()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    wider = page.locator("#card").bounding_box()
    assert width is not None
    assert wider is not None
    assert wider["width"] == pytest.approx(width["width"] + 4, abs=0.6)
    assert wider["width"] / wider["height"] == pytest.approx(85.6 / 53.98, abs=0.01)
    page.keyboard.press("Tab")
    expect(page.get_by_label("The outline is as large as the card")).to_be_focused()
    expect(page.get_by_label("The outline is as large as the card")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("62")
    focused(page, "Go on")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("How it works")
    focused(page, "Go on")
    page.keyboard.press("Enter")
    expect(page.locator("#choose-left")).to_have_attribute("aria-disabled", "false")
    with page.expect_response("**/vote"):
        page.keyboard.press("1")


def test_a_phone_is_sent_to_a_computer_with_its_whole_link(site: Server, chromium: Browser) -> None:
    address = site.open_study()
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    context = chromium.new_context(**phone)
    page = context.new_page()
    page.goto(f"{address}?PROLIFIC_PID=one&lang=en")
    expect(page.get_by_text("Please use a computer")).to_be_visible()
    expect(page.get_by_role("button", name="I agree, begin")).to_be_hidden()
    expect(page.get_by_role("button", name="No, thank you")).to_be_visible()
    assert page.get_by_label("Link to the study").input_value() == f"{address}?PROLIFIC_PID=one"
    context.close()


def test_a_tablet_may_take_part(site: Server, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 820, "height": 1180}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto(site.open_study())
    expect(page.get_by_role("button", name="I agree, begin")).to_be_visible()
    expect(page.locator("#elsewhere")).to_be_hidden()
    context.close()


def test_a_phone_that_no_way_of_holding_makes_large_enough_is_sent_to_a_computer(
    site: Server, chromium: Browser
) -> None:
    """Before consent, though the study takes phones; a screen that is large enough brings the way back."""
    address = site.open_study('phones = true\ndevice_pixels_per_pixel = "auto"')  # three crops of 96 px beside another
    context = chromium.new_context(viewport={"width": 260, "height": 300}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto(address)
    agree = page.get_by_role("button", name="I agree, begin")
    expect(page.get_by_text("Please use a computer")).to_be_visible()
    expect(page.get_by_text("make the window wider")).to_have_count(0)
    expect(agree).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 720})
    expect(agree).to_be_visible()
    expect(page.locator("#elsewhere")).to_be_hidden()
    agree.click()
    page.set_viewport_size({"width": 260, "height": 300})
    expect(page.locator("#device")).to_contain_text("Please use a computer.")
    context.close()


def measuring(site: Server, page: Page) -> None:
    """The page with the card."""
    page.goto(site.open_study("phones = true\n[ask]\nscreen_size = true"))
    page.locator("button.main").first.click()
    page.get_by_role("heading", name="The size of your screen").wait_for()


def sent(page: Page) -> str:
    """What the page says of pixels a millimetre."""
    with page.expect_request("**/step") as request:
        page.get_by_role("button", name="Go on").click()
    return parse_qs(request.value.post_data or "").get("pixels_per_mm", [""])[0]


def test_the_card_of_a_dense_phone_has_room(site: Server, chromium: Browser) -> None:
    phone = {"viewport": {"width": 360, "height": 780}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}
    context = chromium.new_context(**phone)
    page = context.new_page()
    measuring(site, page)
    slider, card = page.locator("#size"), page.locator("#card")
    assert float(slider.get_attribute("max") or 0) / 53.98 > 440 / 25.4 / 3  # 440 pixels an inch
    slider.fill("312")
    box = card.bounding_box()
    assert box
    assert box["width"] == pytest.approx(312, abs=0.6)
    slider.fill(slider.get_attribute("max") or "")
    box = card.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert page.evaluate(OVERFLOW) == 0
    expect(page.locator("#measured")).to_contain_text("The slider is at its end.")
    assert sent(page) == ""
    context.close()


@pytest.mark.parametrize("person", ["light"], indirect=True)
def test_an_outline_that_is_right_at_once_is_confirmed_or_not_counted(site: Server, person: Page) -> None:
    measuring(site, person)
    assert sent(person) == ""
    person.context.clear_cookies()
    measuring(site, person)
    person.get_by_label("The outline is as large as the card").check()
    expect(person.locator("#measured")).to_contain_text("3.8 pixels of your screen are one millimetre.")
    assert float(sent(person)) == pytest.approx(3.78, abs=0.01)


@pytest.mark.parametrize("person", ["light"], indirect=True)
def test_the_switch_of_the_single_keys_stays_as_it_was_put(site: Server, person: Page) -> None:
    person.goto(site.open_study())
    person.locator("button.main").first.click()
    switch = person.get_by_label("Single keys answer")
    expect(switch).to_be_checked()
    switch.uncheck()
    person.reload()
    expect(switch).not_to_be_checked()
    switch.check()
    person.reload()
    expect(switch).to_be_checked()


def test_a_window_that_is_too_small_is_told_until_it_is_large_enough(site: Server, visit: Any) -> None:
    page = visit(site.open_study(), viewport={"width": 300, "height": 700}).page
    notice = page.locator("#device")
    expect(notice).to_contain_text("Please make the window wider (by ")
    expect(page.get_by_role("button", name="I agree, begin")).to_be_visible()
    page.set_viewport_size({"width": 1000, "height": 700})
    expect(notice).to_be_hidden()
