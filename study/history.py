"""history.csv: what was done to a study, and how much there was to see of it then; from the log, without names."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session as OrmSession

from study import deeds
from study.dictionary import HISTORY

COLUMNS = tuple(column.name for column in HISTORY)


def records(db: OrmSession, name: str) -> Iterator[dict[str, Any]]:
    """Every deed to the study of this name, in their order."""
    for line in deeds.read(db, name, did=deeds.OF_STUDIES):
        said = line.detail
        yield {
            "at": line.at,
            "did": line.did,
            "sessions": said.get("sessions"),
            "votes": said.get("votes"),
            "detail": said.get("sha256"),
        }
