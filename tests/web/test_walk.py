"""A whole study in a real browser: by mouse, and by keyboard alone."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Participant = Callable[..., Page]
TRIALS = 12  # two of practice, nine ratings, one catch
CONDITIONS = ("avif@0.50", "jpeg@0.50", "webp@0.50", "avif", "jpeg", "webp", "catch", "reference@")


def begin(page: Page) -> None:
    page.get_by_role("button", name="I agree, begin").click()
    page.get_by_role("button", name="Go on").click()
    ready(page)


def ready(page: Page) -> None:
    """Until a choice counts."""
    expect(page.locator("#choose-left")).to_have_attribute("aria-disabled", "false")


def test_a_whole_study_by_mouse(site: Any, participant: Participant) -> None:
    address = site.open_study()
    page = participant(f"{address}?PROLIFIC_PID=one&SESSION_ID=two")
    assert page.url == address
    begin(page)
    breaks = 0
    for trial in range(TRIALS):
        ready(page)
        side = "Right" if trial % 2 else "Left"
        page.get_by_role("button", name=side).click()
        if trial < 2:
            expect(page.locator("#feedback")).to_contain_text("expected answer")
            page.get_by_role("button", name="Go on").click()
        if trial == 6:
            expect(page.get_by_role("heading")).to_have_text("A short break")
            page.get_by_role("button", name="Go on").click()
            breaks += 1
    expect(page.get_by_role("heading")).to_have_text("Thank you")
    expect(page.get_by_text("All 10 answers are saved.")).to_be_visible()
    votes = site.votes(address)
    assert breaks == 1
    assert [vote["choice"] for vote in votes] == ["left", "right"] * 6
    assert {vote["pixel_exact"] for vote in votes} == {vote["bytes_verified"] for vote in votes} == {"1"}
    assert [vote["kind"] for vote in votes[:2]] == ["practice", "practice"]
    assert all(int(vote["response_ms"]) == int(vote["left_ms"]) == int(vote["reference_ms"]) for vote in votes)
