"""Who is who: participants.csv, the one file with what recruiting platforms call people, apart from all votes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study import export, links, loading, writing
from study.errors import Refused
from study.models import Participant, PlatformIdentity, Study

COLUMNS = ("participant", "session", "outcome", "code", "simulated", "parameter", "value")


def write(db: OrmSession, name: str, path: Path, secret_key: str) -> int:
    """Write participants.csv, a row for each parameter of each participant's link; how many rows.

    Raises:
        Refused: there is no such study, or the file cannot stand there.
    """
    study = loading.find(db, name)
    if path.exists() and not path.is_file():
        raise Refused(
            f"{path} is no plain file, so nothing can be written there: name a file, such as participants.csv."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = _records(db, study, secret_key)
    return writing.together({path: lambda file: export.write_table(file, COLUMNS, rows)})[path]


def _records(db: OrmSession, study: Study, secret_key: str) -> Iterator[dict[str, Any]]:
    """One record a parameter; one without parameter and value for whoever's link said nothing."""
    for session in export.session_records(db, study):
        query = select(Participant).where(
            Participant.study_id == study.id, Participant.pseudonym == session["participant"]
        )
        participant = db.scalars(query).one()
        who = {column: session[column] for column in ("participant", "session", "outcome", "simulated")}
        who["code"] = links.code_of(secret_key, participant)
        said = _said(db, participant)
        for parameter, value in said.items() or [(None, None)]:
            yield {**who, "parameter": parameter, "value": value}


def _said(db: OrmSession, participant: Participant) -> dict[str, str]:
    query = (
        select(PlatformIdentity.parameter, PlatformIdentity.value)
        .where(PlatformIdentity.participant_id == participant.id)
        .order_by(PlatformIdentity.parameter)
    )
    return {row.parameter: row.value for row in db.execute(query)}
