"""Whether the server and its database answer; for a proxy or a monitor."""

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy import text

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> ResponseReturnValue:
    """Ask the database for something; where it cannot answer, the failure handler says 503."""
    with current_app.extensions["database"].read() as db:
        db.execute(text("SELECT 1"))
    return {"status": "ok", "database": "ok"}
