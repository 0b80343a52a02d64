"""The dashboard under attack: every form and page that there is, found by the server's own map of addresses."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.routing import Rule

from study import covering, erasure, loading, researchers
from study.copying import copy_study
from study.db import Database
from study.ledger import Deed, LoginFailure
from study.models import Participant, Session, now
from tests.study.test_dashboard import PASSWORD, Desk

Load = Callable[..., str]
Browse = Callable[..., Any]
WITHOUT_A_LOGIN = {"researcher_login.form", "researcher_login.log_in", "researcher_login.log_out"}
SAFE = {"GET", "HEAD", "OPTIONS"}
ACTIONS = {"researcher_studies.act": ("open", "pause", "close"), "researcher_results.act": ("uncover", "cover", "look")}
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.fixture
def accounts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(researchers, "HASH", "pbkdf2:sha256:1")
    monkeypatch.setattr(researchers, "_nobodys", "")
    with database.write() as db:
        for name, role in (("ada", "owner"), ("olga", "owner"), ("vic", "viewer")):
            researchers.add(db, name, role, PASSWORD)


@pytest.fixture
def enter(app: Flask, accounts: None) -> Callable[[str], Desk]:
    """Log a researcher in, each at a browser of their own."""

    def log_in(name: str) -> Desk:
        desk = Desk(app.test_client())
        assert desk.log_in(name).status_code == 303
        return desk

    return log_in


def addresses(app: Flask, rule: Rule) -> Iterator[str]:
    """The addresses below /researchers that a rule of the server stands for, of the study `tiny`."""
    values: dict[str, Any] = {"name": "tiny", "session_id": 1, "number": 1, "file": "report.html"}
    for action in ACTIONS.get(str(rule.endpoint), ("open",)):
        given = {key: (values | {"action": action})[key] for key in rule.arguments}
        yield app.url_map.bind("localhost").build(rule.endpoint, given)


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/researchers")]


def deeds(database: Database) -> int:
    with database.read() as db:
        return db.scalar(select(func.count(Deed.id))) or 0


def test_no_form_works_without_a_login_an_owner_and_a_token(
    app: Flask, database: Database, load: Load, enter: Callable[[str], Desk]
) -> None:
    load()
    ada, vic, nobody = enter("ada"), enter("vic"), Desk(app.test_client())
    before, sent = deeds(database), 0
    for rule in rules(app):
        for address in addresses(app, rule) if (rule.methods or set()) - SAFE else ():
            path = address.removeprefix("/researchers")
            assert ada.client.post(address, data={"typed": "tiny"}).status_code == 400, address
            forged = ada.client.post(address, data={"csrf_token": "x", "typed": "tiny"})
            assert forged.status_code == 400, address
            if rule.endpoint not in WITHOUT_A_LOGIN:
                assert vic.post(path, form_on="/", typed="tiny").status_code == 403, address
                assert nobody.post(path, form_on="/login").headers["Location"] == "/researchers/login", address
                sent += 1
    assert sent == sum(map(len, ACTIONS.values()))
    assert deeds(database) == before


def test_another_ones_token_and_another_way_to_send_are_no_way_in(
    database: Database, load: Load, enter: Callable[[str], Desk]
) -> None:
    load()
    ada, olga = enter("ada"), enter("olga")
    token = re.search(r'name="csrf_token" value="([^"]+)"', olga.get("/studies/tiny/close"))
    assert token
    before = deeds(database)
    at = "/researchers/studies/tiny/close"
    assert ada.client.post(at, data={"csrf_token": token[1]}).status_code == 400
    for way in (ada.client.put, ada.client.patch, ada.client.delete):
        assert way(at, data={"csrf_token": token[1]}).status_code == 405
    for way in (ada.client.get, ada.client.head, ada.client.options):
        assert way(f"{at}?csrf_token={token[1]}", headers={"X-HTTP-Method-Override": "POST"}).status_code == 200
    assert deeds(database) == before


def test_every_page_is_kept_by_nobody_and_framed_by_nobody(
    app: Flask, load: Load, enter: Callable[[str], Desk], browse: Browse
) -> None:
    load()
    browse().begin().finish()
    for desk in (enter("ada"), Desk(app.test_client())):
        for rule in rules(app):
            for address in addresses(app, rule) if "GET" in (rule.methods or set()) else ():
                answer = desk.client.get(address)
                assert answer.status_code in {200, 303, 308, 302, 404}, address
                assert {name: answer.headers[name] for name in HEADERS} == HEADERS, address
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], address


def test_a_copy_of_the_cookie_ends_with_the_logout(enter: Callable[[str], Desk]) -> None:
    ada = enter("ada")
    thief = Desk(ada.client.application.test_client())
    cookie = ada.client.get_cookie("researcher", path="/researchers")
    assert cookie
    thief.client.set_cookie("researcher", cookie.value, path="/researchers")
    thief.get("/")
    assert ada.post("/logout", form_on="/").status_code == 303
    thief.get("/", 303)


def test_a_cookie_from_before_the_login_is_not_the_one_after_it(enter: Callable[[str], Desk]) -> None:
    vic, ada = enter("vic"), enter("ada")
    old = vic.client.get_cookie("researcher", path="/researchers")
    assert old
    ada.client.set_cookie("researcher", old.value, path="/researchers")
    assert "vic, viewer" in ada.get("/")
    ada.post("/logout", form_on="/")
    ada.log_in("ada")
    new = ada.client.get_cookie("researcher", path="/researchers")
    assert new
    assert new.value != old.value
    assert "ada, owner" in ada.get("/")


@pytest.mark.parametrize("name", ["ada", "nobody", "", "a" * 60_000, "ada\0", "<script>alert(1)</script>", "ada' --"])
def test_whatever_is_typed_at_the_door_is_answered_and_counted(
    app: Flask, database: Database, accounts: None, name: str
) -> None:
    desk = Desk(app.test_client())
    answer = desk.log_in(name, "no password of anybody")
    assert answer.status_code == 403
    assert "<script>alert" not in answer.text
    with database.read() as db:
        assert db.scalar(select(func.count(LoginFailure.id))) == 1


def test_too_much_at_once_is_refused_as_a_page(enter: Callable[[str], Desk]) -> None:
    answer = enter("ada").client.post("/researchers/login", data={"name": "x" * 100_000})
    assert answer.status_code == 413
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "file",
    ["../1/ratings.csv", "..%2f..%2fetc%2fpasswd", "%2e%2e", "ratings.csv%00.html", "RATINGS.CSV", "report.html/", "."],
)
def test_no_name_of_a_file_leads_out_of_a_report(load: Load, enter: Callable[[str], Desk], file: str) -> None:
    load()
    enter("ada").get(f"/studies/tiny/results/1/{file}", 404)


def test_two_owners_at_once_do_a_thing_once_and_the_other_is_told(
    database: Database, load: Load, enter: Callable[[str], Desk]
) -> None:
    load()
    ada, olga = enter("ada"), enter("olga")
    for action, said in (("pause", "is paused: it cannot be made paused"), ("close", "cannot be made closed")):
        assert ada.post(f"/studies/tiny/{action}").status_code == 303
        late = olga.post(f"/studies/tiny/{action}", form_on="/")
        assert (late.status_code, said in late.text) == (409, True), late.text
    assert "so this cannot be done" in olga.get("/studies/tiny/close")
    for action in ("uncover", "cover", "look"):
        late = olga.post(f"/studies/tiny/{action}", form_on="/", typed="tiny")
        assert late.status_code == 409
        assert "Traceback" not in late.text
    with database.read() as db:
        assert covering.cover_of(db, loading.find(db, "tiny")).all


PAGES = ("", "/participants", "/results", "/design", "/log", "/open", "/pause", "/close", "/uncover")


@pytest.mark.parametrize("who", ["nobody", "one", "preview", "withdrawn", "declined", "simulated"])
def test_every_page_stands_whoever_took_part(
    database: Database, load: Load, enter: Callable[[str], Desk], browse: Browse, who: str
) -> None:
    name = load("my.study-1.0", state="open")
    if who == "declined":
        browse(name).step("consent", "decline")
    elif who not in {"nobody", "simulated"}:
        browse(name).begin().finish()
    with database.write() as db:
        if who == "preview":
            db.scalars(select(Participant)).one().preview = True
        if who == "withdrawn":
            assert erasure.erase(db, db.scalars(select(Participant.id)).one(), now())
        if who == "simulated":
            name = copy_study(db, name, f"{name}-simulated").name
    ada = enter("ada")
    for state in ("open", "paused", "closed"):
        with database.write() as db:
            loading.find(db, name).state = state
        ada.get("/")
        for page in PAGES:
            text = ada.get(f"/studies/{name}{page}")
            assert "nan" not in re.sub(r"<[^>]+>", " ", text).split()
    with database.read() as db:
        for session in db.scalars(select(Session.id)).all():
            found = ada.client.get(f"/researchers/studies/{name}/participants/{session}").status_code
            assert found == (404 if who == "preview" else 200), who
