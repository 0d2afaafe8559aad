"""Idle capacity goes to elastic jobs, after every job in the queue was considered.

A running job does not grow while others wait for the same kind of capacity: it is too small for
them now, but soon would not be, and the job would have restarted twice for nothing. Malleable jobs
grow under the same condition in S. Iserte et al., DMR API, Parallel Computing 2018. Nor are nodes
added for it then: they would be idle until they are removed, and then be added again.
"""

from collections.abc import Iterator, Sequence

from distnet.scheduler.capacity.availability import Availability
from distnet.scheduler.capacity.nodes import IndexedPlacement
from distnet.scheduler.elastic import may_grow, place_more
from distnet.scheduler.expansion.capacity import Expansion
from distnet.scheduler.limits.teams import TeamLimits
from distnet.scheduler.order import rank
from distnet.scheduler.reasons import growth_reason
from distnet.scheduler.view import Allocation, JobRequest, Resize, View

NODE_S = 300.0
"""Assumed time in which a node comes, and a job that grows onto it has restarted."""


class Growth:
    """Hands out capacity that no job waits for, or that waiting jobs could reclaim at once.

    Args:
        view: the state of the cluster.
        availability: what is free.
        expansion: nodes that can be added.
        limits: of teams.
        waiting_for_gpus: whether jobs that need GPUs wait for idle capacity, and others do.
    """

    def __init__(
        self,
        view: View,
        availability: Availability,
        expansion: Expansion,
        limits: TeamLimits,
        waiting_for_gpus: set[bool],
    ) -> None:
        self._view, self._availability, self._limits = view, availability, limits
        self._expansion = expansion
        self._waiting_for_gpus = waiting_for_gpus
        self._grown: dict[int, int] = {}
        """The new size of jobs that grow in this pass."""

    def extend_start(
        self, job: JobRequest, placement: IndexedPlacement, *, is_short: bool
    ) -> IndexedPlacement:
        """Give a starting job more than its minimum; returns its whole placement."""
        limit = job.shape.max_workers - job.shape.min_workers
        return _sum(placement, self._more(job, placement, limit, is_short=is_short))

    def grow_running(self, changed: set[int]) -> Iterator[Resize]:
        """Give running jobs more workers, those of the highest rank first.

        Args:
            changed: jobs that this pass stops or resizes.
        """
        view = self._view
        growing = [
            a
            for a in view.allocations
            if not self._yields(a.job) and may_grow(a, view.now, view.policy)
        ]
        growing.sort(key=lambda a: (-rank(a.job, view.now, view.policy), a.job.number))
        for allocation in growing:
            if allocation.job.number not in changed:
                yield from self._grow(allocation)

    def add_nodes(
        self, sizes: Sequence[tuple[JobRequest, int]]
    ) -> Iterator[tuple[JobRequest, IndexedPlacement]]:
        """Nominate idle and absent nodes for elastic jobs, which grow when the nodes have come.

        Args:
            sizes: the number of workers of jobs that start now or are nominated.
        """
        if not self._view.groups:
            return
        running = (a for a in self._view.allocations if _is_worth_new_nodes(a, self._view))
        for job, workers in [*sizes, *((a.job, self._size_soon(a)) for a in running)]:
            if not self._yields(job):
                yield job, self._onto_new_nodes(job, job.shape.max_workers - workers)

    def _size_soon(self, allocation: Allocation) -> int:
        grown = self._grown.get(allocation.job.number, 0)
        return max(allocation.workers, allocation.resizing_to or 0, grown)

    def _yields(self, job: JobRequest) -> bool:
        """Whether others wait for the kind of capacity that a running job would grow into."""
        waiting_for_gpus = self._waiting_for_gpus
        return False in waiting_for_gpus or (True in waiting_for_gpus and job.shape.gpus > 0)

    def _onto_new_nodes(self, job: JobRequest, limit: int) -> IndexedPlacement:
        if limit <= 0:  # as for most jobs
            return {}
        per_worker, expansion = job.per_worker, self._expansion
        here = self._availability.capacity(is_short=False)
        num_slots = here.num_slots(per_worker) + expansion.num_slots(per_worker)
        limit = min(limit, self._limits.growth_headroom(job), num_slots)
        if limit <= 0:
            return {}
        if self._availability.nodes.absent:
            found = expansion.place(here, per_worker, limit)
        else:  # all have come
            found = here.place(per_worker, limit) or {}, {}
        if found is None:
            return {}
        self._availability.allocate(found[0], per_worker, is_short=False)
        expansion.nominate(found[1], per_worker)
        self._limits.allocate(job, limit)
        return found[0] | found[1]

    def _grow(self, allocation: Allocation) -> Iterator[Resize]:
        job, nodes = allocation.job, self._availability.nodes
        placement = nodes.indexed(allocation.placement)
        if len(placement) < len(allocation.placement):
            return  # some workers are on a node that is being removed: the job must move anyway
        limit = job.shape.max_workers - allocation.workers
        more = self._more(job, placement, limit, is_short=False)
        if more:
            self._grown[job.number] = allocation.workers + sum(more.values())
            reason = growth_reason(sum(more.values()))
            yield Resize(job.number, nodes.by_id(_sum(placement, more)), reason)

    def _more(
        self, job: JobRequest, placement: IndexedPlacement, limit: int, *, is_short: bool
    ) -> IndexedPlacement:
        per_worker = job.shape.per_worker
        capacity = self._availability.capacity(is_short=is_short)
        limit = min(limit, self._limits.growth_headroom(job), capacity.num_slots(per_worker))
        if limit <= 0:
            return {}
        more = place_more(capacity, per_worker, placement, limit)
        self._availability.allocate(more, per_worker, is_short=is_short)
        self._limits.allocate(job, sum(more.values()))
        return more


def _is_worth_new_nodes(allocation: Allocation, view: View) -> bool:
    """Whether a running job lasts long enough for nodes that are still to be added."""
    if allocation.is_stopping or not (view.policy.elastic or allocation.is_resize_requested):
        return False
    return allocation.ends_at - view.now >= NODE_S


def _sum(placement: IndexedPlacement, more: IndexedPlacement) -> IndexedPlacement:
    return {n: placement.get(n, 0) + more.get(n, 0) for n in placement | more}
