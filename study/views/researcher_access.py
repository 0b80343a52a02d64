"""Who may see and do what on the researchers' pages: viewers look, owners also act, everybody else logs in first."""

from typing import Any

from flask import Blueprint, current_app, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as OrmSession

from study import loading, login
from study.db import Database
from study.errors import Problem, Refused
from study.models import Study
from study.researchers import Who


class OwnersOnly(Problem):
    """A viewer asked for something that changes what a study does."""

    status = 403
    code = "owners_only"
    title = "Only owners may do this"


class UnknownPlace(Problem):
    """No such study, session or file."""

    status = 404
    code = "unknown_address"
    title = "There is nothing here"


def guard(blueprint: Blueprint) -> Blueprint:
    """Let only researchers in, and only owners send anything; a refusal of the rules is a page of one sentence."""
    blueprint.before_request(_let_in)
    blueprint.register_error_handler(Refused, _refused)
    return blueprint


def who() -> Who:
    """The researcher who asks; `guard` has let nobody else in."""
    found = login.current()
    if found is None:
        raise OwnersOnly("Log in first.")
    return found


def database() -> Database:
    """The server's database."""
    found: Database = current_app.extensions["database"]
    return found


def find(db: OrmSession, name: str) -> Study:
    """The study of this name.

    Raises:
        UnknownPlace: there is none.
    """
    try:
        return loading.find(db, name)
    except Refused as error:
        raise UnknownPlace("No study of this name is loaded: see the list of studies.") from error


def page(template: str, **shown: Any) -> str:
    """A page of the dashboard, in English, with who is looking at it."""
    return render_template(f"researcher/{template}.html", who=login.current(), **shown)


def _let_in() -> ResponseReturnValue | None:
    found = login.current()
    if found is None:
        return redirect(url_for("researcher_login.form"), 303)
    if request.method == "POST" and not found.is_owner:
        raise OwnersOnly(f"`{found.name}` may look at everything and change nothing: ask an owner to do it.")
    return None


def _refused(error: Refused) -> ResponseReturnValue:
    """What the command line would say in the same place."""
    shown = page("message", title="Not done", message=error.message, status=409, request_id=g.request_id)
    return make_response(shown, 409)
