"""What stalls or breaks is said, costs no vote, and never holds the page up in silence."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]

STATUS = "#status"
HURRY = """const real = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (milliseconds) => real(milliseconds / 10);"""
"""Twenty seconds of patience in two."""
NOT_SAVED = "The server could not save your answer. It is kept in this browser and sent again."
LISTEN = """() => new MutationObserver((seen) => (window.said = seen))
.observe(document.querySelector("#status"), { childList: true })"""
KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('vote:')).length"


def test_an_image_that_stalls_is_told_and_asked_for_again(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study(practice=0))
    someone.context.add_init_script(HURRY)
    stalled: list[Route] = []
    again: list[Route] = []

    def hold(route: Route) -> None:
        if len(stalled) < 2:
            stalled.append(route)  # and never an answer
        else:
            again.append(route)
            route.continue_()

    someone.context.route("**/media/*", hold)
    someone.page.get_by_role("button", name="I agree, begin").click()
    someone.page.get_by_role("button", name="Go on").click()
    expect(someone.page.locator(STATUS)).to_have_text("An image does not arrive. Trying again.")
    someone.ready()
    expect(someone.page.locator(STATUS)).to_be_empty()
    assert {route.request.url for route in stalled} <= {route.request.url for route in again}
    for route in stalled:
        route.abort()


def test_images_that_come_are_not_talked_of(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study(practice=0)).begin()
    someone.page.evaluate(LISTEN)
    someone.vote()
    someone.ready()
    assert someone.page.evaluate("window.said?.some(({ addedNodes }) => addedNodes.length) ?? false") is False


def test_a_vote_at_which_the_server_breaks_is_kept_told_and_sent_again(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects="500").begin()
    page, broken = someone.page, {"status": 500, "json": {"error": {"code": "internal", "message": "broken"}}}
    page.route("**/vote", lambda route: route.fulfill(**broken))
    page.keyboard.press("ArrowLeft")
    expect(page.locator(STATUS)).to_have_text(NOT_SAVED, timeout=15_000)
    someone.ready()  # the page goes on where the server stands
    expect(page.locator(STATUS)).to_have_text(NOT_SAVED)
    sent = someone.votes_sent()
    page.wait_for_timeout(2500)
    assert someone.votes_sent() == sent  # not for ever
    assert page.evaluate(KEPT) == 1
    page.unroute("**/vote")
    page.reload()
    expect(page.locator("#count")).to_contain_text("1 of 10")
    expect(page.locator(STATUS)).to_be_empty()
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["left"]


def test_a_vote_that_breaks_the_server_can_be_cast_anew(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects="500").begin()
    page, tries = someone.page, []

    def break_often(route: Route) -> None:
        tries.append(route)
        if len(tries) <= 6:
            route.fulfill(status=500, body="broken")
        else:
            route.continue_()

    page.route("**/vote", break_often)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(STATUS)).to_have_text(NOT_SAVED, timeout=15_000)
    someone.ready()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#count")).to_contain_text("1 of 10", timeout=15_000)
    someone.delivered()
    expect(page.locator(STATUS)).to_be_empty()
    assert [vote["choice"] for vote in site.votes(address)] == ["right"]


def test_who_withdraws_leaves_no_vote_in_the_browser(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects="ERR_FAILED")
    page = someone.page
    page.get_by_role("button", name="I agree, begin").click()
    withdraw = page.get_by_role("link", name="withdraw from the study").get_attribute("href")
    page.get_by_role("button", name="Go on").click()
    someone.ready()
    page.route("**/vote", lambda route: route.abort())
    page.keyboard.press("ArrowLeft")
    expect(page.locator(STATUS)).to_contain_text("nothing is lost")
    assert page.evaluate(KEPT) == 1
    page.evaluate("localStorage.setItem('vote:/s/another:k', JSON.stringify({ at: 1, tries: 0, vote: { key: 'k' } }))")
    page.goto(withdraw)
    page.locator("button.main").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have withdrawn")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("Object.keys(localStorage)") == ["vote:/s/another:k"]
