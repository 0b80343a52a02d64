"""Who is who: participants.csv, the one file with what recruiting platforms call people, apart from all votes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study import export, links, loading, writing
from study.errors import Refused
from study.models import PlatformIdentity, Study

COLUMNS = ("participant", "session", "outcome", "code", "simulated", "parameter", "value")


def write(db: OrmSession, name: str, path: Path, secret_key: str, settle: writing.Settle = writing.settled) -> int:
    """Write participants.csv, a row for each parameter of each participant's link; how many rows.

    Other users of the machine cannot read it. `settle` is told its digest before it takes its place.

    Raises:
        Refused: there is no such study, or the file cannot stand there.
    """
    study = loading.find(db, name)
    if path.exists() and not path.is_file():
        raise Refused(
            f"{path} is no plain file, so nothing can be written there: name a file, such as participants.csv."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = records(db, study, secret_key)
    return writing.together({path: lambda file: export.write_table(file, COLUMNS, rows)}, settle, only_owner=True)[path]


def records(db: OrmSession, study: Study, secret_key: str) -> Iterator[dict[str, Any]]:
    """One record a parameter; one without parameter and value for whoever's link said nothing."""
    for some in export.sessions(db, study):
        outcomes = export.outcomes(db, study, [session for session, _ in some])
        said = _said(db, [participant.id for _, participant in some])
        for session, participant in some:
            who = {
                "participant": participant.pseudonym,
                "session": session.id,
                "outcome": outcomes[session.id],
                "code": links.code_of(secret_key, participant),
                "simulated": participant.simulated,
            }
            for parameter, value in said[participant.id] or [(None, None)]:
                yield {**who, "parameter": parameter, "value": value}


def _said(db: OrmSession, some: Sequence[int]) -> dict[int, list[tuple[str | None, str | None]]]:
    """What the links of these participants said, by parameter."""
    said: dict[int, list[tuple[str | None, str | None]]] = {participant: [] for participant in some}
    query = (
        select(PlatformIdentity.participant_id, PlatformIdentity.parameter, PlatformIdentity.value)
        .where(PlatformIdentity.participant_id.in_(some))
        .order_by(PlatformIdentity.parameter)
    )
    for participant, parameter, value in db.execute(query):
        said[participant].append((parameter, value))
    return said
