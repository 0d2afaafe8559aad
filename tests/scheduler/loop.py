"""A cluster in virtual time that does what `decide` says, and checks each plan against the rules.

What is checked is worked out anew here, from the view alone, with none of the scheduler's code.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from distnet.scheduler.decide import decide
from distnet.scheduler.view import (
    Candidate,
    Holder,
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
    waiting: dict[int, Candidate] = field(default_factory=dict)
    holders: dict[int, Holder] = field(default_factory=dict)
    starts: dict[int, float] = field(default_factory=dict)
    """When each job started for the first time."""
    stops: list[tuple[int, int]] = field(default_factory=list)
    """Who was stopped for whom."""
    plan: Plan = Plan((), ())
    _due: list[tuple[float, int]] = field(default_factory=list)
    """When jobs that were asked have done it."""

    def submit(self, job: Candidate) -> None:
        self.waiting[job.number] = job

    def view(self) -> View:
        return View(
            self.now,
            self.nodes,
            list(self.waiting.values()),
            list(self.holders.values()),
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
                self.holders[job.number] = Holder(job, decision.placement, self.now, ends_at)
                self.starts.setdefault(job.number, self.now)
                continue
            holder = self.holders[decision.job]
            self._due.append((self.now + GRACE_S, decision.job))
            if isinstance(decision, Stop):
                self.stops.append((decision.job, decision.for_job))
                self.holders[decision.job] = replace(holder, is_stopping=True, is_steady=False)
            else:
                asked = sum(decision.placement.values())
                placement = decision.placement if asked > holder.workers else holder.placement
                self.holders[decision.job] = replace(
                    holder, placement=placement, asked=asked, is_steady=False
                )
                self._shrunk[decision.job] = decision.placement
        self.plan = plan
        return plan

    _shrunk: dict[int, object] = field(default_factory=dict)

    def next_event(self) -> float:
        """When something ends, or has done what it was asked to."""
        ends = [h.ends_at for h in self.holders.values() if not h.is_stopping]
        return min([*ends, *(time for time, _ in self._due)], default=math.inf)

    def advance(self, to: float) -> None:
        """Let time pass, and what ends in it."""
        self.now = to
        for number in [n for n, h in self.holders.items() if h.ends_at <= to]:
            del self.holders[number]
        for entry in [entry for entry in self._due if entry[0] <= to]:
            self._due.remove(entry)
            self._done(entry[1])

    def _done(self, number: int) -> None:
        holder = self.holders.get(number)
        if holder is None:
            return
        if holder.is_stopping:
            del self.holders[number]
            self.waiting[number] = holder.job
        elif holder.asked is not None:
            placement = self._shrunk.pop(number)
            self.holders[number] = replace(
                holder,
                placement=placement,  # type: ignore[arg-type]
                asked=None,
                is_steady=True,
                resized_at=self.now,
            )


def rank(job: Candidate, view: View) -> int:
    return job.priority + math.floor(max(0.0, view.now - job.submitted_at) / view.policy.ageing_s)


def workers_on(cpus: float, gpus: float, job: Candidate) -> int:
    counts = [math.floor(cpus / job.shape.cpus + 1e-9)] if job.shape.cpus else []
    counts += [math.floor(gpus / job.shape.gpus + 1e-9)] if job.shape.gpus else []
    return max(0, min(counts))


def room_for(free: dict[str, list[float]], job: Candidate) -> int:
    return sum(workers_on(cpus, gpus, job) for cpus, gpus in free.values())


def free_room(view: View) -> dict[str, list[float]]:
    free = {n.id: [n.cpus, n.gpus] for n in view.nodes if not n.is_draining}
    for holder in view.holders:
        take(free, holder.job, holder.placement)
    return free


def take(free: dict[str, list[float]], job: Candidate, placement: object) -> None:
    for node, count in dict(placement).items():  # type: ignore[call-overload]
        if node in free:
            free[node][0] -= count * job.shape.cpus
            free[node][1] -= count * job.shape.gpus


def check(view: View, plan: Plan) -> None:
    """All rules that hold for one plan."""
    jobs = {job.number: job for job in view.waiting}
    holders = {holder.job.number: holder for holder in view.holders}
    starts = {d.job: d.placement for d in plan.decisions if isinstance(d, Start)}
    told = [wait.job for wait in plan.queue]
    assert sorted([*starts, *told]) == sorted(jobs), "each job starts or is told why not, once"
    assert len({d.job for d in plan.decisions}) == len(plan.decisions)
    assert {wait.code for wait in plan.queue} <= CODES
    assert all(wait.reason and "inf" not in wait.reason.split() for wait in plan.queue)
    assert not any(jobs[number].not_before > view.now for number in starts)
    _check_gangs(jobs, starts)
    _check_room(view, plan, jobs, holders, starts)
    _check_limits(view, plan, jobs, holders, starts)
    _check_victims(view, plan, jobs, holders)
    if not view.teams:
        _check_order(view, plan, jobs, starts)
    _check_quotas(view, plan, jobs, starts)


def _check_gangs(jobs: dict[int, Candidate], starts: dict[int, object]) -> None:
    for number, placement in starts.items():
        shape = jobs[number].shape
        workers = sum(dict(placement).values())  # type: ignore[call-overload]
        assert shape.fewest <= workers <= shape.most


def _check_room(view, plan, jobs, holders, starts) -> None:  # type: ignore[no-untyped-def]
    usable = {n.id for n in view.nodes if not n.is_draining}
    free = free_room(view)
    before = {node: list(room) for node, room in free.items()}
    for number, placement in starts.items():
        assert set(placement) <= usable
        take(free, jobs[number], placement)
    for decision in plan.decisions:
        if isinstance(decision, Resize):
            holder = holders[decision.job]
            old, new = holder.placement, decision.placement
            assert holder.job.shape.fewest <= sum(new.values()) <= holder.job.shape.most
            is_growing = sum(new.values()) > holder.workers
            both = old.keys() | new.keys()
            change = {node: new.get(node, 0) - old.get(node, 0) for node in both}
            assert all((more >= 0) if is_growing else (more <= 0) for more in change.values())
            if is_growing:
                take(free, holder.job, change)
    for node, (cpus, gpus) in free.items():
        assert cpus >= min(0, before[node][0]) - 1e-6, f"{node}: too many CPUs"
        assert gpus >= min(0, before[node][1]) - 1e-6, f"{node}: too many GPUs"


def _check_limits(view, plan, jobs, holders, starts) -> None:  # type: ignore[no-untyped-def]
    sizes = {number: holder.workers for number, holder in holders.items()}
    sizes |= {number: sum(placement.values()) for number, placement in starts.items()}
    for decision in plan.decisions:
        if isinstance(decision, Resize):
            sizes[decision.job] = max(sizes[decision.job], sum(decision.placement.values()))
    everybody = jobs | {number: holder.job for number, holder in holders.items()}
    new = set(starts) | {d.job for d in plan.decisions if isinstance(d, Resize) and not d.for_job}
    for team in view.teams.values():
        its = {n: size for n, size in sizes.items() if everybody[n].team == team.name}
        if new & its.keys():
            cpus = sum(size * everybody[n].shape.cpus for n, size in its.items())
            gpus = sum(size * everybody[n].shape.gpus for n, size in its.items())
            uses = {n: everybody[n].shape for n in new & its.keys()}
            assert cpus <= team.limit_cpus or not any(s.cpus for s in uses.values())
            assert gpus <= team.limit_gpus or not any(s.gpus for s in uses.values())


def _check_victims(view, plan, jobs, holders) -> None:  # type: ignore[no-untyped-def]
    codes = {wait.job: wait.code for wait in plan.queue}
    for decision in plan.decisions:
        if isinstance(decision, Start) or decision.for_job is None:
            continue
        holder, job = holders[decision.job], jobs[decision.for_job]
        assert codes[job.number] == "making-room"
        assert holder.is_steady
        assert not holder.is_stopping
        if isinstance(decision, Stop):
            assert view.policy.preemption
            assert holder.job.is_preemptible
            is_above = job.priority > rank(holder.job, view)
            assert is_above or (view.teams and holder.job.team != job.team)
        else:
            assert view.policy.elastic


def _check_quotas(view, plan, jobs, starts) -> None:  # type: ignore[no-untyped-def]
    """Nobody borrows what somebody needs who is below the quota, and whom it would suit as well."""
    held: Counter[str] = Counter()
    for holder in view.holders:
        held[holder.job.team] += holder.workers * holder.job.shape.cpus
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
        needed = after[job.team] + job.shape.most * job.shape.cpus
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
        assert room_for(free, job) < job.shape.fewest, f"job {wait.job} fits and was passed"
