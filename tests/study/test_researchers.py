"""Accounts: passwords that nobody can guess in time, failures that say nothing, logins that end when they should."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from study import deeds, researchers
from study.cli import cli
from study.db import Database
from study.errors import Refused
from study.ledger import LoginFailure, Researcher
from study.models import now
from study.researchers import FREE_FAILURES, MustWait, WrongLogin, wait

PASSWORD = "a sentence is easy to keep"  # noqa: S105 - of nobody


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost little."""
    assert researchers.HASH == "scrypt:32768:8:3"
    monkeypatch.setattr(researchers, "HASH", "pbkdf2:sha256:1")
    monkeypatch.setattr(researchers, "_nobodys", "")


@pytest.fixture
def ada(database: Database) -> Database:
    with database.write() as db:
        researchers.add(db, "ada", "owner", PASSWORD)
    return database


def try_in(database: Database, name: str = "ada", password: str = PASSWORD, after_s: float = 0) -> Any:
    return researchers.log_in(database, name, password, now() + timedelta(seconds=after_s))


def failures(database: Database, name: str = "ada") -> int:
    with database.read() as db:
        return db.scalar(select(func.count()).select_from(LoginFailure).where(LoginFailure.name == name)) or 0


def test_the_right_password_lets_in_and_is_not_what_is_kept(ada: Database) -> None:
    who = try_in(ada)
    assert (who.name, who.role, who.is_owner) == ("ada", "owner", True)
    with ada.read() as db:
        kept = db.scalars(select(Researcher)).one()
        assert PASSWORD not in kept.password
        assert kept.password.startswith("pbkdf2:sha256:1$")
        assert researchers.known(db, who.id, who.stamp) == who
        assert researchers.known(db, who.id, "another") is None
        assert researchers.known(db, who.id + 1, who.stamp) is None
        assert [(line.who, line.did) for line in deeds.read(db)] == [
            (deeds.COMMAND_LINE, "researcher_added"), ("ada", "logged_in"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", "wrong password"), ("nobody", PASSWORD), ("", ""), ("ada\0", "wrong password"), ("x" * 300, PASSWORD)],
)
def test_every_wrong_login_is_one_failure_and_says_the_same(ada: Database, name: str, password: str) -> None:
    with pytest.raises(WrongLogin) as raised:
        try_in(ada, name, password)
    assert str(raised.value) == ""
    assert failures(ada, name.replace("\0", "")[:64]) == 1


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_who_guesses_waits_longer_each_time_whoever_the_name_is(ada: Database, name: str) -> None:
    after, waits = 0.0, []
    for attempt in range(FREE_FAILURES + 4):
        with pytest.raises(WrongLogin):
            try_in(ada, name, "wrong password", after)
        if attempt < FREE_FAILURES - 1:
            continue
        with pytest.raises(MustWait) as raised:
            try_in(ada, name, PASSWORD, after)  # not even the right one is looked at
        waits.append(raised.value.seconds)
        after += raised.value.seconds
    assert [round(each) for each in waits] == [1, 2, 4, 8, 16]


def test_a_right_password_clears_the_failures_and_an_hour_forgets_them(ada: Database) -> None:
    for _ in range(FREE_FAILURES - 1):
        with pytest.raises(WrongLogin):
            try_in(ada, password="wrong password")  # noqa: S106
    assert try_in(ada).name == "ada"
    assert failures(ada) == 0
    with pytest.raises(WrongLogin):
        try_in(ada, password="wrong password")  # noqa: S106
    with pytest.raises(WrongLogin):
        try_in(ada, "bob", after_s=3601)
    assert failures(ada) == 0


def test_many_attempts_at_once_gain_nothing(ada: Database) -> None:
    def attempt(_: int) -> str:
        try:
            try_in(ada, password="wrong password")  # noqa: S106
        except (WrongLogin, MustWait) as error:
            return type(error).__name__
        return "in"

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(attempt, range(8)))
    assert said.count("WrongLogin") == FREE_FAILURES
    assert said.count("MustWait") == 8 - FREE_FAILURES


@given(st.integers(0, 500), st.floats(0, 5000))
def test_a_wait_is_never_longer_than_a_quarter_of_an_hour_and_ends(number: int, passed_s: float) -> None:
    at = now()
    left = wait(number, at - timedelta(seconds=passed_s), at)
    assert timedelta(0) <= left <= researchers.LONGEST_WAIT
    assert left <= wait(number + 1, at - timedelta(seconds=passed_s), at)
    if number < FREE_FAILURES or passed_s >= researchers.LONGEST_WAIT.total_seconds():
        assert left == timedelta(0)


def test_a_new_password_or_a_lock_ends_every_login(ada: Database) -> None:
    who = try_in(ada)
    with ada.write() as db:
        researchers.set_password(db, "ada", "another long password")
    with ada.read() as db:
        assert researchers.known(db, who.id, who.stamp) is None
    with pytest.raises(WrongLogin):
        try_in(ada)
    who = try_in(ada, password="another long password")  # noqa: S106
    with ada.write() as db:
        researchers.lock(db, "ada")
    with ada.read() as db:
        assert researchers.known(db, who.id, who.stamp) is None
    with pytest.raises(WrongLogin):
        try_in(ada, password="another long password")  # noqa: S106
    with ada.write() as db:
        researchers.lock(db, "ada", locked=False)
    assert try_in(ada, password="another long password", after_s=2).name == "ada"  # noqa: S106


def test_a_password_is_the_same_however_a_keyboard_composes_it(database: Database) -> None:
    with database.write() as db:
        researchers.add(db, "zoe", "viewer", "pass\u00e9 compos\u00e9")
    assert try_in(database, "zoe", "passe\u0301 compose\u0301").role == "viewer"


@pytest.mark.parametrize("name", ["", " ada", "a b", "command line", "é", "x" * 65, "../x", "-x"])
def test_a_name_that_cannot_be_one_is_refused(database: Database, name: str) -> None:
    with database.write() as db, pytest.raises(Refused, match="is no name of a researcher"):
        researchers.add(db, name, "owner", PASSWORD)


def test_a_short_password_and_a_name_that_is_taken_are_refused(ada: Database) -> None:
    with ada.write() as db, pytest.raises(Refused, match="has 9 characters: take at least 10"):
        researchers.add(db, "bob", "owner", "x" * 9)
    with ada.write() as db, pytest.raises(Refused, match="is there already"):
        researchers.add(db, "ada", "viewer", PASSWORD)
    with ada.write() as db, pytest.raises(Refused, match="no researcher `bob`"):
        researchers.set_password(db, "bob", PASSWORD)


def test_the_commands_make_list_change_and_lock_accounts(sqlite_url: str) -> None:
    def run(*arguments: str, said: str | None = None, code: int = 0) -> str:
        result = CliRunner().invoke(cli, arguments, input=said, env={"STUDY_DATABASE_URL": sqlite_url})
        assert result.exit_code == code, result.output
        return result.output

    assert "No researcher has an account" in run("researcher", "list")
    assert "Added owner `ada`" in run("researcher", "add", "ada", "--role", "owner", "--password-stdin", said=PASSWORD)
    short = run("researcher", "add", "bob", "--role", "viewer", "--password-stdin", said="short\n", code=1)
    assert "take at least 10" in short
    run("researcher", "add", "bob", "--role", "viewer", "--password-stdin", said=f"{PASSWORD}\n")
    assert "--password-stdin" in run("researcher", "password", "bob", code=1)  # no terminal to ask at
    assert "logged out everywhere" in run("researcher", "password", "bob", "--password-stdin", said=f"{PASSWORD}!\n")
    run("researcher", "lock", "bob")
    assert run("researcher", "list") == "ada: owner\nbob: viewer, locked\n"
    run("researcher", "lock", "bob", "--undo")
    assert '"locked": false' in run("researcher", "list", "--json")
    run("researcher", "add", "eve", "--role", "boss", "--password-stdin", said=PASSWORD, code=2)
