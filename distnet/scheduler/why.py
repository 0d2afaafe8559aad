"""When a waiting job will start, how far off that may be, and what would start it now.

The estimate lets the jobs ahead start one after the other, in the true order, as soon as the jobs
that run and those that were started in thought have ended. It lets nobody pass, so short jobs start
rather earlier than told. What would start the job at once is tried out with `decide` itself.
"""

import heapq
import math
from dataclasses import dataclass, replace

from distnet.scheduler.capacity import Outlook
from distnet.scheduler.decide import decide
from distnet.scheduler.fit import Hosts, Places, Room, Worker, worker_of, would_do
from distnet.scheduler.limit import Limits
from distnet.scheduler.order import rank
from distnet.scheduler.victims import Victim, WhatIf, spared
from distnet.scheduler.view import Candidate, Plan, Start, View, Wait
from distnet.scheduler.words import some, span, where

LEAVING_S = 30.0
"""What we allow a job that was asked to leave for saving; not known here."""
UNCERTAINTY = 0.25
"""Of each remaining time: predictions by progress are better, what users expect is worse."""
TOP_PRIORITY = 1000
MOST_STOPS = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """When a job starts, as far as can be told."""

    starts_at: float | None
    """None: that depends on jobs of unknown length, or it never will."""
    error_s: float | None
    """It may well be so much earlier or later."""
    would_start: str
    """What would start it now; empty if it starts anyway, or nothing would."""


def explain(view: View, job: int) -> Estimate:
    """Explain a waiting job, by its number; takes a few times as long as `decide`.

    Raises:
        KeyError: no such job waits.
    """
    candidate = {other.number: other for other in view.waiting}[job]
    plan = decide(view)
    wait = next((wait for wait in plan.queue if wait.job == job), None)
    if wait is None:
        return Estimate(view.now, 0.0, "")
    starts_at, error_s = _estimate(view, plan, candidate, wait)
    return Estimate(starts_at, error_s, " or ".join(_ways(view, candidate, wait)))


def _estimate(
    view: View, plan: Plan, job: Candidate, wait: Wait
) -> tuple[float, float] | tuple[None, None]:
    if wait.code == "never-fits":
        return None, None
    if wait.code == "making-room":
        return view.now + LEAVING_S, LEAVING_S
    limits = Limits(view)
    by_limit = limits.earliest(job) if wait.code == "quota" else view.now
    starts_at = max(_Replay(view, plan).start_of(job), by_limit, job.not_before)
    if math.isinf(starts_at):
        return None, None
    late = [view.now - holder.ends_at for holder in view.holders if holder.ends_at < view.now]
    error_s = UNCERTAINTY * (starts_at - max(view.now, job.not_before)) + max(late, default=0.0)
    return starts_at, error_s


class _Replay:
    """The time to come, if the jobs ahead start strictly one after the other."""

    def __init__(self, view: View, plan: Plan) -> None:
        self._jobs = {job.number: job for job in view.waiting}
        self._plan, self._now = plan, view.now
        self._hosts = Hosts.of(view.nodes)
        outlook = Outlook(self._hosts, view.holders)
        self._room: Room = outlook.due
        self._ends: list[tuple[float, int, Places, Worker]] = []
        for holder in view.holders:
            at, places = max(view.now, holder.ends_at), outlook.staying_of(holder)
            self._ends.append((at, holder.job.number, places, worker_of(holder.job.shape)))
        heapq.heapify(self._ends)
        for decision in plan.decisions:
            if isinstance(decision, Start):
                self._start(self._jobs[decision.job], self._hosts.places(decision.placement))

    def start_of(self, job: Candidate) -> float:
        """When a job starts; inf if nobody knows."""
        for wait in self._plan.queue:
            if wait.job == job.number:
                break
            if wait.code in ("no-room", "behind", "reserved", "making-room"):
                self._begin(self._jobs[wait.job])
        self._begin(job)
        return self._now

    def _begin(self, job: Candidate) -> None:
        worker, fewest = worker_of(job.shape), job.shape.fewest
        while not math.isinf(self._now):
            places = self._room.place(worker, fewest)
            if places is not None:
                self._start(job, places)
                return
            if not self._ends:
                self._now = math.inf
                return
            at, _, gone, other = heapq.heappop(self._ends)
            self._now = max(self._now, at)
            self._add(gone, other, 1)

    def _start(self, job: Candidate, places: Places) -> None:
        worker = worker_of(job.shape)
        self._add(places, worker, -1)
        heapq.heappush(self._ends, (self._now + job.expected_s, job.number, places, worker))

    def _add(self, places: Places, worker: Worker, sign: int) -> None:
        room = self._room
        for n, count in places.items():
            cpus, gpus = sign * count * worker[0], sign * count * worker[1]
            room.put(n, room.cpus[n] + cpus, room.gpus[n] + gpus)


def _ways(view: View, job: Candidate, wait: Wait) -> list[str]:
    """What would start it now, the smallest change first."""
    missing = job.shape.fewest - Outlook(Hosts.of(view.nodes), view.holders).open.count(
        worker_of(job.shape)
    )
    more = [would_do(job.shape, missing)] if missing > 0 else []
    if wait.code == "never-fits":
        return more
    if wait.code == "later":
        return [f"the time to come, in {span(job.not_before - view.now)}"]
    if wait.code == "quota":
        return [*_stops(view, job), "a higher limit of its team"]
    if wait.code == "making-room":
        return []
    return [*_stops(view, job), *_length(view, job, wait), *_priority(view, job), *more]


def _stops(view: View, job: Candidate) -> list[str]:
    """Name the jobs whose end would make room for it, if they are few."""
    limits = Limits(view)
    outlook = Outlook(Hosts.of(view.nodes), view.holders)
    what_if = WhatIf(job, outlook, limits, None, view.now)
    if what_if.fits:
        return []
    running = [holder for holder in view.holders if not holder.is_stopping]
    running.sort(key=lambda h: (rank(h.job, view.now, view.policy), -h.started_at, -h.job.number))
    victims: dict[int, Victim] = {}
    for holder in running:
        victim = victims[holder.job.number] = Victim(holder, 0)
        what_if.move(victim, holder.workers)
        if what_if.fits:
            break
    else:
        return []
    found = spared(what_if, victims)
    if len(found) > MOST_STOPS:
        return [f"stop {some([victim.holder.job.name for victim in found])}"]
    nodes = {node.id: node.name for node in view.nodes}
    told = [f"{x.holder.job.name} ({where(x.holder.placement, nodes)})" for x in found]
    return [f"stop {some(told, MOST_STOPS)}"]


def _length(view: View, job: Candidate, wait: Wait) -> list[str]:
    """Say how short it would have to be to pass."""
    if wait.code != "reserved" or not math.isinf(job.expected_s):
        return []
    return ["a known length (queue.expected) that ends before the first in line starts"]


def _priority(view: View, job: Candidate) -> list[str]:
    """Find the lowest priority with which it would start, or be made room for."""
    others = [other for other in view.waiting if other.number != job.number]
    levels = {rank(other, view.now, view.policy) + 1 for other in others}
    levels |= {rank(h.job, view.now, view.policy) + 1 for h in view.holders}
    tries = sorted(level for level in levels if job.priority < level <= TOP_PRIORITY)
    low, high = 0, len(tries)
    while low < high:
        middle = (low + high) // 2
        raised = replace(job, priority=tries[middle])
        queue = decide(replace(view, waiting=[*others, raised])).queue
        wait = next((wait for wait in queue if wait.job == job.number), None)
        if wait is None or wait.code == "making-room":
            high = middle
        else:
            low = middle + 1
    return [f"priority {tries[low]}"] if low < len(tries) else []
