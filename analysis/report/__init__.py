"""A report: one page that opens offline, with the tables behind it. All is computed before; here it is told."""

import hashlib
import json
from collections.abc import Mapping

from analysis.findings import Findings
from analysis.pictures.album import FOLDER, album
from analysis.recorded import Recorded
from analysis.report.page import page
from analysis.report.record import as_json, record
from analysis.report.tables import METHODS, TABLES, all_rows, table_files

PAGE, NUMBERS, MARK = "report.html", "report.json", "settings.json"
FILES = (PAGE, NUMBERS, *TABLES, f"{FOLDER}/*.svg", f"{FOLDER}/*.png", MARK)

__all__ = ["FILES", "MARK", "METHODS", "NUMBERS", "PAGE", "report_files"]


def report_files(findings: Findings, known: Recorded | None = None) -> dict[str, str | bytes]:
    """Return the files of a report by name; `known` is what lies beside the votes.

    The same votes and settings give the same bytes, whenever and wherever.
    """
    known = known or Recorded()
    tables, made = table_files(findings), record(findings, known)
    rows, drawn = all_rows(tables), album(findings)
    files: dict[str, str | bytes] = {
        PAGE: page(findings, known, made, rows, drawn),
        NUMBERS: as_json(made, findings, rows),
    }
    files |= {**tables, **drawn.files}
    return {**files, MARK: json.dumps(made | {"files": _digests(files)}, indent=1) + "\n"}


def _digests(files: Mapping[str, str | bytes]) -> dict[str, str]:
    data = {name: file.encode() if isinstance(file, str) else file for name, file in files.items()}
    return {name: hashlib.sha256(file).hexdigest() for name, file in data.items()}
