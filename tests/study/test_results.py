"""Reports are taken in whole or refused, and their ratings are covered until they may be seen."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select, update

from study import covering, deeds, loading, login, researchers, results
from study.cli import cli
from study.db import Database
from study.errors import Refused
from study.ledger import Export, Result
from study.models import Participant, Session, Study, now

Load = Callable[..., str]
LOOKS = "[analysis]\nlooks = [2, 4]\n"
VOTES = "a" * 64


def table(*rows: dict[str, str]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


RATINGS = table(
    *(
        {"rate": "0.50", "condition": name, "method": "bradley-terry", "votes": "12"}
        | {"rating": rating, "low": low, "high": high}
        for name, rating, low, high in (("jpeg@0.50", "-61.7", "-80", "-40"), ("webp@0.50", "61.7", "40", "80"))
    )
)
QUALITY = table(
    {"participant": "p1", "rule": "catch_accuracy", "value": "0.4", "limit": "0.75", "excluded": "1", "flagged": "1",
     "chosen": "1", "trials": "5"},
)  # fmt: skip

TELLING = ("ratings.csv", "raters.csv", "rules.csv", "agreement.csv", "screened.csv", "wins.csv")
"""Tables that tell which condition leads, or at least how far apart conditions are."""


class Maker:
    """Writes report folders; what settings.json says can be changed before."""

    def __init__(self, folder: Path, study: Study) -> None:
        self.folder = folder
        self.files = {"report.html": b"<h1>Report</h1>", "ratings.csv": RATINGS, "quality.csv": QUALITY}
        self.asked: dict[str, Any] = {"study": study.name, "config": study.config}
        self.said: dict[str, Any] = {"simulated": study.simulated, "votes": {"sha256": VOTES, "rows": 3}}

    def write(self, votes: str = VOTES) -> Path:
        self.folder.mkdir(exist_ok=True)
        self.said["votes"]["sha256"] = votes
        for name, content in self.files.items():
            (self.folder / name).write_bytes(content)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}
        record = {"made_by": "analysis report", **self.said, "asked": self.asked, "files": digests}
        (self.folder / "settings.json").write_text(json.dumps(record))
        return self.folder


@pytest.fixture
def maker(database: Database, load: Load, tmp_path: Path, request: pytest.FixtureRequest) -> Maker:
    load(toml=getattr(request, "param", ""))
    with database.read() as db:
        return Maker(tmp_path / "report", loading.find(db, "tiny"))


def put(database: Database, folder: Path) -> int:
    with database.write() as db:
        result, _ = results.store(db, "tiny", results.read(folder), who="ada")
        return result.id


def export(database: Database, sha256: str, *, last_vote: int = 0) -> None:
    """Note that votes with this digest left, with all sessions that there are."""
    with database.write() as db:
        study = loading.find(db, "tiny")
        db.add(Export(study_id=study.id, at=now(), what="votes", name="votes.csv", sha256=sha256, last_session_id=10**6,
                      last_vote_id=last_vote))  # fmt: skip


def complete(database: Database, number: int) -> None:
    """So many more complete sessions."""
    with database.write() as db:
        study = loading.find(db, "tiny")
        for _ in range(number):
            person = Participant(study_id=study.id, token=f"{now()}{_}", pseudonym=f"{now()}{_}", simulated=False,
                                 created_at=now())  # fmt: skip
            db.add(person)
            db.flush()
            at = now() - timedelta(seconds=1)
            times = dict.fromkeys(("started_at", "active_at", "ended_at"), at)
            walked = {"outcome": "complete", "prepared": 1, "practised": True, "block": 1, "language": "en"}
            db.add(Session(study_id=study.id, participant_id=person.id, ordinal=person.id, **walked, **times))


def cover(database: Database) -> covering.Cover:
    with database.read() as db:
        return covering.cover_of(db, loading.find(db, "tiny"))


def test_a_report_is_kept_file_by_file_with_its_digests(database: Database, maker: Maker) -> None:
    number = put(database, maker.write())
    with database.read() as db:
        result = db.get_one(Result, number)
        assert (result.votes_sha256, result.simulated) == (VOTES, False)
        assert results.names_of(db, result) == ["quality.csv", "ratings.csv", "report.html", "settings.json"]
        assert results.file_of(db, result, "ratings.csv") == RATINGS
        assert results.table(db, result, "quality.csv")[0]["excluded"] == "1"
        line = deeds.read(db, "tiny")[-1]
        assert (line.who, line.did, line.detail["votes_sha256"]) == ("ada", "results", VOTES)
        content = (maker.folder / "settings.json").read_bytes()
        assert line.detail["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("asked", "study", "other"), "is a report of study `other`: load it there"),
        (("asked", "study", ""), "does not say of which study"),
        (("asked", "config", "b" * 64), "is a report of another design"),
        (("said", "simulated", True), "simulated votes, but `tiny` takes people's votes"),
        (("said", "simulated", "no"), "is no record of a report"),
    ],
)
def test_a_report_of_something_else_is_refused(
    database: Database, maker: Maker, change: tuple[str, str, object], says: str
) -> None:
    where, key, value = change
    getattr(maker, where)[key] = value
    with pytest.raises(Refused, match=says):
        put(database, maker.write())
    with database.read() as db:
        assert db.scalars(select(Result)).all() == []


def test_what_was_changed_or_is_missing_is_refused(database: Database, maker: Maker) -> None:
    folder = maker.write()
    (folder / "ratings.csv").write_bytes(RATINGS.replace(b"61.7", b"91.7"))
    with pytest.raises(Refused, match=r"ratings\.csv was changed after the report was made"):
        put(database, folder)
    (folder / "ratings.csv").unlink()
    with pytest.raises(Refused, match=r"ratings\.csv is missing"):
        put(database, folder)
    for content in (b"{", b"[]", b'{"files": 3}', b"\xff"):
        (folder / "settings.json").write_bytes(content)
        with pytest.raises(Refused, match="no record of a report"):
            put(database, folder)
    (folder / "settings.json").unlink()
    for place in (folder, folder / "nowhere", folder / "report.html"):
        with pytest.raises(Refused):
            put(database, place)
    del maker.files["ratings.csv"]
    with pytest.raises(Refused, match=r"knows no ratings\.csv"):
        put(database, maker.write())


def test_a_path_out_of_the_folder_is_not_followed(database: Database, maker: Maker, tmp_path: Path) -> None:
    folder = maker.write()
    (tmp_path / "secret.csv").write_text("secret")
    record = json.loads((folder / "settings.json").read_text())
    record["files"]["../secret.csv"] = hashlib.sha256(b"secret").hexdigest()
    (folder / "settings.json").write_text(json.dumps(record))
    assert "../secret.csv" not in results.read(folder).files


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("ratings.csv", b"rate,rating\nhigh,3\n", r"ratings\.csv, row 1, column rate: 'high' is no number"),
        ("ratings.csv", b"rate,rating\n0.5,inf\n", "'inf' is no number"),
        ("ratings.csv", b"rate,rating\n0.5,\xff\n", "is no CSV in UTF-8"),
        ("quality.csv", b"participant\n" + b"x" * 200_000 + b"\n", "is no CSV in UTF-8"),
        ("needed.csv", b"difference,votes_sha256\nmuch," + b"a" * 64 + b"\n", "'much' is no number"),
    ],
)
def test_tables_that_no_page_could_show_are_refused(maker: Maker, file: str, content: bytes, says: str) -> None:
    maker.files[file] = content
    with pytest.raises(Refused, match=says):
        results.read(maker.write())


@pytest.mark.parametrize("record", ["[" * 100_000, '{"files": ["ratings.csv"]}', "null", '{"files": 3}', "\ud800"])
def test_a_record_that_is_none_is_refused(maker: Maker, record: str) -> None:
    maker.write()
    (maker.folder / "settings.json").write_bytes(record.encode("utf-8", "surrogatepass"))
    with pytest.raises(Refused, match="is no record of a report"):
        results.read(maker.folder)


def test_a_folder_in_the_place_of_a_file_is_refused(maker: Maker) -> None:
    maker.write()
    (maker.folder / "settings.json").unlink()
    (maker.folder / "settings.json").mkdir()
    with pytest.raises(Refused, match="is missing"):
        results.read(maker.folder)


def test_html_in_a_reports_tables_is_shown_as_written(database: Database, maker: Maker, ada: Any) -> None:
    evil = '"><script>alert(1)</script>'
    maker.files["ratings.csv"] = table(
        {"rate": "", "condition": evil, "method": "bradley-terry", "votes": evil, "rating": "1", "low": "", "high": ""}
    )
    maker.files["quality.csv"] = table(
        dict.fromkeys(("participant", "rule", "value", "limit", "trials"), evil) | {"excluded": "1"}
    )
    maker.files["needed.csv"] = table(
        dict.fromkeys(("condition_a", "condition_b", "votes", "wished", "votes_needed"), evil)
    )
    put(database, maker.write())
    with database.write() as db:
        covering.uncover(db, "tiny", "tiny")
    page = ada.get("/researchers/studies/tiny/results").text
    assert page.count("&lt;script&gt;alert(1)") >= 10
    assert "<script>alert" not in page


def test_needed_votes_may_lie_beside_if_they_are_of_the_same_votes(database: Database, maker: Maker) -> None:
    folder = maker.write()
    (folder / "needed.csv").write_bytes(table({"condition_a": "a", "votes_needed": "3", "votes_sha256": VOTES}))
    assert "needed.csv" in results.read(folder).files
    (folder / "needed.csv").write_bytes(table({"condition_a": "a", "votes_needed": "3", "votes_sha256": "b" * 64}))
    with pytest.raises(Refused, match="other votes than the report"):
        results.read(folder)


def test_votes_that_never_left_this_database_are_refused_once_exports_are_on_record(
    database: Database, maker: Maker
) -> None:
    with database.write() as db:
        _, remark = results.store(db, "tiny", results.read(maker.write()))
    assert "not known from how many sessions" in remark
    export(database, "c" * 64)
    with pytest.raises(Refused, match="never exported"):
        put(database, maker.write("b" * 64))
    export(database, "b" * 64)
    put(database, maker.write("b" * 64))


def test_ratings_are_covered_while_votes_come_in_and_uncovered_by_name(database: Database, maker: Maker) -> None:
    number = put(database, maker.write())
    assert not cover(database).shows(number)
    with database.write() as db, pytest.raises(Refused, match="they stay covered"):
        covering.uncover(db, "tiny", "yes")
    with database.write() as db, pytest.raises(Refused, match="nothing to cover"):
        covering.cover(db, "tiny")
    with database.write() as db:
        covering.uncover(db, "tiny", "tiny", who="ada")
    assert cover(database).shows(number)
    with database.write() as db, pytest.raises(Refused, match="are not covered"):
        covering.uncover(db, "tiny", "tiny")
    with database.write() as db:
        covering.cover(db, "tiny", who="ada")
    assert not cover(database).shows(number)
    for state in ("paused", "closed"):
        with database.write() as db:
            loading.change_state(db, "tiny", state)
        assert cover(database).shows(number) is (state == "closed")
    with database.read() as db:
        assert [line.did for line in deeds.read(db, "tiny", did=("uncovered", "covered"))] == ["uncovered", "covered"]


@pytest.mark.parametrize("maker", [LOOKS], indirect=True)
def test_a_planned_look_shows_one_report_of_enough_sessions(database: Database, maker: Maker) -> None:
    def look() -> covering.Look:
        with database.write() as db:
            return covering.look(db, "tiny", who="ada")

    with pytest.raises(Refused, match="needs a report made from 2 complete sessions, and none is loaded"):
        look()
    complete(database, 1)
    export(database, VOTES)
    put(database, maker.write())
    with pytest.raises(Refused, match="was loaded from 1 of them"):
        look()
    complete(database, 1)
    export(database, "b" * 64)
    second = put(database, maker.write("b" * 64))
    taken = look()
    assert (taken.number, taken.of, taken.sessions, round(taken.alpha, 6)) == (1, 3, 2, round(0.05 / 3, 6))
    assert cover(database).shows(second)
    with pytest.raises(Refused, match="needs a report made from 4"):
        look()
    complete(database, 1)
    export(database, "c" * 64)
    third = put(database, maker.write("c" * 64))
    assert not cover(database).shows(third)  # more votes, but no look yet
    complete(database, 1)
    export(database, "d" * 64)
    fourth = put(database, maker.write("d" * 64))
    assert look().number == 2
    found = cover(database)
    assert [found.shows(each) for each in (second, third, fourth)] == [True, False, True]
    with pytest.raises(Refused, match="all of them were taken"):
        look()
    with database.read() as db:
        lines = deeds.read(db, "tiny", did=("looked",))
        assert [(line.detail["look"], line.detail["result"], line.detail["of"]) for line in lines] == [
            (1, second, 3), (2, fourth, 3),
        ]  # fmt: skip


def test_without_planned_looks_there_is_none(database: Database, maker: Maker) -> None:
    put(database, maker.write())
    with database.write() as db, pytest.raises(Refused, match="names none"):
        covering.look(db, "tiny")
    with database.write() as db:
        loading.change_state(db, "tiny", "closed")
    with database.write() as db, pytest.raises(Refused, match="no look is needed"):
        covering.look(db, "tiny")


@pytest.fixture
def ada(app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An owner's browser."""
    monkeypatch.setattr(researchers, "HASH", "pbkdf2:sha256:1")
    with database.write() as db:
        researchers.add(db, "ada", "owner", "a sentence is easy")
    with app.test_request_context():
        who = researchers.log_in(database, "ada", "a sentence is easy", now())
        value = login._signer().dumps([who.id, who.stamp])
    client = app.test_client()
    client.set_cookie(login.COOKIE, value, path=login.PATH)
    return client


def seen(text: str) -> bool:
    return "-62" in text or "61.7" in text


def test_no_page_shows_covered_ratings_and_the_report_comes_in_a_sandbox(
    database: Database, maker: Maker, ada: Any
) -> None:
    maker.files["needed.csv"] = table({"condition_a": "x", "condition_b": "y", "difference": "61.7", "wished": "50"})
    maker.files |= dict.fromkeys(TELLING[1:], RATINGS)
    number = put(database, maker.write())
    at = "/researchers/studies/tiny"
    pages = [f"{at}/results", at, f"{at}/participants", f"{at}/log"]
    assert not any(seen(ada.get(page).text) for page in pages)
    page = ada.get(f"{at}/results").text
    assert "Covered while the study takes votes." in page
    assert "catch_accuracy" in page
    for file in ("report.html", "needed.csv", "settings.json", *TELLING):
        for way in (ada.get, ada.head):
            assert way(f"{at}/results/{number}/{file}").status_code == 404, file
    quality = ada.get(f"{at}/results/{number}/quality.csv")
    assert quality.data == QUALITY
    assert "attachment" in quality.headers["Content-Disposition"]
    with database.write() as db:
        covering.uncover(db, "tiny", "tiny")
    page = ada.get(f"{at}/results").text
    assert seen(page)
    assert "Cover them again" in page
    report = ada.get(f"{at}/results/{number}/report.html")
    assert report.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert report.data == b"<h1>Report</h1>"
    assert ada.get(f"{at}/results/{number}/../settings.json").status_code == 404
    assert ada.get(f"{at}/results/{number + 1}/report.html").status_code == 404


def test_a_report_of_another_study_is_not_given_away_under_this_ones_name(
    database: Database, maker: Maker, ada: Any, load: Load
) -> None:
    load("other")
    number = put(database, maker.write())
    with database.write() as db:
        covering.uncover(db, "other", "other")
    assert ada.get(f"/researchers/studies/other/results/{number}/report.html").status_code == 404


def test_the_page_says_what_has_changed_since_the_votes_left(database: Database, maker: Maker, ada: Any) -> None:
    at = "/researchers/studies/tiny/results"
    put(database, maker.write())
    assert "not on record" in ada.get(at).text
    export(database, VOTES)
    assert "They hold every vote that there is." in ada.get(at).text
    complete(database, 1)
    with database.write() as db:
        db.execute(update(Session).values(outcome="withdrawn", ended_at=now() + timedelta(seconds=1)))
    assert "has withdrawn since" in ada.get(at).text


def test_uncovering_in_the_browser_asks_for_the_name(database: Database, maker: Maker, ada: Any) -> None:
    at = "/researchers/studies/tiny"
    page = ada.get(f"{at}/uncover").text
    token = page.split('name="csrf_token" value="')[2].split('"')[0]
    assert "25% of studies" in page
    for typed, status in (("yes", 409), ("tiny", 303)):
        assert ada.post(f"{at}/uncover", data={"csrf_token": token, "typed": typed}).status_code == status
    assert ada.post(f"{at}/cover", data={"csrf_token": token}).status_code == 303
    with database.read() as db:
        lines = deeds.read(db, "tiny", did=("uncovered", "covered"))
        assert [(line.who, line.did) for line in lines] == [("ada", "uncovered"), ("ada", "covered")]


def test_the_command_loads_covers_and_asks(database_url: str, database: Database, maker: Maker) -> None:
    def run(*arguments: str, said: str = "", code: int = 0) -> str:
        result = CliRunner().invoke(cli, ["results", *arguments], input=said, env={"STUDY_DATABASE_URL": database_url})
        assert result.exit_code == code, result.output
        return result.output

    said = run("tiny", str(maker.write()))
    assert "Loaded 4 files" in said
    assert "covered while the study takes votes" in said
    assert "they stay covered" in run("tiny", "--uncover", said="no\n", code=1)
    assert "25% of studies" in run("tiny", "--uncover", said="tiny\n")
    assert "are covered" in run("tiny", "--cover")
    assert "names none" in run("tiny", "--look", code=1)
    assert "Name either" in run("tiny", code=2)
    assert "Name either" in run("tiny", str(maker.folder), "--cover", code=2)
    assert "No study `none`" in run("none", str(maker.folder), code=1)
