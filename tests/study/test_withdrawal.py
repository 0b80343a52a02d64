"""Leaving a study: the link, what it erases, and what it does to a vote that is under way."""

import csv
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer
from sqlalchemy import func, select, update

from study import export, identity
from study.db import Database
from study.models import Fact, Participant, PlatformIdentity, Session, Study, Trial, Vote, now

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
    return browser.keep(browser.client.post(link))


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


def exported(database: Database, folder: Path) -> dict[str, list[dict[str, str]]]:
    with database.read() as db:
        export.write(db, "tiny", folder / "votes.csv")
    found = {}
    for name in ("votes", "sessions"):
        with (folder / f"{name}.csv").open(newline="") as file:
            found[name] = list(csv.DictReader(file))
    return found


def test_exports_made_before_are_put_right_by_the_sessions_number(
    database: Database, load: Load, browse: Browse, link: Link, tmp_path: Path
) -> None:
    load()
    for number in range(2):
        browse().begin(PROLIFIC_PID=f"person-{number}").finish()
    tell(database)
    before = exported(database, tmp_path / "before")
    leave(browse(), link())
    after = exported(database, tmp_path / "after")
    gone = {row["session"] for row in after["sessions"] if row["outcome"] == "withdrawn"}
    assert [row for row in before["votes"] if row["session"] not in gone] == after["votes"]
    assert len(after["votes"]) == len(before["votes"]) // 2
    old, new = (files["sessions"][1] for files in (before, after))
    assert (new["votes"], new["vision"], new["started_at"]) == ("0", "", old["started_at"])
    assert new["participant"] != old["participant"]


def test_nothing_that_stays_is_made_of_what_a_platform_calls_the_person(
    database: Database, load: Load, browse: Browse, link: Link
) -> None:
    """Who holds the secret and the platform's number finds nobody."""
    load()
    browse().begin(PROLIFIC_PID="5f1e")
    with database.read() as db:
        pseudonym = db.scalars(select(Participant.pseudonym)).one()
    leave(browse(), link())
    with database.engine.connect() as connection:
        for table in Vote.metadata.sorted_tables:
            assert pseudonym not in repr(connection.execute(select(table)).all())


def test_withdrawing_twice_changes_nothing_more(database: Database, load: Load, browse: Browse, link: Link) -> None:
    load()
    browse().begin()
    stranger = browse()
    ended = []
    for _ in range(2):
        assert leave(stranger, link()).status_code == 303
        ended.append(sessions(database)[0].ended_at)
    assert ended[0] == ended[1]


def test_who_has_withdrawn_can_neither_vote_nor_go_on_and_begins_again_as_a_stranger(
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
    assert "You have withdrawn" in browser.get().text
    assert not any(rows(database).values())
    assert [session.outcome for session in sessions(database)] == ["withdrawn"]
    browser.begin(PROLIFIC_PID="5f1e")  # nothing is left by which anybody could know better
    assert [session.outcome for session in sessions(database)] == ["withdrawn", "open"]


def test_a_withdraw_link_is_nobodys_elsewhere(
    app: Flask, database: Database, load: Load, browse: Browse, link: Link
) -> None:
    load("one")
    load("two")
    browse("one").begin()
    token = link("one").rpartition("/")[2]
    other_key, other_salt = URLSafeSerializer("another key", salt="withdrawal"), URLSafeSerializer(app.secret_key)
    with database.read() as db:
        kept = db.scalars(select(Participant.token)).one()
    tokens = [other_key.dumps(["two", kept]), other_salt.dumps(["two", kept]), token, token[:-1], "x", "%00", "a.b"]
    signed = URLSafeSerializer(app.secret_key, salt="withdrawal")
    for foreign in (*tokens, *(signed.dumps(said) for said in (["two", kept], ["two", 1], ["one", 1], ["one", ""]))):
        for method in ("GET", "POST"):
            response = browse("two").client.open(f"/s/two/withdraw/{foreign}", method=method)
            assert response.status_code == 404, foreign
    assert [session.outcome for session in sessions(database)] == ["open"]


def test_a_look_at_the_link_erases_nothing_and_the_button_needs_no_cookie(
    database: Database, load: Load, browse: Browse, link: Link
) -> None:
    load()
    browse().begin()
    stranger = browse()
    page = stranger.fetch(link())
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in page.headers
    assert [session.outcome for session in sessions(database)] == ["open"]
    assert browse().client.post(link()).status_code == 303  # a browser that was never here and keeps nothing
    assert [session.outcome for session in sessions(database)] == ["withdrawn"]


def test_a_link_of_a_database_that_was_set_up_anew_is_nobodys(
    app: Flask, database: Database, load: Load, browse: Browse, *, link: Link, sqlite_template: Path, tmp_path: Path
) -> None:
    """The pilot's participant 1 is not the study's, though secret, name and number are the same."""
    load()
    browse().begin()
    shutil.copyfile(sqlite_template, tmp_path / "pilot.sqlite")
    pilot = Database(f"sqlite:///{tmp_path / 'pilot.sqlite'}")
    with pilot.write() as db, app.test_request_context():
        study = Study(name="tiny", state="open", simulated=False, design="", config="", stimuli_sha256="",
                      loaded_at=now())  # fmt: skip
        db.add(study)
        db.flush()
        theirs = Participant(study_id=study.id, token="t" * 32, pseudonym="p", simulated=False, created_at=now())
        db.add(theirs)
        db.flush()
        number, old = theirs.id, identity.withdraw_link(theirs).removeprefix("http://localhost")
    pilot.dispose()
    assert [session.participant_id for session in sessions(database)] == [number]
    assert browse().client.post(old).status_code == 404
    assert [session.outcome for session in sessions(database)] == ["open"]
    assert browse().client.post(link()).status_code == 303


def test_a_vote_under_way_is_erased_or_refused_but_never_left_behind(
    app: Flask, database: Database, load: Load, browse: Browse, link: Link
) -> None:
    load(sources=4)
    seen = set()
    for _ in range(6):
        voter, leaver, at_once = browse().begin(), browse(), Barrier(2)
        token, trial, way = voter.token(), voter.state()["trial"], link()

        def vote(voter: Any = voter, token: str = token, trial: Any = trial, at_once: Barrier = at_once) -> int:
            at_once.wait()
            return int(voter.vote_with(token, trial).status_code)

        def go(leaver: Any = leaver, way: str = way, at_once: Barrier = at_once) -> int:
            at_once.wait()
            return int(leaver.client.post(way).status_code)

        with ThreadPoolExecutor(2) as pool:
            voted, gone = pool.submit(vote), pool.submit(go)
            assert gone.result() == 303
            seen.add(voted.result())
        assert not any(rows(database).values())
    assert seen <= {200, 404, 410}  # 404: its trial vanished while it was judged


def kept(database: Database) -> bytes:
    """All that stands in SQLite's files at this moment."""
    path = Path(str(database.engine.url.database))
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


def test_what_is_erased_leaves_sqlites_files_at_once(
    database: Database, load: Load, browse: Browse, link: Link
) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL's vacuum frees the place in its own time")
    load()
    browser = browse().begin(PROLIFIC_PID="a-name-to-look-for-0815")
    browser.vote(browser.state()["trial"])
    with database.read() as db:
        given = [db.scalars(select(Vote.key)).one(), db.scalars(select(Participant.pseudonym)).one()]
    given.append("a-name-to-look-for-0815")
    assert [word for word in given if word.encode() in kept(database)] == given
    leave(browse(), link())
    assert [word for word in given if word.encode() in kept(database)] == []


def test_a_long_read_delays_only_the_emptying_of_sqlites_log(
    database: Database, load: Load, browse: Browse, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL's vacuum frees the place in its own time")
    load()
    browse().begin(PROLIFIC_PID="a-name-to-look-for-0815")
    with database.read() as reading:
        reading.scalars(select(Study)).all()
        assert leave(browse(), link()).status_code == 303
        assert "until the next withdrawal or start" in caplog.text
        assert b"a-name-to-look-for-0815" in kept(database)
    database.forget_deleted()  # as `study serve` does
    assert b"a-name-to-look-for-0815" not in kept(database)
