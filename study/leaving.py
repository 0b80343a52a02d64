"""What leaves the database: votes and participants into files, each of them noted before it takes its place.

So that after an erasure the files that held a person can be named, and none that exists is missing from the list.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from study import deeds, export, loading, participants
from study.db import Database
from study.ledger import Export
from study.models import Session, Study, Trial, Vote, now

SESSIONS = "sessions.csv"
NONE: Mapping[str, str] = {}


class Reach(NamedTuple):
    """How far a file of a study's votes goes: the last session and the last vote of the moment that it shows."""

    study_id: int
    study: str
    last_session_id: int
    last_vote_id: int


def votes(database: Database, name: str, path: Path, who: str = deeds.COMMAND_LINE) -> dict[Path, int | None]:
    """Write votes.csv and what stands beside it; how many rows each table has.

    Raises:
        Refused: there is no such study, or the files cannot or should not stand there.
    """

    def settle(digests: Mapping[Path, str]) -> None:
        sessions = path.with_name(SESSIONS)
        beside = {SESSIONS: digests[sessions]} if reach.last_session_id else {}
        note(database, reach, "votes", path, sha256=digests[path], who=who, people=beside)

    with database.read() as db:
        reach = reach_of(db, loading.find(db, name))
        return export.write(db, name, path, settle)


def people(database: Database, name: str, path: Path, secret_key: str, who: str = deeds.COMMAND_LINE) -> int:
    """Write participants.csv; how many rows.

    Raises:
        Refused: there is no such study, or the file cannot stand there.
    """

    def settle(digests: Mapping[Path, str]) -> None:
        note(database, reach, "participants", path, sha256=digests[path], who=who)

    with database.read() as db:
        reach = reach_of(db, loading.find(db, name))
        return participants.write(db, name, path, secret_key, settle)


def reach_of(db: OrmSession, study: Study) -> Reach:
    """How far a file goes that shows what this transaction sees."""
    sessions = db.scalar(select(func.max(Session.id)).where(Session.study_id == study.id))
    theirs = select(func.max(Vote.id)).join(Trial, Trial.id == Vote.trial_id).join(Session)
    return Reach(study.id, study.name, sessions or 0, db.scalar(theirs.where(Session.study_id == study.id)) or 0)


def note(
    database: Database, reach: Reach, what: str, path: Path, *, sha256: str, who: str, people: Mapping[str, str] = NONE
) -> None:
    """Keep that the file left, and write it into the log; `people` are files beside it that hold no votes."""
    did = "archived" if what == "archive" else "exported"
    with database.write() as db:
        add(db, reach, what, path.name, sha256)
        for name, digest in people.items():
            add(db, reach, "participants", name, digest)
        deeds.record(db, who, did, reach.study, what=what, name=path.name, sha256=sha256)


def add(db: OrmSession, reach: Reach, what: str, name: str, sha256: str) -> None:
    """Keep that a file with votes of the study, or its people, left the database."""
    db.add(
        Export(
            study_id=reach.study_id,
            at=now(),
            what=what,
            name=name[-255:],
            sha256=sha256,
            last_session_id=reach.last_session_id,
            last_vote_id=reach.last_vote_id,
        )
    )
