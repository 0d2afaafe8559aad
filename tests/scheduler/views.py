"""Short constructors for views of small clusters, and what their plans contain."""

import math
from collections.abc import Mapping, Sequence

from distnet.scheduler.decide import decide
from distnet.scheduler.view import (
    Allocation,
    JobRequest,
    Node,
    Plan,
    Policy,
    ReservedNodes,
    Resize,
    Shape,
    Start,
    Stop,
    Team,
    View,
    Wait,
)

NOW = 1_000_000.0


def job(
    number: int,
    workers: int | tuple[int, int] = 1,
    *,
    cpus: int = 1,
    gpus: int = 0,
    priority: int = 0,
    age_s: float = 0.0,
    owner: str = "ann",
    team: str = "vision",
    expected_s: float = math.inf,
    not_before: float = 0.0,
    is_preemptible: bool = True,
    reservation: str = "",
) -> JobRequest:
    fewest, most = workers if isinstance(workers, tuple) else (workers, workers)
    return JobRequest(
        number=number,
        name=f"job-{number}",
        owner=owner,
        team=team,
        priority=priority,
        submitted_at=NOW - age_s,
        shape=Shape(fewest, most, cpus, gpus),
        not_before=not_before,
        expected_s=expected_s,
        is_preemptible=is_preemptible,
        reservation=reservation,
    )


def runs(
    candidate: JobRequest,
    placement: Mapping[str, int],
    *,
    for_s: float = 1000.0,
    ends_in: float = math.inf,
    is_stopping: bool = False,
    is_steady: bool = True,
    resizing_to: int | None = None,
) -> Allocation:
    return Allocation(
        candidate,
        placement,
        started_at=NOW - for_s,
        ends_at=NOW + ends_in,
        is_stopping=is_stopping,
        is_steady=is_steady,
        resizing_to=resizing_to,
    )


def nodes(*cpus: int, gpus: int = 0) -> list[Node]:
    return [Node(f"n{i}", count, gpus, name=f"node-{i}") for i, count in enumerate(cpus)]


def view(
    nodes: Sequence[Node],
    waiting: Sequence[JobRequest] = (),
    allocations: Sequence[Allocation] = (),
    *,
    teams: Sequence[Team] = (),
    usage: Mapping[str, float] | None = None,
    policy: Policy | None = None,
    reserved: Sequence[ReservedNodes] = (),
) -> View:
    return View(
        NOW,
        nodes,
        waiting,
        allocations,
        {team.name: team for team in teams},
        usage or {},
        policy or Policy(),
        reserved=reserved,
    )


def started(plan: Plan) -> dict[int, dict[str, int]]:
    return {d.job: dict(d.placement) for d in plan.decisions if isinstance(d, Start)}


def stopped(plan: Plan) -> dict[int, int | None]:
    return {d.job: d.for_job for d in plan.decisions if isinstance(d, Stop)}


def resized(plan: Plan) -> dict[int, int]:
    return {d.job: sum(d.placement.values()) for d in plan.decisions if isinstance(d, Resize)}


def waits(plan: Plan) -> dict[int, Wait]:
    return {wait.job: wait for wait in plan.queue}


def codes(plan: Plan) -> dict[int, str]:
    return {wait.job: wait.code for wait in plan.queue}


def planned(*arguments: object, **settings: object) -> Plan:
    return decide(view(*arguments, **settings))  # type: ignore[arg-type]
