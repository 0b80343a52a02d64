"""A participant's walk: one address that shows the open step."""

from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as OrmSession

from study import identity, scheduling, steps
from study.db import Database
from study.errors import Malformed
from study.models import Session, Study, now
from study.spec import Spec

blueprint = Blueprint("participant", __name__, url_prefix="/s/<name>")

PAGES = {
    "instructions": "instructions.html",
    "trial": "trial.html",
    "break": "break.html",
    "thanks": "thanks.html",
    "declined": "declined.html",
}


@blueprint.get("")
def page(name: str) -> ResponseReturnValue:
    """HTML of the open step; a link's parameters are taken in first and leave the address."""
    with _database().read() as db:
        study = scheduling.find(db, name)
        if request.args:
            identity.arrive(db, study, request.args)
            return redirect(url_for("participant.page", name=name))
        participant = identity.current(db, study)
        session = steps.session_of(db, participant) if participant else None
        return _consent(db, study) if session is None else _page(db, study, session)


@blueprint.get("/")
def slashed(name: str) -> ResponseReturnValue:
    """The same for a link that somebody ended with a slash."""
    return page(name) if request.args else redirect(url_for("participant.page", name=name))


@blueprint.post("/step")
def step(name: str) -> ResponseReturnValue:
    """Agree, decline or go on. A page that shows a step which is no longer open changes nothing."""
    shown, action = request.form.get("step", ""), request.form.get("action", "")
    if action not in {"agree", "decline", "next"}:
        raise Malformed("`action`: it is `agree`, `decline` or `next`.")
    at = now()
    with _database().write() as db:
        study = scheduling.find(db, name, lock=action != "next")
        if action == "next":
            steps.go_on(db, identity.session_of(db, study), shown, at)
        elif shown == "consent":
            participant = identity.enrol(db, study, at, agreed=action == "agree")
            if action == "agree":
                scheduling.begin(db, study, participant, at)
            else:
                scheduling.decline(db, participant, at)
    return redirect(url_for("participant.page", name=name), 303)


def _consent(db: OrmSession, study: Study) -> str:
    scheduling.check_open(study)
    identity.welcome(study)
    scheduling.check_room(db, study)
    spec = scheduling.spec_of(study)
    practice, trials = scheduling.trials_planned(db, study)
    seconds = (practice + trials) * steps.USUAL_TRIAL_S
    nothing_yet = steps.Progress(0, trials, round(seconds))
    minutes = max(1, round(seconds / 60))
    return _render("consent.html", study, spec, nothing_yet, trials=trials, practice=practice, minutes=minutes)


def _page(db: OrmSession, study: Study, session: Session) -> str:
    here = steps.here(db, session, now())
    spec = scheduling.spec_of(study)
    if here.step not in {"thanks", "declined"}:
        scheduling.check_open(study)
    more: dict[str, Any] = {}
    if here.step == "thanks":
        more = {"votes": here.progress.done, "completion_url": spec.links.completion}
    return _render(PAGES[here.step], study, spec, here.progress, **more)


def _render(template: str, study: Study, spec: Spec, progress: steps.Progress, **more: Any) -> str:
    """A page with what every template may use."""
    shown = {
        "name": study.name,
        "title": spec.texts.title,
        "contact": spec.study.contact,
        "kind": spec.study.kind,
        "asks_for": spec.study.asks_for,
        "reference": spec.study.reference,
        "layout": spec.study.layout,
        "not_sure": spec.study.not_sure,
        "simulated": study.simulated,
    }
    return render_template(template, study=shown, texts=spec.texts, progress=progress, **more)


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database
