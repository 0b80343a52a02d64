"""Erasing a participant who withdraws: the one exception to the rule that votes are only ever added."""

from datetime import datetime

from sqlalchemy import Table, delete, select
from sqlalchemy.orm import Session as OrmSession

from study import tallying
from study.ledger import Result, ResultFile, SessionTally
from study.models import Base, Fact, Participant, PlatformIdentity, Session, Study, Trial, Vote, random_pseudonym


def erase(db: OrmSession, participant_id: int, at: datetime) -> bool:
    """Take away all that the participant gave; whether there was anything that had not been erased before.

    Votes, trials, facts and what a platform's link said are deleted, and of reports the files that name them. The
    pseudonym, which the server's secret and the platform's number would give again, is replaced by a random one. What
    stays is the session's row: its number, by which files made before can be put right, its place in the plan, its
    language, when it began and that it was withdrawn; and the random token, which only the participant's own browser
    and link hold, so that both say that it is done. Call it in a write transaction: the session's row is locked, so a
    vote under way is either saved before and erased here, or finds the session withdrawn. After the commit,
    `Database.forget_deleted`.
    """
    session = db.scalar(select(Session).where(Session.participant_id == participant_id).with_for_update())
    if session is None or session.outcome in {"declined", "withdrawn"}:
        return False
    tallying.forget(db, session)
    # Core statements on the tables: the models refuse to delete a vote, and whoever withdraws is why this may.
    votes, trials, facts, identities = (_table(model) for model in (Vote, Trial, Fact, PlatformIdentity))
    theirs = select(trials.c.id).where(trials.c.session_id == session.id)
    db.execute(delete(votes).where(votes.c.trial_id.in_(theirs)))
    db.execute(delete(trials).where(trials.c.session_id == session.id))
    db.execute(delete(facts).where(facts.c.session_id == session.id))
    db.execute(delete(identities).where(identities.c.participant_id == participant_id))
    participant = db.get_one(Participant, participant_id)
    _forget_in_reports(db, session.study_id, participant.pseudonym)
    participant.pseudonym = random_pseudonym()
    session.outcome, session.ended_at, session.active_at = "withdrawn", at, at
    session.prepared, session.practised, session.warned_at, session.block = 0, False, None, 1
    db.flush()
    return True


def remove_previews(db: OrmSession, study: Study) -> None:
    """Take away all previews of a study without a trace: nobody took part in them."""
    tables = (Vote, Trial, Fact, PlatformIdentity, Session, Participant)
    votes, trials, facts, identities, sessions, participants = map(_table, tables)
    previews = select(participants.c.id).where(participants.c.study_id == study.id, participants.c.preview)
    walks = select(sessions.c.id).where(sessions.c.participant_id.in_(previews))
    db.execute(delete(votes).where(votes.c.trial_id.in_(select(trials.c.id).where(trials.c.session_id.in_(walks)))))
    db.execute(delete(SessionTally).where(SessionTally.session_id.in_(walks)))
    db.execute(delete(trials).where(trials.c.session_id.in_(walks)))
    db.execute(delete(facts).where(facts.c.session_id.in_(walks)))
    db.execute(delete(identities).where(identities.c.participant_id.in_(previews)))
    db.execute(delete(sessions).where(sessions.c.participant_id.in_(previews)))
    db.execute(delete(participants).where(participants.c.id.in_(previews)))
    db.flush()


def _forget_in_reports(db: OrmSession, study_id: int, pseudonym: str) -> None:
    """Take away the files of loaded reports in which the pseudonym stands: such a report has to be made anew anyway."""
    files = select(ResultFile.id, ResultFile.content).join(Result, Result.id == ResultFile.result_id)
    rows = db.execute(files.where(Result.study_id == study_id).execution_options(yield_per=1))
    named = [number for number, content in rows if pseudonym.encode() in content]
    db.execute(delete(ResultFile).where(ResultFile.id.in_(named)))


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - for the type checker
    return table
