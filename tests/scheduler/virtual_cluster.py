"""A cluster in virtual time that carries out each plan of `decide`, after checking its rules."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from distnet.scheduler.decide import decide
from distnet.scheduler.view import (
    Allocation,
    JobRequest,
    Node,
    Plan,
    Policy,
    ReservedNodes,
    Start,
    Stop,
    Team,
    View,
)
from tests.scheduler.plan_rules import check

GRACE_S = 10.0


@dataclass
class VirtualCluster:
    nodes: Sequence[Node]
    teams: dict[str, Team] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    now: float = 0.0
    waiting: dict[int, JobRequest] = field(default_factory=dict)
    allocations: dict[int, Allocation] = field(default_factory=dict)
    starts: dict[int, float] = field(default_factory=dict)
    """When each job started for the first time."""
    stops: list[tuple[int, int]] = field(default_factory=list)
    """Each victim and its preemptor."""
    plan: Plan = Plan((), ())
    reserved: Sequence[ReservedNodes] = ()
    _due: list[tuple[float, int]] = field(default_factory=list)
    """When stops and resizes in progress are complete."""

    def submit(self, job: JobRequest) -> None:
        self.waiting[job.number] = job

    def view(self) -> View:
        return View(
            self.now,
            self.nodes,
            list(self.waiting.values()),
            list(self.allocations.values()),
            self.teams,
            {},
            self.policy,
            reserved=self.reserved,
        )

    def step(self) -> Plan:
        """Decide, check the plan, carry it out."""
        view = self.view()
        plan = decide(view)
        check(view, plan)
        for decision in plan.decisions:
            if isinstance(decision, Start):
                job = self.waiting.pop(decision.job)
                ends_at = self.now + job.expected_s
                self.allocations[job.number] = Allocation(
                    job, decision.placement, self.now, ends_at
                )
                self.starts.setdefault(job.number, self.now)
                continue
            allocation = self.allocations[decision.job]
            self._due.append((self.now + GRACE_S, decision.job))
            if isinstance(decision, Stop):
                self.stops.append((decision.job, decision.for_job))
                self.allocations[decision.job] = replace(
                    allocation, is_stopping=True, is_steady=False
                )
            else:
                target = sum(decision.placement.values())
                placement = (
                    decision.placement if target > allocation.workers else allocation.placement
                )
                self.allocations[decision.job] = replace(
                    allocation, placement=placement, resizing_to=target, is_steady=False
                )
                self._shrunk[decision.job] = decision.placement
        self.plan = plan
        return plan

    _shrunk: dict[int, object] = field(default_factory=dict)

    def next_event(self) -> float:
        """When the next job ends, or the next stop or resize is complete."""
        ends = [h.ends_at for h in self.allocations.values() if not h.is_stopping]
        return min([*ends, *(time for time, _ in self._due)], default=math.inf)

    def advance(self, to: float) -> None:
        """Advance the time, and finish what ends until then."""
        self.now = to
        for number in [n for n, h in self.allocations.items() if h.ends_at <= to]:
            del self.allocations[number]
        for entry in [entry for entry in self._due if entry[0] <= to]:
            self._due.remove(entry)
            self._done(entry[1])

    def _done(self, number: int) -> None:
        allocation = self.allocations.get(number)
        if allocation is None:
            return
        if allocation.is_stopping:
            del self.allocations[number]
            ran_s = allocation.job.ran_s + self.now - allocation.started_at
            self.waiting[number] = replace(allocation.job, ran_s=ran_s)
        elif allocation.resizing_to is not None:
            placement = self._shrunk.pop(number)
            self.allocations[number] = replace(
                allocation,
                placement=placement,  # type: ignore[arg-type]
                resizing_to=None,
                is_steady=True,
                resized_at=self.now,
            )
