"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _ledger()
    _contents()
    _jobs()
    _attempts()
    _events()
    _streams()
    _schedules()
    _accounts()
    _usage()


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )


def _contents() -> None:
    op.create_table(
        "texts",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_texts"),
    )
    op.create_table(
        "codes",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_codes"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("code", sa.Text()),
        sa.Column("fewest", sa.BigInteger(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("cpus", sa.BigInteger(), nullable=False),
        sa.Column("gpus", sa.BigInteger(), nullable=False),
        sa.Column("slices", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("start_from", sa.Text()),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("is_preemptible", sa.Boolean(), nullable=False),
        sa.Column("grace_s", sa.Double(), nullable=False),
        sa.Column("max_time_s", sa.Double()),
        sa.Column("expected_s", sa.Double()),
        sa.Column("array", sa.Text()),
        sa.Column("schedule", sa.Text()),
        sa.Column("workers", sa.BigInteger()),
        sa.Column("num_attempts", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Text(), nullable=False),
        sa.Column("saved_step", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("trained_s", sa.Double(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("result", sa.Text()),
        sa.PrimaryKeyConstraint("number", name="pk_jobs"),
        sa.UniqueConstraint("name", name="uq_jobs_name"),
        sa.ForeignKeyConstraint(["spec"], ["texts.sha256"], name="fk_jobs_spec"),
        sa.ForeignKeyConstraint(["code"], ["codes.sha256"], name="fk_jobs_code"),
    )
    op.create_index("ix_jobs_owner_key", "jobs", ["owner", "key"], unique=True)
    op.create_index("ix_jobs_state_number", "jobs", ["state", "number"])
    op.create_index("ix_jobs_array", "jobs", ["array"])
    op.create_table(
        "counters",
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("base", name="pk_counters"),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("submission", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("handed_at", sa.Double()),
        sa.Column("seen_at", sa.Double()),
        sa.Column("stop", sa.Text()),
        sa.Column("stop_at", sa.Double()),
        sa.Column("target", sa.Text()),
        sa.Column("resized_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("end", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("failure", sa.Text()),
        sa.Column("step", sa.BigInteger()),
        sa.PrimaryKeyConstraint("job", "number", name="pk_attempts"),
        sa.UniqueConstraint("submission", name="uq_attempts_submission"),
        sa.UniqueConstraint("token_sha256", name="uq_attempts_token_sha256"),
        sa.ForeignKeyConstraint(["job"], ["jobs.name"], name="fk_attempts_job"),
    )
    live = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_attempts_live", "attempts", ["job"], sqlite_where=live, postgresql_where=live
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job", sa.Text()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_events"),
    )
    op.create_index("ix_events_job_number", "events", ["job", "number"])


def _streams() -> None:
    op.create_table(
        "streams",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("tail", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job", "stream", "attempt", name="pk_streams"),
        sa.ForeignKeyConstraint(
            ["job", "attempt"], ["attempts.job", "attempts.number"], name="fk_streams_job"
        ),
    )
    op.create_table(
        "pieces",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("job", "stream", "attempt", "start", name="pk_pieces"),
    )


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("cron", sa.Text()),
        sa.Column("tz", sa.Text(), nullable=False),
        sa.Column("at", sa.Double()),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("missed", sa.Text(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("next_at", sa.Double()),
        sa.Column("last_at", sa.Double()),
        sa.Column("last_job", sa.Text()),
        sa.Column("num_runs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_schedules"),
    )


def _accounts() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Double()),
        sa.Column("revoked_at", sa.Double()),
        sa.Column("used_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name="fk_tokens_user"),
    )
    op.create_table(
        "teams",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("quota_cpus", sa.Double()),
        sa.Column("quota_gpus", sa.Double()),
        sa.Column("limit_cpus", sa.Double()),
        sa.Column("limit_gpus", sa.Double()),
        sa.PrimaryKeyConstraint("name", name="pk_teams"),
    )


def _usage() -> None:
    op.create_table(
        "usage",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_usage"),
    )
