"""One press, one vote: double clicks, held keys, reloads, the back button, a second tab, a broken network."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
BROKEN = "Failed to load resource"  # what the console says of a broken network


def pair(page: Page) -> list[str]:
    """What is in view."""
    expect(page.locator("#choose-left")).to_have_attribute("aria-disabled", "false")
    return [page.locator(f"#{side}").evaluate("canvas => canvas.toDataURL()") for side in ("left", "right")]


def test_a_double_click_is_one_vote(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    first = pair(someone.page)
    someone.page.get_by_role("button", name="Left").dblclick()
    expect(someone.page.locator("#count")).to_contain_text("1 of 10")
    assert pair(someone.page) != first
    someone.page.wait_for_timeout(500)
    assert someone.votes_sent() == len(site.votes(address)) == 1


def test_clicks_one_after_the_other_are_votes(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    for done in range(3):
        someone.page.wait_for_timeout(450)  # longer than a double click takes
        someone.page.get_by_role("button", name="Left").click()
        expect(someone.page.locator("#count")).to_contain_text(f"{done + 1} of 10")
    someone.delivered()
    assert len(site.votes(address)) == 3


@pytest.mark.parametrize("key", ["ArrowLeft", "Enter"])
def test_a_held_key_is_one_vote(site: Any, visit: Visit, key: str) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    page = someone.page
    if key == "Enter":
        page.locator("#choose-left").focus()
    for _ in range(12):  # the first is the press, the others are what the keyboard repeats
        page.keyboard.down(key)
        page.wait_for_timeout(40)
    expect(page.locator("#count")).to_contain_text("1 of 10")
    assert someone.votes_sent() == 1
    page.keyboard.up(key)
    page.keyboard.press(key)
    expect(page.locator("#count")).to_contain_text("2 of 10")
    someone.delivered()
    assert len(site.votes(address)) == 2


def test_another_key_waits_for_the_held_one(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    page = someone.page
    page.keyboard.down("ArrowLeft")
    expect(page.locator("#count")).to_contain_text("1 of 10")
    someone.ready()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#hint")).to_have_text("Let go of the other key first.")
    assert someone.votes_sent() == 1
    page.keyboard.up("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#count")).to_contain_text("2 of 10")
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["left", "right"]


LOSE_RELEASES = """addEventListener("keyup", (event) => {
  if (event.key !== "Meta") event.stopImmediatePropagation();
}, true)"""


def test_a_key_whose_release_was_lost_can_be_pressed_again(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address)
    someone.context.add_init_script(LOSE_RELEASES)
    someone.begin()
    for done in range(3):
        someone.vote("ArrowLeft")
        expect(someone.page.locator("#count")).to_contain_text(f"{done + 1} of 10")
    someone.delivered()
    assert len(site.votes(address)) == 3


def test_the_release_of_cmd_stands_for_all(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address)
    someone.context.add_init_script(LOSE_RELEASES)
    someone.begin()
    someone.vote("ArrowLeft")
    expect(someone.page.locator("#count")).to_contain_text("1 of 10")
    someone.page.keyboard.press("Meta")
    someone.vote("ArrowRight")
    expect(someone.page.locator("#count")).to_contain_text("2 of 10")
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["left", "right"]


def test_shortcuts_of_the_browser_are_not_answers(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study(practice=0)).begin()
    for shortcut in ("Control+0", "Alt+ArrowDown", "Control+1", "Meta+2"):
        someone.page.keyboard.press(shortcut)
    someone.page.wait_for_timeout(200)
    assert someone.votes_sent() == 0


def test_reload_and_back_show_the_open_trial(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    page = someone.page
    someone.vote()
    expect(page.locator("#count")).to_contain_text("1 of 10")
    open_pair = pair(page)
    page.reload()
    assert pair(page) == open_pair
    page.go_back()
    page.wait_for_load_state()
    page.goto(address)
    assert pair(page) == open_pair
    someone.vote("ArrowRight")
    votes = site.votes(address)
    assert [vote["choice"] for vote in votes] == ["left", "right"]
    assert int(votes[1]["reloads"]) >= 1


def test_a_refused_vote_is_no_reload(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects="409").begin()

    def refuse(route: Any) -> None:
        """The server takes the vote, but the page is told that another trial is open."""
        route.fetch()
        route.fulfill(status=409, json={"error": {"code": "not_open", "message": "Another step is open."}})

    someone.page.route("**/vote", refuse, times=1)
    with someone.page.expect_response("**/trial*"):
        someone.vote("ArrowLeft")
    someone.vote("ArrowRight")
    assert [(vote["choice"], vote["reloads"]) for vote in site.votes(address)] == [("left", "0"), ("right", "0")]


def test_back_from_the_break_is_the_break(site: Any, visit: Visit) -> None:
    someone = visit(site.open_study(practice=0)).begin()
    page = someone.page
    for _ in range(5):
        someone.vote()
    expect(page.get_by_role("heading", level=1)).to_have_text("A short break")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("A short break")


def test_two_tabs_answer_every_trial_once(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    other = someone.context.new_page()
    other.goto(address)
    assert pair(other) == pair(someone.page)
    someone.page.keyboard.press("ArrowLeft")
    expect(someone.page.locator("#count")).to_contain_text("1 of 10")
    other.keyboard.press("ArrowLeft")  # to the pair that has this answer already
    expect(other.locator("#count")).to_contain_text("1 of 10")
    assert pair(other) == pair(someone.page)
    someone.delivered()
    assert len(site.votes(address)) == 1
    other.keyboard.press("ArrowRight")
    expect(other.locator("#count")).to_contain_text("2 of 10")
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["left", "right"]


def test_two_tabs_that_disagree_keep_the_first_answer(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects="409").begin()
    other = someone.context.new_page()
    other.goto(address)
    pair(other)
    someone.vote("ArrowLeft")
    other.keyboard.press("ArrowRight")
    expect(other.locator("#count")).to_contain_text("1 of 10")
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["left"]


def test_a_vote_survives_a_broken_network(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects=BROKEN).begin()
    page = someone.page
    someone.context.set_offline(True)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#status")).to_contain_text("nothing is lost")
    assert site.votes(address) == []
    someone.context.set_offline(False)
    expect(page.locator("#count")).to_contain_text("1 of 10")
    expect(page.locator("#status")).to_be_empty()
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["left"]


def test_the_page_goes_on_without_a_network_as_far_as_it_knows(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects=BROKEN).begin()
    page = someone.page
    page.wait_for_load_state("networkidle")
    first = pair(page)
    someone.context.set_offline(True)
    page.keyboard.press("ArrowLeft")
    second = pair(page)
    assert second != first
    page.keyboard.press("ArrowRight")  # the last trial that the page knows
    expect(page.locator("#status")).to_have_text("Offline. This page goes on by itself; nothing is lost.")
    page.keyboard.press("ArrowRight")  # to a pair that has its answer
    assert site.votes(address) == []
    someone.context.set_offline(False)
    expect(page.locator("#status")).to_be_empty()
    assert pair(page) not in (first, second)
    expect(page.locator("#count")).to_contain_text("2 of 10")
    someone.vote("ArrowLeft")
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["left", "right", "left"]


@pytest.mark.parametrize("closed", [False, True], ids=["reloaded", "closed"])
def test_votes_in_line_survive_their_page(site: Any, visit: Visit, closed: bool) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects=BROKEN).begin()
    someone.context.route("**/vote", lambda route: route.abort())
    for key in ("ArrowLeft", "ArrowRight"):
        someone.ready()
        someone.page.keyboard.press(key)
    expect(someone.page.locator("#status")).to_contain_text("nothing is lost")
    someone.context.unroute("**/vote")
    if closed:
        someone.page.close()
        someone.page = someone.context.new_page()
        someone.page.goto(address)
    else:
        someone.page.reload()
    expect(someone.page.locator("#count")).to_contain_text("2 of 10")
    someone.vote("ArrowLeft")
    someone.delivered()
    votes = site.votes(address)
    assert [vote["choice"] for vote in votes] == ["left", "right", "left"]
    assert [int(vote["position"]) for vote in votes] == [1, 2, 3]


def test_where_the_server_stands_elsewhere_the_page_follows(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address).begin()
    other = someone.context.new_page()
    other.goto(address)
    pair(other)
    for done in range(3):
        someone.vote("ArrowLeft")
        expect(someone.page.locator("#count")).to_contain_text(f"{done + 1} of 10")
    someone.delivered()
    other.keyboard.press("ArrowLeft")  # to the first pair: the other tab is at the fourth
    expect(other.locator("#count")).to_contain_text("3 of 10")
    assert pair(other) == pair(someone.page)
    other.keyboard.press("ArrowRight")
    expect(other.locator("#count")).to_contain_text("4 of 10")
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["left", "left", "left", "right"]


def test_a_vote_whose_answer_was_lost_is_saved_once(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects=BROKEN).begin()
    page = someone.page
    lost = []

    def lose(route: Any) -> None:
        lost.append(route.fetch())  # the server has it, the page never hears so
        route.abort()

    page.route("**/vote", lose, times=1)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#count")).to_contain_text("1 of 10")
    someone.delivered()
    assert [answer.json()["duplicate"] for answer in lost] == [False]
    assert len(site.votes(address)) == 1


def test_a_vote_survives_a_reload_while_offline(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects=BROKEN).begin()
    page = someone.page
    page.route("**/vote", lambda route: route.abort())
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#status")).to_contain_text("nothing is lost")
    page.unroute("**/vote")
    page.reload()
    expect(page.locator("#count")).to_contain_text("1 of 10")
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["left"]
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_busy_server_is_asked_again(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects=BROKEN).begin()
    busy = {"status": 503, "headers": {"Retry-After": "1"}, "body": "busy"}
    someone.page.route("**/vote", lambda route: route.fulfill(**busy), times=1)
    someone.page.keyboard.press("ArrowLeft")
    expect(someone.page.locator("#count")).to_contain_text("1 of 10")
    someone.delivered()
    assert someone.votes_sent() == 2
    assert len(site.votes(address)) == 1


def test_a_vote_into_a_pause_is_kept_until_the_study_goes_on(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects="423").begin()
    name = address.rpartition("/")[2]
    site.command("pause", name)
    someone.page.keyboard.press("ArrowRight")
    expect(someone.page.get_by_role("heading", level=1)).to_have_text("This study is paused")
    site.command("open", name)
    someone.page.reload()
    expect(someone.page.locator("#count")).to_contain_text("1 of 10")
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["right"]


def test_a_stale_token_costs_no_vote(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects="400").begin()
    someone.page.route(
        "**/vote",
        lambda route: route.continue_(headers={**route.request.headers, "x-csrftoken": "stale"}),
        times=1,
    )
    with someone.page.expect_response(lambda answer: answer.url.endswith("/vote") and answer.ok):
        someone.page.keyboard.press("ArrowLeft")
    assert [vote["choice"] for vote in site.votes(address)] == ["left"]


def test_a_full_storage_costs_no_vote(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address)
    someone.context.add_init_script("""const put = Storage.prototype.setItem;
    Storage.prototype.setItem = function (key, value) {
      if (key !== "probe") throw new DOMException("full", "QuotaExceededError");
      put.call(this, key, value);
    };""")
    someone.begin()
    someone.vote("ArrowRight")
    expect(someone.page.locator("#count")).to_contain_text("1 of 10")
    expect(someone.page.locator("#status")).to_be_empty()
    someone.delivered()
    assert [vote["choice"] for vote in site.votes(address)] == ["right"]


def test_a_kept_vote_waits_for_its_own_participant(site: Any, visit: Visit) -> None:
    """Two people share a browser, each by a link of their own."""
    address = site.open_study(practice=0)
    first = visit(f"{address}?participant=1", expects=BROKEN).begin()
    page = first.page
    page.route("**/vote", lambda route: route.abort())
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#status")).to_contain_text("nothing is lost")
    page.unroute("**/vote")
    page.goto(f"{address}?participant=2")
    first.begin()
    first.vote("ArrowRight")
    expect(page.locator("#count")).to_contain_text("1 of 10")
    assert [vote["choice"] for vote in site.votes(address)] == ["right"]
    page.goto(f"{address}?participant=1")
    expect(page.locator("#count")).to_contain_text("1 of 10")
    first.delivered()
    votes = site.votes(address)
    assert [vote["choice"] for vote in votes] == ["right", "left"]
    assert len({vote["participant"] for vote in votes}) == 2
    assert page.evaluate("Object.keys(localStorage)") == []


def test_the_oldest_kept_votes_make_room(site: Any, visit: Visit) -> None:
    address = site.open_study(practice=0)
    someone = visit(address, expects=BROKEN)
    someone.begin()
    someone.page.evaluate(
        """() => {
      const { address, whose } = document.querySelector("main").dataset;
      const prefix = `vote:${address}:${whose}:`;
      for (let at = 0; at < 60; at += 1) {
        const vote = { trial: `t${at}`, key: `k${at}`, choice: "left" };
        localStorage.setItem(prefix + vote.key, JSON.stringify({ at, tries: 0, vote }));
      }
    }"""
    )
    someone.page.route("**/vote", lambda route: route.abort())
    someone.page.keyboard.press("ArrowLeft")
    expect(someone.page.locator("#status")).to_contain_text("nothing is lost")
    kept = {key.rpartition(":")[2] for key in someone.page.evaluate("Object.keys(localStorage)")}
    assert len(kept) == 50
    assert {f"k{at}" for at in range(11, 60)} < kept
