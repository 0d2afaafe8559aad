"""The records of the ledger, as frozen values. Times are Unix seconds.

A job's name is unique in the ledger forever; it is also the name of its run folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from distnet.protocol.states import AttemptEnd, JobState, StopReason
from distnet.scheduler.view import Shape


class Role(StrEnum):
    """What a user may do; each role includes the ones before it."""

    VIEWER = "viewer"
    """Read everything."""
    SUBMITTER = "submitter"
    """Submit jobs, and control one's own."""
    ADMIN = "admin"
    """Control all jobs; manage users, tokens and teams."""


class Condition(StrEnum):
    """How a job must end for which another one waits."""

    OK = "ok"
    ANY = "any"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A job that must end first."""

    job: str
    condition: Condition = Condition.OK


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job: its request and its state."""

    number: int
    """In the order of submission; assigned by the ledger."""
    name: str
    key: str
    """Made by the client: the same key of the same owner is the same submit, sent again."""
    owner: str
    team: str
    spec: str
    """sha256 of the resolved job file; its text is in the table `texts`."""
    code: str | None
    """sha256 of the archive with the job's own files; None if it has none."""
    shape: Shape
    slices: int
    """Slices of a batch: the most workers that the job can have."""
    priority: int
    submitted_at: float
    state: JobState = JobState.WAITING
    reason: str = ""
    """Why it is in this state, in one sentence."""
    after: tuple[Dependency, ...] = ()
    start_from: str | None = None
    """The job whose newest checkpoint this one starts from; one of `after`."""
    not_before: float = 0.0
    is_preemptible: bool = True
    grace_s: float = 120.0
    max_time_s: float | None = None
    expected_s: float | None = None
    array: str | None = None
    """The name that the jobs of one sweep share, and no other."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What its sweep changes in it: by dotted key, the value."""
    rungs: tuple[float, ...] = ()
    """The parts of its epochs at which its sweep compares it with other trials."""
    passed_rungs: int = 0
    """From how many of them it goes on."""
    trials_at_once: int | None = None
    """How many trials of its sweep may run at the same time; None: as many as fit."""
    schedule: str | None = None
    """The schedule that submitted it."""
    reservation: str | None = None
    """The reservation in which it runs."""
    workers: int | None = None
    """The number that a user set with `resize`; it overrides the shape."""
    num_attempts: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    """Failures of each kind since the newest checkpoint that brought progress."""
    saved_step: int = 0
    started_at: float | None = None
    """When its first attempt made a step."""
    ended_at: float | None = None
    trained_s: float = 0.0
    """In attempts that have ended."""
    progress: Mapping[str, Any] = field(default_factory=dict)
    """As last reported: `step`, `num_steps`, `workers`, `loss` and other rates of the training;
    `headline`, `split` and `metrics` of the last evaluation; `compared` and `at_rungs`, by which
    its sweep compares it with other trials."""
    result: Mapping[str, Any] | None = None
    """The content of `result.json` of the run, or `{"error": ..., "failure": ...}`."""
    removed_at: float | None = None
    """When its logs and events were removed, because it had ended long ago."""

    @property
    def is_at_rung(self) -> bool:
        """Whether it goes on only after it was compared with the other trials of its sweep."""
        passed = self.passed_rungs
        return passed < len(self.rungs) and passed < len(self.progress.get("at_rungs", ()))


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt at a job on the cluster."""

    job: str
    number: int
    """Its fencing number: 1, 2, ... Reports of older attempts than the newest are refused."""
    submission: str
    """Its id in Ray; made from the ledger's id, the job's number and the attempt's."""
    token_sha256: str
    """Of the secret that authenticates its reports."""
    placement: Mapping[str, int]
    """Workers on each node, by node id."""
    created_at: float
    cause: str = "start"
    """`start` for the first attempt of a job, `again` for the others."""
    handed_at: float | None = None
    """When Ray accepted it; None: not yet, or unknown."""
    seen_at: float | None = None
    """When it reported last."""
    stop: StopReason | None = None
    """Why it has to stop."""
    stop_at: float | None = None
    """When the stop was requested."""
    target: Mapping[str, int] | None = None
    """The workers on each node to which it is being resized."""
    resized_at: float | None = None
    """When it was resized last."""
    ended_at: float | None = None
    end: AttemptEnd | None = None
    error: str | None = None
    failure: str | None = None
    step: int | None = None
    """At which it ended."""
    used: Mapping[str, Any] | None = None
    """What its workers have used, see `protocol/usage.py: Used`; None: nothing measured."""


@dataclass(frozen=True, slots=True)
class AllocationRecord:
    """A number of workers that an attempt had, and when: a resize begins another one."""

    job: str
    attempt: int
    began_at: float
    workers: int
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event: what happened or was decided, and by whom."""

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
    """What a schedule does when it is due and its previous job has not ended."""

    SKIP = "skip"
    QUEUE = "queue"
    STOP_OLD = "stop-old"
    ALLOW = "allow"


class Missed(StrEnum):
    """What a schedule does about times that passed while the server was down.

    Times of cron that pass while it is paused are skipped; the time of `at` counts as missed.
    """

    SKIP = "skip"
    ONE = "one"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """A job that is submitted repeatedly, or once at a given time."""

    name: str
    owner: str
    request: Mapping[str, Any]
    """The submit request, in the form of the API."""
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
    """A user."""

    name: str
    role: Role
    team: str
    created_at: float
    blocked_at: float | None = None
    """Since when requests of this user are refused; None: they are not."""
    blocked_by: str | None = None
    blocked_for: str | None = None
    """The reason that was given."""

    @property
    def is_blocked(self) -> bool:
        """Whether requests of this user are refused."""
        return self.blocked_at is not None


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a user; only its scrypt hash is stored."""

    id: str
    """Twelve characters; the public part of the token."""
    user: str
    salt: bytes
    hash: bytes
    created_at: float
    note: str = ""
    expires_at: float | None = None
    revoked_at: float | None = None
    used_at: float | None = None


@dataclass(frozen=True, slots=True)
class DrainRecord:
    """A node that an admin has drained."""

    node: str
    """Its name, so that it stays drained when its Ray restarts; its id if nodes share a name."""
    reason: str
    actor: str
    since: float


@dataclass(frozen=True, slots=True)
class ReservationRecord:
    """Nodes that an admin has reserved for users and teams."""

    name: str
    starts_at: float
    ends_at: float
    nodes: tuple[str, ...]
    """Their names, or ids where nodes share a name."""
    users: tuple[str, ...]
    teams: tuple[str, ...]
    actor: str
    made_at: float


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """The weight, quota and limit of a team; None means unlimited."""

    name: str
    weight: float = 1.0
    quota_cpus: float | None = None
    quota_gpus: float | None = None
    limit_cpus: float | None = None
    limit_gpus: float | None = None
