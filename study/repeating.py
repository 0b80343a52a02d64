"""A report as an archive holds it: its files as they were made, and the command that makes them again."""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study.errors import Refused
from study.ledger import Result, ResultFile
from study.models import Study

REPORT = "report"
SETTINGS = "settings.json"
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.csv")
AGAIN = "export the votes, make the report again, then archive"


@dataclass(frozen=True)
class Report:
    """A report's files by their paths below its folder; `made` is what its settings.json says."""

    made: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def votes(self) -> str:
        """What the votes were called that it was made from."""
        name = str(self.made["votes"]["file"])
        return name if FILE_NAME.fullmatch(name) else "votes.csv"


def read_report(folder: Path) -> Report:
    """The report in a folder, every file as its settings.json says.

    Raises:
        Refused: it is no report, or a file is missing or was changed.
    """
    try:
        content = (folder / SETTINGS).read_bytes()
        made = json.loads(content)
        digests = {str(name): str(sha256) for name, sha256 in made["files"].items()}
        made["votes"]["sha256"], made["settings"]["elo"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{folder} is no report: name the folder that `manage.py analysis report` wrote.") from error
    files = {SETTINGS: content}
    for name, sha256 in digests.items():
        place = folder / name
        inside = place.resolve().is_relative_to(folder.resolve())
        files[name] = place.read_bytes() if inside and place.is_file() else b""
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise Refused(f"{place} is missing, or was changed after the report was made: make the report again.")
    return Report(made, files)


def loaded(db: OrmSession, study: Study) -> Report | None:
    """The report that was loaded last, as far as it was kept: its page and its tables."""
    last = select(Result.id).where(Result.study_id == study.id).order_by(Result.id.desc()).limit(1)
    rows = db.execute(select(ResultFile.name, ResultFile.content).where(ResultFile.result_id == last.scalar_subquery()))
    files = {row.name: row.content for row in rows}
    return Report(json.loads(files[SETTINGS]), files) if SETTINGS in files else None


def check(report: Report, digests: Mapping[str, str], stimuli: bytes | None, did: Sequence[str] = ()) -> None:
    """Be silent where the report can be made again from the files beside it; `did` is that column of history.csv.

    Raises:
        Refused: it was made from others, or ratings came into view after it, which it would say.
    """
    made, beside = report.made, report.made.get("beside") or {}
    wanted = {report.votes: made["votes"]["sha256"], "sessions.csv": beside.get("sessions")}
    wanted["sessions.csv"] = (made.get("sessions") or {}).get("sha256") or wanted["sessions.csv"]
    for name, sha256 in wanted.items():
        if sha256 is not None and digests[name] != sha256:
            raise Refused(f"The report was made from another {name} than this study has now: {AGAIN}.")
    for word, times in (beside.get("seen") or {}).items():
        if did.count(word) != times:
            raise Refused(f"Ratings were {word} after the report was made, and it does not say so: {AGAIN}.")
    used = (made.get("stimuli") or {}).get("sha256")
    if used is not None and (stimuli is None or hashlib.sha256(stimuli).hexdigest() != used):
        raise Refused("The report was made with a stimuli.csv: name that file with `--stimuli`.")


def stimuli_name(report: Report | None) -> str:
    """What the stimuli.csv was called that the report was made with."""
    name = str(((report.made.get("stimuli") if report else None) or {}).get("file", ""))
    return name if FILE_NAME.fullmatch(name) else "stimuli.csv"


def command(report: Report, output: str) -> str:
    """What makes this report again, beside the files of the archive."""
    made, settings = report.made, report.made["settings"]
    words = ["analysis", "report", report.votes]
    if made.get("stimuli"):
        words += ["--stimuli", stimuli_name(report)]
    if made.get("sessions"):
        words += ["--sessions", "sessions.csv"]
    words += ["--resample", settings["resample"], "--ridge", f"{settings['ridge']:g}"]
    words += ["--alpha", str(settings["alpha"])] if "alpha" in settings else []
    elo = settings["elo"]
    for name in ("start", "k", "rounds", "seed", "replay", "summary"):
        words += [f"--{name}", f"{elo[name]:g}" if isinstance(elo[name], float) else str(elo[name])]
    for option, said in (
        ("--only", [f"{column}={value}" for column, value in (made.get("only") or {}).items()]),
        ("--screen", [f"{rule}={limit:g}" for rule, limit in (made.get("screen") or {}).items()]),
        ("--primary", [",".join(pair) for pair in made.get("primary") or []]),
        ("--lower", made.get("lower") or []),
        ("--higher", made.get("higher") or []),
    ):
        words += [word for value in said for word in (option, str(value))]
    return f"python manage.py {shlex.join([*words, '-o', output])}"
