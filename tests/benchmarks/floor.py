"""The least that a vote could cost: one view, one row, one commit, on the study's own engine and durability."""

import os

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Column, Integer, MetaData, String, Table, insert

from study.db import Database

TABLE = Table(
    "floor",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("trial", String(64), nullable=False),
    Column("key", String(64), nullable=False, unique=True),
    Column("choice", String(16), nullable=False),
)


def create_app() -> Flask:
    """The bare server, over the database that FLOOR_DATABASE_URL names."""
    app = Flask(__name__)
    engine = Database(os.environ["FLOOR_DATABASE_URL"]).engine

    @app.get("/health")
    def health() -> ResponseReturnValue:
        return {"status": "ok"}

    @app.post("/vote")
    def vote() -> ResponseReturnValue:
        with engine.begin() as db:
            db.execute(insert(TABLE), request.get_json())
        return {"saved": True}

    return app
