"""The studies, and how each is going; started, paused and closed by the same functions as on the command line."""

from typing import Any

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from study import charts, coverage, deeds, loading, sessions, watching
from study.models import Study, now
from study.scheduling import spec_of
from study.views import researcher_access as access

blueprint = access.guard(Blueprint("researcher_studies", __name__, url_prefix="/researchers"))

ACTIONS = {"open": "open", "pause": "paused", "close": "closed"}
"""What may be done to a study, and the state that it leads to."""
LINES = 200
"""Of the log on a page."""


@blueprint.get("/")
def index() -> str:
    """Every study with its state and counts, newest first."""
    at = now()
    with access.database().read() as db:
        studies = list(db.scalars(select(Study).order_by(Study.id.desc())))
    budget_s = watching.BUDGET_S / max(1, len(studies))
    behind = [watching.catch_up(access.database(), study, budget_s=budget_s) for study in studies]
    with access.database().read() as db:
        rows = [(study, spec_of(study), watching.counts(db, study, at)) for study in studies]
    return access.page("studies", rows=rows, behind=sum(found.behind for found in behind))


@blueprint.get("")
def slashless() -> ResponseReturnValue:
    """The same for an address that somebody typed."""
    return redirect(url_for("researcher_studies.index"))


@blueprint.get("/studies/<name>")
def overview(name: str) -> str:
    """How the study is going: who is where, what is covered, how people answer."""
    at = now()
    with access.database().read() as db:
        study = access.find(db, name)
    counted = watching.catch_up(access.database(), study)
    with access.database().read() as db:
        study = access.find(db, name)
        spec = spec_of(study)
        hours = watching.by_hour(db, study)
        shown: dict[str, Any] = {
            "study": study,
            "spec": spec,
            "counted": counted,
            "counts": watching.counts(db, study, at),
            "quality": watching.quality(db, study),
            "response_s": watching.response_s(db, study),
            "stages": watching.stages(db, study, at),
            "maps": coverage.maps(db, study),
            "votes_over_time": charts.bars(hours),
            "here": sessions.now_voting(db, study, at),
            "link": url_for("participant.page", name=study.name, _external=True),
        }
    return access.page("overview", at=at, actions=_possible(study), **shown)


@blueprint.get("/studies/<name>/log")
def log(name: str) -> str:
    """What was done to the study, and by whom, newest first."""
    with access.database().read() as db:
        study = access.find(db, name)
        lines = deeds.read(db, study.name, newest=LINES)
    return access.page("log", study=study, lines=lines[::-1], most=LINES)


@blueprint.get("/log")
def everything() -> str:
    """What was done to anything, newest first."""
    with access.database().read() as db:
        lines = deeds.read(db, newest=LINES)
    return access.page("log", study=None, lines=lines[::-1], most=LINES)


@blueprint.get("/studies/<name>/<any(open, pause, close):action>")
def confirm(name: str, action: str) -> str:
    """What the action does, with a button."""
    with access.database().read() as db:
        study = access.find(db, name)
        counts = watching.counts(db, study, now())
    return access.page("confirm", study=study, action=action, counts=counts, possible=action in _possible(study))


@blueprint.post("/studies/<name>/<any(open, pause, close):action>")
def act(name: str, action: str) -> ResponseReturnValue:
    """Do it; refused where the command line refuses it."""
    with access.database().write() as db:
        loading.change_state(db, access.find(db, name).name, ACTIONS[action], who=access.who().name)
    return redirect(url_for("researcher_studies.overview", name=name), 303)


def _possible(study: Study) -> list[str]:
    """The actions that the study's state allows."""
    return [action for action, state in ACTIONS.items() if study.state in loading.NEXT_STATES[state]]
