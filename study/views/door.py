"""The JSON door behind the trial page: the open trial out, votes in."""

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from study import describing, identity, questions, scheduling, steps, voting
from study.db import Database
from study.models import now

blueprint = Blueprint("door", __name__, url_prefix="/s/<name>")


@blueprint.get("/trial")
def trial(name: str) -> ResponseReturnValue:
    """The open trial and the one after it; a page that was not loaded anew says `again=1`."""
    at, loaded = now(), request.args.get("again") != "1"
    with _database().write() as db:
        study = scheduling.find(db, name, preview=identity.is_preview(name))
        session = identity.session_of(db, study)
        here = steps.here(db, session, at)
        if here.trial is not None:
            scheduling.check_open(study, preview=session.participant.preview)
        steps.show(db, here.trial, at, fetched=loaded)
        spec = scheduling.spec_of(study)
        return describing.describe(db, here, spec, questions.texts_of(spec, session))


@blueprint.get("/last")
def last(name: str) -> ResponseReturnValue:
    """The trial that was answered last, for a correction, and the open one after it."""
    with _database().read() as db:
        study = scheduling.find(db, name, preview=identity.is_preview(name))
        session = identity.session_of(db, study, lock=False)
        scheduling.check_open(study, preview=session.participant.preview)
        here, spec = steps.here(db, session, now()), scheduling.spec_of(study)
        return describing.describe_last(db, here, spec, questions.texts_of(spec, session))


@blueprint.post("/vote")
def vote(name: str) -> ResponseReturnValue:
    """Take the vote in and, after the commit, give the next trial out."""
    at = now()
    saved = voting.cast(_database(), name, identity.token(name), voting.read_ballot(request.get_data()), at)
    feedback = {"feedback": saved.feedback} if saved.feedback else {}
    return {"saved": True, "duplicate": saved.duplicate, **saved.answer, **feedback}


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database
