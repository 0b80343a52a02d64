"""The door of the dashboard: log in, log out. Where a login leads never depends on the request, so no link misleads."""

from flask import Blueprint, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from study import login, researchers
from study.models import now
from study.views import researcher_access as access

blueprint = Blueprint("researcher_login", __name__, url_prefix="/researchers")


@blueprint.get("/login")
def form() -> ResponseReturnValue:
    """The form, or the studies where somebody is logged in."""
    if login.current() is not None:
        return redirect(url_for("researcher_studies.index"), 303)
    return access.page("login", complaint="", name="")


@blueprint.post("/login")
def log_in() -> ResponseReturnValue:
    """Let a researcher in; the answer to every wrong login is the same, and the next one may have to wait."""
    name = request.form.get("name", "")
    try:
        found = researchers.log_in(access.database(), name, request.form.get("password", ""), now())
    except researchers.WrongLogin:
        return access.page("login", complaint="Name and password do not belong together.", name=name), 403
    except researchers.MustWait as error:
        said = f"There were too many failures under this name: try again in {_duration(error.seconds)}."
        response = make_response(access.page("login", complaint=said, name=name), 429)
        response.headers["Retry-After"] = str(error.seconds)
        return response
    return login.remember(make_response(redirect(url_for("researcher_studies.index"), 303)), found)


@blueprint.post("/logout")
def log_out() -> ResponseReturnValue:
    """Forget who this is, here and wherever the same account is logged in."""
    found = login.current()
    if found is not None:
        with access.database().write() as db:
            researchers.log_out(db, found.id)
    return login.forget(make_response(redirect(url_for("researcher_login.form"), 303)))


def _duration(seconds: int) -> str:
    minutes = -(-seconds // 60)
    if seconds < 60:
        return f"{seconds} second{'s' * (seconds != 1)}"
    return f"{minutes} minute{'s' * (minutes != 1)}"
