"""Erasing a participant who withdraws: the one exception to the rule that votes are only ever added."""

from datetime import datetime

from sqlalchemy import Table, delete, select
from sqlalchemy.orm import Session as OrmSession

from study.models import Fact, PlatformIdentity, Session, Trial, Vote


def erase(db: OrmSession, participant_id: int, at: datetime) -> bool:
    """Take away all that the participant gave; whether there was anything that had not been erased before.

    Votes, trials, facts and what a platform's link said are deleted. The pseudonym stays, and a session that says only
    when it began and that it was withdrawn, so that files made before can be put right. Call it in a write
    transaction: the session's row is locked, so a vote under way is either saved before and erased here, or finds the
    session withdrawn.
    """
    session = db.scalar(select(Session).where(Session.participant_id == participant_id).with_for_update())
    if session is None or session.outcome in {"declined", "withdrawn"}:
        return False
    _overwrite_what_is_deleted(db)
    # Core statements on the tables: the models refuse to delete a vote, and whoever withdraws is why this may.
    votes, trials, facts, identities = (_table(model) for model in (Vote, Trial, Fact, PlatformIdentity))
    theirs = select(trials.c.id).where(trials.c.session_id == session.id)
    db.execute(delete(votes).where(votes.c.trial_id.in_(theirs)))
    db.execute(delete(trials).where(trials.c.session_id == session.id))
    db.execute(delete(facts).where(facts.c.session_id == session.id))
    db.execute(delete(identities).where(identities.c.participant_id == participant_id))
    session.outcome, session.ended_at, session.active_at = "withdrawn", at, at
    session.prepared, session.practised, session.warned_at, session.block = 0, False, None, 1
    db.flush()
    return True


def _overwrite_what_is_deleted(db: OrmSession) -> None:
    """Let SQLite put zeros where rows stood; PostgreSQL's vacuum frees their place in its own time."""
    connection = db.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def _table(model: type[Vote | Trial | Fact | PlatformIdentity]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - for the type checker
    return table
