"""Elastic jobs: which of their workers leave, and when they may shrink or grow.

Workers beyond a job's minimum use capacity that no other job needs. So any waiting job may have
them, whatever the priorities. But a job whose priority is not higher gets them only after the
elastic job has kept its size for `steady_s`, because each change costs a restart.

Source: Volcano's elastic gangs, whose pods beyond `minAvailable` are evicted first; the
classification of jobs as rigid, moldable and malleable by Feitelson and Rudolph, JSSPP 1996.
"""

from collections.abc import Mapping

from distnet.scheduler.capacity.nodes import IndexedPlacement
from distnet.scheduler.capacity.placement import FreeCapacity
from distnet.scheduler.view import Allocation, PerWorker, Policy


def workers_to_remove(placement: Mapping[str, int], count: int) -> dict[str, int]:
    """Choose `count` workers that leave: on the nodes with the fewest, so that few nodes remain."""
    leaving: dict[str, int] = {}
    for node in sorted(placement, key=lambda node: (placement[node], node)):
        if count <= 0:
            break
        leaving[node] = min(count, placement[node])
        count -= leaving[node]
    return leaving


def without(placement: Mapping[str, int], leaving: Mapping[str, int]) -> dict[str, int]:
    """Remove the workers that leave from a placement."""
    left = {node: count - leaving.get(node, 0) for node, count in placement.items()}
    return {node: count for node, count in left.items() if count > 0}


def shrunk(placement: Mapping[str, int], workers: int) -> dict[str, int]:
    """Reduce a placement to this many workers."""
    leaving = workers_to_remove(placement, sum(placement.values()) - workers)
    return without(placement, leaving)


def may_grow(allocation: Allocation, now: float, policy: Policy) -> bool:
    """Whether it may have more workers that are worth a restart; a user's request always is."""
    shape = allocation.job.shape
    can_change = allocation.is_steady and not allocation.is_stopping
    if not (shape.is_elastic and can_change) or allocation.workers >= shape.max_workers:
        return False
    since, left = now - last_change(allocation), allocation.ends_at - now
    is_worth_it = min(since, left) >= policy.steady_s
    return allocation.is_resize_requested or (policy.elastic and is_worth_it)


def last_change(allocation: Allocation) -> float:
    """When the job started or was last resized."""
    return max(allocation.started_at, allocation.resized_at)


def place_more(
    capacity: FreeCapacity, per_worker: PerWorker, placement: IndexedPlacement, limit: int
) -> IndexedPlacement:
    """Place at most `limit` additional workers: on the job's own nodes, then on few others."""
    more: IndexedPlacement = {}
    for n in sorted(placement):
        count = min(limit, capacity.slots_on(n, per_worker))
        if count > 0:
            more[n] = count
            limit -= count
    if limit <= 0:
        return more
    if more:
        return more | capacity.place_beside(more, per_worker, limit)
    count = min(limit, capacity.num_slots(per_worker))
    return (capacity.place(per_worker, count) or {}) if count else {}
