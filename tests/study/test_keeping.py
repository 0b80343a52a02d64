"""Backups, and the way from one database into another: the same votes.csv before and after, or nothing at all."""

import hashlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select, text

from study import backup, erasure, export, leaving, restoring, storage, tables
from study.cli import cli
from study.db import Database, knows
from study.errors import Refused
from study.ledger import Deed, Export, ResultFile
from study.ledger import Result as Loaded
from study.models import Session, Study, Vote, now

Load = Callable[..., str]
Browse = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of forty characters for the tests"  # noqa: S105 - of no server


@pytest.fixture
def filled(database: Database, load: Load, browse: Browse) -> Database:
    """Two people who finished, one who withdrew last, so that the highest numbers are gone, and a loaded report."""
    load()
    for number in range(3):
        browse().begin(PROLIFIC_PID=f"person-{number}").finish(("left", "right", "left")[number])
    with database.write() as db:
        last = db.scalars(select(Session).order_by(Session.id.desc())).first()
        assert last is not None
        assert erasure.erase(db, last.participant_id, now())
        study = db.scalars(select(Study)).one()
        loaded = Loaded(study_id=study.id, loaded_at=now(), votes_sha256="a" * 64, simulated=False)
        loaded.files.append(ResultFile(name="report.html", sha256="b" * 64, content=bytes(range(256))))
        db.add(loaded)
        study.state = "paused"
    return database


@pytest.fixture
def target(empty_url: str) -> Iterator[Database]:
    """An empty database of each kind."""
    opened = Database(empty_url)
    yield opened
    opened.dispose()


@pytest.fixture
def one_kind(database: Database) -> None:
    """Skips before anything is made where a second kind of database would show nothing new."""
    if not database.is_sqlite:
        pytest.skip("one kind of database is enough")


@pytest.fixture
def other(database: Database, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database of the other kind than the one that is left."""
    if database.is_sqlite:
        server = request.getfixturevalue("postgres")
        name = server.create()
        opened = Database(server.url_of(name))
        yield opened
        opened.dispose()
        server.drop(name)
        return
    opened = Database(request.getfixturevalue("empty_sqlite_url"))
    yield opened
    opened.dispose()


@pytest.fixture
def kept(filled: Database, media: Path, tmp_path: Path) -> Path:
    """A backup with images."""
    path = tmp_path / "kept" / "backup.zip"
    backup.write(filled, path, storage.at(media))
    return path


def restored(path: Path, target: Database, store: storage.Store | None = None, **how: bool) -> None:
    with backup.checked(path, knows) as found:
        restoring.restore(target, found, store, **how)


def exported(database: Database, folder: Path) -> dict[str, bytes]:
    with database.read() as db:
        export.write(db, "tiny", folder / "votes.csv")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def contents(database: Database) -> dict[str, list[bytes]]:
    with database.read() as db:
        return {table.name: list(tables.Lines(db.connection(), table)) for table in tables.found(db.connection())}


def without_deeds(found: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    return {name: lines for name, lines in found.items() if name not in {"deed", "export"}}


def test_what_is_restored_into_either_kind_is_what_was_kept(
    filled: Database, kept: Path, target: Database, tmp_path: Path
) -> None:
    before = exported(filled, tmp_path / "before")
    restored(kept, target, storage.at(tmp_path / "images"))
    target.check()
    assert exported(target, tmp_path / "after") == before
    assert without_deeds(contents(target)) == without_deeds(contents(filled))
    with zipfile.ZipFile(kept) as archive:
        images = {Path(name).name for name in archive.namelist() if name.startswith("images/")}
    assert {path.name for path in (tmp_path / "images").iterdir()} == images
    assert images == {f"{sha256}.png" for sha256 in backup_images(filled)}
    assert len(images) == 8


def backup_images(database: Database) -> list[str]:
    with database.read() as db:
        return backup.images(db)


def test_a_number_that_was_given_is_never_given_again(filled: Database, kept: Path, other: Database) -> None:
    """The last votes were erased: files made before still name their numbers."""
    with filled.read() as db:
        last = db.scalar(select(func.max(Vote.id))) or 0
    restored(kept, other)
    with other.write() as db:
        trial = db.scalars(select(Vote).order_by(Vote.id.desc())).first()
        assert trial is not None
        db.add(
            Vote(trial_id=trial.trial_id, key="new", choice="left", simulated=False, voted_at=now(), corrects=trial.id)
        )
        db.add(
            Study(
                name="other", state="draft", simulated=False, design="", config="", stimuli_sha256="", loaded_at=now()
            )
        )
        db.flush()
        assert db.scalars(select(Vote.id).where(Vote.key == "new")).one() > last + 1


def test_a_backup_is_noted_with_its_digest_and_read_by_its_owner_alone(filled: Database, kept: Path) -> None:
    with filled.read() as db:
        noted = db.scalars(select(Export)).one()
        assert (noted.what, noted.name) == ("backup", "backup.zip")
        assert noted.sha256 == hashlib.sha256(kept.read_bytes()).hexdigest()
        assert db.scalars(select(Deed.did).order_by(Deed.id.desc())).first() == "exported"
    assert kept.stat().st_mode & 0o077 == 0
    assert [path.name for path in kept.parent.iterdir()] == ["backup.zip"]


def test_a_backup_is_of_one_moment_while_people_vote(
    database: Database, load: Load, browse: Browse, other: Database, tmp_path: Path
) -> None:
    load()
    browser = browse().begin()
    browser.vote(browser.state()["trial"])
    voted = []

    def vote(_does: str, _number: int) -> None:
        if not voted:
            voted.append(browse().begin().finish())

    backup.write(database, tmp_path / "b.zip", None, vote)
    assert voted
    restored(tmp_path / "b.zip", other)
    for model, number in ((Vote, 1), (Session, 1)):
        with other.read() as db:
            assert db.scalar(select(func.count()).select_from(model)) == number


def test_images_that_are_missing_are_named_and_nothing_else_is_lost(
    filled: Database, media: Path, other: Database, tmp_path: Path
) -> None:
    gone, changed = sorted(media.iterdir())[:2]
    gone.unlink()
    changed.write_bytes(b"other bytes")
    made = backup.write(filled, tmp_path / "b.zip", storage.at(media))
    assert sorted(made.missing) == sorted((gone.stem, changed.stem))
    restored(tmp_path / "b.zip", other, storage.at(tmp_path / "images"))
    assert len(list((tmp_path / "images").iterdir())) == 6


def test_only_an_empty_database_takes_a_backup_unless_it_is_to_be_replaced(
    filled: Database, kept: Path, other: Database
) -> None:
    other.upgrade()
    restored(kept, other)  # tables without a row are empty
    before = contents(other)
    with pytest.raises(Refused, match=r"is not empty \(1 studies\)"):
        restored(kept, other)
    assert contents(other) == before
    with other.write() as db:
        db.execute(text("UPDATE study SET name = 'other'"))
    restored(kept, other, replace=True)
    assert without_deeds(contents(other)) == without_deeds(before)


def test_a_database_of_something_else_is_never_touched(kept: Path, other: Database) -> None:
    with other.connect() as connection, other.writing(connection):
        connection.execute(text("CREATE TABLE cats (id INTEGER PRIMARY KEY)"))
    for replace in (False, True):
        with pytest.raises(Refused, match=r"tables of something else \(cats\)"):
            restored(kept, other, replace=replace)
    assert list(contents(other)) == ["cats"]


def changed(path: Path, **members: bytes | None) -> Path:
    """The same backup with other members; one that is None is left out."""
    other = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            if members.get(Path(name).stem, b"") is not None:
                new.writestr(name, members.get(Path(name).stem) or old.read(name))
    return other


def manifest(path: Path, **keys: Any) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return json.dumps(json.loads(archive.read(backup.MANIFEST)) | keys).encode()


def written(path: Path, content: bytes) -> Path:
    other = path.with_name("other.zip")
    other.write_bytes(content)
    return other


def flipped(path: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("tables/vote.jsonl").header_offset + 100
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    return written(path, bytes(content))


def image(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return next(Path(name).stem for name in archive.namelist() if name.startswith("images/"))


SPOILED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "cut off": (lambda path: written(path, path.read_bytes()[:-100]), "damaged or cut off"),
    "a flipped bit": (flipped, "damaged or cut off"),
    "another row": (lambda path: changed(path, vote=b"[]\n"), "(table vote)"),
    "another image": (lambda path: changed(path, **{image(path): b"png"}), "(image "),
    "a table is missing": (lambda path: changed(path, trial=None), "other files than its backup.json names"),
    "no zip": (lambda path: written(path, b"votes"), "no backup of a study"),
    "another zip": (lambda path: changed(path, backup=None), "is no backup of a study"),
    "another format": (lambda path: changed(path, backup=manifest(path, format="x")), "is no backup of a study"),
    "a later form": (lambda path: changed(path, backup=manifest(path, version=2)), "another release (form 2)"),
    "a later revision": (lambda path: changed(path, backup=manifest(path, revision="2099")), "newer release"),
    "no manifest": (lambda path: changed(path, backup=b"[1]"), "its backup.json cannot be read"),
    "no number": (lambda path: changed(path, backup=manifest(path, tables=[{"name": 1}])), "cannot be read"),
    "not there": (lambda path: path.with_name("none.zip"), "is missing"),
}  # fmt: skip


@pytest.mark.usefixtures("one_kind")
@pytest.mark.parametrize("fault", SPOILED)
def test_a_spoiled_backup_is_refused_before_anything_is_touched(
    filled: Database, kept: Path, empty_sqlite_url: str, tmp_path: Path, fault: str
) -> None:
    spoil, says = SPOILED[fault]
    with pytest.raises(Refused) as caught, backup.checked(spoil(kept), knows):
        pytest.fail("it was taken")
    assert says in caught.value.message
    assert caught.value.message.count("\n") == 0


def test_rows_that_do_not_fit_leave_the_old_database_as_it_was(
    filled: Database, kept: Path, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(kept, other)
    before = contents(other)
    monkeypatch.setattr(backup.Backup, "lines", lambda _self, _table: iter([b'["x"]\n']))
    with pytest.raises(Refused, match="nothing was changed there"):
        restored(kept, other, replace=True)
    assert contents(other) == before


def test_a_backup_of_an_older_release_is_brought_to_the_newest_revision(
    filled: Database, other: Database, tmp_path: Path
) -> None:
    filled.downgrade("20261122_walk")
    old, path = contents(filled), tmp_path / "old.zip"
    with filled.read() as db, zipfile.ZipFile(path, "w") as archive:
        extents = []
        for table in tables.found(db.connection()):
            lines = tables.Lines(db.connection(), table)
            archive.writestr(f"tables/{table.name}.jsonl", b"".join(lines))
            extents.append(lines.extent)
        said = backup.Manifest(backup.FORMAT, backup.VERSION, now(), "20261122_walk", tuple(extents), None)
        archive.writestr(backup.MANIFEST, backup.msgspec.json.encode(said))
    restored(path, other)
    other.check()
    assert len(contents(other)["vote"]) == len(old["vote"])
    filled.upgrade()


def test_moving_brings_every_row_and_leaves_the_source(filled: Database, target: Database, tmp_path: Path) -> None:
    before, source = exported(filled, tmp_path / "before"), contents(filled)
    moved = restoring.move(filled, target)
    assert {extent.name: extent.rows for extent in moved} == {name: len(lines) for name, lines in source.items()}
    assert contents(filled) == source
    assert exported(target, tmp_path / "after") == before
    with target.read() as db:
        deed = db.scalars(select(Deed).order_by(Deed.id.desc())).first()
        assert deed is not None
        assert deed.did == "moved"
    with pytest.raises(Refused, match="is not empty"):
        restoring.move(filled, target)


def test_an_open_study_is_not_moved(filled: Database, other: Database) -> None:
    with filled.write() as db:
        db.scalars(select(Study)).one().state = "open"
    with pytest.raises(Refused, match="`tiny` is open, and votes would be left behind"):
        restoring.move(filled, other)
    assert other.is_empty()


def test_a_row_that_arrives_otherwise_stops_the_move(
    filled: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = tables.fill

    def spoiled(connection: Any, table: Any, lines: Any) -> int:
        number = fill(connection, table, lines)
        if table.name == "vote":
            connection.execute(text("UPDATE vote SET response_ms = 1 WHERE id = 1"))
        return number

    monkeypatch.setattr(tables, "fill", spoiled)
    with pytest.raises(Refused, match="Table vote arrived otherwise"):
        restoring.move(filled, other)
    assert other.is_empty()


@pytest.fixture
def run(database_url: str, media: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    monkeypatch.setenv("STUDY_MEDIA", str(media))
    monkeypatch.setenv("STUDY_SECRET_KEY", SECRET)

    def invoked(*words: object, typed: str = "") -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], input=typed)

    return invoked


def test_the_commands_say_what_they_did_and_ask_before_they_delete(
    filled: Database, run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_sqlite_url: str
) -> None:
    path = tmp_path / "out" / "study.zip"
    said = run("backup", "-o", path)
    assert said.exit_code == 0, said.output
    assert f"Wrote {path}" in said.stdout
    assert "8 images" in said.stdout
    assert "STUDY_SECRET_KEY is not in it" in said.stdout
    assert "is no plain file" in run("backup", "-o", tmp_path).stderr
    assert "is not empty" in run("restore", path).stderr
    before = contents(filled)
    assert run("restore", path, "--replace", typed="n\n").exit_code == 1
    assert contents(filled) == before
    assert "Restored" in run("restore", path, "--replace", typed="y\n").stdout
    moved = run("move", empty_sqlite_url)
    assert "counts and digests are the same" in moved.stdout, moved.output
    assert "set STUDY_DATABASE_URL" in moved.stdout
    assert "begins with `mysql`" in run("move", "mysql://x/y").stderr
    monkeypatch.setenv("STUDY_DATABASE_URL", empty_sqlite_url)
    assert run("votes", "tiny", "-o", tmp_path / "votes.csv").exit_code == 0


def test_exports_are_noted_with_how_far_they_reach(filled: Database, tmp_path: Path) -> None:
    leaving.votes(filled, "tiny", tmp_path / "v" / "votes.csv")
    leaving.people(filled, "tiny", tmp_path / "p" / "who.csv", SECRET)
    with filled.read() as db:
        votes, sessions, people = db.scalars(select(Export).order_by(Export.id))
        assert (sessions.what, sessions.name) == ("participants", "sessions.csv")
        assert votes.last_vote_id == people.last_vote_id == db.scalar(select(func.max(Vote.id)))
        assert votes.last_session_id == 3
        assert [line.did for line in db.scalars(select(Deed).order_by(Deed.id))][-2:] == ["exported", "exported"]
    assert (votes.what, votes.name) == ("votes", "votes.csv")
    assert votes.sha256 == hashlib.sha256((tmp_path / "v" / "votes.csv").read_bytes()).hexdigest()
    assert (people.what, people.name) == ("participants", "who.csv")
    assert people.sha256 == hashlib.sha256((tmp_path / "p" / "who.csv").read_bytes()).hexdigest()
    assert (tmp_path / "p" / "who.csv").stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("one_kind")
def test_an_export_that_cannot_be_noted_does_not_appear(filled: Database, tmp_path: Path, app: Flask) -> None:
    with filled.read() as db:
        db.scalars(select(Study)).all()
        blocker = sqlite3.connect(str(filled.engine.url.database))
        blocker.execute("CREATE TRIGGER never BEFORE INSERT ON export BEGIN SELECT RAISE(ABORT, 'never'); END")
        blocker.commit()
        blocker.close()
    with pytest.raises(Exception, match="never"):
        leaving.votes(filled, "tiny", tmp_path / "out" / "votes.csv")
    assert list((tmp_path / "out").iterdir()) == []


def limited(environment: dict[str, str], folder: Path, largest: int) -> "subprocess.CompletedProcess[str]":
    """`study votes` in a process that may write no larger file, as on a disk that is full there."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    command = [sys.executable, "-m", "study.cli", "votes", "tiny", "-o", str(folder / "votes.csv")]
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=limit
    )  # fmt: skip


def test_a_full_disk_while_exporting_leaves_the_old_files_whole(
    filled: Database, database_url: str, media: Path, tmp_path: Path
) -> None:
    if filled.is_sqlite:
        pytest.skip("the limit would hold for SQLite's own file, too; see the next test")
    environment = os.environ | {"STUDY_DATABASE_URL": database_url, "STUDY_MEDIA": str(media)}
    before = exported(filled, tmp_path / "out")
    noted = contents(filled)["export"]
    said = limited(environment, tmp_path / "out", 1000)
    assert said.returncode == 1
    assert said.stderr.startswith("Error: ")
    assert said.stderr.count("\n") == 1
    assert "too large" in said.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert contents(filled)["export"] == noted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few kilobytes, where this user may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk takes rights that this user lacks")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_full_is_named_and_what_was_there_stays(
    filled: Database, small_disk: Path, run: Callable[..., Result]
) -> None:
    assert run("votes", "tiny", "-o", small_disk / "votes.csv").exit_code == 0
    before = {path.name: path.read_bytes() for path in small_disk.iterdir()}
    (small_disk / "ballast").write_bytes(b"\0" * 4096 * ((64 * 1024 - sum(map(blocks, before.values()))) // 4096))
    for words in (["votes", "tiny", "-o", small_disk / "votes.csv"], ["backup", "-o", small_disk / "backup.zip"]):
        said = run(*words)
        assert said.exit_code == 1
        assert str(small_disk) in said.stderr
        assert "No space left on device; name another place, or make room there." in said.stderr
    (small_disk / "ballast").unlink()
    assert {path.name: path.read_bytes() for path in small_disk.iterdir()} == before


def blocks(content: bytes) -> int:
    return -(-len(content) // 4096) * 4096
