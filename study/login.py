"""The researcher's cookie: the only file that reads and writes it. Its place is apart from the participants'.

It holds the researcher's number and stamp, signed; it ends after twelve hours, and at once where the stamp changes:
by a new password, a lock, or a log-out in whatever browser.
"""

from datetime import timedelta

from flask import Response, current_app, g, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from study import researchers
from study.db import Database
from study.researchers import Who

COOKIE = "researcher"
PATH = "/researchers"
LASTS = timedelta(hours=12)


def remember(response: Response, who: Who) -> Response:
    """Let the browser come back as this researcher."""
    value = _signer().dumps([who.id, who.stamp])
    response.set_cookie(COOKIE, value, max_age=LASTS, path=PATH, secure=request.is_secure, httponly=True,
                        samesite="Lax")  # fmt: skip
    return response


def forget(response: Response) -> Response:
    """Let the browser come back as nobody."""
    response.delete_cookie(COOKIE, path=PATH, secure=request.is_secure, httponly=True, samesite="Lax")
    return response


def current() -> Who | None:
    """The researcher who asks, if anybody is logged in; looked up once a request."""
    if "researcher" not in g:
        g.researcher = _read()
    found: Who | None = g.researcher
    return found


def _read() -> Who | None:
    try:
        said = _signer().loads(request.cookies.get(COOKIE, ""), max_age=int(LASTS.total_seconds()))
    except BadSignature:
        return None
    database: Database = current_app.extensions["database"]
    with database.read() as db:
        return researchers.known(db, *said)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="researcher")
