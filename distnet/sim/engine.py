"""A discrete-event simulation around the server's own `decide`.

A preempted job saves and loses no work: it leaves after `grace_s` and is queued again with its
remaining work. Each restart or resize costs `restart_s`. Passes of the scheduler are at least
`every_s` apart, so that many short jobs do not need one pass each.
"""

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from distnet.scheduler.decide import decide
from distnet.scheduler.preemption import MAX_VICTIMS_PER_PASS
from distnet.scheduler.view import Node, Policy, Resize, Start, Stop, Team, View
from distnet.sim.load import Load
from distnet.sim.running import SimRun, make_run
from distnet.sim.usage import Usage

SUBMITTED, ENDED, STOPPED, RESIZED, RESTARTED, STEADY = range(6)
"""Kinds of events."""
Event = tuple[float, int, int, int]
"""Time, kind, number of the job, version."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The cluster, the policy and the costs of a simulation."""

    nodes: Sequence[Node]
    policy: Policy = Policy()
    teams: Mapping[str, Team] = field(default_factory=dict)
    restart_s: float = 30.0
    grace_s: float = 10.0
    every_s: float = 10.0


class Simulation:
    """A load on a cluster, simulated by `run`."""

    def __init__(self, load: Load, setting: Setting) -> None:
        self.load, self.setting = load, setting
        self._nodes = tuple(setting.nodes)
        self.runs = [make_run(number, job) for number, job in enumerate(load.jobs, start=1)]
        self.now = 0.0
        self.num_passes = self.num_ended = 0
        self.usage = Usage(setting.nodes)
        self.used_by_last_arrival: tuple[float, float | None] = (0.0, None)
        """Fractions of all CPUs and GPUs that were held until the last submission."""
        self._waiting: dict[int, SimRun] = {}
        self._running: dict[int, SimRun] = {}
        self._growing: set[int] = set()
        """Jobs that have fewer workers than they can use."""
        self._events: list[Event] = [
            (run.job.submit_s, SUBMITTED, run.number, 0) for run in self.runs
        ]
        heapq.heapify(self._events)
        self._is_due = False
        self._next_pass_s = 0.0

    def run(self, should_continue: Callable[["Simulation"], bool] = lambda _: True) -> bool:
        """Simulate until no events are left; returns False if it was interrupted.

        Args:
            should_continue: called after each event and each pass.
        """
        while self._events or self._is_due:
            upcoming = self._events[0][0] if self._events else math.inf
            if self._is_due and self._next_pass_s < upcoming:
                self.now = max(self.now, self._next_pass_s)
                self._pass()
            else:
                self._handle(heapq.heappop(self._events))
            if not should_continue(self):
                break
        for run in self._running.values():
            run.count(self.now)
        return not (self._events or self._is_due)

    def _handle(self, event: Event) -> None:
        time_s, kind, number, version = event
        run = self.runs[number - 1]
        if kind not in (SUBMITTED, STEADY) and version != run.version:
            return
        self.now = time_s
        self._apply(kind, run)
        self._is_due = True
        self._next_pass_s = max(self._next_pass_s, time_s)

    def _apply(self, kind: int, run: SimRun) -> None:
        if kind == SUBMITTED:
            self._waiting[run.number] = run
            self.used_by_last_arrival = self.usage.utilisation(self.now)
        elif kind == ENDED:
            self._release(run)
            run.record.ended_s = self.now
            self.num_ended += 1
        elif kind == STOPPED:
            self._release(run)
            self._waiting[run.number] = run
        elif kind == RESIZED:
            self._allocate(run, run.target)
            run.resizing_to, run.resized_s, run.is_steady = None, self.now, True
            self._schedule_end(run)
        elif kind == RESTARTED:
            run.is_steady = True
            self._schedule_end(run)

    def _pass(self) -> None:
        self._is_due = False
        self._next_pass_s = self.now + self.setting.every_s
        if not self._waiting and not self._growing:
            return
        self.num_passes += 1
        plan = decide(self._view())
        num_victims = 0
        for decision in plan.decisions:
            run = self.runs[decision.job - 1]
            if isinstance(decision, Start):
                self._start(run, decision)
            elif isinstance(decision, Stop):
                self._stop(run)
                num_victims += 1
            else:
                self._resize(run, decision)
                num_victims += 1
        self._is_due = num_victims >= MAX_VICTIMS_PER_PASS  # the next pass preempts more

    def _view(self) -> View:
        setting = self.setting
        return View(
            now=self.now,
            nodes=self._nodes,
            waiting=[run.request for run in self._waiting.values()],
            allocations=[run.allocation() for run in self._running.values()],
            teams=setting.teams,
            usage=self.usage.at(self.now),
            policy=setting.policy,
        )

    def _start(self, run: SimRun, decision: Start) -> None:
        del self._waiting[run.number]
        self._running[run.number] = run
        overhead_s = 0.0 if run.record.started_s is None else self.setting.restart_s
        run.begin(self.now, overhead_s)
        self._allocate(run, decision.placement)
        self._schedule_end(run)

    def _stop(self, run: SimRun) -> None:
        run.count(self.now)
        run.is_stopping, run.is_steady = True, False
        run.record.stops += 1
        run.invalidate()
        leaves_s = self.now + self.setting.grace_s
        kind, time_s = (ENDED, run.ends_s) if run.ends_s <= leaves_s else (STOPPED, leaves_s)
        heapq.heappush(self._events, (time_s, kind, run.number, run.version))

    def _resize(self, run: SimRun, decision: Resize) -> None:
        run.count(self.now)
        run.target, run.resizing_to = decision.placement, sum(decision.placement.values())
        run.is_steady = False
        run.record.resizes += 1
        if run.resizing_to > run.workers:
            self._allocate(run, decision.placement)
        run.trains_from_s = self.now + self.setting.restart_s
        run.invalidate()
        heapq.heappush(self._events, (run.trains_from_s, RESIZED, run.number, run.version))

    def _allocate(self, run: SimRun, placement: Mapping[str, int]) -> None:
        """Set the placement of a job from now on."""
        run.count(self.now)
        self.usage.add(run.job, -run.workers, self.now)
        run.placement = placement
        if run.workers < run.job.max_workers:
            self._growing.add(run.number)
        else:
            self._growing.discard(run.number)
        self.usage.add(run.job, run.workers, self.now)

    def _release(self, run: SimRun) -> None:
        self.usage.add(run.job, -run.workers, self.now)
        run.leave(self.now)
        self._growing.discard(run.number)
        del self._running[run.number]

    def _schedule_end(self, run: SimRun) -> None:
        """Add the events of a running job: its end, the end of a restart, and when it is steady."""
        run.invalidate()
        heapq.heappush(self._events, (run.ends_s, ENDED, run.number, run.version))
        if not run.is_steady:
            heapq.heappush(self._events, (run.trains_from_s, RESTARTED, run.number, run.version))
        if run.is_elastic or self.setting.teams:
            time_s = self.now + self.setting.policy.steady_s
            heapq.heappush(self._events, (time_s, STEADY, run.number, 0))
