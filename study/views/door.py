"""The JSON door behind the trial page: the open trial out, votes in."""

from typing import Any

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from study import identity, scheduling, steps, voting
from study.db import Database
from study.errors import NoSession
from study.models import now

blueprint = Blueprint("door", __name__, url_prefix="/s/<name>")


@blueprint.get("/trial")
def trial(name: str) -> ResponseReturnValue:
    """The open trial and the one after it."""
    with _database().write() as db:
        study = scheduling.find(db, name)
        session = identity.session_of(db, study)
        here = steps.place(session, steps.look(db, session))
        if here.trial is not None:
            scheduling.check_open(study)
        steps.show(here.trial, now(), fetched=True)
        return steps.describe(db, here, scheduling.spec_of(study))


@blueprint.post("/vote")
def vote(name: str) -> ResponseReturnValue:
    """Take the vote in and, after the commit, give the next trial out."""
    at = now()
    ballot = voting.read_ballot(request.get_data())
    with _database().read() as db:
        study = scheduling.find(db, name)
        participant = identity.current(db, study)
    if participant is None:
        raise NoSession("No session of this study belongs to this browser: open the study's link again.")
    saved = voting.cast(_database(), participant, ballot, at)
    answer: dict[str, Any] = {"saved": True, "duplicate": saved.duplicate, **saved.answer}
    if saved.trial.kind == "practice":
        answer["feedback"] = {"correct": ballot.choice == saved.trial.expected, "expected": saved.trial.expected}
    return answer


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database
