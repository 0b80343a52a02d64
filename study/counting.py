"""How far a study is, counted in SQL; what is counted is never judged here."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from study import extent, loading, scheduling
from study.models import Session, Study, Trial, Vote, now, taking_part


def all_studies(db: OrmSession) -> list[dict[str, Any]]:
    """Every study, by name."""
    return [_counted(db, study) for study in db.scalars(select(Study).order_by(Study.name))]


def one(db: OrmSession, name: str) -> dict[str, Any]:
    """One study.

    Raises:
        Refused: there is none of this name.
    """
    return _counted(db, loading.find(db, name))


def as_text(studies: list[dict[str, Any]]) -> str:
    """One line a study, for reading."""
    if not studies:
        return "No study is loaded: `manage.py study load FOLDER` loads one."
    return "\n".join(_line(study) for study in studies)


def _line(study: dict[str, Any]) -> str:
    people = "simulated participants" if study["simulated"] else "participants"
    return (
        f"{study['name']}: {study['state']}; {study['complete']} of {study['begun']} {people} complete"
        f"{_left(study)}; {study['votes']} votes; {study['pairs']} pairs, each answered or planned "
        f"{study['answers_a_pair']['least']} to {study['answers_a_pair']['most']} times"
    )


def _left(study: dict[str, Any]) -> str:
    """How many ended otherwise; those who declined always, for a consent page that drives people away is a finding."""
    also = {"screened out": study["screened_out"], "withdrawn": study["withdrawn"]}
    said = [f", {number} {outcome}" for outcome, number in also.items() if number]
    return f"{''.join(said)}, {study['declined']} declined"


def _counted(db: OrmSession, study: Study) -> dict[str, Any]:
    grouped = select(Session.outcome, func.count()).where(taking_part(study.id)).group_by(Session.outcome)
    outcomes = {row[0]: row[1] for row in db.execute(grouped)}
    pairs = extent.pairs(db, study)
    answers = list(scheduling.counts(db, study, now()).values())
    last = db.scalar(select(func.max(Vote.voted_at)).join(Vote.trial).join(Trial.session).where(taking_part(study.id)))
    return {
        "name": study.name,
        "state": study.state,
        "simulated": study.simulated,
        "config": study.config,
        "begun": sum(number for outcome, number in outcomes.items() if outcome != "declined"),
        "open": outcomes.get("open", 0),
        "complete": outcomes.get("complete", 0),
        "screened_out": outcomes.get("screened_out", 0),
        "withdrawn": outcomes.get("withdrawn", 0),
        "declined": outcomes.get("declined", 0),
        "votes": loading.votes_of(db, study),
        "pairs": pairs,
        "answers_a_pair": {
            "least": min(answers) if len(answers) == pairs and answers else 0,
            "most": max(answers, default=0),
        },
        "last_vote_at": last.isoformat(timespec="milliseconds").replace("+00:00", "Z") if last else None,
    }
