"""Who takes part: a list, and a card for each session. By pseudonym alone; what platforms say of people is not here."""

from flask import Blueprint, request
from sqlalchemy.orm import Session as OrmSession

from study import results, sessions, watching
from study.errors import Refused
from study.models import Study, now
from study.scheduling import spec_of
from study.views import researcher_access as access

blueprint = access.guard(Blueprint("researcher_sessions", __name__, url_prefix="/researchers/studies/<name>"))

Rules = dict[str, list[dict[str, str]]]


@blueprint.get("/participants")
def index(name: str) -> str:
    """Everybody who began, newest first."""
    asked = request.args.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and 0 < len(asked) < 7 else 1
    at = now()
    with access.database().read() as db:
        study = access.find(db, name)
    counted = watching.catch_up(access.database(), study)
    with access.database().read() as db:
        lines, pages = sessions.page_of(db, study, max(1, number), at)
        rules = _rules(db, study)
    return access.page("participants", study=study, lines=lines, number=number, pages=pages, rules=rules,
                       counted=counted)  # fmt: skip


@blueprint.get("/participants/<int(max=2147483647):session_id>")
def card(name: str, session_id: int) -> str:
    """One session: where it stands, how it answered, and what the screening rules say of it."""
    with access.database().read() as db:
        study = access.find(db, name)
    watching.catch_up(access.database(), study)
    with access.database().read() as db:
        try:
            found = sessions.card(db, study, session_id, now())
        except Refused as error:
            raise access.UnknownPlace(error.message) from error
        rules = _rules(db, study).get(found.line.pseudonym, [])
    return access.page("card", study=study, spec=spec_of(study), card=found, rules=rules)


def _rules(db: OrmSession, study: Study) -> Rules:
    """What the report that was loaded last says of each participant by the rules of screening."""
    found: Rules = {}
    for result in results.newest(db, study)[:1]:
        for row in results.table(db, result, "quality.csv"):
            found.setdefault(row.get("participant", ""), []).append(row)
    return found
