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

from collections.abc import Iterable, Iterator

import numpy as np

from distnet.scheduler.capacity.availability import Availability
from distnet.scheduler.columns import Bools, Ints, Jobs
from distnet.scheduler.limits.teams import TeamLimits
from distnet.scheduler.order import rank
from distnet.scheduler.quotas import Quotas
from distnet.scheduler.reservation import Reservation
from distnet.scheduler.victims import DryRun, Victim, VictimPool, minimal_victims
from distnet.scheduler.view import JobRequest, View

MAX_VICTIMS_PER_PASS = 100
"""Beyond it, jobs wait for the next pass, which is near; so each pass stays short."""


class Preemption:
    """Finds victims; a job that is preempted is not chosen again.

    Attributes:
        is_possible: of each job of the queue, whether it may find victims, as far as is known.
    """

    def __init__(
        self,
        view: View,
        availability: Availability,
        queue: Jobs,
        is_within_quota: Bools,
        quotas: Quotas,
        *,
        limits: TeamLimits,
    ) -> None:
        self._view, self._availability, self._queue = view, availability, queue
        self._is_within_quota, self._quotas, self._limits = is_within_quota, quotas, limits
        running = self._running = availability.running
        self._ranks = running.jobs.ranks(view.now, view.policy)
        steady = np.flatnonzero(running.is_steady & ~running.is_stopping)
        costs = running.jobs.number[steady], running.started_at[steady], self._ranks[steady]
        steady = steady[np.lexsort((-costs[0], -costs[1], costs[2]))]
        self._stoppable = steady[running.is_preemptible[steady] & view.policy.preemption]
        self._surplus = steady[running.has_surplus[steady] & view.policy.elastic]
        self._preempted = np.zeros(len(running), dtype=bool)
        self._num_preempted = 0
        teams = np.where(is_within_quota, 0, queue.team + 1)
        self._class = queue.priority * (teams.max(initial=0) + 1) + teams
        """Jobs of one class may preempt the same jobs; a single one may preempt fewer."""
        self._pools: dict[int, VictimPool] = {}
        self._max_workers: dict[tuple[int, int, str], int] = {}
        """Most workers for which earlier jobs of a class and kind found victims in vain."""
        self.forget_slots()

    def forget_slots(self) -> None:
        """There is a reservation now, so what victims would release has to be counted anew."""
        borrowed = self._quotas.borrowed[self._stoppable].any()
        lowest = self._ranks[self._stoppable].min(initial=np.iinfo(np.int64).max)
        may_stop = (self._queue.priority > lowest) | (self._is_within_quota & borrowed)
        self.is_possible = may_stop | bool(len(self._surplus))

    def find_victims(self, position: int, reservation: Reservation | None) -> list[Victim] | None:
        """Find victims for a job of the queue, so that the whole gang fits; None if too few."""
        if self._num_preempted >= MAX_VICTIMS_PER_PASS:
            self.is_possible[:] = False
            return None
        job, queue = self._queue.jobs[position], self._queue
        workers, kind = job.shape.min_workers, int(queue.kind[position])
        its_class = self._class[position]
        pool = self._pool_for(position)
        slots = pool.slots(self._availability, reservation, self._view.now)
        if slots is None or slots[kind] < workers:
            its = np.flatnonzero(self._class == its_class)
            is_enough = slots is not None and slots[queue.kind[its]] >= queue.min_workers[its]
            self.is_possible[its] &= is_enough
            return None
        key = int(its_class), kind, job.team if self._limits.applies_to(job) else ""
        if self._max_workers.get(key, workers) < workers:
            self.is_possible[position] = False
            return None
        dry_run = DryRun(job, self._availability, self._limits, reservation, self._view.now)
        victims = self._remove_until_fits(dry_run, position, pool, reservation)
        if not dry_run.fits:
            self._max_workers[key] = dry_run.max_workers
            return None
        return minimal_victims(dry_run, victims)

    def mark_preempted(self, victims: Iterable[Victim]) -> None:
        """Exclude victims from further preemption."""
        for victim in victims:
            self._preempted[victim.n] = True
        self._num_preempted = int(self._preempted.sum())
        self._surplus = self._surplus[~self._preempted[self._surplus]]

    def _remove_until_fits(
        self, dry_run: DryRun, position: int, pool: VictimPool, reservation: Reservation | None
    ) -> dict[int, Victim]:
        victims: dict[int, Victim] = {}
        for n, count in self._candidates(position, pool, reservation):
            victim = victims.get(n)
            if victim is None:
                allocation = self._running.allocations[n]
                workers = allocation.workers
                surplus = count if count < workers else 0
                victim = victims[n] = Victim(n, allocation, workers, surplus)
            dry_run.remove(victim, count)
            if dry_run.fits:
                break
        return victims

    def _candidates(
        self, position: int, pool: VictimPool, reservation: Reservation | None
    ) -> Iterator[tuple[int, int]]:
        """Candidates for preemption by rising cost, and how many of their workers may leave."""
        running, is_useful = self._running, self._useful(position)
        spare = running.workers - running.jobs.min_workers
        found = self._surplus[is_useful[self._surplus]]
        found = found[self._may_shrink(self._queue.jobs[position], found, reservation)]
        yield from zip(found.tolist(), spare[found].tolist(), strict=True)
        found = pool.stoppable[(is_useful & ~self._preempted)[pool.stoppable]]
        found = found[self._may_stop(position, found)]
        yield from zip(found.tolist(), running.workers[found].tolist(), strict=True)

    def _pool_for(self, position: int) -> VictimPool:
        """Return all that jobs of the class of this one may preempt."""
        key = int(self._class[position])
        if key not in self._pools:
            stoppable = self._stoppable[self._is_stoppable(position)]
            self._pools[key] = VictimPool(stoppable, self._surplus, len(self._running))
        return self._pools[key]

    def _is_stoppable(self, position: int) -> Bools:
        """Whom some job of the class may stop, of those that may be stopped at all."""
        found = self._stoppable
        is_lower: Bools = self._ranks[found] < self._queue.priority[position]
        if not self._quotas.exist:
            return is_lower
        borrows, is_within = self._quotas.borrowed[found], self._is_within_quota[position]
        is_same_team = self._running.jobs.team[found] == self._queue.team[position]
        is_lower &= is_within | borrows | is_same_team
        is_lower |= borrows & is_within
        return is_lower

    def _may_shrink(self, job: JobRequest, found: Ints, reservation: Reservation | None) -> Bools:
        now = self._view.now
        may_shrink: Bools = now - self._running.changed_at[found] >= self._view.policy.steady_s
        may_shrink |= self._ranks[found] < job.priority
        if reservation is not None:  # with fewer workers some would end later than it assumes
            ends_at = np.maximum(now, self._running.ends_at[found])
            may_shrink &= (ends_at > reservation.starts_at) | np.isinf(ends_at)
        return may_shrink

    def _may_stop(self, position: int, found: Ints) -> Bools:
        """Whom this job may stop, of those whom some job of its class may stop."""
        job, quotas, running = self._queue.jobs[position], self._quotas, self._running
        is_same_team = running.jobs.team[found] == self._queue.team[position]
        borrows = quotas.borrowed_cpus[found] & (job.shape.cpus > 0)
        borrows |= quotas.borrowed_gpus[found] & (job.shape.gpus > 0)
        is_lower = self._ranks[found] < job.priority
        is_old = self._view.now - running.changed_at[found] >= self._view.policy.steady_s
        level = rank(job, self._view.now, self._view.policy)
        may_reclaim = borrows & ~is_same_team & is_old & quotas.may_reclaim(level, found)
        may_stop = borrows | is_same_team | self._is_within_quota[position]
        found_ones: Bools = np.where(is_lower, may_stop, may_reclaim)
        return found_ones

    def _useful(self, position: int) -> Bools:
        """Whose end would free a slot for the job, or some of its team's limit."""
        running, queue = self._running, self._queue
        types, fits = self._availability.kinds.types
        rows = fits[types[running.row_node], queue.kind[position]] & (
            self._availability.staying > 0
        )
        useful = np.bincount(running.row_job[rows], minlength=len(running)) > 0
        if self._limits.applies_to(queue.jobs[position]):
            useful |= running.jobs.team == queue.team[position]
        return useful
