"""How quick the trial page is, in Chromium with 100 ms of added latency: `python -m tests.benchmarks.page`.

Prints one table. Press to paint: from the key's time stamp to the beginning of the frame after the one that drew the
next pair, which is when that one reaches the screen. Flip: frames from the press to the one that shows the other image.
"""

import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.drawn import Server, running
from tests.web.people import Visitor

LATENCY_MS = 100
PAIRS = 60
WATCH = """() => {
  window.paints = [];
  let pressed = null;
  addEventListener("keydown", ({ timeStamp }) => (pressed = timeStamp), true);
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...what) {
    draw.apply(this, what);
    if (pressed === null) return;
    const since = pressed;
    pressed = null;
    requestAnimationFrame((painted) => window.paints.push(painted - since));
  };
}"""
FLIPS = """() => {
  window.flips = [];
  const shown = () => document.querySelector("#images .shown").id;
  addEventListener("keydown", () => {
    const before = shown();
    let frames = 0;
    const look = () => {
      frames += 1; // what is shown now is painted with this frame
      if (shown() === before) requestAnimationFrame(look);
      else window.flips.push(frames);
    };
    requestAnimationFrame(look);
  }, true);
}"""


def main() -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as site, chromium() as browser:
        presses = press_to_paint(browser, site)
        rows = [
            ("key press to next pair painted, median of 50", f"{statistics.median(presses):.0f} ms"),
            ("the same, 95th percentile", f"{statistics.quantiles(presses, n=20)[-1]:.0f} ms"),
            ("flip: frames from the press to the other image, the most of 50", f"{max(flips(browser, site))}"),
            ("page weight without images", f"{weight(browser, site) / 1000:.0f} kB"),
            (f"walk of {PAIRS} pairs, a press as soon as it counts (after 0.5 s)", f"{walk_s(browser, site):.1f} s"),
        ]
        version = browser.version
    click.echo(f"Chromium {version}, {platform.machine()}, {LATENCY_MS} ms of added latency\n")
    click.echo("| measure | value |\n|---|---|")
    for name, value in rows:
        click.echo(f"| {name} | {value} |")


def press_to_paint(browser: Browser, site: Server) -> list[float]:
    """Milliseconds from the press to the next pair on the screen, 50 times."""
    with participant(browser, site) as someone:
        someone.page.evaluate(WATCH)
        for done in range(50):
            someone.vote("ArrowLeft" if done % 2 else "ArrowRight")
            someone.page.wait_for_timeout(350)  # quicker hands than that meet the limit of votes
        paints: list[float] = someone.page.evaluate("window.paints")
    return paints


def flips(browser: Browser, site: Server) -> list[int]:
    """Frames from the press to the first one that shows the other image, 50 times."""
    with participant(browser, site, 'layout = "flip"\nreference = "never"') as someone:
        someone.page.evaluate(FLIPS)
        for flip in range(50):
            someone.page.keyboard.press("ArrowLeft" if flip % 2 else "ArrowRight")
            someone.page.wait_for_timeout(40)
        frames: list[int] = someone.page.evaluate("window.flips")
    return frames


def walk_s(browser: Browser, site: Server) -> float:
    """Seconds that a whole study takes somebody who never hesitates."""
    with participant(browser, site, minimum_view_ms=500) as someone:
        began = time.monotonic()
        for done in range(PAIRS):
            expect(someone.page.locator("#count")).to_contain_text(f"{done} of {PAIRS}")
            someone.ready()
            someone.page.keyboard.press("ArrowLeft")
        expect(someone.page.get_by_text(f"All {PAIRS} answers are saved.")).to_be_visible()
        return time.monotonic() - began


def weight(browser: Browser, site: Server) -> int:
    """Bytes of the trial page as they travel, uncompressed, without its images."""
    with browser.new_context() as context:
        someone = Visitor(context, study(site), record=True).begin()
        someone.answers.clear()
        someone.page.reload()
        someone.ready()
        return sum(len(answer.body) for answer in someone.answers if not answer.url.endswith(".png"))


@contextmanager
def participant(browser: Browser, site: Server, layout: str = "", minimum_view_ms: int = 0) -> Iterator[Visitor]:
    """Somebody at the first of sixty pairs, far from the server."""
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        someone = Visitor(context, study(site, layout, minimum_view_ms), record=False)
        slow_down(someone.page)
        someone.arrive()
        yield someone


def study(site: Server, layout: str = "", minimum_view_ms: int = 0) -> str:
    rates = {"catch_rate": 0.0, "minimum_view_ms": minimum_view_ms}
    return site.open_study(layout, trials=PAIRS, block=PAIRS, practice=0, sources=24, **rates)


def slow_down(page: Page) -> None:
    network = {"offline": False, "latency": LATENCY_MS, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", network)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
