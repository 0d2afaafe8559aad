"""Team quotas: which jobs are within their team's quota, and which borrow.

The jobs of a team use its quota in the order of priority and age; those beyond it borrow. The
order does not change with time, because all jobs age alike. A waiting job uses its part of the
quota before a younger one that already runs: a small job that was backfilled must not cost a large
one its quota. What a team borrowed may be reclaimed by jobs within their own team's quota. A job
that would borrow preempts no job of another team that is within its quota, whatever the priorities.

Source: Kueue's nominal quota, borrowing limit and `reclaimWithinCohort`
(https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/). It counts a team as a whole. Here each job
is known to borrow or not, so that what was reclaimed cannot be reclaimed once more.

A job that would borrow must not wait for ever while jobs within quotas arrive. Once it has waited
for `ageing`, it is **due**: it stands in the queue among the jobs within their quotas, by its claim
(a level for each `ageing` that it has waited; its priority only if that is below 0). While it runs,
jobs reclaim from it whose rank is not below its claim, so what it is given by its age is not taken
back by the next job that arrives, and the order of the queue and reclaiming agree: no job starts
where it would be reclaimed from at once. Time in which a job runs counts for no claim.
"""

import math
from collections.abc import Iterable

from distnet.scheduler.view import Allocation, JobRequest, Resources, Shape, Team, View

NO_RESOURCES: Resources = (0.0, 0.0)


class Quotas:
    """Which waiting jobs are within their team's quota, and which running jobs are beyond it."""

    def __init__(self, view: View, jobs: Iterable[JobRequest]) -> None:
        teams = {name: team for name, team in view.teams.items() if _has_quota(team)}
        self.exist = bool(teams)
        self._now, self._ageing_s = view.now, view.policy.ageing_s
        self._would_borrow: set[int] = set()
        self._borrowed: dict[int, tuple[bool, bool]] = {}
        if not teams:
            return
        running = {a.job.number: a for a in view.allocations if not a.is_stopping}
        members: dict[str, list[JobRequest]] = {name: [] for name in teams}
        for job in (*jobs, *(allocation.job for allocation in running.values())):
            if job.team in teams:
                members[job.team].append(job)
        for name, queue in members.items():
            queue.sort(key=lambda j: (j.submitted_at - j.priority * view.policy.ageing_s, j.number))
            self._divide(teams[name], queue, running)

    def includes(self, job: JobRequest) -> bool:
        """Whether a waiting job would be within its team's quota."""
        return job.number not in self._would_borrow

    def is_due(self, job: JobRequest) -> bool:
        """Whether a waiting job that would borrow stands among the jobs within their quotas."""
        return not self.includes(job) and self._levels(job, self._now) > 0

    def claim(self, job: JobRequest) -> int:
        """The rank at which a waiting job that is due stands among the jobs within quotas."""
        return self._levels(job, self._now) + min(job.priority, 0)

    def may_reclaim(self, rank: int, allocation: Allocation) -> bool:
        """Whether a job within its quota, of this rank, may reclaim what a running job borrows."""
        levels = self._levels(allocation.job, allocation.started_at)
        return levels <= 0 or rank >= levels + min(allocation.job.priority, 0)

    def borrows_for(self, allocation: Allocation, shape: Shape) -> bool:
        """Whether a running job borrows a kind of resource that a gang of this shape needs."""
        cpus, gpus = self._borrowed.get(allocation.job.number, (False, False))
        return (cpus and shape.cpus > 0) or (gpus and shape.gpus > 0)

    def borrows(self, allocation: Allocation) -> bool:
        """Whether a running job borrows anything."""
        return allocation.job.number in self._borrowed

    def _levels(self, job: JobRequest, until: float) -> int:
        """How many times a job had waited for `ageing` at a moment."""
        return int((until - job.submitted_at - job.ran_s) // self._ageing_s)

    def _divide(self, team: Team, queue: list[JobRequest], running: dict[int, Allocation]) -> None:
        held = within = NO_RESOURCES
        for job in queue:
            with_it = add_workers(within, job.shape)
            if job.number in running:
                held, within = add_workers(held, job.shape), with_it
                beyond = _beyond(held, job.shape, team)
                if True in beyond:
                    self._borrowed[job.number] = beyond
            elif True in _beyond(with_it, job.shape, team):
                self._would_borrow.add(job.number)
            else:
                within = with_it


def add_workers(held: Resources, shape: Shape, count: int | None = None) -> Resources:
    """Add what `count` workers of a shape need, by default the minimum number of workers."""
    workers = shape.min_workers if count is None else count
    return held[0] + workers * shape.cpus, held[1] + workers * shape.gpus


def _has_quota(team: Team) -> bool:
    return not (math.isinf(team.quota_cpus) and math.isinf(team.quota_gpus))


def _beyond(held: Resources, shape: Shape, team: Team) -> tuple[bool, bool]:
    """Whether the CPUs and the GPUs that the shape uses are beyond the quota."""
    cpus = shape.cpus > 0 and held[0] > team.quota_cpus
    return cpus, shape.gpus > 0 and held[1] > team.quota_gpus
