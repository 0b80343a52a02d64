"""The first tables: studies and what they show, participants and what they answer."""

import sqlalchemy as sa
from alembic import op

revision = "20261122_first_tables"
down_revision = None
branch_labels = None
depends_on = None


def one_of(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


def upgrade() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("state", one_of("draft", "open", "paused", "closed", name="state"), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("design", sa.Text(), nullable=False),
        sa.Column("config", sa.String(length=64), nullable=False),
        sa.Column("stimuli_sha256", sa.String(length=64), nullable=False),
        sa.Column("loaded_at", sa.DateTime(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("name", name=op.f("uq_study_name")),
    )
    op.create_table(
        "condition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("codec", sa.String(length=255), nullable=False),
        sa.Column("rate", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_condition_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_condition")),
        sa.UniqueConstraint("study_id", "name", name=op.f("uq_condition_study_id_name")),
    )
    op.create_table(
        "participant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_participant_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant")),
        sa.UniqueConstraint("study_id", "pseudonym", name=op.f("uq_participant_study_id_pseudonym")),
        sa.UniqueConstraint("token", name=op.f("uq_participant_token")),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_source_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("study_id", "name", name=op.f("uq_source_study_id_name")),
    )
    op.create_table(
        "crop",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=255), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.CheckConstraint("x >= 0 AND y >= 0 AND width > 0 AND height > 0", name=op.f("ck_crop_rectangle")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_crop_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crop")),
        sa.UniqueConstraint("source_id", "x", "y", "width", "height", name=op.f("uq_crop_source_id_x_y_width_height")),
    )
    op.create_table(
        "platform_identity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("parameter", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participant.id"], name=op.f("fk_platform_identity_participant_id_participant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_identity")),
        sa.UniqueConstraint("participant_id", "parameter", name=op.f("uq_platform_identity_participant_id_parameter")),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=True),
        sa.Column("outcome", one_of("open", "complete", "declined", name="outcome"), nullable=False),
        sa.Column("instructed", sa.Boolean(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("active_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("(outcome = 'open') = (ended_at IS NULL)", name=op.f("ck_session_ended")),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participant.id"], name=op.f("fk_session_participant_id_participant")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_session_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("participant_id", name=op.f("uq_session_participant_id")),
        sa.UniqueConstraint("study_id", "ordinal", name=op.f("uq_session_study_id_ordinal")),
    )
    op.create_table(
        "stimulus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("crop_id", sa.Integer(), nullable=False),
        sa.Column("condition_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bpp", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["condition_id"], ["condition.id"], name=op.f("fk_stimulus_condition_id_condition")),
        sa.ForeignKeyConstraint(["crop_id"], ["crop.id"], name=op.f("fk_stimulus_crop_id_crop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stimulus")),
        sa.UniqueConstraint("crop_id", "condition_id", name=op.f("uq_stimulus_crop_id_condition_id")),
    )
    op.create_index("ix_stimulus_condition_id", "stimulus", ["condition_id"], unique=False)

    op.create_table(
        "pair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("kind", one_of("rating", "catch", name="kind"), nullable=False),
        sa.Column("a_id", sa.Integer(), nullable=False),
        sa.Column("b_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("a_id <> b_id", name=op.f("ck_pair_two_stimuli")),
        sa.ForeignKeyConstraint(["a_id"], ["stimulus.id"], name=op.f("fk_pair_a_id_stimulus")),
        sa.ForeignKeyConstraint(["b_id"], ["stimulus.id"], name=op.f("fk_pair_b_id_stimulus")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_pair_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair")),
        sa.UniqueConstraint("a_id", "b_id", name=op.f("uq_pair_a_id_b_id")),
    )
    op.create_index("ix_pair_b_id", "pair", ["b_id"], unique=False)
    op.create_index("ix_pair_study_id", "pair", ["study_id"], unique=False)

    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("public", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column(
            "kind", one_of("rating", "catch", "identical", "repeat", "practice", "preview", name="kind"), nullable=False
        ),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("flipped", sa.Boolean(), nullable=False),
        sa.Column("expected", one_of("left", "right", "not_sure", name="expected"), nullable=True),
        sa.Column("strategy", one_of("balanced", "full", name="strategy"), nullable=True),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("shown_at", sa.DateTime(), nullable=True),
        sa.Column("reloads", sa.Integer(), nullable=False),
        sa.CheckConstraint("position > 0 AND block > 0", name=op.f("ck_trial_from_one")),
        sa.CheckConstraint("probability > 0 AND probability <= 1", name=op.f("ck_trial_chance")),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name=op.f("fk_trial_pair_id_pair")),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_trial_session_id_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint("key", name=op.f("uq_trial_key")),
        sa.UniqueConstraint("public", name=op.f("uq_trial_public")),
        sa.UniqueConstraint("session_id", "position", name=op.f("uq_trial_session_id_position")),
    )
    op.create_index("ix_trial_pair_id", "trial", ["pair_id"], unique=False)

    op.create_table(
        "vote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("choice", one_of("left", "right", "not_sure", name="choice"), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("voted_at", sa.DateTime(), nullable=False),
        sa.Column("response_ms", sa.Integer(), nullable=True),
        sa.Column("flips", sa.Integer(), nullable=True),
        sa.Column("left_ms", sa.Integer(), nullable=True),
        sa.Column("right_ms", sa.Integer(), nullable=True),
        sa.Column("reference_ms", sa.Integer(), nullable=True),
        sa.Column("zoomed", sa.Boolean(), nullable=True),
        sa.Column("hidden_ms", sa.Integer(), nullable=True),
        sa.Column("viewport_width", sa.Integer(), nullable=True),
        sa.Column("viewport_height", sa.Integer(), nullable=True),
        sa.Column("device_pixel_ratio", sa.Double(), nullable=True),
        sa.Column("device_pixels_per_pixel", sa.Double(), nullable=True),
        sa.Column("pixel_exact", sa.Boolean(), nullable=True),
        sa.Column("bytes_verified", sa.Boolean(), nullable=True),
        sa.Column("left_x", sa.Double(), nullable=True),
        sa.Column("left_y", sa.Double(), nullable=True),
        sa.Column("right_x", sa.Double(), nullable=True),
        sa.Column("right_y", sa.Double(), nullable=True),
        sa.Column("region_x", sa.Integer(), nullable=True),
        sa.Column("region_y", sa.Integer(), nullable=True),
        sa.Column("region_width", sa.Integer(), nullable=True),
        sa.Column("region_height", sa.Integer(), nullable=True),
        sa.Column("corrects", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["corrects"], ["vote.id"], name=op.f("fk_vote_corrects_vote")),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name=op.f("fk_vote_trial_id_trial")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
        sa.UniqueConstraint("corrects", name=op.f("uq_vote_corrects")),
        sa.UniqueConstraint("key", name=op.f("uq_vote_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_vote_one_a_trial",
        "vote",
        ["trial_id"],
        unique=True,
        sqlite_where=sa.text("corrects IS NULL"),
        postgresql_where=sa.text("corrects IS NULL"),
    )


def downgrade() -> None:
    for table in ("vote", "trial", "pair", "stimulus", "session", "platform_identity", "crop", "source", "participant"):
        op.drop_table(table)
    op.drop_table("condition")
    op.drop_table("study")
