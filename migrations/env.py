"""Run migrations on the connection that `study.db` hands over; for the `alembic` command, on STUDY_DATABASE_URL."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from study import ledger, settings
from study.db import connect
from study.models import UtcDateTime


def plainly(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    """Migrations do not lean on the models, which change after them."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=ledger.Base.metadata,  # which knows the tables of study.models too
        render_item=plainly,
        # SQLite cannot alter a constraint: the table is written anew and takes the old one's place.
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with connect(settings.read().database_url).migrating() as own:
        run(own)
