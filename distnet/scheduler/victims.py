"""Victims of preemption, and the dry run that checks whether enough of them are removed."""

from dataclasses import dataclass

from distnet.scheduler.capacity.availability import Availability, minimum
from distnet.scheduler.capacity.placement import FreeCapacity
from distnet.scheduler.elastic import workers_to_remove
from distnet.scheduler.limits import TeamLimits
from distnet.scheduler.reservation import Reservation
from distnet.scheduler.view import Allocation, JobRequest, Resources, Shape

Ranked = tuple[int, Allocation]
"""A running job with its rank."""
_Changes = dict[int, Resources]
"""CPUs and GPUs that are released on each node, by the node's index."""


@dataclass(slots=True)
class Victim:
    """A job that loses some of its workers or all of them."""

    allocation: Allocation
    surplus: int
    """Workers that can leave while the job continues."""
    count: int = 0
    """Workers that leave."""

    @property
    def is_stop(self) -> bool:
        """Whether the whole job stops."""
        return self.count == self.allocation.workers

    @property
    def leaving(self) -> dict[str, int]:
        """The workers that leave, by node id."""
        return workers_to_remove(self.allocation.placement, self.count)


class VictimPool:
    """The jobs that a class of preemptors may stop, and those that have surplus workers."""

    def __init__(self, stoppable: list[Ranked], surplus: list[Ranked]) -> None:
        self._stoppable = stoppable
        members = {a.job.number: a for _, a in (*stoppable, *surplus)}
        self._members = list(members.values())
        self._num_preempted = 0
        self._capacity: FreeCapacity | None = None
        self._reservation: Reservation | None = None

    def stoppable(self, preempted: set[int]) -> list[Ranked]:
        """Return those that may be stopped and are not preempted yet, the lowest rank first."""
        if len(preempted) != self._num_preempted:
            self._num_preempted = len(preempted)
            self._stoppable = [e for e in self._stoppable if e[1].job.number not in preempted]
        return self._stoppable

    def is_enough(
        self,
        shape: Shape,
        availability: Availability,
        reservation: Reservation | None,
        now: float,
    ) -> bool:
        """Whether a gang could fit if all of them left."""
        if not self._members:
            return False
        if self._capacity is None or reservation is not self._reservation:
            self._capacity = self._without_members(availability, reservation, now)
            self._reservation = reservation
        return self._capacity.num_slots(shape.per_worker) >= shape.min_workers

    def _without_members(
        self, availability: Availability, reservation: Reservation | None, now: float
    ) -> FreeCapacity:
        soon, later = availability.soon.copy(), availability.at_reservation
        later = later.copy() if later is not None else None
        for allocation in self._members:
            staying = availability.staying_of(allocation)
            per_worker = allocation.job.shape.per_worker
            soon.add(staying, per_worker, 1)
            if later and reservation and not reservation.relies_on_end_of(allocation, now):
                later.add(staying, per_worker, 1)
        return minimum(availability.kinds, soon, later or soon)


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
        self._job, self._availability, self._limits = job, availability, limits
        self._reservation, self._now = reservation, now
        self._num_slots = availability.for_nominated.num_slots(job.shape.per_worker)
        self._soon: _Changes = {}
        self._at_reservation: _Changes = {}
        self._same_team: dict[int, Victim] = {}

    @property
    def fits(self) -> bool:
        """Whether the whole gang would fit, within its team's limit."""
        return self.max_workers >= self._job.shape.min_workers

    @property
    def max_workers(self) -> int:
        """How many workers of the gang would fit."""
        leaving = [(v.allocation.job.shape, v.count) for v in self._same_team.values()]
        return min(self._num_slots, self._limits.headroom_soon(self._job, leaving))

    def remove(self, victim: Victim, count: int) -> None:
        """Let `count` workers of a victim leave, instead of as many as before."""
        before = victim.leaving
        victim.count = count
        after = victim.leaving
        job = victim.allocation.job
        for node in before | after:
            change = after.get(node, 0) - before.get(node, 0)
            n = self._availability.nodes.index.get(node)
            if n is not None and change:
                self._release(victim, n, change)
        if job.team == self._job.team and self._limits.applies_to(self._job):
            self._same_team[job.number] = victim

    def _release(self, victim: Victim, n: int, workers: int) -> None:
        shape, reservation = victim.allocation.job.shape, self._reservation
        self._num_slots -= self._slots_on(n)
        _add(self._soon, n, workers * shape.cpus, workers * shape.gpus)
        if reservation is None or not reservation.relies_on_end_of(victim.allocation, self._now):
            _add(self._at_reservation, n, workers * shape.cpus, workers * shape.gpus)
        self._num_slots += self._slots_on(n)

    def _slots_on(self, n: int) -> int:
        soon, later = self._availability.soon, self._availability.at_reservation
        more_cpus, more_gpus = self._soon.get(n, (0, 0))
        cpus, gpus = soon.cpus[n] + more_cpus, soon.gpus[n] + more_gpus
        if later is not None:
            more_cpus, more_gpus = self._at_reservation.get(n, (0, 0))
            cpus = min(cpus, later.cpus[n] + more_cpus)
            gpus = min(gpus, later.gpus[n] + more_gpus)
        return self._availability.nodes.slots_on(n, cpus, gpus, self._job.shape.per_worker)


def minimal_victims(dry_run: DryRun, victims: dict[int, Victim]) -> list[Victim]:
    """Spare every victim that is not needed, and as many workers of the others as possible."""
    found = sorted(victims.values(), key=lambda victim: victim.is_stop)  # stable: by rising cost
    for victim in reversed(found):
        for count in (*range(min(victim.count, victim.surplus + 1)), victim.count):
            dry_run.remove(victim, count)
            if dry_run.fits:
                break
    return [victim for victim in found if victim.count]


def _add(changes: _Changes, n: int, cpus: float, gpus: float) -> None:
    known = changes.get(n, (0.0, 0.0))
    changes[n] = known[0] + cpus, known[1] + gpus
