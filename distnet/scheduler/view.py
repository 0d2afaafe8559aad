"""What the scheduler reads and returns: plain values, no clock, no database, no Ray.

    decide(View) -> Plan

Times are Unix seconds. The same view always gives the same plan.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from distnet.spec.selector import Selector

Resources = tuple[float, float]
"""CPUs and GPUs."""
Choice = tuple[Selector | None, frozenset[str] | None]
"""The nodes on which a worker may be, and the ids of those on which it may not be now."""
PerWorker = tuple[float, float, Choice | None]
"""CPUs and GPUs of one worker, and on which nodes it may be; None: on any."""
NO_LABELS: Mapping[str, str] = {}
JOB_NUMBERS = struct.Struct("=qqddddqqqq")  # `JobRequest.numbers`


class Shape(NamedTuple):
    """What a job requests: workers, all or none (a gang), and what each needs on one node."""

    min_workers: int
    """Workers that it needs to start."""
    max_workers: int
    """Workers that it can use."""
    cpus: int
    """Of each worker."""
    gpus: int
    selector: Selector | None = None
    """The nodes that it may use; None: any."""
    barred: frozenset[str] | None = None
    """Nodes that it must not use now, because they are reserved; see `eligible/reserved.py`."""

    @property
    def is_elastic(self) -> bool:
        """Whether the number of workers may change."""
        return self.min_workers < self.max_workers

    @property
    def per_worker(self) -> PerWorker:
        """What one worker needs."""
        if self.selector is None and self.barred is None:
            return self.cpus, self.gpus, None
        return self.cpus, self.gpus, (self.selector, self.barred)

    def resized(self, min_workers: int, max_workers: int) -> "Shape":
        """The same with other numbers of workers."""
        return self._replace(min_workers=min_workers, max_workers=max_workers)


@dataclass(frozen=True, slots=True)
class Node:
    """A live node of the cluster."""

    id: str
    cpus: float
    """That distnet can use: all that other programs of the same Ray do not hold."""
    gpus: float
    name: str = ""
    """Host name or address, for messages, and for the orders of admins."""
    is_draining: bool = False
    """About to be removed, or drained: nothing new starts there."""
    group: str = ""
    """The group of the cluster file that it is of; empty: none that is known."""
    is_absent: bool = False
    """An autoscaler can add it. Jobs wait for it, and nothing starts there before it has come."""
    drained: str = ""
    """Why an admin has drained it; empty: none has."""
    leaving: str = ""
    """The jobs on it that say that it is about to be removed; empty: none does."""
    others_cpus: float = 0.0
    """That other programs hold."""
    others_gpus: float = 0.0
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS, hash=False)
    """Such as the zone, or the type of its GPUs."""

    @property
    def total(self) -> Resources:
        """What it has, whoever uses it."""
        return self.cpus + self.others_cpus, self.gpus + self.others_gpus


@dataclass(frozen=True, slots=True)
class Group:
    """A kind of node of which an autoscaler adds and removes some."""

    name: str
    adding_since: float | None = None
    """Since when nodes are being added; each one that comes sets it to now. None: none are."""
    reason: str = ""
    """Why they do not come, by the autoscaler's own account; empty: it has given none."""
    problem: str = ""
    """Why none are added at the moment; empty: they are when jobs need them."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What the scheduler knows of a job; built once when it is submitted, requeued or changed."""

    number: int
    """Of the job; jobs submitted earlier have smaller ones."""
    name: str
    owner: str
    team: str
    priority: int
    submitted_at: float
    """Ageing counts from here. Preemption does not reset it."""
    shape: Shape
    ran_s: float = 0.0
    """For how long it has run in earlier attempts; the rest of its age it has waited."""
    not_before: float = 0.0
    """Earliest start (`--at`, or the backoff after a failure)."""
    expected_s: float = math.inf
    """Remaining training time, as far as known."""
    is_preemptible: bool = True
    reservation: str = ""
    """In which it runs; empty: none."""
    sweep: str = ""
    """Of which it is a trial; empty: none."""
    trials_at_once: int | None = None
    """How many trials of the sweep may run at the same time; None: any number."""
    numbers: bytes = field(init=False, repr=False, compare=False)  # packed, for `columns.py`
    per_worker: PerWorker = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        times = self.submitted_at, self.ran_s, self.not_before, self.expected_s
        packed = JOB_NUMBERS.pack(self.number, self.priority, *times, *self.shape[:4])
        object.__setattr__(self, "numbers", packed)
        object.__setattr__(self, "per_worker", self.shape.per_worker)


@dataclass(frozen=True, slots=True)
class Allocation:
    """The workers that a job with an attempt holds."""

    job: JobRequest
    placement: Mapping[str, int]
    """Workers on each node, by node id."""
    started_at: float
    ends_at: float = math.inf
    """Expected end; of a job that is overdue, the scheduler takes `now`."""
    is_stopping: bool = False
    """A stop was requested: all of its workers are about to be released."""
    is_steady: bool = True
    """It may be resized or stopped now; false while it starts, resizes or is unknown."""
    resizing_to: int | None = None
    """Workers of a resize in progress."""
    resized_at: float = 0.0
    """Time of the last resize; 0: never."""
    is_resize_requested: bool = False
    """Its user requested a number of workers (not a range) that it does not have yet."""

    @property
    def workers(self) -> int:
        """How many it has."""
        return sum(self.placement.values())


@dataclass(frozen=True, slots=True)
class Team:
    """Share, quota and limit of a team. Quotas count what its jobs hold at the moment."""

    name: str
    weight: float = 1.0
    """Of its fair share when teams compete."""
    quota_cpus: float = math.inf
    quota_gpus: float = math.inf
    """Guaranteed: a team within its quota may reclaim what others borrowed."""
    limit_cpus: float = math.inf
    limit_gpus: float = math.inf
    """Never exceeded, even when the cluster is idle. Usage above the quota is borrowed."""


@dataclass(frozen=True, slots=True)
class ReservedNodes:
    """Nodes that are reserved for some users and teams, for a window of time."""

    name: str
    starts_at: float
    ends_at: float
    nodes: frozenset[str]
    """Their ids."""
    users: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()

    def is_active(self, now: float) -> bool:
        """Whether the window is open."""
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings of the scheduler."""

    ageing_s: float = 14_400.0
    """A job gains one level of rank each time this has passed since it was submitted. With a much
    shorter time, priorities mean little on a busy cluster (`distnet sim` shows it)."""
    preemption: bool = True
    backfill: bool = True
    elastic: bool = True
    """Shrink elastic jobs before stopping any job, and grow them into idle capacity."""
    steady_s: float = 60.0
    """A job is not grown, nor preempted for quota, sooner than this after its start or last
    resize."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything that a plan depends on."""

    now: float
    nodes: Sequence[Node]
    waiting: Sequence[JobRequest]
    """Jobs that may start: not held, dependencies satisfied."""
    allocations: Sequence[Allocation]
    teams: Mapping[str, Team] = field(default_factory=dict)
    """A team that is not listed has weight 1 and no quota."""
    usage: Mapping[str, float] = field(default_factory=dict)
    """Recent usage of each user (`user:NAME`) and team (`team:NAME`): seconds x dominant share of
    the cluster, decayed."""
    policy: Policy = Policy()
    groups: Sequence[Group] = ()
    """The groups of the absent nodes. Absent nodes of a group with a problem are draining."""
    reserved: Sequence[ReservedNodes] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Start an attempt with these workers."""

    job: int
    placement: Mapping[str, int]
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Preempt a job: its attempt saves a checkpoint, ends, and the job is queued again."""

    job: int
    for_job: int | None
    """None: it leaves reserved nodes."""
    reason: str


@dataclass(frozen=True, slots=True)
class Resize:
    """Change the number of workers of an attempt."""

    job: int
    placement: Mapping[str, int]
    """All of its workers after the resize; a job that grows keeps the nodes that it has."""
    reason: str
    for_job: int | None = None
    """The job that preempts the workers; None where the job grows."""


class Wait(NamedTuple):
    """Why a job does not start now: a stable code and one sentence."""

    job: int
    code: str
    """`later` (not_before), `never-fits`, `no-room`, `behind` (jobs ahead get the capacity),
    `quota`, `making-room` (victims are being preempted for it), `adding-nodes`, `reserved` (it
    would delay the reservation), `reservation` (the one that it names is not open, or too small) or
    `trials-at-once` (as many trials of its sweep run as may)."""
    why: object
    """The reason, as a text, or what becomes one when it is read: hardly any is."""
    blockers: tuple[int, ...] = ()
    """A few of the jobs that hold what it waits for, ordered by their expected end."""

    @property
    def reason(self) -> str:
        """One sentence."""
        return str(self.why)


Decision = Start | Stop | Resize


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, and the queue with the reason of every wait."""

    decisions: tuple[Decision, ...]
    """In the order in which to carry them out."""
    queue: tuple[Wait, ...]
    """Every job that still waits, in the order in which jobs are considered."""
    nodes: Mapping[str, int] = field(default_factory=dict)
    """How many nodes of each group there must be: those in use, and those that jobs wait for. All
    others may be removed."""
    new_nodes: Mapping[str, int] = field(default_factory=dict)
    """How many of these are absent."""
