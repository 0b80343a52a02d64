"""What goes wrong: typed JSON at the JSON door, a friendly page elsewhere, a request id and a log line always."""

import re
import secrets
import traceback

from flask import Flask, Response, current_app, g, jsonify, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from study import identity, limits
from study.db import first_line
from study.errors import Busy, Malformed, NoSession, Problem, StaleForm, _
from study.logs import log
from study.spec import STUDY_NAME
from study.views import researcher_access

JSON_DOOR = re.compile(r"/s/[^/]+/(trial|last|vote)(/.*)?|/health(/.*)?", re.DOTALL)
"""Addresses that are asked by scripts, whatever the method and whatever stands below them."""
KEYS = re.compile(r"(?<=/withdraw/).+", re.DOTALL)
"""What of an address opens something to whoever reads the log."""
REFUSED_THERE_TOO = {403, 404, 410}
"""Statuses by which the study's own page would answer as well, so that a link there leads nowhere."""
TROUBLES = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "the database is read-only",
    "SQLITE_IOERR": "the disk does not answer",
    "SQLITE_CANTOPEN": "the database's file cannot be opened",
    "53100": "the disk is full",
    "25006": "the database is read-only",
}
"""By the code of SQLite or PostgreSQL: what a researcher has to mend, for waiting alone does not."""
UNTIL_MENDED_S = 30
NOTHING_HERE = _("There is nothing at this address: check the link.")


class _Unforeseen(Problem):
    status = 500
    code = "internal"
    title = _("Something went wrong on our side")
    on_page = _("Please try again; if it stays so, tell the researchers the number below.")


class _UnknownAddress(Problem):
    status = 404
    code = "unknown_address"
    title = _("There is nothing here")


class _WrongMethod(Problem):
    status = 405
    code = "wrong_method"


def register(app: Flask) -> None:
    """Name every request, and answer every failure; each leaves a line in the server's log."""
    app.before_request(_name_request)
    app.register_error_handler(Problem, _answer)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(RateLimitExceeded, _too_many)
    app.register_error_handler(HTTPException, _http)
    for database_error in (OperationalError, InternalError, PoolTimeoutError, StaleDataError):
        app.register_error_handler(database_error, _database_away)
    app.register_error_handler(Exception, _unforeseen)


def _name_request() -> None:
    g.request_id = secrets.token_hex(6)


def _asked() -> str:
    """The request as the log may keep it: without its query, which names people, and without keys."""
    return f"{request.method} {KEYS.sub('...', request.path)!r}"


def _answer(problem: Problem) -> Response:
    # Quoted, because a message may repeat what was sent, and a line break in it would forge a line of the log.
    log.info("%s %s: %r", _asked(), problem.code, problem.message)
    if JSON_DOOR.fullmatch(request.path):
        response = make_response(jsonify(error={"code": problem.code, "message": problem.message}), problem.status)
    else:
        response = make_response(
            _page(problem.status, problem.title, problem.on_page or problem.message), problem.status
        )
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def _page(status: int, title: str, message: str) -> str:
    if _is_dashboard():
        return researcher_access.page("message", status=status, title=title, message=message, request_id=g.request_id)
    return render_template(
        "message.html",
        study=None,
        status=status,
        title=gettext(title),
        message=gettext(message),
        back=_back(status),
        request_id=g.request_id,
    )


def _back(status: int) -> str | None:
    """The address of the study below which something failed, unless that would be refused or not found as well.

    The path is read here because an address that takes another method has no view that knows the name.
    """
    below = re.match(rf"/s/({STUDY_NAME.pattern})/", request.path)
    return url_for("participant.page", name=below[1]) if below and status not in REFUSED_THERE_TOO else None


def _is_dashboard() -> bool:
    return re.fullmatch(r"/researchers(/.*)?", request.path, re.DOTALL) is not None


def _stale_form(_error: CSRFError) -> Response:
    """Without a cookie of ours no token can fit: say that there is no session, rather than to reload."""
    if _is_dashboard():
        return _answer(
            StaleForm("This page was open for too long, or cookies are blocked: load it again. Nothing was done.")
        )
    if request.endpoint == "door.vote" and not identity.has_cookie():
        return _answer(NoSession("No session of this study belongs to this browser: open the study's link again."))
    return _answer(
        StaleForm(
            "This page was open for too long, or cookies are blocked. No answer is lost: "
            "allow cookies if they are blocked, and go on with the study from its own page."
        )
    )


def _too_many(_error: RateLimitExceeded) -> Response:
    return _answer(limits.refusal(current_app))


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    if JSON_DOOR.fullmatch(request.path):
        response = _answer(_typed(error, status))
    else:
        log.info("%s %s", _asked(), status)
        title = _UnknownAddress.title if status == 404 else Problem.title
        response = make_response(_page(status, title, NOTHING_HERE if status == 404 else Malformed.on_page), status)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _typed(error: HTTPException, status: int) -> Problem:
    kinds: dict[int, type[Problem]] = {404: _UnknownAddress, 405: _WrongMethod}
    problem = kinds.get(status, Malformed)(f"{error.name}: {error.description}")
    problem.status = status
    return problem


def _database_away(error: Exception) -> Response:
    """Ask to come again; what a researcher must mend is called by its name, and louder."""
    trouble = _trouble(error)
    if isinstance(error, InternalError) and trouble is None:
        return _unforeseen(error)
    busy = Busy("The study is busy for a moment. Nothing is lost: please try again.")
    if trouble is None:
        log.warning("%s: %s", _asked(), first_line(error))
    else:
        log.error("%s: %s, so nothing can be saved: %s", _asked(), trouble, first_line(error))
        busy.retry_after = UNTIL_MENDED_S
    return _answer(busy)


def _trouble(error: Exception) -> str | None:
    driver = getattr(error, "orig", None)
    code = str(getattr(driver, "sqlite_errorname", None) or getattr(driver, "sqlstate", None))
    return next((said for name, said in TROUBLES.items() if code.startswith(name)), None)


def _unforeseen(error: Exception) -> Response:
    if isinstance(error, DBAPIError):  # whose own text repeats the row that was refused
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s: %s: %s\n%s", _asked(), type(error).__name__, first_line(error), where)
    else:
        log.error("%s", _asked(), exc_info=error)
    return _answer(_Unforeseen(f"Please try again; if it stays so, tell the researchers the number {g.request_id}."))
