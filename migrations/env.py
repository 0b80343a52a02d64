"""Run migrations on the connection that `study.db` hands over."""

from typing import Any, Literal

from alembic import context

from study.models import Base, UtcDateTime

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Migrations are run by `manage.py study db upgrade`.")


def plainly(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    """Migrations do not lean on the models, which change after them."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_item=plainly,
    # SQLite cannot alter a constraint: the table is written anew and takes the old one's place.
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
