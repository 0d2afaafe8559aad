"""The tables, as the newest migration leaves them (a test compares the two).

Columns have the names of the fields of the records in `distnet.server.ledger.records`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    text,
)

from distnet.protocol.states import AttemptEnd, JobState, StopReason
from distnet.server.ledger.columns import Choice, Json, Number, Words
from distnet.server.ledger.records import Missed, Overlap, Role

NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}
metadata = MetaData(naming_convention=NAMES)

ledger = Table(
    "ledger",  # one row
    metadata,
    Column("id", Words, primary_key=True),
    Column("key", LargeBinary, nullable=False),  # the secrets of attempts are made with it
    Column("made_at", Double, nullable=False),
    Column("term", BigInteger, nullable=False),  # how often a server has taken the lead
)

texts = Table(
    "texts",
    metadata,
    Column("sha256", Words, primary_key=True),
    Column("text", Words, nullable=False),
)

codes = Table(
    "codes",
    metadata,
    Column("sha256", Words, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("removed_at", Double),  # the row stays, because jobs refer to it
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("name", Words, nullable=False, unique=True),
    Column("key", Words, nullable=False),
    Column("owner", Words, nullable=False),
    Column("team", Words, nullable=False),
    Column("spec", Words, ForeignKey("texts.sha256"), nullable=False),
    Column("code", Words, ForeignKey("codes.sha256"), index=True),
    Column("fewest", BigInteger, nullable=False),
    Column("most", BigInteger, nullable=False),
    Column("cpus", BigInteger, nullable=False),
    Column("gpus", BigInteger, nullable=False),
    Column("selector", Json),
    Column("slices", BigInteger, nullable=False),
    Column("priority", BigInteger, nullable=False),
    Column("submitted_at", Double, nullable=False),
    Column("state", Choice(JobState), nullable=False),
    Column("reason", Words, nullable=False),
    Column("after", Json, nullable=False),
    Column("start_from", Words),
    Column("not_before", Double, nullable=False),
    Column("is_preemptible", Boolean, nullable=False),
    Column("grace_s", Double, nullable=False),
    Column("max_time_s", Double),
    Column("expected_s", Double),
    Column("array", Words, index=True),
    Column("changes", Json),
    Column("rungs", Json),
    Column("passed_rungs", BigInteger, nullable=False, server_default="0"),
    Column("trials_at_once", BigInteger),
    Column("schedule", Words),
    Column("reservation", Words),
    Column("workers", BigInteger),
    Column("num_attempts", BigInteger, nullable=False),
    Column("failures", Json, nullable=False),
    Column("saved_step", BigInteger, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("trained_s", Double, nullable=False),
    Column("progress", Json, nullable=False),
    Column("result", Json),
    Column("removed_at", Double),
    Index(None, "owner", "key", unique=True),
    Index(None, "state", "ended_at", "number"),
    Index(None, "ended_at", "number"),
    Index(
        "ix_jobs_kept",
        "ended_at",
        "number",
        sqlite_where=text("ended_at IS NOT NULL AND removed_at IS NULL"),
        postgresql_where=text("ended_at IS NOT NULL AND removed_at IS NULL"),
    ),
)

counters = Table(
    "counters",  # of names that end in a number
    metadata,
    Column("base", Words, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job", Words, ForeignKey("jobs.name"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("submission", Words, nullable=False, unique=True),
    Column("token_sha256", Words, nullable=False, unique=True),
    Column("placement", Json, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("cause", Words, nullable=False),
    Column("handed_at", Double),
    Column("seen_at", Double),
    Column("stop", Choice(StopReason)),
    Column("stop_at", Double),
    Column("target", Json),
    Column("resized_at", Double),
    Column("ended_at", Double),
    Column("end", Choice(AttemptEnd)),
    Column("error", Words),
    Column("failure", Words),
    Column("step", BigInteger),
    Column("used", Json),
    Index(
        "ix_attempts_live",
        "job",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

allocations = Table(
    "allocations",
    metadata,
    Column("job", Words, primary_key=True),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("began_at", Double, primary_key=True),
    Column("workers", BigInteger, nullable=False),
    Column("ended_at", Double, index=True),
    ForeignKeyConstraint(["job", "attempt"], ["attempts.job", "attempts.number"]),
)

events = Table(
    "events",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("kind", Words, nullable=False),
    Column("job", Words),  # no foreign key: a refused request may name a job that does not exist
    Column("actor", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("data", Json, nullable=False),
    Index(None, "job", "number"),
)

streams = Table(
    "streams",
    metadata,
    Column("job", Words, primary_key=True),
    Column("stream", Words, primary_key=True),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False),
    Column("tail", BigInteger, nullable=False),  # where its last piece begins
    ForeignKeyConstraint(["job", "attempt"], ["attempts.job", "attempts.number"]),
)

pieces = Table(
    "pieces",
    metadata,
    Column("job", Words, primary_key=True),
    Column("stream", Words, primary_key=True),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

schedules = Table(
    "schedules",
    metadata,
    Column("name", Words, primary_key=True),
    Column("owner", Words, nullable=False),
    Column("request", Json, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("cron", Words),
    Column("tz", Words, nullable=False),
    Column("at", Double),
    Column("overlap", Choice(Overlap), nullable=False),
    Column("missed", Choice(Missed), nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("next_at", Double),
    Column("last_at", Double),
    Column("last_job", Words),
    Column("num_runs", BigInteger, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("name", Words, primary_key=True),
    Column("role", Choice(Role), nullable=False),
    Column("team", Words, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("blocked_at", Double),
    Column("blocked_by", Words),
    Column("blocked_for", Words),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Words, primary_key=True),
    Column("user", Words, ForeignKey("users.name"), nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("note", Words, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("used_at", Double),
)

teams = Table(
    "teams",
    metadata,
    Column("name", Words, primary_key=True),
    Column("weight", Double, nullable=False),
    Column("quota_cpus", Double),
    Column("quota_gpus", Double),
    Column("limit_cpus", Double),
    Column("limit_gpus", Double),
)

drains = Table(
    "drains",
    metadata,
    Column("node", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("since", Double, nullable=False),
)

reservations = Table(
    "reservations",
    metadata,
    Column("name", Words, primary_key=True),
    Column("starts_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    Column("nodes", Json, nullable=False),
    Column("users", Json, nullable=False),
    Column("teams", Json, nullable=False),
    Column("actor", Words, nullable=False),
    Column("made_at", Double, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    Column("key", Words, primary_key=True),
    Column("value", Double, nullable=False),
    Column("time", Double, nullable=False),
)
