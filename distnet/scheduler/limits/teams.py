"""Team limits: what the jobs of a team may never exceed, now and once workers have left.

The first job of a team that waits for the team's limit is not delayed by other jobs of the team.
Like the head of the whole queue (`reservation.py`), it has its part of the limit reserved from the
time at which enough jobs of the team will have ended.
"""

import math
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from distnet.scheduler.capacity.nodes import UNLIMITED
from distnet.scheduler.columns import Columns
from distnet.scheduler.format import format_duration, format_resources
from distnet.scheduler.quotas import NO_RESOURCES, add_workers
from distnet.scheduler.view import JobRequest, Resources, Shape, Team, View

MAX_BLOCKERS = 5
"""Jobs that a wait names."""
_ExpectedEnd = tuple[float, int, Shape, int]
"""When workers of a team end; job number, shape and number of workers."""


@dataclass(slots=True)
class _Head:
    """The first job of a team that waits for the limit; its other jobs must not delay it."""

    job: JobRequest
    starts_at: float
    left: Resources
    """Of the limit, once it has started."""


class Standing(NamedTuple):
    """How a team stands with its limit at a moment."""

    team: Team
    held: Resources
    first_to_end: tuple[int, ...]
    """The numbers of a few of its jobs."""


class LimitReason(NamedTuple):
    """Why a job waits for its team's limit."""

    shape: Shape
    standing: Standing
    starts_in_s: float | None = None
    """Expected; None: unknown."""

    def __str__(self) -> str:
        team = self.standing.team
        needed = add_workers(NO_RESOURCES, self.shape)
        limits = [(team.limit_cpus, "CPUs"), (team.limit_gpus, "GPUs")]
        limit = " and ".join(f"{most:g} {kind}" for most, kind in limits if not math.isinf(most))
        text = (
            f"waiting for the limit of team {team.name}: needs {format_resources(*needed)}, "
            f"the team uses {format_resources(*self.standing.held)} of at most {limit}"
        )
        if self.starts_in_s is None:
            return text
        return f"{text}; expected to start in {format_duration(self.starts_in_s)}"


class TeamLimits:
    """What teams hold compared with their limits: now, and once workers have left.

    Attributes:
        exist: whether any team has a limit.
        limit: the CPUs and GPUs of each team, by its number.
        left: the CPUs and GPUs that each team may add now; and soon.
        has_head: whether each team has a head.
        head_at: when the head of each team will start; inf where there is none.
        head_left: the CPUs and GPUs of the limit that it leaves.
        standings: how teams stood at each time that anything has changed.
        standing: the index of the newest of each team.

    Where something of all teams is an array, it is for `QueueLimits`.
    """

    def __init__(self, view: View, columns: Columns) -> None:
        self._view = view
        self._teams = {name: team for name, team in view.teams.items() if _has_limit(team)}
        self.exist = bool(self._teams)
        self._now = dict.fromkeys(self._teams, NO_RESOURCES)
        self._heads: dict[str, _Head] = {}
        self._ends: dict[str, list[_ExpectedEnd]] = {name: [] for name in self._teams}
        """Sorted by time."""
        has_limit = np.array([name in self._teams for name in columns.teams], dtype=bool)
        members = np.flatnonzero(has_limit[columns.running.jobs.team]).tolist()
        limited = [view.allocations[n] for n in members]
        for allocation in limited:
            workers = max(allocation.workers, allocation.resizing_to or 0)
            self._add(self._now, allocation.job, workers)
        self._soon = dict(self._now)
        for allocation in limited:
            job, target = allocation.job, allocation.resizing_to
            if allocation.is_stopping:
                self._add(self._soon, job, -allocation.workers)
                continue
            self._ends[job.team].append(
                (allocation.ends_at, job.number, job.shape, allocation.workers)
            )
            if target is not None and target < allocation.workers:
                self._add(self._soon, job, target - allocation.workers)
        for ends in self._ends.values():
            ends.sort(key=_when)
        self.standings: list[Standing] = []
        self._numbers, size = columns.teams, len(columns.teams)
        self.limit = np.full((2, size), math.inf)
        self.left = np.full((4, size), math.inf)
        self.has_head = np.zeros(size, dtype=bool)
        self.head_at = np.full(size, math.inf)
        self.head_left = np.full((2, size), math.inf)
        self.standing = np.zeros(size, dtype=np.int64)
        for name in self._teams:
            self._changed(name)

    def applies_to(self, job: JobRequest) -> bool:
        """Whether the job's team has a limit."""
        return job.team in self._teams

    def headroom(self, job: JobRequest) -> int:
        """Count the workers of this job that its team may add, both now and soon."""
        if job.team not in self._teams:
            return UNLIMITED
        return min(self._headroom(self._now[job.team], job), self.headroom_soon(job))

    def growth_headroom(self, job: JobRequest) -> int:
        """Count the workers that a running job may add without delaying any job of the team."""
        return 0 if job.team in self._heads else self.headroom(job)

    def headroom_soon(self, job: JobRequest, leaving: Iterable[tuple[Shape, int]] = ()) -> int:
        """Count the workers that the team may add once workers have left.

        Args:
            leaving: further workers of the team that would leave.
        """
        if job.team not in self._teams:
            return UNLIMITED
        held = self._soon[job.team]
        for shape, workers in leaving:
            held = add_workers(held, shape, -workers)
        return self._headroom(held, job)

    def allocate(self, job: JobRequest, workers: int) -> None:
        """Count workers that start now."""
        self._add(self._now, job, workers)
        self.nominate(job, workers)

    def nominate(self, job: JobRequest, workers: int) -> None:
        """Count workers that start once others have left."""
        if job.team in self._teams:
            ends_at = self._view.now + job.expected_s
            insort(self._ends[job.team], (ends_at, job.number, job.shape, workers), key=_when)
        self._add(self._soon, job, workers)
        head = self._heads.get(job.team)
        if head is not None and self._view.now + job.expected_s > head.starts_at:
            head.left = add_workers(head.left, job.shape, -workers)
        self._changed(job.team)

    def release(self, job: JobRequest, workers: int) -> None:
        """Subtract workers that leave soon."""
        if job.team in self._teams:
            rest = [end for end in self._ends[job.team] if end[1] != job.number]
            self._ends[job.team] = rest
        self._add(self._soon, job, -workers)
        self._changed(job.team)

    def head_of(self, job: JobRequest) -> JobRequest:
        """Return the first job of the same team that waits for the limit."""
        return self._heads[job.team].job

    def reserve(self, job: JobRequest) -> bool:
        """Make this job the head of its team, if the team has none and the limit admits the job.

        Returns:
            Whether it is the head now.
        """
        if job.team in self._heads or self._headroom(NO_RESOURCES, job) < job.shape.min_workers:
            return False
        team = self._teams[job.team]
        starts_at, held = self._forecast(job)
        held = add_workers(held, job.shape)
        left = team.limit_cpus - held[0], team.limit_gpus - held[1]
        self._heads[job.team] = _Head(job, starts_at, left)
        self._changed(job.team)
        return True

    def earliest_start(self, job: JobRequest) -> float:
        """Return when the team's limit would let a job start; inf if unknown."""
        return self._forecast(job)[0]

    def reason(self, job: JobRequest) -> "LimitReason":
        """Say what the limit is, and how much of it is used."""
        head, standing = self._heads.get(job.team), self.standing_of(job)
        if head is None or head.job.number != job.number or math.isinf(head.starts_at):
            return LimitReason(job.shape, standing)
        return LimitReason(job.shape, standing, head.starts_at - self._view.now)

    def standing_of(self, job: JobRequest) -> Standing:
        """Return how the job's team stands now."""
        return self.standings[int(self.standing[self._numbers[job.team]])]

    def _changed(self, name: str) -> None:
        """Note how a team stands from now on."""
        team = self._teams.get(name)
        if team is None or name not in self._numbers:
            return
        n, now, soon = self._numbers[name], self._now[name], self._soon[name]
        limit = team.limit_cpus, team.limit_gpus
        self.limit[:, n] = limit
        self.left[:, n] = *_minus(limit, now), *_minus(limit, soon)
        head = self._heads.get(name)
        if head is not None:
            self.has_head[n] = True
            self.head_at[n], self.head_left[:, n] = head.starts_at, head.left
        first = tuple(number for _, number, _, _ in self._ends[name][:MAX_BLOCKERS])
        self.standing[n] = len(self.standings)
        self.standings.append(Standing(team, now, first))

    def _forecast(self, job: JobRequest) -> tuple[float, Resources]:
        """Return when enough jobs of the team will have ended, and what the others hold then."""
        starts_at, held = self._view.now, self._soon[job.team]
        for ends_at, _, shape, workers in self._ends[job.team]:
            if self._headroom(held, job) >= job.shape.min_workers:
                return starts_at, held
            starts_at, held = max(starts_at, ends_at), add_workers(held, shape, -workers)
        is_enough = self._headroom(held, job) >= job.shape.min_workers
        return (starts_at if is_enough else math.inf), held

    def _headroom(self, held: Resources, job: JobRequest) -> int:
        team, shape = self._teams[job.team], job.shape
        workers = [
            (limit - used) // each
            for limit, used, each in (
                (team.limit_cpus, held[0], shape.cpus),
                (team.limit_gpus, held[1], shape.gpus),
            )
            if each and not math.isinf(limit)
        ]
        return max(0, int(min(workers, default=UNLIMITED)))

    def _add(self, sums: dict[str, Resources], job: JobRequest, workers: int) -> None:
        if job.team in sums:
            sums[job.team] = add_workers(sums[job.team], job.shape, workers)


def _has_limit(team: Team) -> bool:
    return not (math.isinf(team.limit_cpus) and math.isinf(team.limit_gpus))


def _when(end: _ExpectedEnd) -> tuple[float, int]:
    return end[0], end[1]


def _minus(limit: Resources, held: Resources) -> Resources:
    return limit[0] - held[0], limit[1] - held[1]
