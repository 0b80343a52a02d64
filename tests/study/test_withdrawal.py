"""Leaving a study: the link, what it erases, and what it does to a vote that is under way."""

import csv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer
from sqlalchemy import func, select, text, update

from study import export, identity
from study.db import Database
from study.models import Fact, Participant, PlatformIdentity, Session, Study, Trial, Vote

Load = Callable[..., str]
Browse = Callable[..., Any]
Link = Callable[..., str]
GIVEN = (Vote, Trial, Fact, PlatformIdentity)


@pytest.fixture
def link(app: Flask, database: Database) -> Link:
    """The withdraw link of a study's last participant, below the server's address."""

    def made(study: str = "tiny") -> str:
        query = select(Participant).join(Study, Study.id == Participant.study_id).where(Study.name == study)
        with database.read() as db, app.test_request_context():
            whole = identity.withdraw_link(db.scalars(query.order_by(Participant.id.desc())).first())
        assert whole.startswith("http://localhost/s/")
        return whole.removeprefix("http://localhost")

    return made


def leave(browser: Any, link: str) -> Any:
    page = browser.fetch(link)
    assert page.status_code == 200, page.text
    token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    return browser.keep(browser.client.post(link, data={"csrf_token": token}))


def rows(database: Database) -> dict[str, int]:
    with database.read() as db:
        return {model.__tablename__: db.scalar(select(func.count()).select_from(model)) or 0 for model in GIVEN}


def sessions(database: Database) -> list[Session]:
    with database.read() as db:
        return list(db.scalars(select(Session).order_by(Session.id)))


def tell(database: Database) -> None:
    """A fact for every session."""
    with database.write() as db:
        db.add_all(Fact(session_id=number, name="vision", value="normal") for number in db.scalars(select(Session.id)))


@pytest.mark.parametrize("state", ["open", "paused", "closed"])
def test_withdrawing_erases_all_that_was_given_and_nothing_of_others(
    database: Database, load: Load, browse: Browse, link: Link, state: str
) -> None:
    load()
    browse().begin(PROLIFIC_PID="stays").finish()
    tell(database)
    before = rows(database)
    assert all(before.values())
    browse().begin(PROLIFIC_PID="5f1e").finish()
    with database.write() as db:
        db.add(Fact(session_id=sessions(database)[1].id, name="vision", value="normal"))
        db.execute(update(Study).values(state=state))
    stranger = browse()  # another device, without a cookie of ours
    assert "everything that you gave is erased" in stranger.fetch(link()).text
    assert leave(stranger, link()).status_code == 303
    assert rows(database) == before
    other, mine = sessions(database)
    assert (other.outcome, mine.outcome) == ("complete", "withdrawn")
    assert mine.ended_at is not None
    assert (mine.prepared, mine.practised, mine.warned_at, mine.block) == (0, False, None, 1)
    assert "You have withdrawn" in stranger.fetch(link()).text


def test_exports_keep_the_pseudonym_and_that_somebody_withdrew(
    database: Database, load: Load, browse: Browse, link: Link, tmp_path: Path
) -> None:
    load()
    for _ in range(2):
        browse().begin().finish()
    tell(database)
    leave(browse(), link())
    with database.read() as db:
        export.write(db, "tiny", tmp_path / "votes.csv")
        pseudonyms = db.scalars(select(Participant.pseudonym).order_by(Participant.id)).all()
    with (tmp_path / "votes.csv").open(newline="") as file:
        assert {row["participant"] for row in csv.DictReader(file)} == {pseudonyms[0]}
    with (tmp_path / "sessions.csv").open(newline="") as file:
        row = list(csv.DictReader(file))[1]
    assert (row["participant"], row["outcome"], row["votes"], row["vision"]) == (pseudonyms[1], "withdrawn", "0", "")


def test_withdrawing_twice_changes_nothing_more(database: Database, load: Load, browse: Browse, link: Link) -> None:
    load()
    browse().begin()
    stranger = browse()
    page = stranger.fetch(link()).text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    ended = []
    for _ in range(2):
        assert stranger.client.post(link(), data={"csrf_token": token}).status_code == 303
        ended.append(sessions(database)[0].ended_at)
    assert ended[0] == ended[1]


def test_who_has_withdrawn_can_neither_vote_nor_go_on_nor_begin_again(
    database: Database, load: Load, browse: Browse, link: Link
) -> None:
    load()
    browser = browse().begin(PROLIFIC_PID="5f1e")
    token, trial = browser.token(), browser.state()["trial"]
    leave(browse(), link())
    for response in (browser.vote_with(token, trial), browser.get("/trial")):
        assert (response.status_code, response.get_json()["error"]["code"]) == (410, "withdrawn")
    for step, action in (("instructions", "next"), ("consent", "agree"), ("consent", "decline")):
        form = {"csrf_token": token, "step": step, "action": action}
        assert browser.client.post("/s/tiny/step", data=form).status_code in {303, 410}
    browser.get(PROLIFIC_PID="5f1e")
    assert not any(rows(database).values())
    assert [session.outcome for session in sessions(database)] == ["withdrawn"]


def test_a_withdraw_link_is_nobodys_elsewhere(
    app: Flask, database: Database, load: Load, browse: Browse, link: Link
) -> None:
    load("one")
    load("two")
    browse("one").begin()
    token = link("one").rpartition("/")[2]
    other_key, other_salt = URLSafeSerializer("another key", salt="withdrawal"), URLSafeSerializer(app.secret_key)
    tokens = [other_key.dumps(["two", 1]), other_salt.dumps(["two", 1]), token, token[:-1], "x", "%00", "a.b"]
    signed = URLSafeSerializer(app.secret_key, salt="withdrawal")
    for foreign in (*tokens, signed.dumps(["two", 1]), signed.dumps(["one", 99])):
        for method in ("GET", "POST"):
            browser = browse("two")
            form = {"csrf_token": browser.token()}
            response = browser.client.open(f"/s/two/withdraw/{foreign}", method=method, data=form)
            assert response.status_code == 404, foreign
    assert [session.outcome for session in sessions(database)] == ["open"]


def test_withdrawing_needs_a_button_of_ours(database: Database, load: Load, browse: Browse, link: Link) -> None:
    load()
    browse().begin()
    assert browse().client.post(link()).status_code == 400
    assert browse().fetch(link()).headers["Referrer-Policy"] == "no-referrer"
    assert [session.outcome for session in sessions(database)] == ["open"]


def test_a_vote_under_way_is_erased_or_refused_but_never_left_behind(
    app: Flask, database: Database, load: Load, browse: Browse, link: Link
) -> None:
    load(sources=4)
    seen = set()
    for _ in range(6):
        voter, leaver, at_once = browse().begin(), browse(), Barrier(2)
        token, trial, way = voter.token(), voter.state()["trial"], link()
        page = leaver.fetch(way).text
        form = {"csrf_token": page.partition('name="csrf_token" value="')[2].partition('"')[0]}

        def vote(voter: Any = voter, token: str = token, trial: Any = trial, at_once: Barrier = at_once) -> int:
            at_once.wait()
            return int(voter.vote_with(token, trial).status_code)

        def go(leaver: Any = leaver, way: str = way, form: Any = form, at_once: Barrier = at_once) -> int:
            at_once.wait()
            return int(leaver.client.post(way, data=form).status_code)

        with ThreadPoolExecutor(2) as pool:
            voted, gone = pool.submit(vote), pool.submit(go)
            assert gone.result() == 303
            seen.add(voted.result())
        assert not any(rows(database).values())
    assert seen <= {200, 404, 410}  # 404: its trial vanished while it was judged


def test_what_is_erased_leaves_sqlites_file(database: Database, load: Load, browse: Browse, link: Link) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL's vacuum frees the place in its own time")
    load()
    browse().begin(PROLIFIC_PID="a-name-to-look-for-0815")

    def kept() -> bytes:
        with database.engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        return Path(str(database.engine.url.database)).read_bytes()

    assert b"a-name-to-look-for-0815" in kept()
    leave(browse(), link())
    assert b"a-name-to-look-for-0815" not in kept()
