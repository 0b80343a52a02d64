"""A preview shows the study as participants will see it, and stands in no count, quota, plan or file."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from study import (
    counting,
    coverage,
    export,
    history,
    identity,
    loading,
    participants,
    scheduling,
    sessions,
    vote_rows,
    watching,
)
from study.db import Database
from study.folder import read
from study.models import Fact, Pair, Participant, Session, Trial, Vote, now

Load = Callable[..., str]
Browse = Callable[..., Any]
SECRET = "a secret of forty characters for the tests"  # noqa: S105 - of no server
SHORT = "[design]\ntrials = 3\nidentical_rate = 0.5\nrepeat_rate = 0.5\n"


def preview(browse: Browse, name: str = "tiny") -> Any:
    browser = browse(name)
    assert browser.get(preview=identity.preview_token(SECRET, name)).status_code == 302
    return browser


def walked(browse: Browse, name: str = "tiny") -> Any:
    browser = preview(browse, name).begin()
    browser.finish()
    return browser


def everything(database: Database, name: str = "tiny") -> dict[str, Any]:
    """All that is counted, planned, watched or written of a study."""
    with database.read() as db:
        study = scheduling.find(db, name)
    watching.catch_up(database, study, budget_s=60)
    with database.read() as db:
        at = now()
        return {
            "status": counting.one(db, name),
            "votes": loading.votes_of(db, study),
            "rows": list(vote_rows.records(db, study)),
            "sessions": list(export.session_records(db, study)),
            "participants": list(participants.records(db, study, SECRET)),
            "history": [row | {"at": None} for row in history.records(db, name)],
            "counts": dict(scheduling.counts(db, study, at)),
            "counted": scheduling.counted(db, study, at).gave,
            "trials": scheduling.trials_planned(db, study, at),
            "watched": watching.counts(db, study, at),
            "quality": watching.quality(db, study),
            "times": watching.response_s(db, study),
            "hours": watching.by_hour(db, study),
            "stages": watching.stages(db, study, at),
            "coverage": coverage.maps(db, study),
            "pages": sessions.page_of(db, study, 1, at),
            "here": sessions.now_voting(db, study, at),
        }


def plan(database: Database) -> list[tuple[Any, ...]]:
    """What was planned for the first participant."""
    with database.read() as db:
        session = db.scalars(select(Session).where(Session.ordinal == 1)).one()
        trials = db.scalars(select(Trial).where(Trial.session_id == session.id).order_by(Trial.position))
        return [(trial.pair_id, trial.kind, trial.flipped, trial.probability) for trial in trials]


@pytest.mark.parametrize("state", ["draft", "open", "paused"])
def test_a_preview_walks_the_study_in_every_state_but_closed(database: Database, load: Load, browse: Browse,
                                                            state: str) -> None:  # fmt: skip
    load(toml=SHORT, state=state)
    page = preview(browse).get()
    assert page.status_code == 200
    assert "Preview" in page.text
    browser = walked(browse)
    assert "Preview" in browser.get().text
    with database.read() as db:
        kinds = set(db.scalars(select(Trial.kind)))
        assert {"preview", "practice", "repeat", "identical"} <= kinds
        assert "rating" not in kinds
        assert db.scalar(select(func.count()).where(Trial.probability.is_not(None))) == 0
        assert db.scalar(select(Session.ordinal)) is None


def test_a_closed_study_has_no_preview(load: Load, browse: Browse) -> None:
    load(state="closed")
    assert preview(browse).get().status_code == 410


def test_previews_are_in_no_count_quota_plan_or_file(database: Database, load: Load, browse: Browse) -> None:
    load(toml=f"{SHORT}participants = 1\nvotes_per_pair = 1\n[ask]\nvision = true\n")
    before = everything(database)
    walking = preview(browse)
    walking.step("consent", "agree")
    walking.step("questions", "next")
    walking.step("instructions", "next")
    assert walking.vote(walking.state()["trial"]).status_code == 200
    declined = preview(browse)
    assert declined.step("consent", "decline").status_code == 303
    finished = preview(browse)
    for step in ("consent", "questions", "instructions"):
        finished.step(step, "agree" if step == "consent" else "next")
    finished.finish()
    after = everything(database)
    for name, value in after.items():
        assert value == before[name], name
    with database.read() as db:
        assert db.scalar(select(func.count(Vote.id)))
        assert set(db.scalars(select(Participant.preview))) == {True}
    person = browse()  # the only place of the study is free, and every pair still wants its answer
    person.step("consent", "agree")
    person.step("questions", "next")
    person.step("instructions", "next")
    person.finish()
    after = everything(database)
    assert (after["status"]["complete"], after["status"]["begun"], len(after["sessions"])) == (1, 1, 1)
    assert {row["kind"] for row in after["rows"]} <= {"rating", "catch", "identical", "repeat", "practice"}
    assert browse().get().status_code == 410
    assert preview(browse).get().status_code == 200


def test_plans_of_people_are_the_same_with_and_without_previews(
    database: Database, load: Load, browse: Browse, tmp_path: Path
) -> None:
    load(sources=4, toml=SHORT)
    walked(browse)
    walked(browse)
    browse().begin()
    with_previews = plan(database)
    with database.write() as db:
        study = scheduling.find(db, "tiny")
        ordinals = list(db.scalars(select(Session.ordinal).where(Session.study_id == study.id).order_by(Session.id)))
    assert ordinals == [None, None, 1]
    load("again", sources=4, toml=SHORT)
    browse("again").begin()
    with database.read() as db:
        study = scheduling.find(db, "again")
        first = db.scalar(select(func.min(Pair.id)).where(Pair.study_id == study.id)) or 0
        again = db.scalars(select(Session).where(Session.study_id == study.id)).one()
        trials = db.scalars(select(Trial).where(Trial.session_id == again.id).order_by(Trial.position))
        shifted = [(t.pair_id - first + 1, t.kind, t.flipped, t.probability) for t in trials]
    assert shifted == with_previews


def test_the_same_link_goes_on_and_another_one_begins_anew(database: Database, load: Load, browse: Browse) -> None:
    load(toml=SHORT)
    token = identity.preview_token(SECRET, "tiny")
    first, second = browse(), browse()
    first.get(preview=token)
    first.begin()
    open_trial = first.vote(first.state()["trial"]).get_json()["trial"]["id"]
    second.get(preview=token)
    assert second.state()["trial"]["id"] == open_trial
    second.get(preview=identity.preview_token(SECRET, "tiny"))
    assert second.get("/trial").status_code == 401
    assert 'value="consent"' in second.get().text


def test_a_link_for_participants_ends_the_preview_in_this_browser(
    database: Database, load: Load, browse: Browse
) -> None:
    load(toml=SHORT)
    browser = walked(browse)
    browser.get(PROLIFIC_PID="5f")
    assert "Preview" not in browser.get().text
    browser.begin()
    other = walked(browse)
    other.get(preview="")
    other.begin()
    with database.read() as db:
        assert [row.preview for row in db.scalars(select(Participant).order_by(Participant.id))] == [
            True, False, True, False,
        ]  # fmt: skip


@pytest.mark.parametrize("token", ["", "forged", None])
def test_a_draft_is_there_for_nobody_without_a_token(load: Load, browse: Browse, token: str | None) -> None:
    load(state="draft")
    load("other", state="draft")
    browser = browse()
    if token is None:
        token = identity.preview_token(SECRET, "other")
    assert browser.get(preview=token).status_code in {302, 404}
    assert browser.get().status_code == 404
    assert browser.get("/trial").status_code == 404


def test_a_preview_can_withdraw_and_is_gone(database: Database, load: Load, browse: Browse) -> None:
    load(toml=SHORT, state="draft")
    browser = walked(browse)
    found = re.search(r'(/s/tiny/withdraw/[^"<\s]+)', browser.get().text)
    assert found
    assert browser.fetch(found[1]).status_code == 200
    assert browser.keep(browser.client.post(found[1])).status_code == 303
    with database.read() as db:
        assert db.scalar(select(func.count(Vote.id))) == 0


def test_a_draft_with_previews_can_be_replaced_and_opened(
    database: Database, load: Load, browse: Browse, maker: Any, media: Path
) -> None:
    load("tiny", toml=f"{SHORT}[ask]\nvision = true\n", state="draft")
    browser = preview(browse)
    browser.step("consent", "agree")
    form = {"csrf_token": browser.token(), "step": "questions", "action": "next", "vision": "normal"}
    browser.keep(browser.client.post("/s/tiny/step", data=form))
    browser.step("instructions", "next")
    state = browser.state()
    while state["step"] == "trial":
        state = browser.vote(state["trial"]).get_json()
    with database.read() as db:
        assert db.scalar(select(func.count(Fact.id)))
    found = read(maker.fill(sources=3).write())
    loading.load(database, found, found.spec, media, replace=True)
    with database.read() as db:
        for table in (Participant, Session, Trial, Vote, Fact):
            assert db.scalar(select(func.count()).select_from(table)) == 0, table
    walked(browse)
    with database.write() as db:
        loading.change_state(db, "tiny", "open")
    person = browse().begin()
    assert person.state()["step"] == "trial"
