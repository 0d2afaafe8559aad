"""The reservation of the first job that does not fit, for backfilling (EASY).

The running jobs are assumed to end one after the other, as expected, until the job fits: that is
when its reservation starts, and its placement at that time is reserved. Other jobs are backfilled
where they do not delay it: because they end earlier, or because enough is left beside it. A job of
unknown length never counts as short. If the time of the reservation is unknown, every job of known
length is short.

As long as jobs end as expected, the reservation never moves back: backfilled jobs have ended by
then, or hold capacity beside the reserved placement.

Source: D. Lifka, The ANL/IBM SP Scheduling System, JSSPP 1995 (EASY: one reservation, any number
of backfilled jobs); D. Feitelson and A. Mu'alem, Utilization and Predictability in Scheduling the
IBM SP2 with Backfilling, IPPS 1998. Slurm's sched/backfill reserves whole nodes; here CPUs and GPUs
are reserved, so that a GPU job leaves the other CPUs of its nodes to other jobs.
"""

import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from distnet.scheduler.capacity.availability import Availability, FreeResources
from distnet.scheduler.capacity.kinds import Kinds
from distnet.scheduler.capacity.nodes import IndexedPlacement, NodeTable
from distnet.scheduler.capacity.placement import FreeCapacity
from distnet.scheduler.expansion.capacity import Expansion
from distnet.scheduler.view import Allocation, JobRequest, PerWorker


@dataclass(frozen=True, slots=True)
class ExpectedEnd:
    """Workers that are expected to end."""

    at: float
    job: int
    placement: IndexedPlacement
    per_worker: PerWorker


@dataclass(frozen=True, slots=True)
class Reservation:
    """When the first job that does not fit will start."""

    job: JobRequest
    starts_at: float
    """inf: unknown."""

    def starts_after(self, ends_at: float) -> bool:
        """Whether a job that ends at this time is gone when the reservation starts."""
        return ends_at <= self.starts_at and not math.isinf(ends_at)

    def relies_on_end_of(self, allocation: Allocation, now: float) -> bool:
        """Whether the reserved placement assumes that this job has ended."""
        return max(now, allocation.ends_at) <= self.starts_at


def expected_ends(
    placed: Iterable[tuple[JobRequest, IndexedPlacement]], availability: Availability, now: float
) -> Iterator[ExpectedEnd]:
    """Return when running, starting and nominated jobs release capacity, sorted by time.

    Args:
        placed: the jobs that start now or are nominated.
        availability: says which workers of running jobs stay.
        now: time.
    """
    starting = [
        ExpectedEnd(now + job.expected_s, job.number, placement, job.shape.per_worker)
        for job, placement in placed
    ]
    starting.sort(key=_when)
    ends = heapq.merge(_running_ends(availability, now), starting, key=_when)
    return (end for end in ends if end.placement)


def _running_ends(availability: Availability, now: float) -> Iterator[ExpectedEnd]:
    running = availability.running
    ends_at, numbers = np.maximum(now, running.ends_at), running.jobs.number
    for n in np.lexsort((numbers, ends_at)).tolist():
        job, placement = running.allocations[n].job, availability.staying_of(n)
        yield ExpectedEnd(float(ends_at[n]), job.number, placement, job.shape.per_worker)


def _when(end: ExpectedEnd) -> tuple[float, int]:
    return end.at, end.job


def make_reservation(
    availability: Availability,
    expansion: Expansion,
    ends: Iterator[ExpectedEnd],
    job: JobRequest,
    now: float,
) -> Reservation | None:
    """Reserve a placement at the first time at which the job fits; None if it never will.

    Args:
        availability: of the nodes that there are.
        expansion: of those that can be added.
        ends: sorted by time.
    """
    per_worker = job.shape.per_worker
    if availability.nodes.usable_slots(per_worker) < job.shape.min_workers:
        return None
    free = expansion.added_to(availability.soon)
    num_slots, starts_at = availability.for_nominated.num_slots(per_worker), now
    num_slots += expansion.num_slots(per_worker)
    for end in ends:
        if num_slots >= job.shape.min_workers and end.at > starts_at:
            break
        starts_at = max(starts_at, end.at)
        num_slots += _release(availability.nodes, free, end, per_worker)
    capacity = FreeCapacity(Kinds(availability.nodes, [per_worker]), free.cpus, free.gpus)
    placement = capacity.place(per_worker, job.shape.min_workers)
    if placement is None:
        return None
    free.add(placement, per_worker, -1)
    availability.reserve(free)
    expansion.reserve(free)
    return Reservation(job, starts_at)


def _release(nodes: NodeTable, free: FreeResources, end: ExpectedEnd, per_worker: PerWorker) -> int:
    """Free what ends; returns how many more workers fit."""
    before = _slots(nodes, free, end, per_worker)
    free.add(end.placement, end.per_worker, 1)
    return _slots(nodes, free, end, per_worker) - before


def _slots(nodes: NodeTable, free: FreeResources, end: ExpectedEnd, per_worker: PerWorker) -> int:
    """Count the workers that fit on the nodes of what ends."""
    return sum(nodes.slots_on(n, free.cpus[n], free.gpus[n], per_worker) for n in end.placement)
