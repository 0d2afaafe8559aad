"""What the ledger keeps, as plain values. Times are Unix seconds; rows are changed by the ledger.

Names are those of a job: unique in the ledger for ever, and the name of its run folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from distnet.protocol.states import AttemptEnd, JobState, Why
from distnet.scheduler.view import Shape


class Role(StrEnum):
    """What a user may do; each role may do what the ones before it may."""

    VIEWER = "viewer"
    """Look at everything."""
    SUBMITTER = "submitter"
    """Submit jobs, and steer their own."""
    ADMIN = "admin"
    """Steer everybody's jobs; users, tokens, teams."""


class Condition(StrEnum):
    """How the job that another one waits for must end."""

    OK = "ok"
    ANY = "any"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A job that must have ended first."""

    job: str
    condition: Condition = Condition.OK


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job on the server: what was asked for, and how far it is."""

    number: int
    """In the order of submission; given by the ledger."""
    name: str
    key: str
    """Made by the client: the same key of the same owner is the same submit, however often sent."""
    owner: str
    team: str
    spec: str
    """sha256 of the resolved job file, whose text is in the table of texts."""
    code: str | None
    """sha256 of the archive with the job's own files; None if it has none."""
    shape: Shape
    slices: int
    """Parts of a batch: the most workers that it can ever have."""
    priority: int
    submitted_at: float
    state: JobState = JobState.WAITING
    reason: str = ""
    """Why it is in this state, in one sentence."""
    after: tuple[Dependency, ...] = ()
    start_from: str | None = None
    """A job whose newest checkpoint this one begins with; one of `after`."""
    not_before: float = 0.0
    is_preemptible: bool = True
    grace_s: float = 120.0
    max_time_s: float | None = None
    expected_s: float | None = None
    array: str | None = None
    """The name that the jobs of one sweep share."""
    schedule: str | None = None
    """The schedule that submitted it."""
    workers: int | None = None
    """What a user asked for by `resize`, instead of the shape."""
    num_attempts: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    """Failures of each kind since the newest checkpoint that brought progress."""
    saved_step: int = 0
    started_at: float | None = None
    """When its first attempt spoke."""
    ended_at: float | None = None
    trained_s: float = 0.0
    """Of attempts that have ended."""
    progress: Mapping[str, Any] = field(default_factory=dict)
    """As last reported: `step`, `num_steps`, `workers`, `loss` and other rates of the training;
    `headline`, `split` and `metrics` of the last evaluation."""
    result: Mapping[str, Any] | None = None
    """What `result.json` of the run says, or the error: `{"error": ..., "failure": ...}`."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt at a job on the cluster."""

    job: str
    number: int
    """Its fencing number: 1, 2, ... A report of an older one than the newest is refused."""
    submission: str
    """Its id with Ray; made from the ledger's id, the job's number and the attempt's."""
    token_sha256: str
    """Of the secret with which it reports."""
    placement: Mapping[str, int]
    """Workers on each node, by node id."""
    created_at: float
    cause: str = "start"
    """`start`, `resume`, `preempt`, `retry`, ...: why there is this attempt."""
    handed_at: float | None = None
    """When Ray was asked to start it; None: not yet, or nobody knows."""
    seen_at: float | None = None
    """When it reported last."""
    stop: Why | None = None
    """Why it was asked to stop."""
    stop_at: float | None = None
    """When it was asked to."""
    target: Mapping[str, int] | None = None
    """Where it was asked to go on, if with other workers."""
    resized_at: float | None = None
    """When it changed its workers last."""
    ended_at: float | None = None
    end: AttemptEnd | None = None
    error: str | None = None
    failure: str | None = None
    step: int | None = None
    """Where it ended."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One thing that happened, or was decided, and who did it."""

    number: int
    time: float
    kind: str
    """`submitted`, `started`, `preempted`, `resized`, `state`, `denied`, `token-created`, ..."""
    job: str | None
    actor: str
    """A user's name; `scheduler`, `attempt`, `server` or `schedule:NAME`."""
    text: str
    """One sentence."""
    data: Mapping[str, Any] = field(default_factory=dict)


class Overlap(StrEnum):
    """What a schedule does when it is time and its job before has not ended."""

    SKIP = "skip"
    QUEUE = "queue"
    STOP_OLD = "stop-old"
    ALLOW = "allow"


class Missed(StrEnum):
    """What a schedule does about times that passed while the server was down.

    Times of cron that pass while it is paused are left out; the one of `at` is missed like others.
    """

    SKIP = "skip"
    ONE = "one"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """A job that is submitted again and again, or once at a time."""

    name: str
    owner: str
    request: Mapping[str, Any]
    """The submit request (as the API takes it) that is made each time."""
    created_at: float
    cron: str | None = None
    """Five fields; or None with `at`."""
    tz: str = "UTC"
    at: float | None = None
    overlap: Overlap = Overlap.SKIP
    missed: Missed = Missed.ONE
    is_paused: bool = False
    next_at: float | None = None
    """None: never again."""
    last_at: float | None = None
    last_job: str | None = None
    num_runs: int = 0


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has tokens."""

    name: str
    role: Role
    team: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Token:
    """A secret of a user; only its scrypt hash is kept."""

    id: str
    """Twelve characters; the secret's public part."""
    user: str
    salt: bytes
    hash: bytes
    created_at: float
    note: str = ""
    expires_at: float | None = None
    revoked_at: float | None = None
    used_at: float | None = None


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """The entitlements of a team; None is without limit."""

    name: str
    weight: float = 1.0
    quota_cpus: float | None = None
    quota_gpus: float | None = None
    limit_cpus: float | None = None
    limit_gpus: float | None = None
