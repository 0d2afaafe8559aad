"""The reservation of the first job that does not fit, and what may go before it meanwhile.

The jobs that run are let end one after the other, in thought, until the first job fits: that is
when it starts, and the places it takes then are kept for it. Others start before it where they
take nothing of that: because they end earlier, as far as is known, or because enough is left.
A job of unknown length is never short, and if the time itself is unknown, only short jobs pass.

As long as jobs end when they said, the time never moves back: what is let pass is gone by then, or
lies beside the places that are kept.

Source: D. Lifka, The ANL/IBM SP Scheduling System, JSSPP 1995 (EASY: one reservation, any number
may pass); D. Feitelson and A. Mu'alem, Utilization and Predictability in Scheduling the IBM SP2
with Backfilling, IPPS 1998. Slurm's sched/backfill keeps whole nodes for each of its reservations;
here it is the room on each node, so that a GPU job leaves the node's other CPUs to others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from distnet.scheduler.capacity import Free, Outlook
from distnet.scheduler.fit import Places, Room, Worker, worker_of, workers_in
from distnet.scheduler.view import Candidate, Holder


@dataclass(frozen=True, slots=True)
class Release:
    """Room that comes back."""

    at: float
    job: int
    places: Places
    worker: Worker


@dataclass(frozen=True, slots=True)
class Reservation:
    """When the first job that does not fit will start."""

    job: Candidate
    starts_at: float
    """inf: nobody knows."""

    def is_past(self, ends_at: float) -> bool:
        """Whether a job that ends then is gone when the reservation begins."""
        return ends_at <= self.starts_at and not math.isinf(ends_at)

    def counts_on(self, holder: Holder, now: float) -> bool:
        """Whether it was worked out with this job gone."""
        return max(now, holder.ends_at) <= self.starts_at


def reserve(
    outlook: Outlook, releases: Sequence[Release], job: Candidate, now: float
) -> Reservation | None:
    """Keep places for a job at the first time when it fits; None if it would not ever.

    Args:
        releases: by time.
    """
    free, worker = outlook.soon.copy(), worker_of(job.shape)
    room, starts_at = outlook.due.count(worker), now
    position = 0
    while position < len(releases) and (
        room < job.shape.fewest or releases[position].at <= starts_at
    ):
        release = releases[position]
        starts_at = max(starts_at, release.at)
        room += _give_back(free, release, worker)
        position += 1
    places = Room(outlook.hosts, free.cpus, free.gpus).place(worker, job.shape.fewest)
    if places is None:
        return None
    free.add(places, worker, -1)
    outlook.reserve(free)
    return Reservation(job, starts_at)


def _give_back(free: Free, release: Release, worker: Worker) -> int:
    """Add what comes back; returns how many workers more fit."""
    before = sum(workers_in(free.cpus[n], free.gpus[n], worker) for n in release.places)
    free.add(release.places, release.worker, 1)
    after = sum(workers_in(free.cpus[n], free.gpus[n], worker) for n in release.places)
    return after - before
