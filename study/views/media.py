"""Images by content: the address is the SHA-256 of the bytes, so it may be cached for ever and names nothing."""

import os
import re
from datetime import timedelta

from flask import Blueprint, Response, abort, current_app, request, send_from_directory
from sqlalchemy import or_, select

from study.db import Database
from study.logs import log
from study.models import Stimulus

blueprint = Blueprint("media", __name__)
FOR_EVER = int(timedelta(days=365).total_seconds())


@blueprint.get("/media/<name>")
def image(name: str) -> Response:
    """The PNG of this content; 404 for every other name, and for a file that is gone, which the log calls loudly.

    A page that misses an image asks again, since a file that is put back is found at once and no refusal is cached.
    The file's time would tell in which order images were loaded, that is, which condition each one is.
    """
    if not re.fullmatch(r"[0-9a-f]{64}\.png", name):
        abort(404)
    kept = current_app.extensions["media"]
    if not os.access(kept / name, os.R_OK):
        _miss(name)
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


def _miss(name: str) -> None:
    """Call a researcher where a study shows this image; anybody can make up the other names."""
    database: Database = current_app.extensions["database"]
    digest = name.removesuffix(".png")
    with database.read() as db:
        ours = db.scalar(
            select(Stimulus.id).where(or_(Stimulus.sha256 == digest, Stimulus.context_sha256 == digest)).limit(1)
        )
    if ours is None:
        log.info("image %s belongs to no study", name)
    else:
        log.error("image %s cannot be read in the media folder: put the file back, or load its study again", name)
