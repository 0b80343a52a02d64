"""The way out: a link that keeps working without a cookie, after the end of a session and of the study."""

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from study import erasure, identity, languages, scheduling
from study.db import Database
from study.models import Session, Study, now

blueprint = Blueprint("withdrawal", __name__, url_prefix="/s/<name>")


@blueprint.get("/withdraw/<token>")
def page(name: str, token: str) -> ResponseReturnValue:
    """What withdrawing does, with a button; or that it is done."""
    with _database().read() as db:
        study = scheduling.find(db, name, preview=identity.is_preview(name))
        participant = identity.withdrawing(db, study, token)
        outcome = db.scalar(select(Session.outcome).where(Session.participant_id == participant.id))
        template = "withdrawn.html" if outcome == "withdrawn" else "withdraw.html"
        return _quietly(_page(study, template, whose=identity.mark(participant)))


@blueprint.post("/withdraw/<token>")
def withdraw(name: str, token: str) -> ResponseReturnValue:
    """Erase what the participant gave; once more changes nothing. The signed address is enough: no cookie is asked."""
    with _database().write() as db:
        study = scheduling.find(db, name, preview=identity.is_preview(name))
        erasure.erase(db, identity.withdrawing(db, study, token).id, now())
    _database().forget_deleted()
    return _quietly(redirect(request.path, 303))


def _page(study: Study, template: str, *, whose: str) -> str:
    spec = scheduling.spec_of(study)
    languages.choose(spec.study.languages)
    shown = {"name": study.name, "contact": spec.study.contact, "simulated": study.simulated}
    return render_template(template, study=shown, whose=whose)


def _quietly(answer: str | ResponseReturnValue) -> Response:
    """The address is a key, so no other address is told of it."""
    response = make_response(answer)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database
