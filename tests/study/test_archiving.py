"""A closed study in one zip: the same bytes every time, described for programs, and its report repeated from it."""

import hashlib
import json
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from study import archiving, datapackage, export, leaving, loading, repeating, results
from study.cli import cli
from study.db import Database
from study.errors import Refused
from study.ledger import Deed, Export

ROOT = Path(__file__).resolve().parents[2]
Load = Callable[..., str]
Browse = Callable[..., Any]
SECRET = "a secret of forty characters for the tests"  # noqa: S105 - of no server
NAME = {"type": "string", "pattern": "^([-a-z0-9._/])+$"}
DESCRIPTOR = {
    "type": "object",
    "required": ["resources"],
    "properties": {
        "name": NAME,
        "profile": {"const": "data-package"},
        "title": {"type": "string"},
        "keywords": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "resources": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "path"],
                "properties": {
                    "name": NAME,
                    "profile": {"enum": ["data-resource", "tabular-data-resource"]},
                    "path": {"type": "string", "pattern": "^(?!/)(?!.*\\.\\.)[^\\\\]+$"},
                    "bytes": {"type": "integer"},
                    "hash": {"type": "string", "pattern": "^([^:]+:[a-fA-F0-9]+|[a-fA-F0-9]{32}|)$"},
                    "mediatype": {"type": "string", "pattern": "^(.+)/(.+)$"},
                    "encoding": {"const": "utf-8"},
                    "schema": {
                        "type": "object",
                        "required": ["fields"],
                        "properties": {
                            "missingValues": {"type": "array", "items": {"type": "string"}},
                            "fields": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "object",
                                    "required": ["name"],
                                    "properties": {
                                        "type": {"enum": ["integer", "number", "boolean", "datetime", "string"]},
                                        "trueValues": {"type": "array", "minItems": 1},
                                        "constraints": {"type": "object", "required": ["pattern"]},
                                    },
                                },
                            },
                        },
                    },
                },
                "if": {"properties": {"profile": {"const": "tabular-data-resource"}}},
                "then": {"required": ["schema"]},
            },
        },
    },
}
"""The rules of specs.frictionlessdata.io/schemas/data-package.json and its table schema for what is used here."""


@pytest.fixture
def closed(database: Database, load: Load, browse: Browse) -> Database:
    load(sources=4, toml="[design]\npractice = 0")
    for number, choices in enumerate(("left", "right", "left", "right", "left", "left")):
        browse().begin(PROLIFIC_PID=f"person-{number}").finish(choices)
    browse().begin(PROLIFIC_PID="half-way")
    with database.write() as db:
        loading.change_state(db, "tiny", "closed")
    return database


def run(*words: object, folder: Path = ROOT, environ: dict[str, str] | None = None) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def report(closed: Database, tmp_path: Path) -> Path:
    """A report of the study's votes, with options that are not the usual ones."""
    leaving.votes(closed, "tiny", tmp_path / "out" / "votes.csv")
    votes, stimuli = tmp_path / "out" / "votes.csv", tmp_path / "folder-tiny" / "stimuli.csv"
    asked = ["--seed", 7, "--rounds", 20, "--alpha", 0.05 / 3, "--primary", "jpeg@0.50,webp@0.50", "--stimuli", stimuli]
    run("analysis", "report", votes, "-o", tmp_path / "report", *asked)
    return tmp_path / "report"


@pytest.fixture
def one_kind(closed: Database) -> None:
    """Which database it came from is seen in the repetition; the rest needs one."""
    if not closed.is_sqlite:
        pytest.skip("one kind of database is enough")


@pytest.fixture
def packed(closed: Database, report: Path, tmp_path: Path) -> Path:
    path = tmp_path / "kept" / "tiny.zip"
    stimuli = (tmp_path / "folder-tiny" / "stimuli.csv").read_bytes()
    archiving.write(closed, "tiny", path, repeating.read_report(report), stimuli=stimuli, store=None)
    return path


def test_the_report_is_repeated_from_an_archive_in_an_empty_folder_on_an_empty_database(
    packed: Path, report: Path, tmp_path: Path
) -> None:
    place = tmp_path / "elsewhere"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(place)
    shown = re.search(r"^python manage\.py (.*)$", (place / "README.md").read_text(), re.MULTILINE)
    assert shown
    empty = {"STUDY_DATABASE_URL": f"sqlite:///{place / 'empty.sqlite'}", "PATH": "", "HOME": str(place)}
    run(*shlex.split(shown[1]), folder=place, environ=empty)
    repeated = {path.relative_to(place / "repeated"): path.read_bytes() for path in files(place / "repeated")}
    assert repeated == {path.relative_to(report): path.read_bytes() for path in files(report)}
    assert repeated == {path.relative_to(place / "report"): path.read_bytes() for path in files(place / "report")}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.usefixtures("one_kind")
def test_the_same_study_gives_the_same_bytes(packed: Path, closed: Database, report: Path, tmp_path: Path) -> None:
    stimuli = (tmp_path / "folder-tiny" / "stimuli.csv").read_bytes()
    archiving.write(closed, "tiny", tmp_path / "b.zip", repeating.read_report(report), stimuli=stimuli, store=None)
    assert (tmp_path / "b.zip").read_bytes() == packed.read_bytes()
    assert [path.name for path in packed.parent.iterdir()] == ["tiny.zip"]


@pytest.mark.usefixtures("one_kind")
def test_every_file_is_described_with_its_size_digest_and_columns(packed: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        described = json.loads(archive.read("datapackage.json"))
        jsonschema_rs.validate(DESCRIPTOR, described)
        resources = {resource["path"]: resource for resource in described["resources"]}
        assert len({resource["name"] for resource in described["resources"]}) == len(resources)
        assert {*resources, "datapackage.json"} == set(archive.namelist())
        assert archive.namelist() == sorted(archive.namelist())
        for path, resource in resources.items():
            content = archive.read(path)
            assert (resource["bytes"], resource["hash"]) == (
                len(content), f"sha256:{hashlib.sha256(content).hexdigest()}",
            )  # fmt: skip
            if "schema" in resource:
                header = content.decode().partition("\n")[0].split(",")
                assert [field["name"] for field in resource["schema"]["fields"]] == header
        tables = {path for path, resource in resources.items() if "schema" in resource}
        assert tables == set(datapackage.TABLES)
        assert json.loads(archive.read("versions.json"))["conha"]
        assert b"half-way" not in b"".join(archive.read(name) for name in archive.namelist())


def test_every_type_of_the_dictionary_has_a_type_of_a_table_schema() -> None:
    for columns in datapackage.TABLES.values():
        assert {column.type for column in columns} <= set(datapackage.TYPES)


@pytest.mark.usefixtures("one_kind")
def test_it_is_noted_as_an_export_and_in_the_log(packed: Path, closed: Database) -> None:
    with closed.read() as db:
        noted = db.scalars(select(Export).order_by(Export.id.desc())).first()
        assert noted is not None
        assert (noted.what, noted.name) == ("archive", "tiny.zip")
        assert noted.sha256 == hashlib.sha256(packed.read_bytes()).hexdigest()
        assert db.scalars(select(Deed.did).order_by(Deed.id.desc())).first() == "archived"


@pytest.mark.usefixtures("one_kind")
def test_the_last_loaded_report_is_packed_with_images_where_none_is_named(
    closed: Database, report: Path, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closed.write() as db:
        results.store(db, "tiny", results.read(report))
    for name, value in (("DATABASE_URL", closed.url), ("MEDIA", str(media)), ("SECRET_KEY", SECRET)):
        monkeypatch.setenv(f"STUDY_{name}", value)
    stimuli = tmp_path / "folder-tiny" / "stimuli.csv"
    said = invoke("archive", "tiny", "-o", tmp_path / "a.zip", "--images", "--stimuli", stimuli)
    assert said.exit_code == 0, said.output
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = set(archive.namelist())
        kept = {path.name: path.read_bytes() for path in media.iterdir()}
        assert {Path(name).name: archive.read(name) for name in names if name.startswith("images/")} == kept
        assert archive.read("report/settings.json") == (report / "settings.json").read_bytes()
        assert archive.read("report/ratings.csv") == (report / "ratings.csv").read_bytes()


def invoke(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.mark.usefixtures("one_kind")
def test_what_cannot_be_repeated_is_refused(
    closed: Database, load: Load, report: Path, media: Path, tmp_path: Path
) -> None:
    def refusal(name: str = "tiny", **other: Any) -> str:
        made = {"stimuli": (tmp_path / "folder-tiny" / "stimuli.csv").read_bytes(), "store": None} | other
        given = made.pop("report", repeating.read_report(report))
        with pytest.raises(Refused) as caught:
            archiving.write(closed, name, tmp_path / "x.zip", given, **made)
        assert not (tmp_path / "x.zip").exists()
        return caught.value.message

    load("open")
    assert "Study `open` is open: `manage.py study close open` first" in refusal("open")
    assert "No study `none`" in refusal("none")
    assert "is not the one that `tiny` was loaded from" in refusal(stimuli=b"other")
    assert "name that file with `--stimuli`" in refusal(stimuli=None)
    made = json.loads((report / "settings.json").read_text())
    for key, name in (("votes", "votes.csv"), ("beside", "sessions.csv")):
        other = made | {key: made[key] | {"sha256": "0" * 64, "sessions": "0" * 64}}
        assert f"was made from another {name}" in refusal(report=repeating.Report(other, {}))
    late = made | {"beside": made["beside"] | {"seen": {"uncovered": 1}}}
    assert "Ratings were uncovered after the report was made" in refusal(report=repeating.Report(late, {}))
    (report / "ratings.csv").write_text("changed")
    with pytest.raises(Refused, match="was changed after the report was made"):
        repeating.read_report(report)
    with pytest.raises(Refused, match="is no report"):
        repeating.read_report(tmp_path)


def test_a_closed_study_is_exported_to_the_same_bytes_however_long_ago_it_closed(
    closed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from study.models import now

    found = []
    for hours in (0, 100):
        monkeypatch.setattr(export, "now", lambda hours=hours: now() + timedelta(hours=hours))
        with closed.read() as db:
            export.write(db, "tiny", tmp_path / str(hours) / "votes.csv")
        found.append((tmp_path / str(hours) / "sessions.csv").read_bytes())
    assert found[0] == found[1]
