"""When a waiting job will start, how uncertain that is, and what would start it now.

The estimate starts the jobs ahead one after the other, in the order of the queue, as soon as the
running jobs and those started before them have ended. It does not backfill, so short jobs start
rather earlier than estimated. What would start the job now is tried with passes that stop at it.
"""

import heapq
import math
from dataclasses import dataclass, replace

import numpy as np

from distnet.scheduler.capacity.availability import Availability
from distnet.scheduler.capacity.nodes import IndexedPlacement
from distnet.scheduler.columns import Columns
from distnet.scheduler.decide import decide, gets_capacity
from distnet.scheduler.eligible.reserved import with_reservations
from distnet.scheduler.eligible.sweeps import earliest_start
from distnet.scheduler.feasibility import missing_node
from distnet.scheduler.format import format_duration, format_names, format_placement
from distnet.scheduler.limits.teams import TeamLimits
from distnet.scheduler.order import rank
from distnet.scheduler.victims import DryRun, Victim, minimal_victims
from distnet.scheduler.view import JobRequest, PerWorker, Plan, Start, View, Wait

LEAVING_S = 30.0
"""Assumed time in which a preempted job saves and leaves."""
UNCERTAINTY = 0.25
"""Of the remaining time. Predictions from progress are better, users' estimates are worse."""
TOP_PRIORITY = 1000
MOST_TRIES = 31
"""Priorities that are tried, so at most 5 passes; of more levels every second, third, ..."""
MAX_STOPS = 3
"""Jobs to stop that are named one by one."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """When a job starts."""

    starts_at: float | None
    """None: it depends on jobs of unknown length, or the job never fits."""
    error_s: float | None
    """It may start this much earlier or later."""
    would_start: str
    """What would start it now; empty if it starts anyway, or nothing would."""


def explain(view: View, job: int) -> Estimate:
    """Estimate the start of a waiting job; takes a few times as long as `decide`.

    Args:
        job: its number.

    Raises:
        KeyError: no such job waits.
    """
    view, _ = with_reservations(view)
    request = {other.number: other for other in view.waiting}[job]
    plan = decide(view)
    wait = next((wait for wait in plan.queue if wait.job == job), None)
    if wait is None:
        return Estimate(view.now, 0.0, "")
    starts_at, error_s = _estimate(view, plan, request, wait)
    return Estimate(starts_at, error_s, " or ".join(_remedies(view, request, wait)))


def _estimate(
    view: View, plan: Plan, job: JobRequest, wait: Wait
) -> tuple[float, float] | tuple[None, None]:
    if wait.code in ("never-fits", "adding-nodes"):
        return None, None
    if wait.code == "reservation":
        times = [one.starts_at for one in view.reserved if one.name == job.reservation]
        return (times[0], 0.0) if times and times[0] > view.now else (None, None)
    if wait.code == "making-room":
        return view.now + LEAVING_S, LEAVING_S
    columns = Columns(view)
    by_limit = view.now
    if wait.code == "quota":
        by_limit = TeamLimits(view, columns).earliest_start(job)
    elif wait.code == "trials-at-once":
        by_limit = earliest_start(view, job)
    starts_at = max(_Replay(view, columns, plan).start_of(job), by_limit, job.not_before)
    if math.isinf(starts_at):
        return None, None
    overdue = max((view.now - a.ends_at for a in view.allocations), default=0.0)
    error_s = UNCERTAINTY * (starts_at - max(view.now, job.not_before)) + max(0.0, overdue)
    return starts_at, error_s


class _Replay:
    """The future if the jobs ahead start strictly one after the other."""

    def __init__(self, view: View, columns: Columns, plan: Plan) -> None:
        self._jobs = {job.number: job for job in view.waiting}
        self._plan, self._now = plan, view.now
        availability = Availability(columns.kinds, columns.running)
        self._capacity = availability.for_nominated
        self._ends: list[tuple[float, int, IndexedPlacement, PerWorker]] = []
        for n, allocation in enumerate(view.allocations):
            at, job = max(view.now, allocation.ends_at), allocation.job
            staying = availability.staying_of(n)
            self._ends.append((at, job.number, staying, job.shape.per_worker))
        heapq.heapify(self._ends)
        for decision in plan.decisions:
            if isinstance(decision, Start):
                self._start(self._jobs[decision.job], columns.nodes.indexed(decision.placement))

    def start_of(self, job: JobRequest) -> float:
        """Return when a job starts; inf if unknown."""
        for wait in self._plan.queue:
            if wait.job == job.number:
                break
            if wait.code in ("no-room", "behind", "reserved", "making-room"):
                self._start_next(self._jobs[wait.job])
        self._start_next(job)
        return self._now

    def _start_next(self, job: JobRequest) -> None:
        shape = job.shape
        while not math.isinf(self._now):
            placement = self._capacity.place(shape.per_worker, shape.min_workers)
            if placement is not None:
                self._start(job, placement)
                return
            if not self._ends:
                self._now = math.inf
                return
            at, _, ended, per_worker = heapq.heappop(self._ends)
            self._now = max(self._now, at)
            self._capacity.add(ended, per_worker, 1)

    def _start(self, job: JobRequest, placement: IndexedPlacement) -> None:
        per_worker = job.shape.per_worker
        self._capacity.add(placement, per_worker, -1)
        end = self._now + job.expected_s, job.number, placement, per_worker
        heapq.heappush(self._ends, end)


def _remedies(view: View, job: JobRequest, wait: Wait) -> list[str]:
    """Return what would start it now, the smallest change first."""
    columns = Columns(view)
    availability = Availability(columns.kinds, columns.running)
    missing = job.shape.min_workers - availability.for_short.num_slots(job.shape.per_worker)
    node = [missing_node(job.shape, missing)] if missing > 0 else []
    match wait.code:
        case "never-fits":
            return node
        case "later":
            return [f"its earliest start time, in {format_duration(job.not_before - view.now)}"]
        case "quota":
            return [
                *_stops(view, job, columns, availability),
                f"a higher limit for team {job.team}",
            ]
        case "making-room" | "adding-nodes" | "reservation":
            return []
        case "trials-at-once":
            return _end_of_a_trial(view, wait)
    stops, length = _stops(view, job, columns, availability), _length(view, job, wait)
    return [*stops, *length, *_priority(view, job), *node]


def _stops(view: View, job: JobRequest, columns: Columns, availability: Availability) -> list[str]:
    """Name the jobs whose end would free enough capacity, if they are few."""
    dry_run = DryRun(job, availability, TeamLimits(view, columns), None, view.now)
    if dry_run.fits:
        return []
    running = columns.running
    ranks = running.jobs.ranks(view.now, view.policy)
    victims: dict[int, Victim] = {}
    for n in np.lexsort((-running.jobs.number, -running.started_at, ranks)).tolist():
        if running.is_stopping[n]:
            continue
        allocation = running.allocations[n]
        victim = victims[n] = Victim(n, allocation, allocation.workers, 0)
        dry_run.remove(victim, victim.workers)
        if dry_run.fits:
            break
    else:
        return []
    return [f"stop {_names(view, minimal_victims(dry_run, victims))}"]


def _names(view: View, victims: list[Victim]) -> str:
    allocations = [victim.allocation for victim in victims]
    if len(allocations) > MAX_STOPS:
        return format_names(a.job.name for a in allocations)
    nodes = {node.id: node.name for node in view.nodes}
    names = [f"{a.job.name} ({format_placement(a.placement, nodes)})" for a in allocations]
    return format_names(names, MAX_STOPS)


def _end_of_a_trial(view: View, wait: Wait) -> list[str]:
    """Name the trials of which one has to end first."""
    running = [a.job.name for a in view.allocations if a.job.number in wait.blockers]
    return [f"the end of {' or '.join(running[:MAX_STOPS])}"] if running else []


def _length(view: View, job: JobRequest, wait: Wait) -> list[str]:
    """Say how short it would have to be for backfilling."""
    if wait.code != "reserved" or not math.isinf(job.expected_s):
        return []
    [first] = (other.name for other in view.waiting if other.number == wait.blockers[0])
    return [f"a known length (queue.expected) that ends before {first} starts"]


def _priority(view: View, job: JobRequest) -> list[str]:
    """Find the lowest priority with which it would start or preempt others."""
    others = [other for other in view.waiting if other.number != job.number]
    levels = {rank(other, view.now, view.policy) + 1 for other in others}
    levels |= {rank(a.job, view.now, view.policy) + 1 for a in view.allocations}
    tries = sorted(level for level in levels if job.priority < level <= TOP_PRIORITY)
    tries = tries[::-1][:: len(tries) // MOST_TRIES + 1][::-1]
    low, high = 0, len(tries)
    while low < high:
        middle = (low + high) // 2
        raised = replace(job, priority=tries[middle])
        if gets_capacity(replace(view, waiting=[*others, raised]), job.number):
            high = middle
        else:
            low = middle + 1
    return [f"priority {tries[low]}"] if low < len(tries) else []
