"""What goes wrong: typed JSON at the JSON door, a friendly page elsewhere, a request id and a log line always."""

import logging
import re
import secrets

from flask import Flask, Response, g, jsonify, make_response, render_template, request, url_for
from flask.logging import default_handler
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from study import identity
from study.errors import Busy, Malformed, NoSession, Problem, StaleForm
from study.spec import STUDY_NAME

JSON_ENDPOINTS = {"door.trial", "door.vote", "health.health"}
REFUSED_THERE_TOO = {403, 404, 410}
"""Statuses by which the study's own page would answer as well, so that a link there leads nowhere."""

log = logging.getLogger("study")


class _Unforeseen(Problem):
    status = 500
    code = "internal"
    title = "Something went wrong on our side"


def register(app: Flask) -> None:
    """Name every request, and answer every failure; each leaves a line in the server's log."""
    if not log.handlers:
        log.addHandler(default_handler)
        log.setLevel(logging.INFO)
    app.before_request(_name_request)
    app.register_error_handler(Problem, _answer)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(PoolTimeoutError, _database_away)
    app.register_error_handler(Exception, _unforeseen)


def _name_request() -> None:
    g.request_id = secrets.token_hex(6)


def _answer(problem: Problem) -> Response:
    # Quoted, because a message may repeat what was sent, and a line break in it would forge a line of the log.
    log.info("%s %s %r %s: %r", g.request_id, request.method, request.path, problem.code, problem.message)
    if request.endpoint in JSON_ENDPOINTS:
        response = make_response(jsonify(error={"code": problem.code, "message": problem.message}), problem.status)
    else:
        response = make_response(_page(problem.status, problem.title, problem.message), problem.status)
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def _page(status: int, title: str, message: str) -> str:
    return render_template(
        "message.html",
        study=None,
        status=status,
        title=title,
        message=message,
        back=_back(status),
        request_id=g.request_id,
    )


def _back(status: int) -> str | None:
    """The address of the study below which something failed, unless that would be refused or not found as well.

    The path is read here because an address that takes another method has no view that knows the name.
    """
    below = re.match(rf"/s/({STUDY_NAME.pattern})/", request.path)
    return url_for("participant.page", name=below[1]) if below and status not in REFUSED_THERE_TOO else None


def _stale_form(_error: CSRFError) -> Response:
    """Without a cookie of ours no token can fit: say that there is no session, rather than to reload."""
    if request.endpoint == "door.vote" and not identity.has_cookie():
        return _answer(NoSession("No session of this study belongs to this browser: open the study's link again."))
    return _answer(
        StaleForm(
            "This page was open for too long, or cookies are blocked. No answer is lost: "
            "allow cookies if they are blocked, and go on with the study from its own page."
        )
    )


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    if request.endpoint in JSON_ENDPOINTS:
        problem = Malformed(f"{error.name}: {error.description}")
        problem.status = status
        return _answer(problem)
    log.info("%s %s %r %s", g.request_id, request.method, request.path, status)
    message = "There is nothing at this address: check the link." if status == 404 else str(error.description)
    allowed = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    return make_response(
        _page(status, error.name, message), status, {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    )


def _database_away(error: Exception) -> Response:
    log.warning("%s %s %r: %s", g.request_id, request.method, request.path, str(error).partition("\n")[0])
    return _answer(Busy("The study is busy for a moment. Nothing is lost: please try again."))


def _unforeseen(error: Exception) -> Response:
    log.error("%s %s %r", g.request_id, request.method, request.path, exc_info=error)
    return _answer(_Unforeseen(f"Please try again; if it stays so, tell the researchers the number {g.request_id}."))
