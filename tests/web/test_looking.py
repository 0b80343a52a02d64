"""Looking closer: the loupe, the larger window around the crop, and the region that decided."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.drawn import CROP, SIDE, WINDOW
from tests.web.screens import corner, differing, place, screen, shown

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
INSIDE = {"x": CROP["x"] - WINDOW["x"], "y": CROP["y"] - WINDOW["y"]}


@pytest.mark.parametrize(("ratio", "scale"), [(1.25, 1), (1.75, 2)])
def test_the_loupe_shows_the_same_pixels_of_every_image(site: Any, visit: Visit, ratio: float, scale: int) -> None:
    address = site.open_study(f"loupe = true\ndevice_pixels_per_pixel = {scale}", practice=0)
    someone = visit(address, device_scale_factor=ratio, viewport={"width": 1001, "height": 667}).begin()
    page = someone.page
    reference = place(page, "reference", ratio)
    seen = {}
    for zoom, first in ((2, 24), (4, 36)):
        page.keyboard.press("z")
        seen[zoom] = screen(page), (first, first, first + SIDE // zoom, first + SIDE // zoom)
    page.keyboard.press("Shift+ArrowRight")
    moved = screen(page)
    someone.vote("2")
    someone.vote("2")
    looked, unlooked = site.votes(address)
    assert (looked["zoomed"], unlooked["zoomed"], looked["pixel_exact"]) == ("1", "0", "1")
    corners = {"left": corner(looked, "left"), "reference": reference, "right": corner(looked, "right")}
    for zoom, (window, part) in seen.items():
        for side, at in corners.items():
            assert differing(window, *at, shown(site, looked, side, scale * zoom, part)) == 0
    part = (39, 36, 39 + SIDE // 4, 36 + SIDE // 4)  # a 24th of the way further: 3 of 72 pixels
    for side, at in corners.items():
        assert differing(moved, *at, shown(site, looked, side, 4 * scale, part)) == 0


def test_the_loupe_follows_the_pointer(site: Any, visit: Visit) -> None:
    address = site.open_study("loupe = true", practice=0)
    someone = visit(address).begin()
    page = someone.page
    x, y = place(page, "right", 1)
    page.get_by_role("button", name="Magnify").click()
    expect(page.locator("#zoom")).to_contain_text("2")
    page.mouse.move(x + SIDE - 1, y + 1)
    seen = screen(page)
    someone.vote()
    [vote] = site.votes(address)
    x, y = part_in_view(seen, site, vote)
    assert x > 40
    assert y < 8


@pytest.mark.parametrize(("ratio", "side"), [(1, 97), (1.25, 99)])
def test_the_loupe_fills_the_place_of_any_size(site: Any, visit: Visit, ratio: float, side: int) -> None:
    address = site.open_study("loupe = true", side=side, practice=0)
    someone = visit(address, device_scale_factor=ratio, viewport={"width": 1001, "height": 667}).begin()
    page = someone.page
    page.keyboard.press("z")
    page.keyboard.press("z")
    middle = screen(page)
    for _ in range(20):
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
    last = screen(page)
    someone.vote()
    [vote] = site.votes(address)
    assert vote["pixel_exact"] == "1"
    for canvas in ("left", "right"):
        whole = shown(site, vote, canvas, 4)
        x, y = corner(vote, canvas)
        first = 4 * round((side - side / 4) / 2)
        for window, at in ((middle, first), (last, 4 * side - side)):
            assert differing(window, x, y, whole.crop((at, at, at + side, at + side))) == 0


def part_in_view(seen: Any, site: Any, vote: dict[str, str]) -> tuple[int, int]:
    """Which part of the left image is in view, twice its size; it is the right one's as well."""
    for x in range(49):
        for y in range(49):
            part = (x, y, x + 48, y + 48)
            tile = shown(site, vote, "left", 2, part)
            at = corner(vote, "left")
            if seen.getpixel(at) == tile.getpixel((0, 0)) and differing(seen, *at, tile) == 0:
                assert differing(seen, *corner(vote, "right"), shown(site, vote, "right", 2, part)) == 0
                return x, y
    raise AssertionError("no part of the image is in view")


def test_without_a_loupe_its_key_does_nothing(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    someone.page.keyboard.press("z")
    expect(someone.page.locator("#magnify")).to_be_hidden()
    someone.vote()
    assert [vote["zoomed"] for vote in site.votes(address)] == ["0"]


@pytest.mark.parametrize(("ratio", "scale"), [(1.5, 1), (2, 2)])
def test_a_crop_is_outlined_in_its_window_and_untouched(site: Any, visit: Visit, ratio: float, scale: int) -> None:
    address = site.open_study(f'view = "context"\ndevice_pixels_per_pixel = {scale}', practice=0)
    someone = visit(address, device_scale_factor=ratio, viewport={"width": 1001, "height": 767}).begin()
    seen = screen(someone.page)
    reference = place(someone.page, "reference", ratio)
    someone.vote()
    [vote] = site.votes(address)
    assert (vote["view"], vote["pixel_exact"]) == ("context", "1")
    crop = (INSIDE["x"], INSIDE["y"], INSIDE["x"] + SIDE, INSIDE["y"] + SIDE)
    ring = (SIDE + 4) ** 2 - SIDE**2
    for side, (x, y) in {
        "left": corner(vote, "left"),
        "right": corner(vote, "right"),
        "reference": reference,
    }.items():
        inside = (x + scale * INSIDE["x"], y + scale * INSIDE["y"])
        assert differing(seen, *inside, shown(site, vote, side, scale, crop)) == 0
        changed = differing(seen, x, y, shown(site, vote, side, scale))
        assert changed == pytest.approx(scale**2 * ring, rel=0.01)  # a pixel of noise may have the line's grey
        assert seen.getpixel((inside[0] - 1, inside[1] - 1)) == (28, 28, 28)
        assert seen.getpixel((inside[0] - scale - 1, inside[1] - 1)) == (252, 252, 252)


def test_a_region_is_dragged(site: Any, visit: Visit) -> None:
    address = site.open_study("mark_region = true", practice=0)
    someone = visit(address).begin()
    page = someone.page
    page.get_by_role("button", name="Mark where").click()
    x, y = place(page, "reference", 1)
    page.mouse.move(x + 10.5, y + 20.5)
    page.mouse.down()
    page.mouse.move(x + 15.5, y + 25.5)
    page.mouse.move(x + 200, y + 29.5)  # beyond the image
    marking = screen(page)
    page.mouse.up()
    seen = screen(page)
    expect(page.locator("#marked")).to_be_visible()
    someone.vote()
    someone.ready()
    expect(page.locator("#marked")).to_be_hidden()
    someone.vote()
    marked, unmarked = site.votes(address)
    assert region(marked) == ("10", "20", str(SIDE - 10), "10")
    assert region(unmarked) == ("", "", "", "")
    for side in (
        "left",
        "right",
    ):  # the frame is in every image, outside of what is marked, and only while it is marked
        left, top = corner(marked, side)
        assert marking.getpixel((left + 9, top + 24)) == (28, 28, 28)
        inside = shown(site, marked, side, part=(10, 20, SIDE, 30))
        assert differing(marking, left + 10, top + 20, inside) == 0
        assert differing(seen, left, top, shown(site, marked, side)) == 0


def test_a_mark_is_made_by_tab_and_enter(site: Any, visit: Visit) -> None:
    address = site.open_study("mark_region = true", practice=0)
    someone = visit(address).begin()
    page = someone.page
    button = page.get_by_role("button", name="Mark where")
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the first corner: the button has given the focus away
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(button).to_be_focused()
    someone.vote("ArrowLeft")
    [vote] = site.votes(address)
    assert region(vote) == (str(SIDE // 2), str(SIDE // 2), "2", "1")


@pytest.mark.parametrize("view", ["crop", "context"])
def test_a_region_by_keys_alone(site: Any, visit: Visit, view: str) -> None:
    address = site.open_study(f'mark_region = true\nview = "{view}"', practice=0)
    someone = visit(address).begin()
    page = someone.page
    page.keyboard.press("m")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")  # to the crop's edge, and no further
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    someone.vote("ArrowLeft")  # the arrows choose again
    page.keyboard.press("m")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    someone.vote("ArrowRight")
    marked, removed = site.votes(address)
    assert region(marked) == ("1", str(SIDE // 2), "11", "2")
    assert region(removed) == ("", "", "", "")
    assert (marked["choice"], removed["choice"]) == ("left", "right")


def test_a_region_by_two_taps(site: Any, visit: Visit) -> None:
    address = site.open_study('mark_region = true\nlayout = "flip"', practice=0, catch_rate=0.0)
    someone = visit(address, has_touch=True)
    page = someone.page
    page.get_by_role("button", name="I agree, begin").click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Show B").tap()
    page.get_by_role("button", name="Mark where").tap()
    for at in ({"x": 30, "y": 40}, {"x": 50, "y": 10}):
        page.locator("#right").tap(position=at)
    someone.vote("2")
    [vote] = site.votes(address)
    assert region(vote) == ("30", "10", "21", "31")
    assert vote["flips"] == "1"  # the taps marked and flipped nothing


def region(vote: dict[str, str]) -> tuple[str, ...]:
    return tuple(vote[f"region_{edge}"] for edge in ("x", "y", "width", "height"))
