"""The layouts: every image in view is its PNG, changes are flips, and time counts for what is in view."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.screens import corner, differing, place, screen, shown

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
QUIET = {"practice": 0, "catch_rate": 0.0}


def study(site: Any, layout: str, reference: str = "always", more: str = "", **design: object) -> str:
    address: str = site.open_study(f'layout = "{layout}"\nreference = "{reference}"\n{more}', **QUIET, **design)
    return address


def arrive(visit: Visit, address: str, **options: Any) -> Any:
    """Somebody at the first pair; a choice need not count yet."""
    return visit(address, **options).arrive()


def in_view(page: Page) -> set[str]:
    return set(page.eval_on_selector_all("#images .shown", "shown => shown.map((canvas) => canvas.id)"))


WHERE = "button => button.getBoundingClientRect().x"

# What keys bring which canvases into view.
FACES: dict[tuple[str, str], dict[str, set[str]]] = {
    ("flip", "never"): {"ArrowRight": {"right"}, "ArrowLeft": {"left"}, "f": {"right"}},
    ("flip", "always"): {"ArrowRight": {"right", "reference"}, "f": {"left", "reference"}},
    ("flip_reference", "always"): {"ArrowRight": {"right"}, "r": {"reference"}, "ArrowLeft": {"left"}},
    ("flicker", "always"): {"ArrowRight": {"right", "reference"}, "ArrowLeft": {"left", "reference"}},
    ("flicker_reference", "always"): {"r": {"reference", "reference-right"}, "ArrowUp": {"left", "right"}},
}


@pytest.mark.parametrize(
    ("faces", "ratio", "rule", "scale"),
    [
        (("flip", "never"), 1, 1, 1),
        (("flip", "always"), 1.5, 2, 2),
        (("flip_reference", "always"), 1.25, 1, 1),
        (("flicker", "always"), 1.75, 1, 1),
        (("flicker_reference", "always"), 2.625, '"auto"', 2),
    ],
    ids=str,
)
def test_every_face_is_its_png(
    site: Any, visit: Visit, *, faces: tuple[str, str], ratio: float, rule: object, scale: int
) -> None:
    layout, reference = faces
    address = study(site, layout, reference, f"device_pixels_per_pixel = {rule}")
    someone = arrive(visit, address, device_scale_factor=ratio, viewport={"width": 1001, "height": 667})
    page, seen = someone.page, []
    for key, canvases in FACES[faces].items():
        page.keyboard.press(key)
        assert in_view(page) == canvases
        seen.append((screen(page), {canvas: place(page, canvas, ratio) for canvas in canvases}))
    someone.vote("1")
    [vote] = site.votes(address)
    assert (vote["layout"], vote["pixel_exact"], float(vote["device_pixels_per_pixel"])) == (layout, "1", scale)
    for window, places in seen:
        for canvas, at in places.items():
            side = canvas.removesuffix("-right")
            assert differing(window, *at, shown(site, vote, side, scale)) == 0
            if side != "reference":
                assert at == corner(vote, side)


def test_a_choice_waits_for_both_and_times_are_those_in_view(site: Any, visit: Visit) -> None:
    address = study(site, "flip", minimum_view_ms=400)
    someone = arrive(visit, address)
    page = someone.page
    page.wait_for_timeout(500)
    expect(page.locator("#hint")).to_have_text("Look at B first.")  # before anything is pressed
    page.keyboard.press("1")
    expect(page.locator("#hint")).to_have_text("Look at B first.")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    expect(page.locator("#hint")).to_have_text("Look at B a little longer.")
    someone.ready()
    expect(page.locator("#hint")).to_be_empty()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # changes nothing
    someone.vote("2")
    [vote] = site.votes(address)
    assert (vote["choice"], vote["flips"]) == ("right", "2")
    assert min(int(vote["right_ms"]), int(vote["left_ms"])) >= 400
    total = int(vote["response_ms"])
    assert abs(int(vote["left_ms"]) + int(vote["right_ms"]) - total) <= 1
    assert int(vote["reference_ms"]) == total


def test_the_original_in_place_must_be_seen_once(site: Any, visit: Visit) -> None:
    address = study(site, "flip_reference")
    someone = arrive(visit, address)
    page = someone.page
    page.keyboard.press("1")
    expect(page.locator("#hint")).to_have_text("Look at B and the original first.")
    page.get_by_role("button", name="Show B").click()
    expect(page.get_by_role("button", name="Show B")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("1")
    expect(page.locator("#hint")).to_have_text("Look at the original first.")
    page.get_by_role("button", name="Original").click()
    assert in_view(page) == {"reference"}
    page.get_by_role("button", name="Original").click()  # and back to where one was
    assert in_view(page) == {"right"}
    someone.ready()
    with page.expect_response("**/vote"):
        page.get_by_role("button", name="Choose A").click()
    [vote] = site.votes(address)
    assert (vote["choice"], vote["flips"]) == ("left", "3")
    seen = [int(vote[f"{image}_ms"]) for image in ("left", "right", "reference")]
    assert abs(sum(seen) - int(vote["response_ms"])) <= 2
    assert min(seen) > 0


def test_the_original_on_demand_takes_the_place(site: Any, visit: Visit) -> None:
    someone = arrive(visit, study(site, "flip_reference", "on_demand"))
    page = someone.page
    page.keyboard.press("ArrowRight")
    page.keyboard.down("r")
    assert in_view(page) == {"reference"}
    page.wait_for_timeout(300)
    page.keyboard.up("r")
    assert in_view(page) == {"right"}
    someone.vote("2")  # the original need not be seen


def test_a_tap_on_the_image_flips(site: Any, visit: Visit) -> None:
    address = study(site, "flip", more="phones = true")
    someone = arrive(visit, address, has_touch=True, viewport={"width": 390, "height": 700})
    page = someone.page
    page.locator("#left").tap()
    assert in_view(page) == {"right", "reference"}
    page.get_by_role("button", name="Show A").tap()
    assert in_view(page) == {"left", "reference"}
    someone.ready()
    with page.expect_response("**/vote"):
        page.get_by_role("button", name="Choose B").tap()
    assert [(vote["choice"], vote["flips"]) for vote in site.votes(address)] == [("right", "2")]


def test_a_flicker_takes_turns_and_can_be_stopped(site: Any, visit: Visit) -> None:
    address = study(site, "flicker", more="flicker_ms = 200")
    someone = arrive(visit, address)
    page = someone.page
    page.wait_for_timeout(2050)
    page.keyboard.press(" ")
    stopped = in_view(page)
    page.wait_for_timeout(300)
    assert in_view(page) == stopped
    expect(page.get_by_role("button", name="Let run")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.wait_for_timeout(300)
    someone.vote("1")
    [vote] = site.votes(address)
    left, right, total = (int(vote[f"{what}_ms"]) for what in ("left", "right", "response"))
    assert abs(left + right - total) <= 1
    assert int(vote["reference_ms"]) == total
    assert abs(int(vote["flips"]) - (total - 300) / 200) <= 4
    assert min(left, right) > 400


def test_a_flicker_begins_stopped_for_those_who_want_less_motion(site: Any, visit: Visit) -> None:
    address = study(site, "flicker_reference", more="flicker_ms = 200")
    someone = arrive(visit, address, reduced_motion="reduce")
    page = someone.page
    page.wait_for_timeout(400)
    assert in_view(page) == {"left", "right"}
    expect(page.get_by_role("button", name="Let run")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#hint")).to_have_text("Look at the original first.")
    page.keyboard.press("r")
    someone.vote("ArrowRight")
    [vote] = site.votes(address)
    assert (vote["choice"], vote["flips"]) == ("right", "1")
    assert int(vote["reference_ms"]) > 0


def test_an_original_that_flickers_must_have_been_seen(site: Any, visit: Visit) -> None:
    address = study(site, "flicker_reference", more="flicker_ms = 900")
    someone = arrive(visit, address)
    page = someone.page
    expect(page.locator("#hint")).to_have_text("Look at the original first.")
    page.keyboard.press("ArrowLeft")
    someone.vote("ArrowRight")
    [vote] = site.votes(address)
    assert (vote["choice"], vote["flips"]) == ("right", "1")
    assert int(vote["response_ms"]) >= 900
    assert int(vote["reference_ms"]) > 0


CAPTIONS = """() => {
  window.said = new Set();
  const read = () => said.add([...document.querySelectorAll(".caption")].map((one) => one.textContent).join("|"));
  new MutationObserver(read).observe(document.getElementById("trial"), { childList: true, subtree: true });
  read();
}"""


@pytest.mark.parametrize(
    ("layout", "running", "stopped"),
    [
        ("flicker", "A and B|Original|", {"A|Original|", "B|Original|"}),
        ("flicker_reference", "||", {"Original|Original|"}),
    ],
)
def test_captions_do_not_blink_with_the_clock(
    site: Any, visit: Visit, layout: str, running: str, stopped: set[str]
) -> None:
    page = arrive(visit, study(site, layout, more="flicker_ms = 170")).page
    page.evaluate(CAPTIONS)
    page.wait_for_timeout(800)
    assert page.evaluate("[...said]") == [running]
    page.keyboard.press("ArrowRight" if layout == "flicker" else "r")
    if layout == "flicker_reference" and not page.locator("#reference.shown").count():
        page.keyboard.press("r")  # it was the original's turn, and that press took it away
    assert "|".join(page.locator(".caption").all_text_contents()) in stopped


def test_from_the_original_one_flips_to_the_other_candidate(site: Any, visit: Visit) -> None:
    page = arrive(visit, study(site, "flip_reference")).page
    for key, canvas in (("r", "reference"), ("f", "right"), ("r", "reference"), ("f", "left")):
        page.keyboard.press(key)
        assert in_view(page) == {canvas}


def test_the_arrows_of_images_in_one_place_choose_nothing(site: Any, visit: Visit) -> None:
    someone = arrive(visit, study(site, "flip", more="not_sure = true"))
    for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowRight"):
        someone.page.keyboard.press(key)
    someone.page.wait_for_timeout(200)
    assert someone.votes_sent() == 0
    someone.vote("0")


def test_left_is_left_in_a_language_from_right_to_left(site: Any, visit: Visit) -> None:
    address = study(site, "side_by_side", more='languages = ["ar"]')
    someone = visit(address)
    page = someone.page
    for _ in range(2):  # consent, instructions
        page.locator("[data-action=agree] button, [data-action=next] button").click()
    someone.ready()
    assert page.locator("html").get_attribute("dir") == "rtl"
    left, right = (place(page, side, 1)[0] for side in ("left", "right"))
    beneath = [page.locator(f"#choose-{side}").evaluate(WHERE) for side in ("left", "right")]
    assert left < right
    assert beneath[0] < beneath[1]
    assert "Left" not in (page.locator("#choose-left").text_content() or "")
    someone.vote("ArrowLeft")
    expect(page.locator("#change")).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator("#leave")).to_be_visible()
    [vote] = site.votes(address)
    assert (vote["choice"], corner(vote, "left")[0]) == ("left", left)
