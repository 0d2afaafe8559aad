"""What the scheduler sees, and what it says: plain values, no clock, no database, no Ray.

    decide(View) -> Plan

Times are Unix seconds. The same view always gives the same plan.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Shape(NamedTuple):
    """What a job asks for: workers, all of them or none, and what each needs on one node.

    A tuple, as `Wait` is: with 10,000 jobs a pass hashes the one and makes the other 10,000 times.
    """

    fewest: int
    """Workers that it may start with."""
    most: int
    """Workers that it can use."""
    cpus: int
    gpus: int

    @property
    def is_elastic(self) -> bool:
        """Whether the number of workers may change."""
        return self.fewest < self.most


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster that is alive."""

    id: str
    cpus: float
    """In all; what is not distnet's own use is taken off already."""
    gpus: float
    name: str = ""
    """For people: an address or a host name."""
    is_draining: bool = False
    """About to go away: nothing new may start there."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job that waits. Static: made once when the job is submitted, requeued or changed."""

    number: int
    """Of the job; smaller ones were submitted earlier."""
    name: str
    owner: str
    team: str
    priority: int
    submitted_at: float
    """Ageing counts from here; it stays when a job is preempted and waits again."""
    shape: Shape
    not_before: float = 0.0
    """It may not start earlier (`--at`, or the backoff after a failure)."""
    expected_s: float = math.inf
    """How long it will still train as far as is known."""
    is_preemptible: bool = True


@dataclass(frozen=True, slots=True)
class Holder:
    """A job with an attempt that holds room on nodes."""

    job: Candidate
    placement: Mapping[str, int]
    """Workers on each node, by node id."""
    started_at: float
    ends_at: float = math.inf
    """When it will have ended as far as is known; if it is late, the scheduler takes `now`."""
    is_stopping: bool = False
    """It has been asked to end; its room comes back."""
    is_steady: bool = True
    """It may be resized or asked to stop now; false while it starts, resizes or is unknown."""
    asked: int | None = None
    """Workers that it was asked to go on with, until it has them."""
    resized_at: float = 0.0
    """When its workers changed last; 0: never."""
    is_wished: bool = False
    """A user has asked for other workers than it has, and not only for a range."""

    @property
    def workers(self) -> int:
        """How many it has."""
        return sum(self.placement.values())


@dataclass(frozen=True, slots=True)
class Team:
    """What a team is entitled to. Quotas count what its jobs hold at this moment."""

    name: str
    weight: float = 1.0
    """Its share when several teams compete."""
    quota_cpus: float = math.inf
    quota_gpus: float = math.inf
    """Its own: a team below its quota may take back what others borrowed."""
    limit_cpus: float = math.inf
    limit_gpus: float = math.inf
    """Never more than this, even if the rest stands idle. Beyond the quota is borrowed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of the scheduler."""

    ageing_s: float = 86_400.0
    """A job gains one level of priority for each such time since it was submitted. Much shorter,
    and priorities mean little as soon as there is too much to do (`distnet sim` shows it)."""
    preemption: bool = True
    backfill: bool = True
    elastic: bool = True
    """Shrink elastic jobs before any is stopped, and let them grow into what is idle."""
    steady_s: float = 60.0
    """A job is not grown, nor gives way for fairness, sooner than this after it started or was
    resized."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything that a plan depends on."""

    now: float
    nodes: Sequence[Node]
    waiting: Sequence[Candidate]
    """Jobs that could start if there was room: not held, their dependencies satisfied."""
    holders: Sequence[Holder]
    teams: Mapping[str, Team] = field(default_factory=dict)
    """A team that is not named has weight 1 and no quota."""
    usage: Mapping[str, float] = field(default_factory=dict)
    """What each user (`user:NAME`) and team (`team:NAME`) has used lately: seconds x dominant
    share of the cluster, decayed."""
    policy: Policy = Policy()


@dataclass(frozen=True, slots=True)
class Start:
    """Begin an attempt with these workers."""

    job: int
    placement: Mapping[str, int]
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask an attempt to save and end, so that another job can have its place."""

    job: int
    for_job: int
    reason: str


@dataclass(frozen=True, slots=True)
class Resize:
    """Ask an attempt to go on with another number of workers."""

    job: int
    placement: Mapping[str, int]
    """Where they will be: a growing job keeps its nodes and gets more; its sum is the number."""
    reason: str
    for_job: int | None = None


class Wait(NamedTuple):
    """Why a job does not start now, in one sentence and a stable code."""

    job: int
    code: str
    """`later` (not_before), `never-fits`, `no-room`, `behind` (others come first), `quota`,
    `making-room` (others were asked to give way) or `reserved` (it would delay the first)."""
    reason: str
    holders: tuple[int, ...] = ()
    """Jobs that hold what it waits for, the first to end first; a few of them."""


Decision = Start | Stop | Resize


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, in this order; and the true order of the queue with its reasons."""

    decisions: tuple[Decision, ...]
    queue: tuple[Wait, ...]
    """Every waiting job that was not started, in the order in which they will be considered."""
