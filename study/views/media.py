"""Images by content: the address is the SHA-256 of the bytes, so it may be cached for ever and names nothing."""

import os
import re
from datetime import timedelta

from flask import Blueprint, Response, abort, current_app, request, send_from_directory

from study.logs import log

blueprint = Blueprint("media", __name__)
FOR_EVER = int(timedelta(days=365).total_seconds())


@blueprint.get("/media/<name>")
def image(name: str) -> Response:
    """The PNG of this content; 404 for every other name, and for a file that is gone, which the log names.

    A page that misses an image asks again, since a file that is put back is found at once and no refusal is cached.
    The file's time would tell in which order images were loaded, that is, which condition each one is.
    """
    if not re.fullmatch(r"[0-9a-f]{64}\.png", name):
        abort(404)
    kept = current_app.extensions["media"]
    if not os.access(kept / name, os.R_OK):
        log.error("image %s cannot be read in the media folder: put the file back, or load its study again", name)
        abort(404)
    response = send_from_directory(
        kept,
        name,
        mimetype="image/png",
        max_age=FOR_EVER,
        etag=name.removesuffix(".png"),
        conditional=False,  # Flask's own comparison answers If-Modified-Since by the file's time
    )
    del response.headers["Last-Modified"]
    response.make_conditional(request, accept_ranges=True, complete_length=response.content_length)
    response.headers["Cache-Control"] = f"public, max-age={FOR_EVER}, immutable"
    return response
