"""What would be free if some jobs gave way, as one gang sees it: tried without being done."""

from dataclasses import dataclass

from distnet.server.scheduler.elastic import first_to_go
from distnet.server.scheduler.fit import worker_of, workers_in
from distnet.server.scheduler.limit import Limits
from distnet.server.scheduler.outlook import Outlook
from distnet.server.scheduler.reserve import Reservation
from distnet.server.scheduler.view import Candidate, Holder


@dataclass(slots=True)
class Leaver:
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


class Trial:
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
        self._of_team: dict[int, Leaver] = {}

    @property
    def fits(self) -> bool:
        """Whether all of the gang would fit, and its team may have it."""
        return self.reach >= self._job.shape.fewest

    @property
    def reach(self) -> int:
        """How many workers of the gang would fit."""
        leaving = [(leaver.holder.job.shape, leaver.count) for leaver in self._of_team.values()]
        return min(self._room, self._limits.spare_soon(self._job, leaving))

    def move(self, leaver: Leaver, count: int) -> None:
        """Let so many of a job's workers leave, instead of as many as before."""
        before = leaver.leaving
        leaver.count = count
        after = leaver.leaving
        shape = leaver.holder.job.shape
        first = self._reservation
        is_gone_later = first is not None and first.counts_on(leaver.holder, self._now)
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
        if leaver.holder.job.team == self._job.team and self._limits.concern(self._job):
            self._of_team[leaver.holder.job.number] = leaver

    def _workers_at(self, n: int, worker: tuple[int, int]) -> int:
        outlook = self._outlook
        cpus, gpus = self._soon.get(n, (0, 0))
        cpus, gpus = outlook.soon.cpus[n] + cpus, outlook.soon.gpus[n] + gpus
        if outlook.later is not None:
            more_cpus, more_gpus = self._later.get(n, (0, 0))
            cpus = min(cpus, outlook.later.cpus[n] + more_cpus)
            gpus = min(gpus, outlook.later.gpus[n] + more_gpus)
        return workers_in(cpus, gpus, worker)


def spared(trial: Trial, leavers: dict[int, Leaver]) -> list[Leaver]:
    """Let all stay that are not needed, and as many workers of the others as may."""
    found = sorted(leavers.values(), key=lambda leaver: leaver.is_stop)  # stable: the dearest last
    for leaver in reversed(found):
        for count in (*range(min(leaver.count, leaver.spare + 1)), leaver.count):
            trial.move(leaver, count)
            if trial.fits:
                break
    return [leaver for leaver in found if leaver.count]


def _add(changes: dict[int, tuple[float, float]], n: int, cpus: float, gpus: float) -> None:
    known = changes.get(n, (0.0, 0.0))
    changes[n] = known[0] + cpus, known[1] + gpus
