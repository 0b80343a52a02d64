"""The dashboard in a real browser: nobody is kept out, and a study is paused by keyboard alone."""

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
    site.command("load", str(_any_folder(site)), "--name", "keys")
    site.command("open", "keys")
    context = chromium.new_context()
    page = context.new_page()
    log_in(page, site, "ada")
    page.goto(f"{site.address}/researchers/studies/keys")
    focused(page, "Pause")
    page.keyboard.press("Enter")
    page.wait_for_url("**/pause")
    focused(page, "Pause keys")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/keys")
    expect(page.locator("h1 + p .badge")).to_have_text("paused")
    context.close()


def _any_folder(site: Server) -> Any:
    return next(path.parent for path in site.folder.glob("*/stimuli.csv"))
