"""What a walk can hold: context windows, corrections, rounds of practice, warnings, facts, changes of geometry."""

from contextlib import AbstractContextManager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "20261122_walk"
down_revision = "20261122_first_tables"
branch_labels = None
depends_on = None

CONTEXT = ("context_x", "context_y", "context_width", "context_height")


def one_of(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


BEFORE = one_of("open", "complete", "declined", name="outcome")
AFTER = one_of("open", "complete", "declined", "screened_out", "withdrawn", name="outcome")


def upgrade() -> None:
    op.create_table(
        "fact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_fact_session_id_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact")),
        sa.UniqueConstraint("session_id", "name", name=op.f("uq_fact_session_id_name")),
    )
    for name in CONTEXT:
        op.add_column("crop", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("stimulus", sa.Column("context_sha256", sa.String(length=64), nullable=True))
    op.add_column("study", sa.Column("paused_at", sa.DateTime(), nullable=True))
    # When a pause began was not kept: the last sign of life before it is the latest moment that is sure.
    op.execute(
        "UPDATE study SET paused_at = (SELECT max(session.active_at) FROM session WHERE session.study_id = study.id) "
        "WHERE state = 'paused'"
    )
    op.add_column("vote", sa.Column("geometry_changes", sa.Integer(), nullable=True))
    with votes() as vote:
        vote.drop_constraint(op.f("uq_vote_corrects"), type_="unique")
    op.create_index(op.f("ix_vote_trial_id"), "vote", ["trial_id"])
    corrections = sa.text("corrects IS NOT NULL")
    op.create_index(
        *("uq_vote_one_correction", "vote", ["corrects"]),
        unique=True,
        sqlite_where=corrections,
        postgresql_where=corrections,
    )
    with op.batch_alter_table("trial") as trial:
        trial.add_column(sa.Column("correction_key", sa.String(length=64), nullable=True))
        trial.create_unique_constraint(op.f("uq_trial_correction_key"), ["correction_key"])
    with op.batch_alter_table("session") as session:
        session.add_column(sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))
        session.add_column(sa.Column("prepared", sa.Integer(), nullable=False, server_default="0"))
        session.add_column(sa.Column("practised", sa.Boolean(), nullable=False, server_default=sa.false()))
        session.add_column(sa.Column("warned_at", sa.Integer(), nullable=True))
    # Until now the instructions were the only step before the first trial.
    op.execute("UPDATE session SET prepared = 1 WHERE instructed")
    with op.batch_alter_table("session") as session:
        session.drop_column("instructed")
        session.alter_column("turn", server_default=None)
        session.alter_column("prepared", server_default=None)
        session.alter_column("practised", server_default=None)
    change_outcomes(AFTER)


def downgrade() -> None:
    op.execute("UPDATE session SET outcome = 'complete' WHERE outcome IN ('screened_out', 'withdrawn')")
    change_outcomes(BEFORE)
    with op.batch_alter_table("session") as session:
        session.add_column(sa.Column("instructed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE session SET instructed = (prepared > 0)")
    with op.batch_alter_table("session") as session:
        session.alter_column("instructed", server_default=None)
        session.drop_column("turn")
        session.drop_column("warned_at")
        session.drop_column("practised")
        session.drop_column("prepared")
    with op.batch_alter_table("trial") as trial:
        trial.drop_constraint(op.f("uq_trial_correction_key"), type_="unique")
        trial.drop_column("correction_key")
    op.drop_index("uq_vote_one_correction", "vote")
    op.drop_index(op.f("ix_vote_trial_id"), "vote")
    with votes() as vote:
        vote.create_unique_constraint(op.f("uq_vote_corrects"), ["corrects"])
        vote.drop_column("geometry_changes")
    op.drop_column("study", "paused_at")
    op.drop_column("stimulus", "context_sha256")
    for name in CONTEXT:
        op.drop_column("crop", name)
    op.drop_table("fact")


def votes() -> AbstractContextManager[BatchOperations]:
    """The table of votes, whose numbers are never given twice: written anew on SQLite, it has to be said again."""
    return op.batch_alter_table("vote", table_kwargs={"sqlite_autoincrement": True})


def change_outcomes(new: sa.Enum) -> None:
    """Swap the CHECK: the column itself stays a string of the same length."""
    with op.batch_alter_table("session") as session:
        session.drop_constraint(op.f("ck_session_outcome"), type_="check")
        session.create_check_constraint(op.f("ck_session_outcome"), sa.column("outcome").in_(new.enums))
