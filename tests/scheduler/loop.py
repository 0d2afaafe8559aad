"""A cluster in virtual time that does what `decide` says, and checks each plan against the rules.

What is checked is worked out anew here, from the view alone, with none of the scheduler's code.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from distnet.scheduler.decide import decide
from distnet.scheduler.view import (
    Allocation,
    JobRequest,
    Node,
    Plan,
    Policy,
    Resize,
    Start,
    Stop,
    Team,
    View,
)

GRACE_S = 10.0
CODES = {"later", "never-fits", "no-room", "behind", "quota", "making-room", "reserved"}


@dataclass
class Loop:
    nodes: Sequence[Node]
    teams: dict[str, Team] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    now: float = 0.0
    waiting: dict[int, JobRequest] = field(default_factory=dict)
    allocations: dict[int, Allocation] = field(default_factory=dict)
    starts: dict[int, float] = field(default_factory=dict)
    """When each job started for the first time."""
    stops: list[tuple[int, int]] = field(default_factory=list)
    """Who was stopped for whom."""
    plan: Plan = Plan((), ())
    _due: list[tuple[float, int]] = field(default_factory=list)
    """When jobs that were asked have done it."""

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
        )

    def step(self) -> Plan:
        """Decide, check, do."""
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
                asked = sum(decision.placement.values())
                placement = (
                    decision.placement if asked > allocation.workers else allocation.placement
                )
                self.allocations[decision.job] = replace(
                    allocation, placement=placement, resizing_to=asked, is_steady=False
                )
                self._shrunk[decision.job] = decision.placement
        self.plan = plan
        return plan

    _shrunk: dict[int, object] = field(default_factory=dict)

    def next_event(self) -> float:
        """When something ends, or has done what it was asked to."""
        ends = [h.ends_at for h in self.allocations.values() if not h.is_stopping]
        return min([*ends, *(time for time, _ in self._due)], default=math.inf)

    def advance(self, to: float) -> None:
        """Let time pass, and what ends in it."""
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
            self.waiting[number] = allocation.job
        elif allocation.resizing_to is not None:
            placement = self._shrunk.pop(number)
            self.allocations[number] = replace(
                allocation,
                placement=placement,  # type: ignore[arg-type]
                resizing_to=None,
                is_steady=True,
                resized_at=self.now,
            )


def rank(job: JobRequest, view: View) -> int:
    return job.priority + math.floor(max(0.0, view.now - job.submitted_at) / view.policy.ageing_s)


def workers_on(cpus: float, gpus: float, job: JobRequest) -> int:
    counts = [math.floor(cpus / job.shape.cpus + 1e-9)] if job.shape.cpus else []
    counts += [math.floor(gpus / job.shape.gpus + 1e-9)] if job.shape.gpus else []
    return max(0, min(counts))


def room_for(free: dict[str, list[float]], job: JobRequest) -> int:
    return sum(workers_on(cpus, gpus, job) for cpus, gpus in free.values())


def free_room(view: View) -> dict[str, list[float]]:
    free = {n.id: [n.cpus, n.gpus] for n in view.nodes if not n.is_draining}
    for allocation in view.allocations:
        take(free, allocation.job, allocation.placement)
    return free


def take(free: dict[str, list[float]], job: JobRequest, placement: object) -> None:
    for node, count in dict(placement).items():  # type: ignore[call-overload]
        if node in free:
            free[node][0] -= count * job.shape.cpus
            free[node][1] -= count * job.shape.gpus


def check(view: View, plan: Plan) -> None:
    """All rules that hold for one plan."""
    jobs = {job.number: job for job in view.waiting}
    allocations = {allocation.job.number: allocation for allocation in view.allocations}
    starts = {d.job: d.placement for d in plan.decisions if isinstance(d, Start)}
    told = [wait.job for wait in plan.queue]
    assert sorted([*starts, *told]) == sorted(jobs), "each job starts or is told why not, once"
    assert len({d.job for d in plan.decisions}) == len(plan.decisions)
    assert {wait.code for wait in plan.queue} <= CODES
    assert all(wait.reason and "inf" not in wait.reason.split() for wait in plan.queue)
    assert not any(jobs[number].not_before > view.now for number in starts)
    _check_gangs(jobs, starts)
    _check_room(view, plan, jobs, allocations, starts)
    _check_limits(view, plan, jobs, allocations, starts)
    _check_victims(view, plan, jobs, allocations)
    if not view.teams:
        _check_order(view, plan, jobs, starts)
    _check_quotas(view, plan, jobs, starts)


def _check_gangs(jobs: dict[int, JobRequest], starts: dict[int, object]) -> None:
    for number, placement in starts.items():
        shape = jobs[number].shape
        workers = sum(dict(placement).values())  # type: ignore[call-overload]
        assert shape.min_workers <= workers <= shape.max_workers


def _check_room(view, plan, jobs, allocations, starts) -> None:  # type: ignore[no-untyped-def]
    usable = {n.id for n in view.nodes if not n.is_draining}
    free = free_room(view)
    before = {node: list(room) for node, room in free.items()}
    for number, placement in starts.items():
        assert set(placement) <= usable
        take(free, jobs[number], placement)
    for decision in plan.decisions:
        if isinstance(decision, Resize):
            allocation = allocations[decision.job]
            old, new = allocation.placement, decision.placement
            assert (
                allocation.job.shape.min_workers
                <= sum(new.values())
                <= allocation.job.shape.max_workers
            )
            is_growing = sum(new.values()) > allocation.workers
            both = old.keys() | new.keys()
            change = {node: new.get(node, 0) - old.get(node, 0) for node in both}
            assert all((more >= 0) if is_growing else (more <= 0) for more in change.values())
            if is_growing:
                take(free, allocation.job, change)
    for node, (cpus, gpus) in free.items():
        assert cpus >= min(0, before[node][0]) - 1e-6, f"{node}: too many CPUs"
        assert gpus >= min(0, before[node][1]) - 1e-6, f"{node}: too many GPUs"


def _check_limits(view, plan, jobs, allocations, starts) -> None:  # type: ignore[no-untyped-def]
    sizes = {number: allocation.workers for number, allocation in allocations.items()}
    sizes |= {number: sum(placement.values()) for number, placement in starts.items()}
    for decision in plan.decisions:
        if isinstance(decision, Resize):
            sizes[decision.job] = max(sizes[decision.job], sum(decision.placement.values()))
    everybody = jobs | {number: allocation.job for number, allocation in allocations.items()}
    new = set(starts) | {d.job for d in plan.decisions if isinstance(d, Resize) and not d.for_job}
    for team in view.teams.values():
        its = {n: size for n, size in sizes.items() if everybody[n].team == team.name}
        if new & its.keys():
            cpus = sum(size * everybody[n].shape.cpus for n, size in its.items())
            gpus = sum(size * everybody[n].shape.gpus for n, size in its.items())
            uses = {n: everybody[n].shape for n in new & its.keys()}
            assert cpus <= team.limit_cpus or not any(s.cpus for s in uses.values())
            assert gpus <= team.limit_gpus or not any(s.gpus for s in uses.values())


def _check_victims(view, plan, jobs, allocations) -> None:  # type: ignore[no-untyped-def]
    codes = {wait.job: wait.code for wait in plan.queue}
    for decision in plan.decisions:
        if isinstance(decision, Start) or decision.for_job is None:
            continue
        allocation, job = allocations[decision.job], jobs[decision.for_job]
        assert codes[job.number] == "making-room"
        assert allocation.is_steady
        assert not allocation.is_stopping
        if isinstance(decision, Stop):
            assert view.policy.preemption
            assert allocation.job.is_preemptible
            is_above = job.priority > rank(allocation.job, view)
            assert is_above or (view.teams and allocation.job.team != job.team)
        else:
            assert view.policy.elastic


def _check_quotas(view, plan, jobs, starts) -> None:  # type: ignore[no-untyped-def]
    """Nobody borrows what somebody needs who is below the quota, and whom it would suit as well."""
    held: Counter[str] = Counter()
    for allocation in view.allocations:
        held[allocation.job.team] += allocation.workers * allocation.job.shape.cpus
    after = held.copy()
    for number, placement in starts.items():
        after[jobs[number].team] += sum(placement.values()) * jobs[number].shape.cpus
    teams = view.teams.values()
    borrowing = {team.name for team in teams if held[team.name] > team.quota_cpus}
    borrowers = {
        (jobs[number].shape, jobs[number].expected_s)
        for number in starts
        if jobs[number].team in borrowing
    }
    quotas = {team.name: min(team.quota_cpus, team.limit_cpus) for team in teams}
    for wait in plan.queue:
        job, code = jobs[wait.job], wait.code
        needed = after[job.team] + job.shape.max_workers * job.shape.cpus
        is_entitled = job.shape.gpus == 0 and needed <= quotas.get(job.team, 0)
        if code in ("no-room", "behind", "reserved") and is_entitled:
            assert (job.shape, job.expected_s) not in borrowers, f"job {job.number} was passed"


def _check_order(view, plan, jobs, starts) -> None:  # type: ignore[no-untyped-def]
    """Ranks go down along the queue; who is told that there is no room would not fit."""
    contenders = [w for w in plan.queue if w.code not in ("later", "never-fits")]
    ranks = [rank(jobs[wait.job], view) for wait in contenders]
    assert ranks == sorted(ranks, reverse=True)
    for wait, level in zip(contenders, ranks, strict=True):
        if wait.code != "no-room":
            continue
        free, job = free_room(view), jobs[wait.job]
        for number, placement in starts.items():
            if rank(jobs[number], view) >= level:
                take(free, jobs[number], placement)
        assert room_for(free, job) < job.shape.min_workers, f"job {wait.job} fits and was passed"
