"""What would be free if some jobs gave way, as one gang sees it: tried without being done."""

from dataclasses import dataclass

from distnet.scheduler.capacity import Outlook, least
from distnet.scheduler.elastic import first_to_go
from distnet.scheduler.fit import Room, worker_of, workers_in
from distnet.scheduler.limit import Limits
from distnet.scheduler.reserve import Reservation
from distnet.scheduler.view import Candidate, Holder, Shape

Ranked = tuple[int, Holder]
"""A rank, and who holds it."""


@dataclass(slots=True)
class Victim:
    """A job that gives way, with some of its workers or all of them."""

    holder: Holder
    spare: int
    """Workers that may leave without all others."""
    count: int = 0
    """Workers that leave."""

    @property
    def is_stop(self) -> bool:
        """Whether the whole job ends."""
        return self.count == self.holder.workers

    @property
    def leaving(self) -> dict[str, int]:
        """The workers that leave, by node id."""
        return first_to_go(self.holder.placement, self.count)


class Preemptible:
    """Those that may be stopped, and those that have workers to spare."""

    def __init__(self, stoppable: list[Ranked], spare: list[Ranked]) -> None:
        self._stoppable = stoppable
        everybody = {holder.job.number: holder for _, holder in (*stoppable, *spare)}
        self._everybody = list(everybody.values())
        self._num_asked = 0
        self._room: Room | None = None
        self._reservation: Reservation | None = None

    def stoppable(self, asked: set[int]) -> list[Ranked]:
        """Those that may be stopped and were not asked yet: their ranks, the cheapest first."""
        if len(asked) != self._num_asked:
            self._num_asked = len(asked)
            self._stoppable = [e for e in self._stoppable if e[1].job.number not in asked]
        return self._stoppable

    def is_enough(
        self, shape: Shape, outlook: Outlook, reservation: Reservation | None, now: float
    ) -> bool:
        """Whether a gang could fit if everybody left."""
        if not self._everybody:
            return False
        if self._room is None or reservation is not self._reservation:
            self._room = self._without_them(outlook, reservation, now)
            self._reservation = reservation
        return self._room.count(worker_of(shape)) >= shape.fewest

    def _without_them(self, outlook: Outlook, reservation: Reservation | None, now: float) -> Room:
        soon = outlook.soon.copy()
        later = outlook.later.copy() if outlook.later is not None else None
        for holder in self._everybody:
            places, worker = outlook.staying_of(holder), worker_of(holder.job.shape)
            soon.add(places, worker, 1)
            if later is not None and reservation and not reservation.counts_on(holder, now):
                later.add(places, worker, 1)
        return least(outlook.hosts, soon, later or soon)


class WhatIf:
    """The room for one gang, while jobs are tried out as victims."""

    def __init__(
        self,
        job: Candidate,
        outlook: Outlook,
        limits: Limits,
        reservation: Reservation | None,
        now: float,
    ) -> None:
        self._job, self._outlook, self._limits = job, outlook, limits
        self._reservation, self._now = reservation, now
        self._room = outlook.due.count(worker_of(job.shape))
        self._soon: dict[int, tuple[float, float]] = {}
        self._later: dict[int, tuple[float, float]] = {}
        self._of_team: dict[int, Victim] = {}

    @property
    def fits(self) -> bool:
        """Whether all of the gang would fit, and its team may have it."""
        return self.reach >= self._job.shape.fewest

    @property
    def reach(self) -> int:
        """How many workers of the gang would fit."""
        leaving = [(victim.holder.job.shape, victim.count) for victim in self._of_team.values()]
        return min(self._room, self._limits.spare_soon(self._job, leaving))

    def move(self, victim: Victim, count: int) -> None:
        """Let so many of a job's workers leave, instead of as many as before."""
        before = victim.leaving
        victim.count = count
        after = victim.leaving
        shape = victim.holder.job.shape
        first = self._reservation
        is_gone_later = first is not None and first.counts_on(victim.holder, self._now)
        index, worker = self._outlook.hosts.index, worker_of(self._job.shape)
        for node in before | after:
            n, change = index.get(node), after.get(node, 0) - before.get(node, 0)
            if n is None or not change:
                continue
            self._room -= self._workers_at(n, worker)
            _add(self._soon, n, change * shape.cpus, change * shape.gpus)
            if not is_gone_later:
                _add(self._later, n, change * shape.cpus, change * shape.gpus)
            self._room += self._workers_at(n, worker)
        if victim.holder.job.team == self._job.team and self._limits.concern(self._job):
            self._of_team[victim.holder.job.number] = victim

    def _workers_at(self, n: int, worker: tuple[int, int]) -> int:
        outlook = self._outlook
        cpus, gpus = self._soon.get(n, (0, 0))
        cpus, gpus = outlook.soon.cpus[n] + cpus, outlook.soon.gpus[n] + gpus
        if outlook.later is not None:
            more_cpus, more_gpus = self._later.get(n, (0, 0))
            cpus = min(cpus, outlook.later.cpus[n] + more_cpus)
            gpus = min(gpus, outlook.later.gpus[n] + more_gpus)
        return workers_in(cpus, gpus, worker)


def spared(what_if: WhatIf, victims: dict[int, Victim]) -> list[Victim]:
    """Let all stay that are not needed, and as many workers of the others as may."""
    found = sorted(victims.values(), key=lambda victim: victim.is_stop)  # stable: the dearest last
    for victim in reversed(found):
        for count in (*range(min(victim.count, victim.spare + 1)), victim.count):
            what_if.move(victim, count)
            if what_if.fits:
                break
    return [victim for victim in found if victim.count]


def _add(changes: dict[int, tuple[float, float]], n: int, cpus: float, gpus: float) -> None:
    known = changes.get(n, (0.0, 0.0))
    changes[n] = known[0] + cpus, known[1] + gpus
