"""The running jobs that a waiting job waits for: a few, ordered by their expected end."""

from collections.abc import Iterable
from functools import cached_property
from itertools import islice

from distnet.scheduler.nodes import NodeTable
from distnet.scheduler.view import Allocation, PerWorker, Shape

MAX_BLOCKERS = 5
"""Jobs that a wait names."""


class Blockers:
    """Finds the jobs on nodes where a waiting job could run."""

    def __init__(self, nodes: NodeTable, allocations: Iterable[Allocation]) -> None:
        self._nodes, self._allocations = nodes, allocations
        self._known: dict[PerWorker, tuple[int, ...]] = {}

    def of(self, shape: Shape) -> tuple[int, ...]:
        """Return the numbers of those that end first."""
        per_worker = shape.per_worker
        known = self._known.get(per_worker)
        if known is None:
            found = (a.job.number for a in self._by_end if self._blocks(a, per_worker))
            known = self._known[per_worker] = tuple(islice(found, MAX_BLOCKERS))
        return known

    def _blocks(self, allocation: Allocation, per_worker: PerWorker) -> bool:
        nodes = self._nodes
        return any(
            nodes.slots_on(n, nodes.cpus[n], nodes.gpus[n], per_worker)
            for n in nodes.indexed(allocation.placement)
        )

    @cached_property
    def _by_end(self) -> list[Allocation]:
        return sorted(self._allocations, key=lambda a: (a.ends_at, a.job.number))
