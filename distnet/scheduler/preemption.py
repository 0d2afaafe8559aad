"""Preemption: surplus workers of elastic jobs first, then whole jobs.

No more victims than needed, and none unless the whole gang fits afterwards.

A job may stop another one if its priority is above the other's rank. Ranks grow with age and
priorities do not, so of two jobs only one can ever stop the other, however long both wait. Between
teams, usage within a quota comes before borrowed usage, except what a job was given by its age
(`quotas.py`).

Victims are taken from the lowest rank up, within a rank the one that started last first, until the
gang fits. Then all that turn out not to be needed are spared, the most costly first, as in Kueue's
`minimalPreemptions` and `fillBackWorkloads`
(https://github.com/kubernetes-sigs/kueue/blob/main/pkg/scheduler/preemption/preemption.go).
Workers that are already leaving are counted before new victims are chosen, and what victims release
is nominated to the job that they leave for (`capacity/availability.py`), so no job is preempted
twice for the same capacity.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple

from distnet.scheduler.capacity.availability import Availability
from distnet.scheduler.elastic import has_surplus, last_change, may_shrink
from distnet.scheduler.limits import TeamLimits
from distnet.scheduler.order import rank
from distnet.scheduler.quotas import Quotas
from distnet.scheduler.reservation import Reservation
from distnet.scheduler.victims import DryRun, Ranked, Victim, VictimPool, minimal_victims
from distnet.scheduler.view import Allocation, JobRequest, PerWorker, View

MAX_VICTIMS_PER_PASS = 100
"""Beyond it, jobs wait for the next pass, which is near; so each pass stays short."""


class Preemption:
    """Finds victims; a job that is preempted is not chosen again."""

    def __init__(
        self, view: View, availability: Availability, quotas: Quotas, limits: TeamLimits
    ) -> None:
        self._view, self._availability = view, availability
        self._quotas, self._limits = quotas, limits
        self._preempted: set[int] = set()
        steady = (a for a in view.allocations if a.is_steady and not a.is_stopping)
        ranked = [(rank(a.job, view.now, view.policy), a) for a in steady]
        ranked.sort(key=lambda e: (e[0], -e[1].started_at, -e[1].job.number))
        self._preemptible = [entry for entry in ranked if entry[1].job.is_preemptible]
        self._surplus = [e for e in ranked if view.policy.elastic and has_surplus(e[1])]
        self._pools: dict[_PreemptorClass, VictimPool] = {}
        self._max_workers: dict[tuple[_PreemptorClass, PerWorker, str], int] = {}
        """Most workers for which earlier jobs of a class found victims in vain."""

    def find_victims(self, job: JobRequest, reservation: Reservation | None) -> list[Victim] | None:
        """Find victims so that the whole gang fits; None if there are not enough."""
        if len(self._preempted) >= MAX_VICTIMS_PER_PASS:
            return None
        pool, shape = self._pool_for(job), job.shape
        if not pool.is_enough(shape, self._availability, reservation, self._view.now):
            return None
        team = job.team if self._limits.applies_to(job) else ""
        kind = self._class_of(job), shape.per_worker, team
        if self._max_workers.get(kind, shape.min_workers) < shape.min_workers:
            return None
        dry_run = DryRun(job, self._availability, self._limits, reservation, self._view.now)
        victims = self._remove_until_fits(dry_run, job, pool, reservation)
        if not dry_run.fits:
            self._max_workers[kind] = dry_run.max_workers
            return None
        return minimal_victims(dry_run, victims)

    def mark_preempted(self, victims: Iterable[Victim]) -> None:
        """Exclude victims from further preemption."""
        self._preempted.update(victim.allocation.job.number for victim in victims)
        self._surplus = [e for e in self._surplus if e[1].job.number not in self._preempted]

    def _remove_until_fits(
        self, dry_run: DryRun, job: JobRequest, pool: VictimPool, reservation: Reservation | None
    ) -> dict[int, Victim]:
        victims: dict[int, Victim] = {}
        for allocation, count in self._candidates(job, pool, reservation):
            victim = victims.get(allocation.job.number)
            if victim is None:
                surplus = count if count < allocation.workers else 0
                victim = victims[allocation.job.number] = Victim(allocation, surplus)
            dry_run.remove(victim, count)
            if dry_run.fits:
                break
        return victims

    def _candidates(
        self, job: JobRequest, pool: VictimPool, reservation: Reservation | None
    ) -> Iterator[tuple[Allocation, int]]:
        """Candidates for preemption by rising cost, and how many of their workers may leave."""
        for level, allocation in self._surplus:
            if self._may_shrink(job, allocation, level, reservation):
                yield allocation, allocation.workers - allocation.job.shape.min_workers
        for level, allocation in pool.stoppable(self._preempted):
            if self._may_stop(job, allocation, level) and self._is_useful(job, allocation):
                yield allocation, allocation.workers

    def _pool_for(self, job: JobRequest) -> VictimPool:
        """Return all that jobs of this class may preempt; a single job may preempt fewer."""
        key = self._class_of(job)
        known = self._pools.get(key)
        if known is None:
            known = self._pools[key] = VictimPool(self._stoppable_by(key), self._surplus)
        return known

    def _stoppable_by(self, preemptors: "_PreemptorClass") -> list[Ranked]:
        if not self._view.policy.preemption:
            return []
        if not self._quotas.exist:
            below = bisect_left(self._preemptible, preemptors.priority, key=itemgetter(0))
            return self._preemptible[:below]
        return [entry for entry in self._preemptible if self._is_preemptible(preemptors, *entry)]

    def _class_of(self, job: JobRequest) -> "_PreemptorClass":
        is_within = self._quotas.includes(job)
        return _PreemptorClass(job.priority, is_within, "" if is_within else job.team)

    def _is_preemptible(
        self, preemptors: "_PreemptorClass", level: int, allocation: Allocation
    ) -> bool:
        borrows, is_within = self._quotas.borrows(allocation), preemptors.is_within_quota
        if level < preemptors.priority:
            return is_within or borrows or allocation.job.team == preemptors.team
        return borrows and is_within

    def _may_shrink(
        self, job: JobRequest, allocation: Allocation, level: int, reservation: Reservation | None
    ) -> bool:
        if allocation.job.number in self._preempted or not self._is_useful(job, allocation):
            return False
        ends_at = max(self._view.now, allocation.ends_at)
        if reservation is not None and reservation.starts_after(ends_at):
            return False  # with fewer workers it would end later than the reservation assumes
        return level < job.priority or may_shrink(allocation, self._view.now, self._view.policy)

    def _may_stop(self, job: JobRequest, allocation: Allocation, level: int) -> bool:
        """Whether this job may stop one that some job of its class may stop."""
        is_same_team = allocation.job.team == job.team
        borrows = self._quotas.borrows_for(allocation, job.shape)
        if level < job.priority:
            return borrows or is_same_team or self._quotas.includes(job)
        is_old = self._view.now - last_change(allocation) >= self._view.policy.steady_s
        if not (borrows and not is_same_team and is_old):
            return False
        return self._quotas.may_reclaim(rank(job, self._view.now, self._view.policy), allocation)

    def _is_useful(self, job: JobRequest, allocation: Allocation) -> bool:
        """Whether stopping it would free a slot for the job, or some of its team's limit."""
        if self._limits.applies_to(job) and allocation.job.team == job.team:
            return True
        nodes, per_worker = self._availability.nodes, job.shape.per_worker
        staying = self._availability.staying_of(allocation)
        return any(nodes.slots_on(n, nodes.cpus[n], nodes.gpus[n], per_worker) for n in staying)


class _PreemptorClass(NamedTuple):
    """Jobs that may preempt the same jobs."""

    priority: int
    is_within_quota: bool
    team: str
    """Only of jobs that would borrow: for the others the team makes no difference."""
