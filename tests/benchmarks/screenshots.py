"""Pictures of every page, to be looked at: `python -m tests.benchmarks.screenshots`; the dashboard's begin with `desk`.

They are written into `.screenshots/`, which git ignores, one a page and way of looking: phone, laptop, twice the
density, light and dark, German and Arabic.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import click
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.desk import account, desk, studied
from tests.web.drawn import Server, running
from tests.web.tour import EVERYTHING, SHORT, early_end, left, whole

FOLDER = Path(__file__).resolve().parents[2] / ".screenshots"
LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
LOOKS: dict[str, tuple[str, dict[str, object]]] = {
    "laptop-light": ("en", {"viewport": LAPTOP}),
    "laptop-dark": ("en", {"viewport": LAPTOP, "color_scheme": "dark"}),
    "laptop-arabic": ("ar", {"viewport": LAPTOP}),
    "double-german": ("de", {"viewport": LAPTOP, "device_scale_factor": 2}),
    "phone-light": ("en", {"viewport": PHONE, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}),
    "phone-arabic-dark": ("ar", {"viewport": PHONE, "is_mobile": True, "has_touch": True, "color_scheme": "dark"}),
}
DESKS: dict[str, dict[str, object]] = {
    "desk-laptop-light": {"viewport": LAPTOP},
    "desk-laptop-dark": {"viewport": LAPTOP, "color_scheme": "dark"},
    "desk-phone-light": {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True, "has_touch": True},
    "desk-phone-dark": {"viewport": PHONE, "is_mobile": True, "has_touch": True, "color_scheme": "dark"},
}


def look(browser: Browser, site: Server, name: str) -> int:
    """Every page under one way of looking; how many there were."""
    language, options = LOOKS[name]
    address = site.open_study(EVERYTHING.replace("languages", "phones = true\nlanguages"), **SHORT)
    number = 0
    walks = (
        lambda page: whole(page, address, language),
        lambda page: early_end(page, address, language),
        lambda page: left(page, site, address, language),
    )
    for walk in walks:
        context = browser.new_context(**options)
        page = context.new_page()
        for step in walk(page):
            picture(page, f"{name}-{step}")
            number += 1
        context.close()
    number += refused_phone(browser, site, name) if name.startswith("phone") else 0
    return number


def look_at_desk(browser: Browser, site: Server, name: str) -> int:
    """Every page of the dashboard under one way of looking; how many there were."""
    study = studied(site, name)
    context = browser.new_context(**DESKS[name])
    page = context.new_page()
    seen = set()
    for step in desk(page, site, study, name):
        picture(page, f"{name}-{step}")
        seen.add(step)
    context.close()
    return len(seen)


def picture(page: Page, name: str) -> None:
    """The whole page. The window grows for it: Chromium's own way of doing that forgets that there is no mouse."""
    size = page.viewport_size or LAPTOP
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
    page.screenshot(path=FOLDER / f"{name}.png")
    page.set_viewport_size(size)


def refused_phone(browser: Browser, site: Server, name: str) -> int:
    """The consent page of a study that no phone is large enough for."""
    language, options = LOOKS[name]
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(f"{site.open_study(EVERYTHING, **SHORT)}?lang={language}")
    picture(page, f"{name}-elsewhere")
    context.close()
    return 1


def main() -> None:
    """Look at the pages in every way, or in those that are named."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        account(site, "ada", "owner")
        for name in sys.argv[1:] or [*LOOKS, *DESKS]:
            pages = look_at_desk(browser, site, name) if name in DESKS else look(browser, site, name)
            click.echo(f"{pages} pages: {FOLDER / name}-*.png")
        browser.close()


if __name__ == "__main__":
    main()
