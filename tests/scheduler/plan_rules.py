"""The rules that every plan keeps, derived from the view alone without the scheduler's code."""

import math
from collections import Counter

from distnet.scheduler.view import JobRequest, Node, Plan, Resize, Start, Stop, View

CODES = {
    "reservation",
    "later",
    "never-fits",
    "no-room",
    "behind",
    "quota",
    "making-room",
    "reserved",
    "adding-nodes",
    "trials-at-once",
}


def rank(job: JobRequest, view: View) -> int:
    return job.priority + math.floor(max(0.0, view.now - job.submitted_at) / view.policy.ageing_s)


def has_waited(job: JobRequest, view: View) -> bool:
    return view.now - job.submitted_at - job.ran_s >= view.policy.ageing_s


def workers_on(cpus: float, gpus: float, job: JobRequest) -> int:
    counts = [math.floor(cpus / job.shape.cpus + 1e-9)] if job.shape.cpus else []
    counts += [math.floor(gpus / job.shape.gpus + 1e-9)] if job.shape.gpus else []
    return max(0, min(counts))


def slots_for(view: View, free: dict[str, list[float]], job: JobRequest) -> int:
    allowed = {n.id for n in view.nodes if is_allowed(n, job) and not is_reserved(view, n.id, job)}
    return sum(workers_on(*free[node], job) for node in free if node in allowed)


def is_reserved(view: View, node: str, job: JobRequest) -> bool:
    """Whether the job must not start on this node now."""
    if job.reservation and not any(
        node in one.nodes for one in view.reserved if one.name == job.reservation
    ):
        return True
    for one in view.reserved:
        is_open = job.owner in one.users or job.team in one.teams
        if node not in one.nodes or is_open or view.now >= one.ends_at:
            continue
        left = one.starts_at - view.now
        may_be_stopped = job.is_preemptible and left >= view.policy.steady_s
        if left <= 0 or not (job.expected_s <= left or may_be_stopped):
            return True
    return False


def is_allowed(node: Node, job: JobRequest) -> bool:
    """Whether the node has the labels and a type of GPU that the job wants."""
    if job.shape.selector is None:
        return True
    gpus, labels = job.shape.selector
    has_labels = dict(labels).items() <= node.labels.items()
    return has_labels and (not gpus or node.labels.get("gpu") in gpus)


def is_usable(node: Node) -> bool:
    return not (node.is_draining or node.is_absent)


def free_resources(view: View) -> dict[str, list[float]]:
    free = {n.id: [n.cpus, n.gpus] for n in view.nodes if is_usable(n)}
    for allocation in view.allocations:
        take(free, allocation.job, allocation.placement)
    return free


def take(free: dict[str, list[float]], job: JobRequest, placement: object) -> None:
    for node, count in dict(placement).items():  # type: ignore[call-overload]
        if node in free:
            free[node][0] -= count * job.shape.cpus
            free[node][1] -= count * job.shape.gpus


def check(view: View, plan: Plan) -> None:
    """Check all rules that hold for a single plan."""
    jobs = {job.number: job for job in view.waiting}
    allocations = {allocation.job.number: allocation for allocation in view.allocations}
    starts = {d.job: d.placement for d in plan.decisions if isinstance(d, Start)}
    waits = [wait.job for wait in plan.queue]
    assert sorted([*starts, *waits]) == sorted(jobs), "each job starts or waits, once"
    assert len({d.job for d in plan.decisions}) == len(plan.decisions)
    assert {wait.code for wait in plan.queue} <= CODES
    assert all(wait.reason and "inf" not in wait.reason.split() for wait in plan.queue)
    assert not any(jobs[number].not_before > view.now for number in starts)
    _check_gangs(jobs, starts)
    _check_reserved(view, plan, jobs, allocations, starts)
    _check_capacity(view, plan, jobs, allocations, starts)
    _check_sweeps(view, plan, jobs, starts)
    _check_limits(view, plan, jobs, allocations, starts)
    _check_victims(view, plan, jobs, allocations)
    if not view.teams:
        _check_order(view, plan, jobs, starts)
    _check_quotas(view, plan, jobs, starts)
    _check_new_nodes(view, plan, jobs)
    _check_growth(view, plan, jobs)


def _check_growth(view: View, plan: Plan, jobs: dict[int, JobRequest]) -> None:
    """No job grows, and has nodes added for that, while others wait for capacity of its kind."""
    kinds = {
        jobs[wait.job].shape.gpus > 0
        for wait in plan.queue
        if wait.code in ("no-room", "behind", "reserved")
    }
    grown = {
        a.job.shape.gpus > 0
        for a in view.allocations
        for d in plan.decisions
        if isinstance(d, Resize) and d.job == a.job.number and d.for_job is None
    }
    if False in kinds:
        assert not grown
        assert not plan.new_nodes or any(wait.code == "adding-nodes" for wait in plan.queue)
    assert not (kinds and True in grown)


def _check_new_nodes(view: View, plan: Plan, jobs: dict[int, JobRequest]) -> None:
    """Nodes are added only for jobs that wait for them or grow, and never above the maximum."""
    most = Counter(node.group for node in view.nodes)
    addable = Counter(n.group for n in view.nodes if n.is_absent and not n.is_draining)
    assert all(0 < count <= addable[name] for name, count in plan.new_nodes.items())
    assert all(plan.new_nodes.get(name, 0) <= n <= most[name] for name, n in plan.nodes.items())
    everybody = [*jobs.values(), *(a.job for a in view.allocations)]
    waits = {wait.job for wait in plan.queue if wait.code == "adding-nodes"}
    assert bool(plan.new_nodes) >= bool(waits)
    if plan.new_nodes:
        assert waits or any(job.shape.is_elastic for job in everybody)
    if not everybody:
        assert plan.nodes == {}
    whole = {node.id: [node.cpus, node.gpus] for node in view.nodes}
    for wait in plan.queue:
        job = jobs[wait.job]
        allowed = [whole[node.id] for node in view.nodes if is_allowed(node, job)]
        never = sum(workers_on(*one, job) for one in allowed) < job.shape.min_workers
        assert (wait.code == "never-fits") == never
    for number in waits if len(jobs) == 1 else ():
        assert slots_for(view, free_resources(view), jobs[number]) < jobs[number].shape.min_workers


def _check_gangs(jobs: dict[int, JobRequest], starts: dict[int, object]) -> None:
    for number, placement in starts.items():
        shape = jobs[number].shape
        workers = sum(dict(placement).values())  # type: ignore[call-overload]
        assert shape.min_workers <= workers <= shape.max_workers


def _check_reserved(view, plan, jobs, allocations, starts) -> None:  # type: ignore[no-untyped-def]
    for number, placement in starts.items():
        assert not any(is_reserved(view, node, jobs[number]) for node in placement)
    for decision in plan.decisions:
        if isinstance(decision, Resize) and decision.for_job is None:
            allocation = allocations[decision.job]
            more = {n for n, c in decision.placement.items() if c > allocation.placement.get(n, 0)}
            assert not any(is_reserved(view, node, allocation.job) for node in more)
    leave = {
        number
        for number, allocation in allocations.items()
        for one in view.reserved
        if one.starts_at <= view.now < one.ends_at
        and one.nodes & set(allocation.placement)
        and allocation.job.owner not in one.users
        and allocation.job.team not in one.teams
    }
    stops = {d.job for d in plan.decisions if isinstance(d, Stop) and d.for_job is None}
    may_stop = {n for n in leave if allocations[n].job.is_preemptible}
    assert stops == {n for n in may_stop if not allocations[n].is_stopping}


def _check_sweeps(view, plan, jobs, starts) -> None:  # type: ignore[no-untyped-def]
    """A sweep starts no more trials than are allowed; those that are kept back would be too many.

    Of its trials that may start, the first ones do not wait because of the others.
    """
    running = Counter(allocation.job.sweep for allocation in view.allocations)
    codes = {wait.job: wait.code for wait in plan.queue}
    outside = ("later", "never-fits", "reservation")
    for name in {job.sweep for job in jobs.values() if job.trials_at_once is not None}:
        its = [job for job in jobs.values() if job.sweep == name]
        may_start = [job for job in its if codes.get(job.number) not in outside]
        may_start.sort(key=lambda job: (-job.priority, job.number))
        free = max(0, its[0].trials_at_once - running[name])
        assert sum(job.number in starts for job in its) <= free
        kept = [codes.get(job.number) == "trials-at-once" for job in may_start]
        assert kept == [False] * min(free, len(kept)) + [True] * max(0, len(kept) - free)


def _check_capacity(view, plan, jobs, allocations, starts) -> None:  # type: ignore[no-untyped-def]
    nodes = {node.id: node for node in view.nodes}
    usable = {n.id for n in view.nodes if is_usable(n)}
    free = free_resources(view)
    before = {node: list(resources) for node, resources in free.items()}
    for number, placement in starts.items():
        assert set(placement) <= usable
        assert all(is_allowed(nodes[node], jobs[number]) for node in placement)
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
                new_nodes = [node for node, more in change.items() if more]
                assert all(is_allowed(nodes[node], allocation.job) for node in new_nodes)
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
    all_jobs = jobs | {number: allocation.job for number, allocation in allocations.items()}
    new = set(starts) | {d.job for d in plan.decisions if isinstance(d, Resize) and not d.for_job}
    for team in view.teams.values():
        its = {n: size for n, size in sizes.items() if all_jobs[n].team == team.name}
        if new & its.keys():
            cpus = sum(size * all_jobs[n].shape.cpus for n, size in its.items())
            gpus = sum(size * all_jobs[n].shape.gpus for n, size in its.items())
            uses = {n: all_jobs[n].shape for n in new & its.keys()}
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
    """No job borrows capacity that would also fit a waiting job within its team's quota.

    One that has waited for `ageing` may.
    """
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
        if jobs[number].team in borrowing and not has_waited(jobs[number], view)
    }
    quotas = {team.name: min(team.quota_cpus, team.limit_cpus) for team in teams}
    for wait in plan.queue:
        job, code = jobs[wait.job], wait.code
        needed = after[job.team] + job.shape.max_workers * job.shape.cpus
        is_within_quota = job.shape.gpus == 0 and needed <= quotas.get(job.team, 0)
        if code in ("no-room", "behind", "reserved") and is_within_quota:
            assert (job.shape, job.expected_s) not in borrowers, f"job {job.number} was passed"


def _check_order(view, plan, jobs, starts) -> None:  # type: ignore[no-untyped-def]
    """Ranks never rise along the queue; a job with the code `no-room` would not fit."""
    outside = ("later", "never-fits", "reservation", "trials-at-once")
    contenders = [w for w in plan.queue if w.code not in outside]
    ranks = [rank(jobs[wait.job], view) for wait in contenders]
    assert ranks == sorted(ranks, reverse=True)
    for wait, level in zip(contenders, ranks, strict=True):
        if wait.code != "no-room":
            continue
        free, job = free_resources(view), jobs[wait.job]
        for number, placement in starts.items():
            if rank(jobs[number], view) >= level:
                take(free, jobs[number], placement)
        assert slots_for(view, free, job) < job.shape.min_workers, (
            f"job {wait.job} fits and was passed"
        )
