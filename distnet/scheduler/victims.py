"""Victims of preemption, and the dry run that checks whether enough of them are removed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from distnet.scheduler.capacity.availability import Availability
from distnet.scheduler.capacity.kinds import Column
from distnet.scheduler.capacity.nodes import slots_in
from distnet.scheduler.columns import Bools, Floats, Ints
from distnet.scheduler.elastic import workers_to_remove
from distnet.scheduler.limits.teams import TeamLimits
from distnet.scheduler.reservation import Reservation
from distnet.scheduler.view import Allocation, JobRequest


@dataclass(slots=True)
class Victim:
    """A job that loses some of its workers or all of them."""

    n: int
    """Index of the running job."""
    allocation: Allocation
    workers: int
    """That it has."""
    surplus: int
    """Workers that can leave while the job continues."""
    count: int = 0
    """Workers that leave."""

    @property
    def is_stop(self) -> bool:
        """Whether the whole job stops."""
        return self.count == self.workers

    @property
    def leaving(self) -> Mapping[str, int]:
        """The workers that leave, by node id."""
        placement = self.allocation.placement
        return placement if self.is_stop else workers_to_remove(placement, self.count)


class VictimPool:
    """The jobs that a class of preemptors may stop, and those that have surplus workers.

    Args:
        stoppable: indices of running jobs, the lowest rank first.
        surplus: indices of those that have surplus workers.
        num_running: the number of all running jobs.
    """

    def __init__(self, stoppable: Ints, surplus: Ints, num_running: int) -> None:
        self.stoppable = stoppable
        self._members = np.zeros(num_running, dtype=bool)
        self._members[stoppable] = self._members[surplus] = True
        self._is_empty = not self._members.any()
        self._slots: Column | None = None
        self._reservation: Reservation | None = None

    def slots(
        self, availability: Availability, reservation: Reservation | None, now: float
    ) -> Column | None:
        """Count the slots of each kind if all of them left; None if nobody is there to leave.

        Counted when they are first needed, and once more when there is a reservation.
        """
        if self._is_empty:
            return None
        if self._slots is None or reservation is not self._reservation:
            self._slots = self._without_members(availability, reservation, now)
            self._reservation = reservation
        return self._slots

    def _without_members(
        self, availability: Availability, reservation: Reservation | None, now: float
    ) -> Column:
        soon, later = availability.soon, availability.at_reservation
        cpus, gpus = _with_released(availability, soon.cpus, soon.gpus, self._members)
        if later is not None and reservation is not None:
            ends_at = np.maximum(now, availability.running.ends_at)
            still_there = self._members & ~(ends_at <= reservation.starts_at)
            others = _with_released(availability, later.cpus, later.gpus, still_there)
            cpus, gpus = np.minimum(cpus, others[0]), np.minimum(gpus, others[1])
        return availability.kinds.slots(cpus.tolist(), gpus.tolist())


def _with_released(
    availability: Availability, cpus: list[float], gpus: list[float], leaving: Bools
) -> tuple[Floats, Floats]:
    """Add what jobs hold that leave to what is free on each node."""
    running = availability.running
    counts = availability.staying * leaving[running.row_job]
    more_cpus, more_gpus = running.on_nodes(counts, len(cpus))
    return cpus + more_cpus, gpus + more_gpus


@dataclass(slots=True)
class _Released:
    """What victims release on a node."""

    cpus: float = 0.0
    gpus: float = 0.0
    later_cpus: float = 0.0
    """Without what the reservation relies on already."""
    later_gpus: float = 0.0
    slots: int = 0
    """With it."""


class DryRun:
    """The slots for one gang while possible victims are removed, without changing anything."""

    def __init__(
        self,
        job: JobRequest,
        availability: Availability,
        limits: TeamLimits,
        reservation: Reservation | None,
        now: float,
    ) -> None:
        self._job, self._limits, self._nodes = job, limits, availability.nodes
        self._reservation, self._now = reservation, now
        self._num_slots = availability.for_nominated.num_slots(job.per_worker)
        self._soon, self._later = availability.soon, availability.at_reservation
        self._released: dict[int, _Released] = {}
        self._min_workers, choice = job.shape.min_workers, job.per_worker[2]
        self._admitted = None if choice is None else self._nodes.admitted(choice)
        self._has_limit = limits.applies_to(job)
        self._same_team: dict[int, Victim] = {}

    @property
    def fits(self) -> bool:
        """Whether the whole gang would fit, within its team's limit."""
        if self._num_slots < self._min_workers:
            return False
        return not self._has_limit or self.max_workers >= self._min_workers

    @property
    def max_workers(self) -> int:
        """How many workers of the gang would fit."""
        if not self._has_limit:
            return self._num_slots
        leaving = [(v.allocation.job.shape, v.count) for v in self._same_team.values()]
        return min(self._num_slots, self._limits.headroom_soon(self._job, leaving))

    def remove(self, victim: Victim, count: int) -> None:
        """Let `count` workers of a victim leave, instead of as many as before."""
        job, before = victim.allocation.job, victim.count
        shape, index = job.shape, self._nodes.index
        is_gone = self._reservation is not None and self._reservation.relies_on_end_of(
            victim.allocation, self._now
        )
        for sign, victim.count in ((-1, before), (1, count)):
            if not victim.count:
                continue
            for node, workers in victim.leaving.items():
                if node in index:
                    change = sign * workers
                    cpus, gpus = change * shape.cpus, change * shape.gpus
                    self._release(index[node], cpus, gpus, is_gone_at_reservation=is_gone)
        victim.count = count
        if self._has_limit and job.team == self._job.team:
            self._same_team[job.number] = victim

    def _release(self, n: int, cpus: int, gpus: int, *, is_gone_at_reservation: bool) -> None:
        if self._admitted is not None and n not in self._admitted:
            return
        known = self._released.get(n)
        if known is None:
            known = self._released[n] = _Released()
            known.slots = self._slots_on(n, known)
        known.cpus += cpus
        known.gpus += gpus
        if not is_gone_at_reservation:
            known.later_cpus += cpus
            known.later_gpus += gpus
        before = known.slots
        known.slots = self._slots_on(n, known)
        self._num_slots += known.slots - before

    def _slots_on(self, n: int, more: _Released) -> int:
        """Count the slots on a node that admits the job's workers."""
        soon, later = self._soon, self._later
        cpus, gpus = soon.cpus[n] + more.cpus, soon.gpus[n] + more.gpus
        if later is not None:
            cpus = min(cpus, later.cpus[n] + more.later_cpus)
            gpus = min(gpus, later.gpus[n] + more.later_gpus)
        return slots_in(cpus, gpus, self._job.per_worker)


def minimal_victims(dry_run: DryRun, victims: dict[int, Victim]) -> list[Victim]:
    """Spare every victim that is not needed, and as many workers of the others as possible."""
    found = sorted(victims.values(), key=lambda victim: victim.is_stop)  # stable: by rising cost
    for victim in reversed(found):
        for count in (*range(min(victim.count, victim.surplus + 1)), victim.count):
            dry_run.remove(victim, count)
            if dry_run.fits:
                break
    return [victim for victim in found if victim.count]
