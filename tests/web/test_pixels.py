"""What stands on the screen is the PNG, pixel for pixel, and the vote says where it stood."""

import base64
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.web.drawn import SIDE
from tests.web.screens import corner, differing, place, screen, shown

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


RATIOS = (1, 1.1, 1.25, 1.5, 1.75, 2, 2.625, 3)


@pytest.mark.parametrize(
    ("rule", "scales"),
    [(1, (1,) * 8), (2, (2,) * 8), ('"auto"', (1, 1, 1, 1, 1, 2, 2, 3))],
)
def test_the_screen_is_the_png_at_every_density(site: Any, visit: Visit, rule: object, scales: tuple[int, ...]) -> None:
    address = site.open_study(f"device_pixels_per_pixel = {rule}", practice=0, block=10)
    someone = visit(address).begin()
    devices = someone.context.new_cdp_session(someone.page)
    seen = []
    for number, ratio in enumerate(RATIOS):  # while the page is open, as browser zoom changes it
        width, height = 1001 - number, 667 + number
        metrics = {"deviceScaleFactor": ratio, "width": width, "height": height, "mobile": False}
        devices.send("Emulation.setDeviceMetricsOverride", metrics)
        someone.page.wait_for_timeout(150)
        # Playwright's own screenshot would take the new metrics back.
        taken = devices.send("Page.captureScreenshot", {"format": "png"})["data"]
        window = Image.open(io.BytesIO(base64.b64decode(taken))).convert("RGB")
        seen.append((window, place(someone.page, "reference", ratio), width))
        someone.vote()
    someone.delivered()
    votes = site.votes(address)
    for vote, ratio, scale, (window, reference, width) in zip(votes, RATIOS, scales, seen, strict=True):
        for side in ("left", "right"):
            assert differing(window, *corner(vote, side), shown(site, vote, side, scale)) == 0
        assert differing(window, *reference, shown(site, vote, "reference", scale)) == 0
        assert (vote["pixel_exact"], vote["viewport_width"]) == ("1", str(width))
        assert float(vote["device_pixel_ratio"]) == pytest.approx(ratio)
        assert float(vote["device_pixels_per_pixel"]) == scale


@pytest.mark.parametrize("ratio", [1.25, 2])
def test_the_screen_is_the_png_from_the_beginning(site: Any, visit: Visit, ratio: float) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, device_scale_factor=ratio, viewport={"width": 1001, "height": 667}).begin()
    seen = screen(someone.page)
    someone.vote()
    [vote] = site.votes(address)
    for side in ("left", "right"):
        assert differing(seen, *corner(vote, side), shown(site, vote, side)) == 0


def test_the_comparison_can_fail(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    seen = screen(someone.page)
    someone.vote()
    [vote] = site.votes(address)
    x, y = corner(vote, "left")
    assert differing(seen, x + 1, y, shown(site, vote, "left")) > SIDE * SIDE / 2


@pytest.mark.parametrize(("reference", "width"), [("always", 1280), ("on_demand", 1001), ("never", 1001)])
def test_candidates_stand_still_and_are_equally_far_from_the_centre(
    site: Any, visit: Visit, reference: str, width: int
) -> None:
    address = site.open_study(f'reference = "{reference}"\nnot_sure = true', practice=0)
    someone = visit(address, viewport={"width": width, "height": 700}).begin()
    for done in range(4):
        someone.vote()
        expect(someone.page.locator("#count")).to_contain_text(f"{done + 1} of 10")
    places = {
        tuple(vote[f"{side}_{axis}"] for side in ("left", "right") for axis in "xy") for vote in site.votes(address)
    }
    assert len(places) == 1
    left_x, left_y, right_x, right_y = (float(place) for place in places.pop())
    assert left_y == right_y
    assert abs(left_x - (width - right_x - SIDE)) <= 1


def test_what_changes_during_a_trial_is_told(site: Any, visit: Visit) -> None:
    address = site.open_study('device_pixels_per_pixel = "auto"', practice=0)
    someone = visit(address).begin()
    devices = someone.context.new_cdp_session(someone.page)
    for ratio in (2, 1):
        metrics = {"deviceScaleFactor": ratio, "width": 1281 - ratio, "height": 800, "mobile": False}
        devices.send("Emulation.setDeviceMetricsOverride", metrics)
        someone.page.wait_for_timeout(200)
    someone.vote()
    someone.vote()
    changed, steady = site.votes(address)
    assert (changed["geometry_changes"], changed["device_pixel_ratio"]) == ("2", "1")
    assert (steady["geometry_changes"], steady["pixel_exact"]) == ("0", "1")


STYLES = {
    "an inverted page": "html { filter: invert(1) }",
    "a blended body": "body { mix-blend-mode: multiply }",
    "half through": "#images { opacity: 0.5 }",
    "smoothed": "#images canvas { image-rendering: auto }",
    "moved": "#images { transform: translate(0.4px, 0) }",
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
def test_a_style_over_the_images_is_not_exact(site: Any, visit: Visit, style: str) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    put, take = "css => adopt(css)", "() => { document.adoptedStyleSheets = []; }"
    someone.page.evaluate("""() => {
      window.adopt = (css) => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(css);
        document.adoptedStyleSheets = [sheet];
      };
    }""")
    someone.page.evaluate(put, style)
    someone.vote()  # at the press
    expect(someone.page.locator("#count")).to_contain_text("1 of 10")
    someone.page.evaluate(take)
    someone.ready()
    someone.page.evaluate(put, style)
    someone.page.set_viewport_size({"width": 1279, "height": 800})
    someone.page.wait_for_timeout(100)
    someone.page.evaluate(take)
    someone.vote()  # for a moment before it
    someone.vote()
    assert [vote["pixel_exact"] for vote in site.votes(address)] == ["0", "0", "1"]


def test_words_that_take_the_room_can_be_made_smaller(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    page = visit(address, viewport={"width": 800, "height": 310}, device_scale_factor=1.5).page
    page.get_by_role("button", name="I agree, begin").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#misfit")).to_contain_text("Or zoom out in your browser")
    page.set_viewport_size({"width": 200, "height": 310})
    expect(page.locator("#misfit")).not_to_contain_text("Or zoom out in your browser")


def test_a_touched_screen_that_is_too_small_sends_to_a_computer(site: Any, visit: Visit) -> None:
    address = site.open_study("phones = true", side=400, practice=0)
    small = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    someone = visit(address, **{**small, "viewport": {"width": 1300, "height": 1300}})
    page = someone.begin().page
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#misfit")).to_contain_text("The images need a larger screen than this one.")
    page.set_viewport_size({"width": 730, "height": 1300})
    expect(page.locator("#misfit")).to_contain_text("Please turn your device")


def test_a_window_that_is_too_small_says_what_to_do(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    page = visit(address, viewport={"width": 300, "height": 300}).page
    page.get_by_role("button", name="I agree, begin").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#misfit")).to_contain_text("px) and higher (by")
    page.keyboard.press("ArrowLeft")
    page.set_viewport_size({"width": 800, "height": 330})
    higher = re.compile(r"^Please make the window higher \(by \d+ px\), or use a larger screen.")
    expect(page.locator("#misfit p").first).to_have_text(higher)
    page.set_viewport_size({"width": 800, "height": 700})
    expect(page.locator("#misfit")).to_be_hidden()
    expect(page.locator("#choose-left")).to_have_attribute("aria-disabled", "false")
    page.set_viewport_size({"width": 300, "height": 700})
    expect(page.locator("#misfit")).to_be_visible()
    expect(page.locator("#left")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(300)
    assert site.votes(address) == []
    page.set_viewport_size({"width": 800, "height": 700})
    expect(page.locator("#left")).to_be_visible()
    with page.expect_response("**/vote"):
        page.keyboard.press("ArrowRight")
    [vote] = site.votes(address)
    assert vote["choice"] == "right"
    assert 300 <= int(vote["hidden_ms"]) < int(vote["response_ms"])
    assert abs(int(vote["left_ms"]) + int(vote["hidden_ms"]) - int(vote["response_ms"])) <= 1
