"""Erasing a person on a researcher's word, and following what they gave into the files that were made from it."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from study import backup, deeds, leaving, tracing
from study.cli import cli
from study.db import Database
from study.ledger import Result as Loaded
from study.ledger import ResultFile as LoadedFile
from study.models import Participant, PlatformIdentity, Session, Study, now

Load = Callable[..., str]
Browse = Callable[..., Any]
Run = Callable[..., Result]
SECRET = "a secret of forty characters for the tests"  # noqa: S105 - of no server


@pytest.fixture
def run(database_url: str, media: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    monkeypatch.setenv("STUDY_MEDIA", str(media))
    monkeypatch.setenv("STUDY_SECRET_KEY", SECRET)

    def invoked(*words: object, typed: str = "") -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], input=typed)

    return invoked


@pytest.fixture
def voted(database: Database, load: Load, browse: Browse) -> Database:
    load()
    for number in range(2):
        browse().begin(PROLIFIC_PID=f"person-{number}", STUDY_ID="all").finish()
    return database


def pseudonyms(database: Database) -> list[str]:
    with database.read() as db:
        return list(db.scalars(select(Participant.pseudonym).order_by(Participant.id)))


def outcomes(database: Database) -> list[str]:
    with database.read() as db:
        return list(db.scalars(select(Session.outcome).order_by(Session.id)))


def test_who_is_erased_is_asked_for_first_and_leaves_what_a_withdrawal_leaves(voted: Database, run: Run) -> None:
    name = pseudonyms(voted)[1]
    asked = run("erase", "tiny", name, typed="n\n")
    assert asked.exit_code == 1
    assert "Session 2 of study `tiny`" in asked.stderr
    assert outcomes(voted) == ["complete", "complete"]
    done = run("erase", "tiny", name, typed="y\n")
    assert done.exit_code == 0, done.output
    assert "Session 2 of study `tiny` is erased" in done.stdout
    assert outcomes(voted) == ["complete", "withdrawn"]
    with voted.read() as db:
        assert db.scalars(select(PlatformIdentity.participant_id)).all() == [1, 1]
        log = deeds.read(db, "tiny", did=["erased"])
        assert [(line.who, line.detail) for line in log] == [("command line", {"session": 2})]
    assert "nobody" in run("erase", "tiny", name, "--yes").stderr


def test_a_platforms_parameter_names_one_person_or_is_refused(voted: Database, run: Run) -> None:
    assert "names 2 participants" in run("erase", "tiny", "--platform", "STUDY_ID=all", "--yes").stderr
    assert "names nobody" in run("erase", "tiny", "--platform", "PROLIFIC_PID=other", "--yes").stderr
    assert "PARAMETER=VALUE" in run("erase", "tiny", "--platform", "person-0", "--yes").stderr
    assert run("erase", "tiny", "--platform", "PROLIFIC_PID=person-0", "--yes").exit_code == 0
    assert outcomes(voted) == ["withdrawn", "complete"]


def test_wrong_usage_is_told(voted: Database, run: Run) -> None:
    assert run("erase", "tiny").exit_code == 2
    assert run("erase", "tiny", "p1", "--session", "1").exit_code == 2
    assert "No study `none`" in run("erase", "none", "p1").stderr
    assert "nobody" in run("erase", "tiny", "--session", "99").stderr


def test_who_declined_has_nothing_to_erase(database: Database, load: Load, browse: Browse, run: Run) -> None:
    load()
    browse().step("consent", "decline")
    assert "declined to take part" in run("erase", "tiny", "--session", "1").stderr


def test_exports_that_held_the_person_are_named_and_no_others(
    voted: Database, browse: Browse, run: Run, tmp_path: Path
) -> None:
    leaving.votes(voted, "tiny", tmp_path / "early" / "votes.csv")
    browse().begin(PROLIFIC_PID="person-2").finish()
    leaving.votes(voted, "tiny", tmp_path / "late" / "later.csv")
    leaving.people(voted, "tiny", tmp_path / "who.csv", SECRET)
    backup.write(voted, tmp_path / "b.zip", None)
    with voted.write() as db:
        study = db.scalars(select(Study)).one()
        late = tracing._read(tmp_path / "late" / "later.csv")[0]
        db.add(Loaded(study_id=study.id, loaded_at=now(), votes_sha256=late, simulated=False))
    said = json.loads(run("erase", "tiny", "--session", "3", "--yes", "--json").stdout)
    assert said["erased"]
    assert [(file["what"], file["name"], file["votes"]) for file in said["exports"]] == [
        ("votes", "later.csv", True), ("participants", "sessions.csv", False), ("participants", "who.csv", False),
        ("backup", "b.zip", True), ("report", "loaded report", True),
    ]  # fmt: skip
    leaving.votes(voted, "tiny", tmp_path / "after" / "votes.csv")
    again = run("erase", "tiny", "--session", "3")
    assert "had been erased before" in again.stdout
    assert "after" not in again.stdout
    assert again.stdout.count("votes  later.csv") == 1
    assert "erase the session again" in again.stdout


def test_the_sessions_beside_the_votes_are_found_as_well(voted: Database, run: Run, tmp_path: Path) -> None:
    leaving.votes(voted, "tiny", tmp_path / "out" / "votes.csv")
    said = run("erase", "tiny", "--session", "2", "--yes", "--search", tmp_path).stdout
    for file in ("votes.csv", "sessions.csv"):
        assert f"{tmp_path / 'out' / file}: held this person" in said


def test_files_of_loaded_reports_that_name_the_person_are_erased_with_them(voted: Database, run: Run) -> None:
    kept, gone = pseudonyms(voted)
    said = {"ratings.csv": "rating", "quality.csv": f"{kept},{gone}", "raters.csv": kept, "report.html": f"<p>{gone}"}
    with voted.write() as db:
        loaded = Loaded(study_id=1, loaded_at=now(), votes_sha256="a" * 64, simulated=False)
        loaded.files = [
            LoadedFile(name=name, sha256=hashlib.sha256(text.encode()).hexdigest(), content=text.encode())
            for name, text in said.items()
        ]
        db.add(loaded)
    assert run("erase", "tiny", gone, "--yes").exit_code == 0
    with voted.read() as db:
        assert set(db.scalars(select(LoadedFile.name))) == {"ratings.csv", "raters.csv"}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_search_follows_digests_to_labels_models_and_reports(voted: Database, run: Run, tmp_path: Path) -> None:
    leaving.votes(voted, "tiny", tmp_path / "out" / "votes.csv")
    work = tmp_path / "work"
    (work / "deep" / "er").mkdir(parents=True)
    votes = digest(tmp_path / "out" / "votes.csv")
    (work / "copy.csv").write_bytes((tmp_path / "out" / "votes.csv").read_bytes())
    (work / "labels.csv").write_text(f"source,votes_sha256\ncat,{votes}\n")
    (work / "deep" / "model.json").write_text(json.dumps({"labels": digest(work / "labels.csv")}))
    (work / "deep" / "model.pt").write_bytes(
        b"\0" * (tracing.CHUNK - 30) + digest(work / "labels.csv").encode() + b"\0"
    )
    (work / "deep" / "er" / "weights.csv").write_text(f"w,model\n1,{digest(work / 'deep' / 'model.json')}\n")
    with zipfile.ZipFile(work / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report/ratings.csv", f"rating,votes_sha256\n1,{votes}\n" * 50)
    (work / "other.csv").write_text(f"votes_sha256\n{'f' * 64}\n")
    (work / "longer.txt").write_text(f"a{votes}")  # 65 digits are no digest
    (work / "history.csv").write_text(f"at,did,sessions,votes,detail\n2026,results,1,1,{votes}\n")
    (work / "link").symlink_to(work / "labels.csv")
    said = run("erase", "tiny", "--session", "1", "--yes", "--search", work)
    assert said.exit_code == 0, said.output
    made = "made from votes that held this person; make it again."
    for name in ("labels.csv", "deep/model.json", "deep/model.pt", "deep/er/weights.csv", "archive.zip"):
        assert f"{work / name}: {made}" in said.stdout
    assert f"{work / 'copy.csv'}: held this person" in said.stdout
    assert said.stdout.count(str(work)) == 6
    assert outcomes(voted) == ["withdrawn", "complete"]


def test_a_search_without_a_trace_says_so_and_what_cannot_be_read_is_named(
    voted: Database, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving.votes(voted, "tiny", tmp_path / "out" / "votes.csv")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "broken.zip").write_bytes(b"PK\5\6" + b"\0" * 18 + b"rest")
    (tmp_path / "work" / "shut").write_text("x")
    read = tracing._read

    def shut(path: Path) -> Any:
        if path.name == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(tracing, "_read", shut)
    said = run("erase", "tiny", "--session", "1", "--yes", "--search", tmp_path / "work")
    assert f"Nothing below {tmp_path / 'work'} leads back" in said.stdout
    assert f"{tmp_path / 'work' / 'shut'} could not be read" in said.stderr
