"""Images by content: the address is the SHA-256 of the bytes, so it may be cached for ever and names nothing."""

import re
from datetime import timedelta

from flask import Blueprint, Response, abort, current_app, request
from sqlalchemy import or_, select

from study.db import Database
from study.errors import Busy
from study.logs import log
from study.models import Stimulus
from study.storage import Store, StoreAway

blueprint = Blueprint("media", __name__)
FOR_EVER = int(timedelta(days=365).total_seconds())


@blueprint.get("/media/<name>")
def image(name: str) -> Response:
    """The PNG of this content; 404 for every other name, and for an image that is gone, which the log calls loudly.

    A page that misses an image asks again, since one that is put back is found at once and no refusal is cached; a
    store that does not answer is 503, to be asked again soon. No time of a file is told: it would say in which order
    images were loaded, that is, which condition each one is.
    """
    found = re.fullmatch(r"([0-9a-f]{64})\.png", name)
    if not found:
        abort(404)
    content = _read(found[1])
    if content is None:
        _miss(name)
        abort(404)
    response = Response(content, mimetype="image/png")
    response.set_etag(found[1])
    response.make_conditional(request, accept_ranges=True, complete_length=len(content))
    response.headers["Cache-Control"] = f"public, max-age={FOR_EVER}, immutable"
    return response


def _read(sha256: str) -> bytes | None:
    store: Store = current_app.extensions["media"]
    try:
        return store.read(sha256)
    except StoreAway as error:
        log.error("images at %s: %s", error.filename, error.strerror)
        raise Busy("The study is busy for a moment. Nothing is lost: please try again.") from error


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
