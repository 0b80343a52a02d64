"""Images by content: the address is the SHA-256 of the bytes, so it may be cached for ever and names nothing."""

import re
from datetime import timedelta

from flask import Blueprint, Response, abort, current_app, send_from_directory

blueprint = Blueprint("media", __name__)
FOR_EVER = int(timedelta(days=365).total_seconds())


@blueprint.get("/media/<name>")
def image(name: str) -> Response:
    """The PNG of this content; 404 for every other name."""
    if not re.fullmatch(r"[0-9a-f]{64}\.png", name):
        abort(404)
    response = send_from_directory(current_app.extensions["media"], name, mimetype="image/png", max_age=FOR_EVER)
    response.headers["Cache-Control"] = f"public, max-age={FOR_EVER}, immutable"
    return response
