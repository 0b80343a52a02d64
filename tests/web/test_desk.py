"""The dashboard in a real browser: nobody is kept out, and a study is paused by keyboard alone."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.desk import account, desk, log_in, studied
from tests.web.drawn import Server, running
from tests.web.test_accessible import complaints, focused

pytestmark = pytest.mark.browser

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}},
    "dark and narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}},
}
PAGES = {
    "login", "login-failed", "studies", "overview", "overview-draft", "participants", "card", "design", "log",
    "log-of-all", "results-covered", "results-none", "results-look", "results-uncovered", "uncover", "open", "pause",
    "close", "message",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, with an owner and a study that people have taken; its draft is the original."""
    with running(tmp_path_factory.mktemp("desk")) as server:
        account(server, "ada", "owner")
        yield server


@pytest.fixture(params=LOOKS)
def person(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = chromium.new_context(bypass_csp=True, **LOOKS[request.param])
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("about:blank")
    yield page
    context.close()


def test_no_page_keeps_any_researcher_out(site: Server, person: Page, request: pytest.FixtureRequest) -> None:
    name = "desk" + str(list(LOOKS).index(request.node.callspec.params["person"]))
    study = studied(site, name)
    seen: set[str] = set()
    said: list[str] = []
    for page in desk(person, site, study, name):
        seen.add(page)
        said += complaints(person, page)
    assert said == []
    assert seen == PAGES


def test_a_study_is_paused_by_keyboard_alone(site: Server, chromium: Browser) -> None:
    name = site.open_study().rpartition("/")[2]
    context = chromium.new_context()
    page = context.new_page()
    log_in(page, site, "ada")
    page.goto(f"{site.address}/researchers/studies/{name}")
    focused(page, "Pause")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pause")
    focused(page, f"Pause {name}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/studies/{name}")
    expect(page.locator("h1 + p .badge")).to_have_text("paused")
    context.close()


HOSTILE = """<!doctype html><title>Report</title><h1 onclick="document.title = 'taken'">Report</h1>
<script>document.title = "taken"; fetch("/researchers/", {credentials: "include"})</script>
<meta http-equiv="refresh" content="0;url=/researchers/log"><img src="x" onerror="document.title = 'taken'">
<iframe src="/researchers/"></iframe><link rel="stylesheet" href="/static/researcher.css">
<object data="/researchers/"></object><img src="/researchers/log"><a href="javascript:document.title='taken'">On</a>
<form method="post" action="/researchers/logout"><button>Send</button></form>"""


def test_a_hostile_report_reaches_nothing_of_the_dashboard(site: Server, chromium: Browser) -> None:
    name = studied(site, "hostile", people=1)
    folder = site.folder / f"{name}-report"
    (folder / "report.html").write_text(HOSTILE, encoding="utf-8")
    record = json.loads((folder / "settings.json").read_text())
    record["files"]["report.html"] = hashlib.sha256(HOSTILE.encode()).hexdigest()
    (folder / "settings.json").write_text(json.dumps(record))
    site.command("results", name, str(folder))
    site.command("close", name)
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    page = context.new_page()
    log_in(page, site, "ada")
    page.goto(f"{site.address}/researchers/studies/{name}/results")
    page.wait_for_load_state("networkidle")  # its icon is no request of the report
    address = page.get_by_role("link", name="report.html").get_attribute("href")
    asked: list[str] = []
    context.on("response", lambda response: asked.append(response.url))
    page.goto(f"{site.address}{address}")
    for element in ("heading", "link", "button"):
        page.get_by_role(element).first.click(no_wait_after=True)  # type: ignore[arg-type]
    page.wait_for_timeout(500)
    assert (page.title(), page.url) == ("Report", f"{site.address}{address}")
    assert [url.removeprefix(site.address) for url in asked if not url.endswith("favicon.ico")] == [address]
    assert page.evaluate("self.origin") == "null"
    context.close()


def test_after_the_logout_the_way_back_leads_to_the_door(site: Server, chromium: Browser) -> None:
    name = site.open_study().rpartition("/")[2]
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    page = context.new_page()
    log_in(page, site, "ada")
    page.goto(f"{site.address}/researchers/studies/{name}/participants")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.go_back()
    page.wait_for_url("**/login")
    expect(page.get_by_label("Password")).to_be_visible()
    context.close()
