"""create_app: wiring only."""

from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from study import identity, languages, limits, logs, settings, storage
from study.db import connect
from study.settings import Settings
from study.views import (
    door,
    failures,
    health,
    media,
    participant,
    researcher_login,
    researcher_results,
    researcher_sessions,
    researcher_studies,
    withdrawal,
)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
LARGEST_REQUEST = 64 * 1024
RESEARCHERS = (researcher_login, researcher_studies, researcher_sessions, researcher_results)


def create_app(kept: Settings | None = None, secret_key: str | None = None) -> Flask:
    """The server of participants, over a database at the newest revision.

    What is not given comes from the environment, so that gunicorn can call it without a word.
    """
    kept = kept or settings.read()
    app = Flask(__name__)
    app.secret_key = secret_key or settings.secret_key()
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_REQUEST, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    app.extensions["database"] = connect(kept.database_url)
    app.extensions["media"] = storage.at(kept.media, storage.PATIENCE_S)
    app.jinja_env.filters["paragraphs"] = paragraphs
    identity.prepare(app)
    languages.prepare(app)
    logs.prepare()
    failures.register(app)
    for view in (participant, door, withdrawal, media, health, *RESEARCHERS):
        app.register_blueprint(view.blueprint)
    CSRFProtect(app).exempt(withdrawal.withdraw)  # its address is the secret: nobody else's page knows it
    limits.prepare(app, kept.limits_url)
    app.after_request(_finish)
    if kept.proxies:
        proxies = ProxyFix(app.wsgi_app, x_for=kept.proxies, x_proto=kept.proxies, x_host=0)
        app.wsgi_app = proxies  # type: ignore[method-assign]
    return app


def paragraphs(text: str) -> list[str]:
    """A text's paragraphs: what blank lines part."""
    return [part.strip() for part in "\n".join(map(str.rstrip, text.splitlines())).split("\n\n") if part.strip()]


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("X-Request-ID", g.get("request_id", ""))
    if request.endpoint not in {"static", "media.image"} or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store"
    return response
