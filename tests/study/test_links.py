"""Links of a study, filled in for a participant; completion codes; and the file that says who is who."""

import csv
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select, update

from study import export, links, participants, spec, steps
from study.cli import cli
from study.db import Database
from study.errors import Refused
from study.models import Participant, Session, Study, now
from study.scheduling import spec_of

Load = Callable[..., str]
Browse = Callable[..., Any]


@pytest.fixture
def filled(app: Flask, database: Database) -> Callable[[], str]:
    """The completion link of the last participant."""

    def found() -> str:
        with database.read() as db, app.app_context():
            last = db.scalars(select(Participant).order_by(Participant.id.desc())).first()
            return links.completion_link(db, spec_of(last.study), last)

    return found


def test_what_a_participants_link_said_stands_in_the_completion_link(
    app: Flask, load: Load, browse: Browse, filled: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    load(toml="[links]\ncompletion = 'https://example.org/{batch}?who={PROLIFIC_PID}&x={missing}&c={code}#{batch}'")
    browse().begin(PROLIFIC_PID="5f1e", batch="a/b &ü=?#{x}", code="mine")
    parts = urlsplit(filled())
    assert (parts.scheme, parts.netloc) == ("https", "example.org")
    assert parts.path == "/a%2Fb%20%26%C3%BC%3D%3F%23%7Bx%7D"
    asked = parse_qs(parts.query, keep_blank_values=True)
    assert (asked["who"], asked["x"]) == (["5f1e"], [""])
    assert len(asked["c"][0]) == 8
    assert asked["c"][0] != "mine"
    assert "{missing} of a link stays empty" in caplog.text
    assert "5f1e" not in caplog.text


def test_a_link_without_placeholders_stays_as_it_was_written(
    load: Load, browse: Browse, filled: Callable[[], str]
) -> None:
    written = "https://example.org/done?cc=1&amp;%7B"
    load(toml=f"[links]\ncompletion = '{written}'")
    browse().begin(PROLIFIC_PID="5f1e")
    assert filled() == written


def test_a_study_without_links_gives_none(app: Flask, database: Database, load: Load, browse: Browse) -> None:
    load()
    browse().begin()
    with database.read() as db, app.app_context():
        participant = db.scalars(select(Participant)).one()
        found = spec_of(participant.study)
        assert links.completion_link(db, found, participant) == links.screen_out_link(db, found, participant) == ""


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_value_changes_more_than_its_own_place(value: str) -> None:
    parts = urlsplit(links.fill("https://example.org/a/{x}?b={x}&c=1", {"x": value}))
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "example.org", "")
    assert parts.path == f"/a/{quote(value, safe='')}"
    assert parse_qs(parts.query, keep_blank_values=True) == {"b": [value], "c": ["1"]}


@pytest.mark.parametrize("host", ["{HOST}", "{HOST}.example.org", "example.org:{PORT}", "{WHO}@example.org", "a{"])
@pytest.mark.parametrize("key", ["completion", "screen_out"])
def test_a_link_that_leaves_its_host_open_is_refused(host: str, key: str) -> None:
    with pytest.raises(Refused, match=f"`links.{key}` leaves its host open"):
        spec.parse(f"[links]\n{key} = 'https://{host}/x'", default_name="tiny")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//example.org/{x}", "{LINK}", "/done"])
def test_only_web_addresses_are_links(link: str) -> None:
    with pytest.raises(Refused, match="is no link"):
        spec.parse(f"[links]\ncompletion = '{link}'", default_name="tiny")


def test_codes_differ_between_people_studies_and_keys_and_stay_the_same() -> None:
    def who(study: str, pseudonym: str) -> Participant:
        return Participant(study=Study(name=study), pseudonym=pseudonym)

    codes = {links.code_of(key, who(study, f"p{n}")) for key in "ab" for study in "st" for n in range(200)}
    assert len(codes) == 800
    assert all(len(code) == 8 and set(code) <= set(links.LETTERS) for code in codes)
    assert set("0O1IL5SAEU") & set(links.LETTERS) == set()
    assert links.code_of("a", who("s", "p1")) == links.code_of("a", who("s", "p1"))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_participants_csv_says_who_is_who(
    app: Flask, database: Database, load: Load, browse: Browse, tmp_path: Path
) -> None:
    load()
    browse().begin(PROLIFIC_PID="=cmd|' /C calc'!A0", STUDY_ID='a,"b"').finish()
    browse().begin()
    browse().step("consent", "decline")
    path = tmp_path / "people" / "participants.csv"
    with database.read() as db:
        assert participants.write(db, "tiny", path, str(app.secret_key)) == 4
        people = db.scalars(select(Participant).order_by(Participant.id)).all()
        codes = [links.code_of(str(app.secret_key), person) for person in people]
    rows = table(path)
    assert tuple(rows[0]) == participants.COLUMNS
    assert [(row["parameter"], row["value"]) for row in rows] == [
        ("PROLIFIC_PID", "'=cmd|' /C calc'!A0"), ("STUDY_ID", 'a,"b"'), ("", ""), ("", ""),
    ]  # fmt: skip
    assert [row["outcome"] for row in rows] == ["complete", "complete", "open", "declined"]
    assert [row["code"] for row in rows] == [codes[0], codes[0], codes[1], codes[2]]
    assert [row["participant"] for row in rows][1:] == [person.pseudonym for person in people]
    before = path.read_bytes()
    with database.read() as db:
        participants.write(db, "tiny", path, str(app.secret_key))
    assert path.read_bytes() == before


def test_the_command_writes_the_file_and_refuses_in_one_sentence(
    load: Load, browse: Browse, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    browse().begin(PROLIFIC_PID="5f1e")
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    monkeypatch.setenv("STUDY_SECRET_KEY", "x" * 40)
    out = tmp_path / "participants.csv"
    done = CliRunner().invoke(cli, ["participants", "tiny", "-o", str(out)])
    assert (done.exit_code, done.stdout) == (
        0,
        f"Wrote {out} (1 rows). It names people: keep it apart from votes.csv.\n",
    )
    assert table(out)[0]["value"] == "5f1e"
    for words, said in ((["none", "-o", str(out)], "none"), (["tiny", "-o", str(tmp_path)], "no plain file")):
        refused = CliRunner().invoke(cli, ["participants", *words])
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
        assert said in refused.stderr
    monkeypatch.delenv("STUDY_SECRET_KEY")
    assert "STUDY_SECRET_KEY is not set" in CliRunner().invoke(cli, ["participants", "tiny"]).stderr


def test_files_of_many_people_take_no_statement_for_each(
    app: Flask, database: Database, load: Load, browse: Browse
) -> None:
    load()
    begun: list[int] = []
    asked: list[int] = []
    for more in (1, 4):
        for number in range(more):
            browse().begin(PROLIFIC_PID=f"{more}-{number}")
        with database.read() as db:
            study = db.scalars(select(Study)).one()
            statements: list[str] = []
            note = lambda *sent, kept=statements: kept.append(sent[2])  # noqa: E731 - as the event calls it
            event.listen(database.engine, "before_cursor_execute", note)
            begun.append(len(list(export.session_records(db, study))))
            assert len(list(participants.records(db, study, str(app.secret_key)))) == begun[-1]
            event.remove(database.engine, "before_cursor_execute", note)
            asked.append(len(statements))
    assert begun == [1, 5]
    assert asked[0] == asked[1]


def test_files_agree_where_sessions_are_read_some_at_a_time(
    app: Flask, database: Database, load: Load, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    browse().begin(PROLIFIC_PID="a", b="2").finish()
    browse().begin()
    browse().step("consent", "decline")
    browse().begin(PROLIFIC_PID="c")

    def both() -> tuple[list[Any], list[Any]]:
        with database.read() as db:
            study = db.scalars(select(Study)).one()
            return list(export.session_records(db, study)), list(participants.records(db, study, str(app.secret_key)))

    with database.write() as db:
        db.execute(update(Session).where(Session.id == 2).values(active_at=now() - timedelta(days=1)))
    at_once = both()
    assert [record["outcome"] for record in at_once[0]] == ["complete", "expired", "declined", "open"]
    assert [record["outcome"] for record in at_once[1]] == ["complete", "complete", "expired", "declined", "open"]
    with database.read() as db:
        walks = [steps.look(db, session) for session in db.scalars(select(Session).order_by(Session.id))]
    assert [record["votes"] for record in at_once[0]] == [sum(t.vote is not None for t in w.trials) for w in walks]
    monkeypatch.setattr(export, "SESSIONS_AT_ONCE", 1)
    assert both() == at_once
