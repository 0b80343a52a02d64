"""Reports that the analysis room made, taken in whole or refused: of this study, these votes, and nothing changed."""

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study import covering, deeds, loading
from study.errors import Refused
from study.ledger import Export, Result, ResultFile
from study.models import Study, now

SETTINGS, PAGE, RATINGS = "settings.json", "report.html", "ratings.csv"
BESIDE = ("needed.csv",)
"""Tables of other commands that may lie in the folder; each names the votes that it was made from."""
KEPT = re.compile(r"[A-Za-z0-9_-]{1,60}\.(csv|html)")
"""Files that are taken in: tables and the page; its pictures are inside of it."""
LARGEST = 64 * 2**20
QUALITY = ("quality.csv",)
"""The table that says nothing of ratings, and may be seen while those are covered.

`raters.csv`, `rules.csv` and `agreement.csv` may not: how likely the votes are under the ratings, how often honest
people repeat themselves and how far people agree say how far apart the conditions are, though not which one leads.
"""
NUMBERS = ("rate", "rating", "low", "high", "difference", "standard_error")
"""Columns of tables on the dashboard's own pages whose cells are numbers or empty."""
MAKE = "make it anew with `manage.py analysis report VOTES -o FOLDER`"


@dataclass(frozen=True)
class Report:
    """A report folder: what its settings.json says, and the files that are taken in."""

    folder: Path
    study: str
    config: str
    simulated: bool
    votes_sha256: str
    files: dict[str, bytes]


def read(folder: Path) -> Report:
    """The report in this folder, each file as settings.json knows it.

    Raises:
        Refused: it is no report, a file is missing or was changed since, or it is too large.
    """
    content = _content(folder / SETTINGS, folder)
    try:
        said = json.loads(content)
        asked, digests = said["asked"], dict(said["files"])
        votes, simulated = str(said["votes"]["sha256"]), said["simulated"]
        names = [name for name in digests if KEPT.fullmatch(name)]
        study, config = str(asked["study"]), str(asked["config"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(f"{folder / SETTINGS} is no record of a report: {MAKE}.") from error
    if not isinstance(simulated, bool) or not re.fullmatch("[0-9a-f]{64}", votes):
        raise Refused(f"{folder / SETTINGS} is no record of a report: {MAKE}.")
    for needed in (PAGE, RATINGS):
        if needed not in names:
            raise Refused(f"{folder / SETTINGS} knows no {needed}: {MAKE}.")
    files = {SETTINGS: content} | _files(folder, {name: digests[name] for name in sorted(names)}, votes)
    return Report(folder, study, config, simulated, votes, files)


def _files(folder: Path, digests: dict[str, str], votes: str) -> dict[str, bytes]:
    """The files as settings.json knows them, and the tables beside them."""
    files = {}
    for name, sha256 in digests.items():
        files[name] = _content(folder / name, folder)
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise Refused(f"{folder / name} was changed after the report was made: {MAKE}.")
    for name in BESIDE:
        if name not in files and (folder / name).is_file():
            files[name] = _content(folder / name, folder)
    for name in sorted({RATINGS, *QUALITY, *BESIDE} & files.keys()):
        _check_table(folder / name, files[name], "" if name in digests else votes)
    if sum(map(len, files.values())) > LARGEST:
        raise Refused(f"{folder} holds more than {LARGEST // 2**20} MB: load a report of fewer parts.")
    return files


def store(db: OrmSession, name: str, report: Report, *, who: str = deeds.COMMAND_LINE) -> tuple[Result, str]:
    """Take the report in; with it, a remark where it cannot be known whether its votes left this database.

    Raises:
        Refused: there is no such study, or the report is another study's, another design's, of simulated votes where
            people vote (or the other way round), or of votes that this database never gave.
    """
    study = loading.find(db, name)
    _check(study, report)
    exports = select(Export.id).where(Export.study_id == study.id, Export.what == "votes").limit(1)
    remark = ""
    if covering.export_of(db, study, report.votes_sha256) is None:
        if db.scalar(exports) is not None:
            raise Refused(
                f"{report.folder} was made from votes that this database never exported: export them with "
                f"`manage.py study votes {name}`, and {MAKE}."
            )
        remark = "No export of these votes is on record here, so it is not known from how many sessions they are."
    result = Result(study_id=study.id, loaded_at=now(), votes_sha256=report.votes_sha256, simulated=report.simulated)
    result.files = [
        ResultFile(name=file, sha256=hashlib.sha256(content).hexdigest(), content=content)
        for file, content in report.files.items()
    ]
    db.add(result)
    db.flush()
    settings = hashlib.sha256(report.files[SETTINGS]).hexdigest()
    deeds.record(db, who, "results", name, sha256=settings, result=result.id, votes_sha256=report.votes_sha256)
    return result, remark


def newest(db: OrmSession, study: Study) -> list[Result]:
    """The reports of a study, the last that was loaded first."""
    return list(db.scalars(select(Result).where(Result.study_id == study.id).order_by(Result.id.desc())))


def file_of(db: OrmSession, result: Result, name: str) -> bytes | None:
    """The content of one file of a report, if it has it."""
    return db.scalar(select(ResultFile.content).where(ResultFile.result_id == result.id, ResultFile.name == name))


def names_of(db: OrmSession, result: Result) -> list[str]:
    """The files of a report."""
    return list(db.scalars(select(ResultFile.name).where(ResultFile.result_id == result.id).order_by(ResultFile.name)))


def table(db: OrmSession, result: Result, name: str) -> list[dict[str, str]]:
    """The rows of one of its tables; none where it has no such table."""
    content = file_of(db, result, name)
    return [] if content is None else list(_rows(content))


def _rows(content: bytes) -> Iterator[dict[str, str]]:
    return csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))


def _content(path: Path, folder: Path) -> bytes:
    try:
        if path.stat().st_size <= LARGEST:
            return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise Refused(f"{path} is missing: name the folder of a report, or {MAKE}.") from error
    except NotADirectoryError as error:
        raise Refused(f"{folder} is no folder: name the one that `manage.py analysis report` wrote.") from error
    raise Refused(f"{path} is larger than {LARGEST // 2**20} MB: load a report of fewer parts.")


def _check_table(path: Path, content: bytes, votes: str) -> None:
    """Refuse a table that the dashboard could not show, or one of other votes than these, if any are named."""
    try:
        rows = list(_rows(content))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{path} is no CSV in UTF-8: write it again.") from error
    for line, name in ((line, name) for line in range(len(rows)) for name in NUMBERS):
        if not _is_number(rows[line].get(name)):
            raise Refused(f"{path}, row {line + 1}, column {name}: {rows[line][name]!r} is no number; write it again.")
    if votes and {row.get("votes_sha256") for row in rows} - {votes}:
        raise Refused(f"{path} was made from other votes than the report: write it again from the same votes.csv.")


def _is_number(said: str | None) -> bool:
    """Whether a cell holds a number, or nothing."""
    try:
        return not said or math.isfinite(float(said))
    except ValueError:
        return False


def _check(study: Study, report: Report) -> None:
    where = report.folder / SETTINGS
    if not report.study or not report.config:
        raise Refused(f"{where} does not say of which study it is: {MAKE} from this study's own votes.csv.")
    if report.study != study.name:
        raise Refused(f"{where} is a report of study `{report.study}`: load it there, not into `{study.name}`.")
    if report.config != study.config:
        raise Refused(f"{where} is a report of another design of `{study.name}`: {MAKE} from its present votes.")
    if report.simulated != study.simulated:
        kinds = {True: "simulated votes", False: "people's votes"}
        raise Refused(f"{where} is a report of {kinds[report.simulated]}, but `{study.name}` takes "
                      f"{kinds[study.simulated]}: load it into the study that they come from.")  # fmt: skip
