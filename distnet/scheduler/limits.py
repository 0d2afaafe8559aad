"""Team limits: what the jobs of a team may never exceed, now and once workers have left.

The first job of a team that waits for the team's limit is not delayed by other jobs of the team.
Like the head of the whole queue (`reservation.py`), it has its part of the limit reserved from the
time at which enough jobs of the team will have ended.
"""

import math
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass

from distnet.scheduler.capacity.nodes import UNLIMITED
from distnet.scheduler.format import format_duration, format_resources
from distnet.scheduler.quotas import NO_RESOURCES, add_workers
from distnet.scheduler.view import JobRequest, Resources, Shape, Team, View

_ExpectedEnd = tuple[float, int, Shape, int]
"""When workers of a team end; job number, shape and number of workers."""


@dataclass(slots=True)
class _Head:
    """The first job of a team that waits for the limit; its other jobs must not delay it."""

    job: JobRequest
    starts_at: float
    left: Resources
    """Of the limit, once it has started."""


class TeamLimits:
    """What teams hold compared with their limits: now, and once workers have left."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._teams = {name: team for name, team in view.teams.items() if _has_limit(team)}
        self._now = dict.fromkeys(self._teams, NO_RESOURCES)
        self._heads: dict[str, _Head] = {}
        self._ends: dict[str, list[_ExpectedEnd]] = {name: [] for name in self._teams}
        """Sorted by time."""
        limited = [a for a in view.allocations if a.job.team in self._teams] if self._teams else []
        for allocation in limited:
            workers = max(allocation.workers, allocation.resizing_to or 0)
            self._add(self._now, allocation.job, workers)
        self._soon = dict(self._now)
        for allocation in limited:
            job, target = allocation.job, allocation.resizing_to
            if allocation.is_stopping:
                self._add(self._soon, job, -allocation.workers)
                continue
            end = allocation.ends_at, job.number, job.shape, allocation.workers
            insort(self._ends[job.team], end, key=_when)
            if target is not None and target < allocation.workers:
                self._add(self._soon, job, target - allocation.workers)

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

    def release(self, job: JobRequest, workers: int) -> None:
        """Subtract workers that leave soon."""
        if job.team in self._teams:
            rest = [end for end in self._ends[job.team] if end[1] != job.number]
            self._ends[job.team] = rest
        self._add(self._soon, job, -workers)

    def delayed_head(self, job: JobRequest) -> JobRequest | None:
        """Return the job of the same team that this one would delay by starting now, if any."""
        head = self._heads.get(job.team)
        if head is None or self._view.now + job.expected_s <= head.starts_at:
            return None
        needed = add_workers(NO_RESOURCES, job.shape)
        return head.job if needed[0] > head.left[0] or needed[1] > head.left[1] else None

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
        return True

    def earliest_start(self, job: JobRequest) -> float:
        """Return when the team's limit would let a job start; inf if unknown."""
        return self._forecast(job)[0]

    def reason(self, job: JobRequest) -> str:
        """Say what the limit is, and how much of it is used."""
        team, held = self._teams[job.team], self._now[job.team]
        needed = add_workers(NO_RESOURCES, job.shape)
        limits = [(team.limit_cpus, "CPUs"), (team.limit_gpus, "GPUs")]
        limit = " and ".join(f"{most:g} {kind}" for most, kind in limits if not math.isinf(most))
        text = (
            f"waiting for the limit of team {team.name}: needs {format_resources(*needed)}, "
            f"the team uses {format_resources(*held)} of at most {limit}"
        )
        head = self._heads.get(job.team)
        if head is None or head.job.number != job.number or math.isinf(head.starts_at):
            return text
        start = format_duration(head.starts_at - self._view.now)
        return f"{text}; expected to start in {start}"

    def blockers(self, job: JobRequest, limit: int) -> tuple[int, ...]:
        """Return the jobs of the team that end first."""
        return tuple(number for _, number, _, _ in self._ends[job.team][:limit])

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
