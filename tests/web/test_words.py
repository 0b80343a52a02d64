"""What the pages say agrees with what the study does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import render_template
from playwright.sync_api import expect

from study.app import create_app
from study.settings import Settings

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]


@pytest.mark.parametrize("practice", [0, 2])
def test_consent_and_progress_count_alike(site: Any, visit: Visit, practice: int) -> None:
    page = visit(site.open_study(practice=practice)).page
    expect(page.locator(".lead")).to_contain_text("10 pairs, 2 more for practice." if practice else "10 pairs.")


@pytest.mark.parametrize(("reference", "told"), [("always", 0), ("on_demand", 1), ("never", 0)])
def test_how_the_original_comes_into_view_is_told(site: Any, visit: Visit, reference: str, told: int) -> None:
    catch_rate = 0.0 if reference == "never" else 0.1
    page = visit(site.open_study(f'reference = "{reference}"', practice=0, catch_rate=catch_rate)).page
    page.get_by_role("button", name="I agree, begin").click()
    expect(page.get_by_text("A short tap keeps it in view until the next tap.")).to_have_count(told)
    expect(page.get_by_text("The original stands between the two.")).to_have_count(int(reference == "always"))


@pytest.mark.parametrize("not_sure", ["true", "false"])
def test_instructions_offer_not_sure_where_there_is_a_button(site: Any, visit: Visit, not_sure: str) -> None:
    someone = visit(site.open_study(f"not_sure = {not_sure}", practice=0))
    someone.page.get_by_role("button", name="I agree, begin").click()
    offered = someone.page.get_by_text('you may answer "not sure"').count()
    someone.page.get_by_role("button", name="Go on").click()
    someone.ready()
    assert someone.page.get_by_role("button", name="Not sure").count() == offered == int(not_sure == "true")


@pytest.mark.parametrize("back", ["", "/s/grass"])
def test_a_message_may_lead_back_to_the_study(site: Any, tmp_path: Path, back: str) -> None:
    app = create_app(Settings(site.environ["STUDY_DATABASE_URL"], tmp_path), site.environ["STUDY_SECRET_KEY"])
    with app.test_request_context():
        page = render_template("message.html", study=None, status=403, title="Title", message="Words.", back=back)
    app.extensions["database"].dispose()
    link = '<a class="main" href="/s/grass">Go on with the study</a>'
    assert (link in page) is bool(back)
    assert ("<a " in page) is bool(back)
