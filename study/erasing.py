"""Erasing a person on a researcher's word: who it is, which exports held them, and the deed in the log."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from study import deeds, erasure, loading
from study.db import Database
from study.errors import Refused
from study.ledger import Export, Result
from study.models import Participant, PlatformIdentity, Session, Study, Trial, Vote, now


class Person(NamedTuple):
    """Whom to erase, by what stays of them: the session's number. `first_vote` is None where they have no vote."""

    study: str
    study_id: int
    participant_id: int
    session_id: int
    outcome: str
    started_at: datetime
    ended_at: datetime | None
    votes: int
    first_vote: int | None

    @property
    def gone(self) -> bool:
        """Whether they were erased before."""
        return self.outcome == "withdrawn"


class Held(NamedTuple):
    """A file that left the database, or a report in it, and held the person: as a session alone, or with votes."""

    what: str
    name: str
    sha256: str
    at: datetime
    votes: bool


def by_pseudonym(db: OrmSession, name: str, pseudonym: str) -> Person:
    """The person of this pseudonym, as in votes.csv.

    Raises:
        Refused: there is no such study or participant.
    """
    study = loading.find(db, name)
    wanted = Participant.pseudonym == pseudonym.replace("\0", "")
    return _one(db, study, db.scalars(select(Participant.id).where(Participant.study_id == study.id, wanted)).all())


def by_platform(db: OrmSession, name: str, parameter: str, value: str) -> Person:
    """The person whose link said this.

    Raises:
        Refused: there is no such study, nobody came by such a link, or several did.
    """
    study = loading.find(db, name)
    query = (
        select(Participant.id)
        .join(PlatformIdentity, PlatformIdentity.participant_id == Participant.id)
        .where(Participant.study_id == study.id)
        .where(PlatformIdentity.parameter == parameter, PlatformIdentity.value == value)
    )
    return _one(db, study, db.scalars(query).all())


def by_session(db: OrmSession, name: str, number: int) -> Person:
    """The person of this session, whose number stays when they have withdrawn.

    Raises:
        Refused: there is no such study or session.
    """
    study = loading.find(db, name)
    wanted = select(Session.participant_id).where(Session.study_id == study.id, Session.id == number)
    return _one(db, study, db.scalars(wanted).all())


def held(db: OrmSession, person: Person) -> list[Held]:
    """Every export that held the person, and every loaded report that was made from one that held votes of theirs."""
    query = select(Export).where(Export.study_id == person.study_id, Export.last_session_id >= person.session_id)
    if person.gone and person.ended_at is not None:
        query = query.where(Export.at <= person.ended_at)
    exports = [
        Held(row.what, row.name, row.sha256, row.at, votes=_reached(person, row))
        for row in db.scalars(query.order_by(Export.id))
    ]
    sources = [file.sha256 for file in exports if file.votes]
    loaded = select(Result).where(Result.study_id == person.study_id, Result.votes_sha256.in_(sources))
    reports = db.scalars(loaded.order_by(Result.id))
    return exports + [Held("report", "loaded report", row.votes_sha256, row.loaded_at, votes=True) for row in reports]


def erase(database: Database, person: Person, who: str = deeds.COMMAND_LINE) -> bool:
    """Take away all that the person gave; whether there was anything that had not been erased before.

    The log says that it was done, and of the person the session's number alone.
    """
    with database.write() as db:
        done = erasure.erase(db, person.participant_id, now())
        if done:
            deeds.record(db, who, "erased", person.study, session=person.session_id)
    database.forget_deleted()
    return done


def _reached(person: Person, export: Export) -> bool:
    """Whether the file may hold votes of theirs; of whom was erased before, nobody knows any more, so it may."""
    if export.what == "participants":
        return False
    return person.gone or (person.first_vote is not None and export.last_vote_id >= person.first_vote)


def _one(db: OrmSession, study: Study, found: Sequence[int]) -> Person:
    if len(found) != 1:
        said = f"{len(found)} participants" if found else "nobody"
        raise Refused(
            f"That names {said} in study `{study.name}`: give one pseudonym as in votes.csv, a parameter of one "
            "person's link, or the number of a session."
        )
    session = db.scalar(select(Session).where(Session.participant_id == found[0]))
    if session is None or session.outcome == "declined":
        raise Refused(f"This person declined to take part in study `{study.name}`: nothing of theirs was kept.")
    theirs = select(func.count(Vote.id), func.min(Vote.id)).join(Trial, Trial.id == Vote.trial_id)
    votes, first = db.execute(theirs.where(Trial.session_id == session.id)).one()
    return Person(
        study.name, study.id, found[0], session.id, session.outcome, session.started_at, session.ended_at, votes, first
    )
