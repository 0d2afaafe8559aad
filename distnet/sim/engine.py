"""The same `decide` as the server's, in virtual time: from event to event.

A stopped job is saved and loses nothing: it leaves after `grace_s` and waits with the work it has
left; whenever a job starts again, or with other workers, `restart_s` passes before it goes on.
Passes are at least `every_s` apart, so that many short jobs do not need a pass each.
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

ARRIVES, ENDS, LEAVES, RESIZES, SETTLES, WAKES = range(6)
Event = tuple[float, int, int, int]
"""Time, kind, number of the job, version."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the load meets."""

    nodes: Sequence[Node]
    policy: Policy = Policy()
    teams: Mapping[str, Team] = field(default_factory=dict)
    restart_s: float = 30.0
    grace_s: float = 10.0
    every_s: float = 10.0


class Simulation:
    """A load on a cluster; `run` until it is over, or somebody has seen enough."""

    def __init__(self, load: Load, setting: Setting) -> None:
        self.load, self.setting = load, setting
        self._nodes = tuple(setting.nodes)
        self.runs = [make_run(number, job) for number, job in enumerate(load.jobs, start=1)]
        self.now = 0.0
        self.num_passes = self.num_ended = 0
        self.usage = Usage(setting.nodes)
        self.used_by_last_arrival: tuple[float, float | None] = (0.0, None)
        """The parts of all CPUs and GPUs that were held until the newest job came."""
        self._waiting: dict[int, SimRun] = {}
        self._running: dict[int, SimRun] = {}
        self._growing: set[int] = set()
        """Jobs that could use more workers than they have."""
        self._events: list[Event] = [
            (run.job.submit_s, ARRIVES, run.number, 0) for run in self.runs
        ]
        heapq.heapify(self._events)
        self._is_due = False
        self._next_pass_s = 0.0

    def run(self, goes_on: Callable[["Simulation"], bool] = lambda _: True) -> bool:
        """Let time pass until nothing happens any more; false if it was broken off.

        Args:
            goes_on: asked after each event and pass.
        """
        while self._events or self._is_due:
            upcoming = self._events[0][0] if self._events else math.inf
            if self._is_due and self._next_pass_s < upcoming:
                self.now = max(self.now, self._next_pass_s)
                self._pass()
            else:
                self._happen(heapq.heappop(self._events))
            if not goes_on(self):
                break
        for run in self._running.values():
            run.count(self.now)
        return not (self._events or self._is_due)

    def _happen(self, event: Event) -> None:
        time_s, kind, number, version = event
        run = self.runs[number - 1]
        if kind not in (ARRIVES, WAKES) and version != run.version:
            return
        self.now = time_s
        if kind == ARRIVES:
            self._waiting[number] = run
            self.used_by_last_arrival = self.usage.utilisation(time_s)
        elif kind == ENDS:
            self._let_go(run)
            run.record.ended_s = time_s
            self.num_ended += 1
        elif kind == LEAVES:
            self._let_go(run)
            self._waiting[number] = run
        elif kind == RESIZES:
            self._take(run, run.target)
            run.asked, run.resized_s, run.is_steady = None, time_s, True
            self._go_on(run)
        elif kind == SETTLES:
            run.is_steady = True
            self._go_on(run)
        self._is_due = True
        self._next_pass_s = max(self._next_pass_s, time_s)

    def _pass(self) -> None:
        self._is_due = False
        self._next_pass_s = self.now + self.setting.every_s
        if not self._waiting and not self._growing:
            return
        self.num_passes += 1
        plan = decide(self._view())
        asked = 0
        for decision in plan.decisions:
            run = self.runs[decision.job - 1]
            if isinstance(decision, Start):
                self._start(run, decision)
            elif isinstance(decision, Stop):
                self._stop(run)
                asked += 1
            else:
                self._resize(run, decision)
                asked += 1
        self._is_due = asked >= MAX_VICTIMS_PER_PASS  # it asks no more at once

    def _view(self) -> View:
        setting = self.setting
        return View(
            now=self.now,
            nodes=self._nodes,
            waiting=[run.candidate for run in self._waiting.values()],
            allocations=[run.holder() for run in self._running.values()],
            teams=setting.teams,
            usage=self.usage.at(self.now),
            policy=setting.policy,
        )

    def _start(self, run: SimRun, decision: Start) -> None:
        del self._waiting[run.number]
        self._running[run.number] = run
        overhead_s = 0.0 if run.record.started_s is None else self.setting.restart_s
        run.begin(self.now, overhead_s)
        self._take(run, decision.placement)
        self._go_on(run)

    def _stop(self, run: SimRun) -> None:
        run.count(self.now)
        run.is_stopping, run.is_steady = True, False
        run.record.stops += 1
        run.changed()
        leaves_s = self.now + self.setting.grace_s
        kind, time_s = (ENDS, run.ends_s) if run.ends_s <= leaves_s else (LEAVES, leaves_s)
        heapq.heappush(self._events, (time_s, kind, run.number, run.version))

    def _resize(self, run: SimRun, decision: Resize) -> None:
        run.count(self.now)
        run.target, run.asked = decision.placement, sum(decision.placement.values())
        run.is_steady = False
        run.record.resizes += 1
        if run.asked > run.workers:
            self._take(run, decision.placement)
        run.trains_from_s = self.now + self.setting.restart_s
        run.changed()
        heapq.heappush(self._events, (run.trains_from_s, RESIZES, run.number, run.version))

    def _take(self, run: SimRun, placement: Mapping[str, int]) -> None:
        """Have it on these nodes from now on."""
        run.count(self.now)
        self.usage.add(run.job, -run.workers, self.now)
        run.placement = placement
        if run.workers < run.job.max_workers:
            self._growing.add(run.number)
        else:
            self._growing.discard(run.number)
        self.usage.add(run.job, run.workers, self.now)

    def _let_go(self, run: SimRun) -> None:
        self.usage.add(run.job, -run.workers, self.now)
        run.leave(self.now)
        self._growing.discard(run.number)
        del self._running[run.number]

    def _go_on(self, run: SimRun) -> None:
        """Tell when it ends, settles, and may be asked for something."""
        run.changed()
        heapq.heappush(self._events, (run.ends_s, ENDS, run.number, run.version))
        if not run.is_steady:
            heapq.heappush(self._events, (run.trains_from_s, SETTLES, run.number, run.version))
        if run.is_elastic or self.setting.teams:
            time_s = self.now + self.setting.policy.steady_s
            heapq.heappush(self._events, (time_s, WAKES, run.number, 0))
