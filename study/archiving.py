"""A closed study in one zip that says everything: anybody can make its report again from it, byte for byte.

The same study gives the same bytes: members in alphabetical order, without a time, and nothing in them that says when
the archive was made.
"""

import csv
import hashlib
import io
import json
import platform
import shutil
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study import backup, datapackage, export, leaving, loading, repeating, writing
from study.db import Database
from study.errors import Refused
from study.models import Condition, Crop, Source, Stimulus, Study
from study.repeating import REPORT, SETTINGS, Report
from study.scheduling import spec_of
from study.settings import ROOT
from study.storage import Store
from study.vote_rows import cell

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the first that a zip can hold."""


def write(
    database: Database, name: str, path: Path, report: Report | None, *, stimuli: bytes | None, store: Store | None
) -> list[str]:
    """Write the archive of a closed study; which members it has.

    Args:
        database: where the study is.
        name: its name.
        path: of the archive.
        report: of a folder; where there is none the last one is taken that was loaded, if any.
        stimuli: the study's stimuli.csv, which the database does not keep whole.
        store: where images are kept, if they are to be packed as well.

    Raises:
        Refused: the study is not closed, the report or the stimuli are not this study's, or an image is missing.
    """
    with database.read() as db:
        study = loading.find(db, name)
        if study.state != "closed":
            raise Refused(f"Study `{name}` is {study.state}: `manage.py study close {name}` first, for good.")
        if stimuli is not None and hashlib.sha256(stimuli).hexdigest() != study.stimuli_sha256:
            raise Refused(f"That stimuli.csv is not the one that `{name}` was loaded from: name that one.")
        report = report or repeating.loaded(db, study)
        reach = leaving.reach_of(db, study)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            members = _members(db, study, report, stimuli, Path(folder))
            if store is not None:
                members |= _images(db, study, store)
            names = sorted(members)
            writing.bytes_together(
                {path: lambda file: _pack(file, members)},
                lambda done: leaving.note(database, reach, "archive", path, sha256=done[path], who="command line"),
            )
    return names


def _members(
    db: OrmSession, study: Study, report: Report | None, stimuli: bytes | None, folder: Path
) -> dict[str, Path | bytes]:
    """Every member by its path: a file, or its bytes."""
    votes = report.votes if report else "votes.csv"
    members: dict[str, Path | bytes] = {path.name: path for path in export.write(db, study.name, folder / votes)}
    if report:
        digests = {name: _measured(member)[1] for name, member in members.items()}
        with (folder / "history.csv").open(encoding="utf-8", newline="") as history:
            did = [row["did"] for row in csv.DictReader(history)]
        repeating.check(report, digests, stimuli, did)
        members |= {f"{REPORT}/{name}": content for name, content in report.files.items()}
    if stimuli is not None:
        members[repeating.stimuli_name(report)] = stimuli
    members["images.csv"] = _images_table(db, study)
    members["versions.json"] = _json(_versions(db))
    members["README.md"] = _readme(study, report, votes).encode()
    described = [(name, *_measured(members[name])) for name in sorted(members)]
    title = spec_of(study).texts.title or study.name
    members["datapackage.json"] = _json(
        datapackage.package(study.name, title, simulated=study.simulated, votes=votes, files=described)
    )
    return members


def _images_table(db: OrmSession, study: Study) -> bytes:
    columns = (
        *(Stimulus.sha256, Stimulus.context_sha256, Source.name, Source.sha256, Crop.tag),
        *(Crop.x, Crop.y, Crop.width, Crop.height, Condition.name, Condition.codec, Condition.rate, Stimulus.bpp),
    )
    query = (
        select(*columns)
        .join(Crop, Crop.id == Stimulus.crop_id)
        .join(Source, Source.id == Crop.source_id)
        .join(Condition, Condition.id == Stimulus.condition_id)
        .where(Source.study_id == study.id)
        .order_by(Stimulus.id)
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in datapackage.IMAGES])
    writer.writerows([cell(value) for value in row] for row in db.execute(query))
    return text.getvalue().encode()


def _images(db: OrmSession, study: Study, store: Store) -> dict[str, Path | bytes]:
    shown = select(Stimulus.sha256, Stimulus.context_sha256).join(Condition).where(Condition.study_id == study.id)
    digests = {sha256 for row in db.execute(shown) for sha256 in row if sha256}
    found: dict[str, Path | bytes] = {}
    for sha256 in sorted(digests):
        content = store.read(sha256)
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            raise Refused(f"The image {sha256} is missing where images are kept: load the study's folder again.")
        found[f"images/{sha256}.png"] = content
    return found


def _versions(db: OrmSession) -> dict[str, Any]:
    """Of this code, of the database's tables, and of all that is installed beside it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    revision = db.connection().exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    installed = {found.metadata["Name"]: found.version for found in distributions()}
    return {
        project["name"]: project["version"],
        "revision": revision,
        "python": platform.python_version(),
        "installed": dict(sorted(installed.items(), key=lambda item: item[0].lower())),
    }


def _readme(study: Study, report: Report | None, votes: str) -> str:
    simulated = "\n**Simulated: no person voted here.**\n" if study.simulated else ""
    again = "No report is in this archive. `python manage.py analysis report` makes one."
    if report:
        again = (
            f"The report in `{REPORT}/` is made again, byte for byte, by the release that `{REPORT}/{SETTINGS}` names "
            f"under `versions`, in this folder:\n\n```\n{repeating.command(report, 'repeated')}\n```\n\n"
            f"(with the path of its `manage.py`). `repeated/{SETTINGS}` then has the bytes of `{REPORT}/{SETTINGS}`, "
            "which holds the SHA-256 of every file of the report."
        )
    return f"""# Study {study.name}
{simulated}
| file | what it is |
|---|---|
| `design.toml` | the frozen study; its SHA-256 is {study.config} |
| `{votes}` | every vote with its circumstances |
| `sessions.csv` | every session |
| `history.csv` | what researchers did to the study, and when |
| `columns.csv` | what each column means |
| `images.csv` | every image that was shown; the SHA-256 of the stimuli.csv is {study.stimuli_sha256} |
| `versions.json` | what this archive was made with |
| `datapackage.json` | all of these for programs (Frictionless Data Package), with sizes and digests |

Participants are pseudonyms. A `session` that is `withdrawn` in `sessions.csv` belongs to somebody who was erased:
delete its rows from files that were made before.

## The report, again

{again}
"""


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _measured(member: Path | bytes) -> tuple[int, str]:
    """How many bytes a member has, and their digest."""
    if isinstance(member, Path):
        return member.stat().st_size, writing.sha256(member)
    return len(member), hashlib.sha256(member).hexdigest()


def _pack(file: BinaryIO, members: Mapping[str, Path | bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name in sorted(members):
            member, entry = members[name], zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as target:
                if isinstance(member, Path):
                    with member.open("rb") as source:
                        shutil.copyfileobj(source, target, backup.CHUNK)
                else:
                    target.write(member)
