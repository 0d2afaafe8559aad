"""How many trials of a sweep run at once, where its user has set a limit.

The trials that may start are the first of the sweep, by priority and number, as many as are still
allowed. They stand in the queue as any other job; the rest waits outside of it, so that a sweep of
a thousand trials, two at once, uses up neither the quota of its team nor a reservation. A trial
that is stopping still counts: its nodes are not free yet.
"""

import heapq
import math
from collections import Counter
from collections.abc import Iterable

import numpy as np

from distnet.scheduler.columns import Columns, Ints
from distnet.scheduler.format import format_names
from distnet.scheduler.view import Allocation, JobRequest, View, Wait

MOST_BLOCKERS = 10


def split_by_sweep(view: View, columns: Columns, positions: Ints) -> tuple[Ints, list[Wait]]:
    """Separate the jobs that may start from those whose sweep has enough trials already.

    Args:
        view: the state of the cluster.
        columns: its jobs.
        positions: of the jobs that may start as far as all else is concerned.
    """
    jobs = columns.waiting.jobs
    limited = [n for n in positions.tolist() if jobs[n].trials_at_once is not None]
    if not limited:
        return positions, []
    running, before = _running(view.allocations), Counter[str]()
    waits: dict[int, Wait] = {}
    for n in sorted(limited, key=lambda n: _place(jobs[n])):
        job = jobs[n]
        its = running.get(job.sweep, [])
        if len(its) + before[job.sweep] >= (job.trials_at_once or 0):
            waits[n] = _wait(job, its)
        before[job.sweep] += 1
    return np.setdiff1d(positions, list(waits)), list(waits.values())


def earliest_start(view: View, job: JobRequest) -> float:
    """When enough trials of the sweep will have ended, by their expected times; inf if unknown."""
    ends = [max(view.now, a.ends_at) for a in _running(view.allocations).get(job.sweep, [])]
    ahead = (one for one in view.waiting if one.sweep == job.sweep and _place(one) < _place(job))
    for other in sorted(ahead, key=_place):
        heapq.heappush(ends, _next_turn(ends, job, view.now) + other.expected_s)
    return _next_turn(ends, job, view.now)


def _next_turn(ends: list[float], job: JobRequest, now: float) -> float:
    """When one more trial may start; what ends before is taken out of `ends`."""
    heapq.heapify(ends)
    at = now
    while len(ends) >= (job.trials_at_once or math.inf):
        at = max(at, heapq.heappop(ends))
    return at


def _running(allocations: Iterable[Allocation]) -> dict[str, list[Allocation]]:
    """The trials of each sweep that hold workers."""
    found: dict[str, list[Allocation]] = {}
    for allocation in allocations:
        if allocation.job.sweep:
            found.setdefault(allocation.job.sweep, []).append(allocation)
    return found


def _wait(job: JobRequest, running: list[Allocation]) -> Wait:
    most = job.trials_at_once or 0
    first = sorted(running, key=lambda one: (one.ends_at, one.job.number))
    if len(first) < most:
        verb = "is" if most == 1 else "are"
        now = f"other trials of it {verb} ahead"
    else:
        verb = "runs" if len(first) == 1 else "run"
        now = f"{format_names((one.job.name for one in first), 3)} {verb}"
    trials = "1 trial" if most == 1 else f"{most} trials"
    reason = f"sweep {job.sweep} runs at most {trials} at once (--trials-at-once); {now}"
    blockers = tuple(one.job.number for one in first[:MOST_BLOCKERS])
    return Wait(job.number, "trials-at-once", reason, blockers)


def _place(job: JobRequest) -> tuple[int, int]:
    return -job.priority, job.number
