"""What `study results` loaded: ratings while they are not covered, quality always; and the frozen design."""

from typing import Any

from flask import Blueprint, Response, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from study import charts, covering, results, versions, watching
from study.covering import Cover
from study.ledger import Result, SessionTally
from study.models import Session, Study, taking_part
from study.scheduling import spec_of
from study.views import researcher_access as access

blueprint = access.guard(Blueprint("researcher_results", __name__, url_prefix="/researchers/studies/<name>"))

SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
)
"""A report is a file from elsewhere: it may show itself, and do nothing."""


@blueprint.get("/design")
def design(name: str) -> str:
    """The frozen study.toml, its digest, and the versions before and after it."""
    with access.database().read() as db:
        study = access.find(db, name)
        before = db.get(Study, study.follows_id) if study.follows_id else None
        after = db.scalar(select(Study).where(Study.follows_id == study.id))
        changes = versions.between(db, before, study) if before else []
    return access.page("design", study=study, before=before, after=after, changes=changes, spec=spec_of(study))


@blueprint.get("/results")
def index(name: str) -> str:
    """The report that was loaded last, as far as it may be seen, and those before it."""
    with access.database().read() as db:
        study = access.find(db, name)
    watching.catch_up(access.database(), study)
    with access.database().read() as db:
        cover = covering.cover_of(db, study)
        loaded = results.newest(db, study)
        visible = next((result for result in loaded if cover.shows(result.id)), None)
        shown = _shown(db, study, cover, loaded, visible)
    return access.page("results", study=study, spec=spec_of(study), cover=cover, why_not=covering.WHY_NOT, **shown)


@blueprint.get("/results/<int(max=2147483647):number>/<file>")
def file(name: str, number: int, file: str) -> Response:
    """A file of a loaded report; 404 for what is covered."""
    with access.database().read() as db:
        study = access.find(db, name)
        result = db.get(Result, number)
        ours = result is not None and result.study_id == study.id
        seen = file in results.QUALITY or covering.cover_of(db, study).shows(number)
        content = results.file_of(db, result, file) if result is not None and ours and seen else None
    if content is None:
        raise access.UnknownPlace("This study has no such file, it is covered, or it named somebody who has withdrawn.")
    response = make_response(content)
    if file == results.PAGE:
        response.headers["Content-Security-Policy"] = SANDBOX
        response.mimetype = "text/html"
    else:
        response.mimetype = "application/json" if file.endswith(".json") else "text/csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return response


@blueprint.get("/uncover")
def confirm_uncover(name: str) -> str:
    """Why not, and a field for the study's name."""
    with access.database().read() as db:
        study = access.find(db, name)
        cover = covering.cover_of(db, study)
    return access.page("uncover", study=study, cover=cover, why_not=covering.WHY_NOT)


@blueprint.post("/<any(uncover, cover, look):action>")
def act(name: str, action: str) -> ResponseReturnValue:
    """Uncover ratings, cover them again, or take a planned look; refused where the command line refuses it."""
    researcher = access.who().name
    with access.database().write() as db:
        study = access.find(db, name).name
        if action == "uncover":
            covering.uncover(db, study, request.form.get("typed", ""), who=researcher)
        elif action == "cover":
            covering.cover(db, study, who=researcher)
        else:
            covering.look(db, study, who=researcher)
    return redirect(url_for("researcher_results.index", name=name), 303)


def _shown(db: OrmSession, study: Study, cover: Cover, loaded: list[Result], visible: Result | None) -> dict[str, Any]:
    """What the page shows: quality is of the last report, ratings of the last one that may be seen."""
    newest = loaded[0] if loaded else None
    ratings = results.table(db, visible, results.RATINGS) if visible else []
    return {
        "loaded": [(result, covering.complete_in(db, study, result), cover.look_of(result.id)) for result in loaded],
        "newest": newest,
        "stale": _stale(db, study, newest) if newest else None,
        "quality": results.table(db, newest, "quality.csv") if newest else [],
        "visible": visible,
        "scales": charts.whiskers(ratings),
        "needed": results.table(db, visible, "needed.csv") if visible else [],
        "files": results.names_of(db, visible) if visible else [],
    }


def _stale(db: OrmSession, study: Study, result: Result) -> dict[str, bool] | None:
    """Whether votes came after those of the report, and whether somebody of them has withdrawn; None: not known."""
    export = covering.export_of(db, study, result.votes_sha256)
    if export is None:
        return None
    last = select(func.max(SessionTally.last_vote)).join(Session, Session.id == SessionTally.session_id)
    gone = select(Session.id).where(
        taking_part(study.id), Session.outcome == "withdrawn", Session.ended_at > export.at,
        Session.id <= export.last_session_id,
    )  # fmt: skip
    return {
        "newer": (db.scalar(last.where(taking_part(study.id))) or 0) > export.last_vote_id,
        "withdrawn": db.scalar(gone.limit(1)) is not None,
    }
