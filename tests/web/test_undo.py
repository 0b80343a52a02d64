"""The last answer may be changed once, and nobody loses their place over it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


def pair(page: Page) -> list[str]:
    """What is drawn."""
    return [page.locator(f"#{side}").evaluate("canvas => canvas.toDataURL()") for side in ("left", "right")]


def change(page: Page) -> Any:
    return page.get_by_role("button", name="Change the last answer")


def leave(page: Page) -> Any:
    return page.get_by_role("button", name="Leave it as it was")


def choices(votes: list[dict[str, str]]) -> list[tuple[str, bool]]:
    return [(vote["choice"], bool(vote["corrects"])) for vote in votes]


def test_the_last_answer_is_changed_once(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    page = someone.page
    expect(change(page)).to_be_hidden()
    first = pair(page)
    someone.vote("ArrowLeft")
    expect(change(page)).to_be_visible()
    second = pair(page)
    page.keyboard.press("u")
    expect(leave(page)).to_be_visible()
    assert pair(page) == first
    expect(page.locator("#mark")).to_be_visible()
    expect(page.locator("#hint")).to_have_text("Your answer was: left. Choose again, or leave it.")
    someone.vote("ArrowRight")
    expect(leave(page)).to_be_hidden()
    someone.ready()
    assert pair(page) == second
    someone.delivered()
    expect(change(page)).to_be_hidden()
    page.keyboard.press("u")  # once is enough
    someone.vote("ArrowLeft")
    expect(page.locator("#count")).to_contain_text("2 of 10")
    votes = site.votes(address)
    assert choices(votes) == [("left", False), ("right", True), ("left", False)]
    assert votes[1]["corrects"] == votes[0]["vote"]
    assert votes[1]["trial"] == votes[0]["trial"] != votes[2]["trial"]


@pytest.mark.parametrize("way", ["Escape", "button", "reload"])
def test_the_last_answer_may_be_left_as_it_was(site: Any, visit: Visit, way: str) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    page = someone.page
    someone.vote("ArrowLeft")
    second = pair(page)
    change(page).click()
    expect(leave(page)).to_be_visible()
    if way == "button":
        leave(page).click()
    elif way == "reload":
        page.reload()
    else:
        page.keyboard.press(way)
    expect(change(page)).to_be_visible()
    someone.ready()
    assert pair(page) == second
    expect(page.locator("#hint")).to_be_empty()
    someone.vote("ArrowRight")
    expect(page.locator("#count")).to_contain_text("2 of 10")
    someone.delivered()
    assert choices(site.votes(address)) == [("left", False), ("right", False)]


@pytest.mark.parametrize("way", ["Escape", "ArrowLeft"])
def test_the_open_pair_keeps_its_time_and_its_mark(site: Any, visit: Visit, way: str) -> None:
    address = site.open_study("mark_region = true\nloupe = true", practice=0)
    someone = visit(address).begin()
    page = someone.page
    someone.vote("ArrowLeft")
    expect(change(page)).to_be_visible()
    for key in ("m", "Enter", "ArrowRight", "Enter", "z"):
        page.keyboard.press(key)
    page.wait_for_timeout(1200)
    page.keyboard.press("u")
    expect(leave(page)).to_be_visible()
    page.set_viewport_size({"width": 1200, "height": 780})
    page.wait_for_timeout(600)
    page.keyboard.press(way)  # leaves the answer, or gives it once more
    expect(leave(page)).to_be_hidden()
    someone.vote("ArrowRight")
    someone.delivered()
    vote = site.votes(address)[-1]
    response, hidden, left, right = (int(vote[f"{what}_ms"]) for what in ("response", "hidden", "left", "right"))
    assert response >= 1800
    assert hidden >= 600
    assert left == right
    assert left >= 1200
    assert abs(response - hidden - left) <= 2
    assert (vote["region_width"], vote["zoomed"], vote["geometry_changes"]) == ("2", "1", "1")


def test_undo_waits_for_the_vote_that_is_on_its_way(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    page = someone.page
    someone.vote("ArrowLeft")
    expect(change(page)).to_be_visible()
    second = pair(page)
    held: list[Route] = []
    page.route("**/vote", lambda route: held.append(route), times=1)  # noqa: PLW0108 - append has no signature
    page.keyboard.press("ArrowRight")
    someone.ready()
    page.keyboard.press("u")
    page.keyboard.press("ArrowRight")  # no vote of anything
    expect(page.locator("#status")).to_have_text("Saving.")
    held[0].continue_()
    expect(leave(page)).to_be_visible()
    assert pair(page) == second
    someone.vote("ArrowLeft")
    someone.delivered()
    assert choices(site.votes(address)) == [("left", False), ("right", False), ("left", True)]


def test_what_another_tab_has_passed_cannot_be_changed(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects="409").begin()
    page = someone.page
    someone.vote("ArrowLeft")
    expect(change(page)).to_be_visible()
    other = someone.context.new_page()
    other.goto(address)
    expect(other.get_by_role("button", name="Change the last answer")).to_be_visible()
    other.keyboard.press("u")
    expect(other.get_by_role("button", name="Leave it as it was")).to_be_visible()
    with other.expect_response("**/vote"):
        other.keyboard.press("ArrowRight")
    page.keyboard.press("u")
    expect(page.locator("#hint")).to_have_text("The last answer cannot be changed any more.")
    someone.vote("ArrowLeft")
    expect(page.locator("#count")).to_contain_text("2 of 10")
    someone.delivered()
    assert choices(site.votes(address)) == [("left", False), ("right", True), ("left", False)]


def test_two_tabs_correct_once(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects="409").begin()
    page = someone.page
    someone.vote("ArrowLeft")
    other = someone.context.new_page()
    other.goto(address)
    for tab in (page, other):
        change(tab).click()
        expect(leave(tab)).to_be_visible()
    for tab, key in ((page, "ArrowRight"), (other, "ArrowLeft")):
        with tab.expect_response("**/vote"):
            tab.keyboard.press(key)
        expect(leave(tab)).to_be_hidden()
    someone.ready()
    someone.delivered()
    assert choices(site.votes(address)) == [("left", False), ("right", True)]


def test_nothing_is_offered_in_practice_and_over_a_break(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=1, block=1, trials=2)
    someone = visit(address).begin()
    page = someone.page
    someone.vote(practice=True)
    someone.ready()
    expect(change(page)).to_be_hidden()
    someone.vote()
    page.get_by_role("button", name="Go on").click()
    someone.ready()
    expect(change(page)).to_be_hidden()
