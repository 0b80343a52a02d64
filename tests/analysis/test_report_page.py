"""The report's page in a browser: no complaint of axe-core, no sideways scrolling, paper, and pictures as painted."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page

from analysis.elo import EloSettings
from analysis.findings import Asked, gather
from analysis.pictures.drawing import png, svg
from analysis.pictures.looks import colours
from analysis.pictures.ratings import ratings_picture
from analysis.rating import Settings, rate
from analysis.recorded import recorded
from analysis.report import report_files
from analysis.selection import select
from analysis.stimuli import read_stimuli
from analysis.votes import read_votes
from tests.analysis.made_votes import stimulus_rows, vote_rows, write_csv

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
         "resultTypes": ["violations"]}  # fmt: skip
TRUTH = {
    0.3: {"avif": 60, "jpeg": -60, "a-codec-whose-name-is-rather-long-and-then-some": 0},
    0.5: {"avif": 30, "jpeg": -30},
}
LOOKS = [("light", 1280), ("dark", 390)]
OPEN = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
PAINTED = """
() => [...document.querySelectorAll("svg.picture")].map(picture => {
  const box = picture.getBoundingClientRect();
  const out = [...picture.querySelectorAll("text")].map(text => text.getBoundingClientRect())
    .filter(text => text.left < box.left - 1 || text.right > box.right + 1 || text.bottom > box.bottom + 1);
  return { name: picture.getAttribute("aria-labelledby"), out: out.length, wide: box.width };
})
"""
"""Each picture, and how many of its texts reach beyond it."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a simulated study with everything in it."""
    folder = tmp_path_factory.mktemp("report")
    rows = vote_rows(3, TRUTH, not_sure=0.1)
    catch = {"left": "catch", "right": "reference", "kind": "catch", "expected": "right", "left_codec": ""}
    catch |= {"right_codec": "", "left_rate": "", "right_rate": ""}
    first = {row["participant"]: row for row in rows}
    rows += [
        row | catch | {"vote": 9000 + 4 * at + n, "choice": "left" if who == "p03" else "right"}
        for at, (who, row) in enumerate(first.items())
        for n in range(4)
    ]
    stimuli = read_stimuli(write_csv(folder / "stimuli.csv", stimulus_rows(rows[:480])))
    asked = Asked(screen={"catch_accuracy": 0.75}, primary=[("avif", "jpeg")], stimuli=stimuli)
    votes = select(read_votes(write_csv(folder / "votes.csv", rows)))
    found = gather(votes, Settings(elo=EloSettings(rounds=20)), asked)
    for name, content in report_files(found, recorded(found.selection.rated)).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / "report.html"


@pytest.fixture
def page(report: Path, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    scheme, width = request.param
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.goto(report.as_uri())
    page.evaluate(OPEN)
    yield page
    context.close()


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=lambda look: f"{look[0]} {look[1]}")
def test_axe_core_finds_nothing_and_the_page_fits(page: Page) -> None:
    found = Axe().run(page, options=RULES).response["violations"]
    assert [f"{fault['id']}: {node['html']}" for fault in found for node in fault["nodes"]] == []
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("page", LOOKS[:1], indirect=True)
def test_pictures_hold_their_words_and_have_names_in_words(page: Page) -> None:
    painted = page.evaluate(PAINTED)
    assert len(painted) >= 12
    assert [one["name"] for one in painted if one["out"]] == []
    tree = page.get_by_role("img").all()
    assert len(tree) == len(painted)
    for picture in tree:
        assert "(simulated)" in picture.locator("title").first.inner_html()


@pytest.mark.parametrize("page", LOOKS[1:2], indirect=True)
def test_paper_is_light_and_has_every_table_open(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = false; })")
    page.emulate_media(media="print", color_scheme="dark")
    ground = "getComputedStyle(document.documentElement).getPropertyValue('--ground').trim()"
    assert page.evaluate(ground) in ("#fff", "#ffffff")
    hidden = """() => [...document.querySelectorAll("details table")]
        .filter(table => !table.getBoundingClientRect().height).length"""
    assert page.locator("details table").count() > 0
    assert page.evaluate(hidden) == 0
    breaks = """() => [...document.querySelectorAll("figure")].map(one => getComputedStyle(one).breakInside)"""
    assert set(page.evaluate(breaks)) == {"avoid"}


def test_a_png_is_what_a_browser_paints(report: Path, chromium: Browser) -> None:
    """Places and colours are the same; letters are a browser's own, so a picture without any is compared."""
    found = select(read_votes(report.with_name("votes.csv")))
    scale = rate(found, Settings(elo=EloSettings(rounds=20)))[0]
    whole = ratings_picture(scale, "bradley-terry", colours(scale.counts.items))
    assert whole is not None
    drawn = svg(replace(whole, marks=[mark for mark in whole.marks if mark.tag != "text"]), simulated=False)
    context = chromium.new_context(viewport={"width": 800, "height": 400}, device_scale_factor=2)
    page = context.new_page()
    page.set_content(f"<body style='margin: 0'>{drawn}</body>")
    page.locator("svg").evaluate("svg => { svg.style.width = svg.getAttribute('width') + 'px'; }")
    theirs = np.asarray(Image.open(BytesIO(page.locator("svg").screenshot())).convert("RGB"), float)
    ours = np.asarray(Image.open(BytesIO(png(drawn))).convert("RGB"), float)
    context.close()
    rows, columns = (min(a, b) for a, b in zip(ours.shape[:2], theirs.shape[:2], strict=True))
    apart = np.abs(ours[:rows, :columns] - theirs[:rows, :columns]).max(axis=2)
    assert (apart > 96).mean() < 0.002  # edges are smoothed a little differently
