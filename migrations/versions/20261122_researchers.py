"""What researchers do: who they are, versions, priorities, loaded reports, exports, and a log of it all."""

import sqlalchemy as sa
from alembic import op

revision = "20261122_researchers"
down_revision = "20261122_walk"
branch_labels = None
depends_on = None


def one_of(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


STUDY_COLUMNS = ("closed_at", "uncovered_at", "version", "follows_id", "priorities_sha256")
BEFORE, AFTER = ("balanced", "full"), ("balanced", "full", "adaptive", "random")


def upgrade() -> None:
    op.create_table(
        "researcher",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", one_of("owner", "viewer", name=op.f("ck_researcher_role")), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("stamp", sa.String(length=64), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_researcher")),
        sa.UniqueConstraint("name", name=op.f("uq_researcher_name")),
    )
    op.create_table(
        "login_failure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failure")),
    )
    op.create_index(op.f("ix_login_failure_name_at"), "login_failure", ["name", "at"])
    op.create_table(
        "deed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("did", sa.String(length=64), nullable=False),
        sa.Column("study", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deed")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deed_study"), "deed", ["study"])
    op.create_table(
        "priority",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.CheckConstraint("weight > 0", name=op.f("ck_priority_weight")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_priority_pair_id_pair")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_priority")),
        sa.UniqueConstraint("pair_id", name=op.f("uq_priority_pair_id")),
    )
    create_results()
    create_tallies()
    with op.batch_alter_table("study") as study:
        study.add_column(sa.Column("closed_at", sa.DateTime(), nullable=True))
        study.add_column(sa.Column("uncovered_at", sa.DateTime(), nullable=True))
        study.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        study.add_column(sa.Column("follows_id", sa.Integer(), nullable=True))
        study.add_column(sa.Column("priorities_sha256", sa.String(length=64), nullable=True))
        study.create_check_constraint(op.f("ck_study_version"), "version > 0")
        study.create_foreign_key(op.f("fk_study_follows_id_study"), "study", ["follows_id"], ["id"])
        study.create_unique_constraint(op.f("uq_study_follows_id"), ["follows_id"])
    # When a study was closed was not kept: the last sign of life of its sessions is the latest moment that is sure.
    op.execute(
        "UPDATE study SET closed_at = (SELECT max(session.active_at) FROM session WHERE session.study_id = study.id) "
        "WHERE state = 'closed'"
    )
    with op.batch_alter_table("study") as study:
        study.alter_column("version", server_default=None)
    with op.batch_alter_table("participant") as participant:
        participant.add_column(sa.Column("preview", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("participant") as participant:
        participant.alter_column("preview", server_default=None)
    with op.batch_alter_table("session") as session:
        session.add_column(sa.Column("asks_for", sa.String(length=16), nullable=True))
        session.create_check_constraint(
            op.f("ck_session_asks_for"), sa.column("asks_for").in_(["prefer", "closer", "more_different"])
        )
    change_strategies(AFTER)


def create_results() -> None:
    """Reports that were loaded, and files that left."""
    op.create_table(
        "result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(), nullable=False),
        sa.Column("votes_sha256", sa.String(length=64), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_result_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result")),
    )
    op.create_index(op.f("ix_result_study_id"), "result", ["study_id"])
    op.create_table(
        "result_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("result_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["result_id"], ["result.id"], name=op.f("fk_result_file_result_id_result")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_file")),
        sa.UniqueConstraint("result_id", "name", name=op.f("uq_result_file_result_id_name")),
    )
    what = one_of("votes", "participants", "archive", "backup", name=op.f("ck_export_what"))
    op.create_table(
        "export",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("what", what, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("last_session_id", sa.Integer(), nullable=False),
        sa.Column("last_vote_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_export_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
    )
    op.create_index(op.f("ix_export_study_id"), "export", ["study_id"])


COUNTED = (
    "turn",
    "position",
    "last_vote",
    "practice",
    "answered",
    "ratings",
    "not_sure",
    "left",
    "catches",
    "catches_right",
    "identical",
    "identical_left",
    "repeats",
    "repeats_same",
    "timed",
)


def create_tallies() -> None:
    """What is counted for the dashboard; nothing is counted yet, the first look does it."""
    op.create_table(
        "watch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_watch_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch")),
        sa.UniqueConstraint("study_id", name=op.f("uq_watch_study_id")),
    )
    op.create_table(
        "tally",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("what", one_of("pair", "hour", "tenth", name=op.f("ck_tally_what")), nullable=False),
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_tally_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally")),
        sa.UniqueConstraint("study_id", "what", "key", name=op.f("uq_tally_study_id_what_key")),
    )
    op.create_table(
        "session_tally",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTED),
        sa.Column("response_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_session_tally_session_id_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_tally")),
        sa.UniqueConstraint("session_id", name=op.f("uq_session_tally_session_id")),
    )
    # The vote that a repeat repeats is found by its session and pair.
    op.create_index(op.f("ix_trial_pair_id_session_id"), "trial", ["pair_id", "session_id"])
    op.drop_index(op.f("ix_trial_pair_id"), "trial")


def downgrade() -> None:
    op.create_index(op.f("ix_trial_pair_id"), "trial", ["pair_id"])
    op.drop_index(op.f("ix_trial_pair_id_session_id"), "trial")
    op.execute("UPDATE trial SET strategy = 'balanced' WHERE strategy IN ('adaptive', 'random')")
    change_strategies(BEFORE)
    with op.batch_alter_table("session") as session:
        session.drop_constraint(op.f("ck_session_asks_for"), type_="check")
        session.drop_column("asks_for")
    with op.batch_alter_table("participant") as participant:
        participant.drop_column("preview")
    with op.batch_alter_table("study") as study:
        study.drop_constraint(op.f("uq_study_follows_id"), type_="unique")
        study.drop_constraint(op.f("fk_study_follows_id_study"), type_="foreignkey")
        study.drop_constraint(op.f("ck_study_version"), type_="check")
        for name in STUDY_COLUMNS:
            study.drop_column(name)
    for table in (
        *("session_tally", "tally", "watch"),
        *("export", "result_file", "result", "priority", "deed", "login_failure", "researcher"),
    ):
        op.drop_table(table)


def change_strategies(words: tuple[str, ...]) -> None:
    """Swap the CHECK: the column itself stays a string of the same length."""
    with op.batch_alter_table("trial") as trial:
        trial.drop_constraint(op.f("ck_trial_strategy"), type_="check")
        trial.create_check_constraint(op.f("ck_trial_strategy"), sa.column("strategy").in_(words))
