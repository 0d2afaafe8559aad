"""Free capacity at three moments: now, after pending releases, and at the reservation.

- `now`: what no job holds.
- `soon`: what is free once all workers that are leaving have left, less what was nominated to jobs
  that wait for it (as `nominatedNodeName` in Kubernetes).
- `at_reservation`: what is free when the job with the reservation starts, less what it takes.

A job starts only in capacity that is free at every moment at which it will be there, so no job
takes what was nominated to another one. Kueue let jobs take freed capacity while the last of
several victims was still leaving, and preempted forever
(https://github.com/kubernetes-sigs/kueue/pull/13797).
"""

from collections.abc import Iterable, Mapping

from distnet.scheduler.capacity.kinds import Kinds
from distnet.scheduler.capacity.nodes import IndexedPlacement, NodeTable
from distnet.scheduler.capacity.placement import FreeCapacity
from distnet.scheduler.columns import Running
from distnet.scheduler.elastic import workers_to_remove
from distnet.scheduler.view import Allocation, PerWorker


class FreeResources:
    """Free CPUs and GPUs on each node, by index; below 0 where jobs hold more than there is."""

    def __init__(self, cpus: list[float], gpus: list[float]) -> None:
        self.cpus, self.gpus = cpus, gpus

    def copy(self) -> "FreeResources":
        """Return an independent copy."""
        return FreeResources(self.cpus.copy(), self.gpus.copy())

    def add(self, placement: IndexedPlacement, per_worker: PerWorker, sign: int) -> None:
        """Release (1) or take (-1) what the workers of a placement need."""
        cpus, gpus, _ = per_worker
        for n, count in placement.items():
            self.cpus[n] += sign * count * cpus
            self.gpus[n] += sign * count * gpus


class Availability:
    """What is free at each moment, and for which jobs.

    Attributes:
        for_short: capacity for a job that ends before the reservation starts.
        for_any: capacity for a job that may last longer.
        for_nominated: capacity for a job that waits until others have left.
        unallocated: what is free now, nominated or not.
        staying: workers that stay, of each row of the running jobs.
    """

    def __init__(self, kinds: Kinds, running: Running) -> None:
        self.kinds, self.nodes, self.running = kinds, kinds.nodes, running
        self.now = _free_now(self.nodes, running)
        self.soon = self.now
        self.at_reservation: FreeResources | None = None
        self.staying = running.row_workers.copy()
        self.for_short = FreeCapacity(kinds, self.now.cpus, self.now.gpus)
        self.for_any = self.for_nominated = self.unallocated = self.for_short
        for n in sorted(running.changing, key=lambda n: running.allocations[n].job.number):
            leaving = _leaving(running.allocations[n])
            if leaving:
                self.release(n, leaving, is_gone_at_reservation=False)

    def capacity(self, *, is_short: bool) -> FreeCapacity:
        """Return the capacity for a job that ends before the reservation starts, or may not."""
        return self.for_short if is_short else self.for_any

    def allocate(
        self, placement: IndexedPlacement, per_worker: PerWorker, *, is_short: bool
    ) -> None:
        """Take capacity from now on."""
        self.now.add(placement, per_worker, -1)
        self._take(placement, per_worker, is_short=is_short)
        if self.unallocated is not self.for_short:
            for n in placement:
                self.unallocated.set_free(n, self.now.cpus[n], self.now.gpus[n])

    def nominate(self, placement: IndexedPlacement, per_worker: PerWorker) -> None:
        """Take capacity as soon as the workers that are leaving have left."""
        self._separate_soon()
        self._take(placement, per_worker, is_short=False)

    def release(self, n: int, leaving: Mapping[str, int], *, is_gone_at_reservation: bool) -> None:
        """Add workers that leave soon.

        Args:
            n: the index of their job.
            leaving: by node id.
            is_gone_at_reservation: the reservation already relies on the end of their job.
        """
        self._separate_soon()
        running, placement = self.running, self.nodes.indexed(leaving)
        per_worker = running.allocations[n].job.shape.per_worker
        self.soon.add(placement, per_worker, 1)
        if self.at_reservation is not None and not is_gone_at_reservation:
            self.at_reservation.add(placement, per_worker, 1)
        for row in range(running.rows[n], running.rows[n + 1]):
            self.staying[row] -= placement.get(int(running.row_node[row]), 0)
        self._refresh(placement)

    def staying_of(self, n: int) -> IndexedPlacement:
        """Return the workers of a running job that do not leave, by its index."""
        return self.running.placement(n, self.staying)

    def reserve(self, at_reservation: FreeResources) -> None:
        """Set what is free when the reservation starts, besides what its job takes."""
        self.at_reservation = at_reservation
        self.for_any = minimum(self.kinds, self.for_short, at_reservation)
        self.for_nominated = minimum(self.kinds, self.soon, at_reservation)

    @property
    def has_changes(self) -> bool:
        """Whether any worker leaves or any capacity is nominated."""
        return self.soon is not self.now

    def _separate_soon(self) -> None:
        """Copy what is shared as long as nothing leaves: `soon` starts as the same object."""
        if self.soon is self.now:
            self.soon = self.now.copy()
            self.unallocated = self.for_short.copy()
        if self.for_nominated is self.for_short:
            self.for_nominated = self.for_short.copy()

    def _take(self, placement: IndexedPlacement, per_worker: PerWorker, *, is_short: bool) -> None:
        if self.soon is not self.now:
            self.soon.add(placement, per_worker, -1)
        if self.at_reservation is not None and not is_short:
            self.at_reservation.add(placement, per_worker, -1)
        self._refresh(placement)

    def _refresh(self, nodes: Iterable[int]) -> None:
        now, soon, later = self.now, self.soon, self.at_reservation
        for n in nodes:
            cpus, gpus = soon.cpus[n], soon.gpus[n]
            short_cpus, short_gpus = min(cpus, now.cpus[n]), min(gpus, now.gpus[n])
            self.for_short.set_free(n, short_cpus, short_gpus)
            if later is not None:
                cpus, gpus = min(cpus, later.cpus[n]), min(gpus, later.gpus[n])
                self.for_any.set_free(n, min(cpus, short_cpus), min(gpus, short_gpus))
            if self.for_nominated is not self.for_short:
                self.for_nominated.set_free(n, cpus, gpus)


def minimum(kinds: Kinds, one: FreeResources | FreeCapacity, other: FreeResources) -> FreeCapacity:
    """Return what is free at both of two moments."""
    cpus, gpus = map(min, one.cpus, other.cpus), map(min, one.gpus, other.gpus)
    return FreeCapacity(kinds, list(cpus), list(gpus))


def _free_now(nodes: NodeTable, running: Running) -> FreeResources:
    cpus, gpus = running.on_nodes(running.row_workers, len(nodes.ids))  # sums of whole numbers
    free = FreeResources((nodes.cpus - cpus).tolist(), (nodes.gpus - gpus).tolist())
    for n in nodes.absent:
        free.cpus[n] = free.gpus[n] = 0.0
    return free


def _leaving(allocation: Allocation) -> dict[str, int]:
    if allocation.is_stopping:
        return dict(allocation.placement)
    target = allocation.resizing_to
    if target is not None and target < allocation.workers:
        return workers_to_remove(allocation.placement, allocation.workers - target)
    return {}
