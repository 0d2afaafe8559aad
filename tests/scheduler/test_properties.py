"""Properties of all clusters and queues: drawn at random, simulated in virtual time."""

import math
from collections.abc import Sequence
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from distnet.scheduler.decide import decide
from distnet.scheduler.view import (
    Allocation,
    JobRequest,
    Node,
    Policy,
    ReservedNodes,
    Shape,
    Team,
    View,
)
from distnet.spec.selector import Selector
from tests.scheduler.plan_rules import check, free_resources, slots_for, take
from tests.scheduler.virtual_cluster import GRACE_S, VirtualCluster

FEW = settings(
    max_examples=80,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TEAM_NAMES = ("a", "b", "c")
LABELS = ({}, {"zone": "a"}, {"zone": "b", "gpu": "H100"}, {"zone": "a", "gpu": "T4"})
SELECTORS = (
    *(None,) * 5,
    Selector(labels=(("zone", "a"),)),
    Selector(gpus=("H100", "T4")),
    Selector(("T4",), (("zone", "a"),)),
)


@st.composite
def clusters(draw: st.DrawFn) -> list[Node]:
    count = draw(st.integers(1, 4))
    return [
        Node(
            f"n{n}",
            draw(st.sampled_from([4, 2.9, 3, 8, 5.3])),
            draw(st.sampled_from([2, 0, 4])),
            is_draining=draw(st.integers(0, 19)) == 19,
            labels=draw(st.sampled_from(LABELS)),
        )
        for n in range(count)
    ]


@st.composite
def candidates(
    draw: st.DrawFn, number: int, *, now: float = 0.0, age: float = 10_000.0
) -> JobRequest:
    fewest = draw(st.integers(1, 3))
    most = fewest + draw(st.sampled_from([0, 4, 0, 1]))
    sweep = draw(st.sampled_from(["", "", "", "two", "one"]))
    return JobRequest(
        number=number,
        name=f"job-{number}",
        owner=draw(st.sampled_from(["ann", "bob"])),
        team=draw(st.sampled_from(TEAM_NAMES)),
        priority=draw(st.integers(-2, 3)),
        submitted_at=now - draw(st.floats(0, age)),
        shape=Shape(
            fewest,
            most,
            draw(st.integers(1, 2)),
            draw(st.sampled_from([0, 0, 1])),
            draw(st.sampled_from(SELECTORS)),
        ),
        not_before=now + draw(st.sampled_from([-1.0, -1.0, -1.0, 50.0])),
        expected_s=draw(st.sampled_from([20.0, 100.0, 300.0, math.inf])),
        is_preemptible=draw(st.integers(0, 4)) < 4,
        reservation=draw(st.sampled_from([""] * 9 + ["exam"])),
        sweep=sweep,
        trials_at_once={"one": 1, "two": 2}.get(sweep),
    )


@st.composite
def teams(draw: st.DrawFn) -> dict[str, Team]:
    quotas = st.sampled_from([math.inf, 1.0, 2.0, 4.0])
    limits = st.sampled_from([math.inf, math.inf, math.inf, 2.0, 6.0])
    return {
        name: Team(
            name,
            draw(st.sampled_from([1.0, 2.0, 0.5])),
            draw(quotas),
            draw(quotas),
            draw(limits),
            draw(limits),
        )
        for name in TEAM_NAMES
        if draw(st.booleans())
    }


def policies() -> st.SearchStrategy[Policy]:
    return st.builds(
        Policy,
        ageing_s=st.sampled_from([100.0, 3600.0]),
        preemption=st.sampled_from([True, True, True, False]),
        backfill=st.sampled_from([True, True, True, False]),
        elastic=st.sampled_from([True, True, True, False]),
        steady_s=st.sampled_from([0.0, 60.0]),
    )


@st.composite
def virtual_clusters(
    draw: st.DrawFn, *, with_teams: bool
) -> tuple[VirtualCluster, list[tuple[float, JobRequest]]]:
    """A cluster, and jobs that are submitted one after the other."""
    arrivals, time = [], 0.0
    for number in range(1, draw(st.integers(3, 16))):
        time += draw(st.sampled_from([5.0, 0.0, 20.0, 70.0]))
        arrivals.append((time, draw(candidates(number, now=time, age=300.0))))
    cluster = VirtualCluster(
        draw(clusters()),
        draw(teams()) if with_teams else {},
        draw(policies()),
    )
    cluster.reserved = draw(reservations(cluster.nodes))
    return cluster, arrivals


@st.composite
def reservations(
    draw: st.DrawFn, nodes: Sequence[Node], now: float = 0.0
) -> tuple[ReservedNodes, ...]:
    """At most one, for ann and team b; most clusters have none."""
    if draw(st.integers(0, 2)) < 2:
        return ()
    starts_at = now + draw(st.sampled_from([-5.0, 30.0, 200.0]))
    some = frozenset(draw(st.sets(st.sampled_from([node.id for node in nodes]), min_size=1)))
    lasts = draw(st.sampled_from([20.0, 400.0]))
    users, teams = frozenset({"ann"}), frozenset({"b"})
    return (ReservedNodes("exam", starts_at, starts_at + lasts, some, users, teams),)


def drive(
    cluster: VirtualCluster, arrivals: list[tuple[float, JobRequest]], *, most_steps: int = 300
) -> int:
    """Run until nothing changes any more; returns the number of passes."""
    queue = list(arrivals)
    for steps in range(most_steps):
        plan = cluster.step()
        times = [cluster.next_event(), *(time for time, _ in queue[:1])]
        if not plan.decisions:  # time alone may change something: age, what is steady, not_before
            times.append(cluster.now + 50.0 if cluster.now < 2000.0 else math.inf)
        upcoming = min(times)
        if math.isinf(upcoming):
            return steps
        cluster.advance(max(cluster.now, upcoming))
        while queue and queue[0][0] <= cluster.now:
            cluster.submit(queue.pop(0)[1])
    raise AssertionError("the cluster does not come to rest")


@FEW
@given(virtual_clusters(with_teams=False))
def test_every_plan_keeps_the_rules(drawn):
    cluster, arrivals = drawn

    drive(cluster, arrivals)

    assert not any((b, a) in cluster.stops for a, b in cluster.stops), "two jobs stopped each other"


@FEW
@given(virtual_clusters(with_teams=True))
def test_every_plan_with_teams_keeps_the_rules(drawn):
    cluster, arrivals = drawn

    drive(cluster, arrivals)


@pytest.mark.check
@FEW
@given(virtual_clusters(with_teams=True))
def test_jobs_that_never_end_come_to_rest_with_teams_or_without(drawn):
    cluster, arrivals = drawn
    endless = [(time, replace(job, expected_s=math.inf)) for time, job in arrivals]

    drive(cluster, endless)

    assert not any((b, a) in cluster.stops for a, b in cluster.stops), "two jobs stopped each other"
    assert len(cluster.stops) <= len(arrivals) ** 2


@FEW
@given(virtual_clusters(with_teams=True), st.randoms(use_true_random=False), st.integers(1, 8))
def test_plan_does_not_depend_on_the_order_of_the_view(drawn, random, steps):
    cluster, arrivals = drawn
    for _, job in arrivals:
        cluster.submit(job)
    for _ in range(steps):
        cluster.step()
        cluster.advance(min(cluster.next_event(), cluster.now + 60.0))
    view = cluster.view()
    shuffled = View(
        view.now,
        random.sample(view.nodes, len(view.nodes)),
        random.sample(view.waiting, len(view.waiting)),
        random.sample(view.allocations, len(view.allocations)),
        dict(random.sample(list(view.teams.items()), len(view.teams))),
        view.usage,
        view.policy,
        reserved=view.reserved,
    )

    assert decide(view) == decide(view)
    assert decide(shuffled) == decide(view)


@st.composite
def crowded(draw: st.DrawFn) -> View:
    """Any state, even one that no sequence of plans leads to."""
    cluster, now = draw(clusters()), 5000.0
    allocations = []
    for number in range(1, draw(st.integers(1, 8))):
        job = draw(candidates(number, now=now))
        node = draw(st.sampled_from([*cluster, Node("gone", 8, 8)]))
        count = draw(st.integers(job.shape.min_workers, job.shape.max_workers))
        is_stopping = draw(st.integers(0, 3)) == 0
        is_steady = not is_stopping and draw(st.booleans())
        resizes = not is_stopping and not is_steady and draw(st.booleans())
        allocations.append(
            Allocation(
                job,
                {node.id: count},
                started_at=now - draw(st.floats(0, 200)),
                ends_at=now + draw(st.sampled_from([-20.0, 10.0, 500.0, math.inf])),
                is_stopping=is_stopping,
                is_steady=is_steady,
                resizing_to=draw(st.integers(job.shape.min_workers, job.shape.max_workers))
                if resizes
                else None,
            )
        )
    waiting = [draw(candidates(100 + n, now=now)) for n in range(draw(st.integers(0, 8)))]
    reserved = draw(reservations(cluster, now))
    return View(
        now, cluster, waiting, allocations, draw(teams()), {}, draw(policies()), reserved=reserved
    )


@settings(FEW, max_examples=200)
@given(crowded())
def test_every_plan_of_any_state_keeps_the_rules(view):
    check(view, decide(view))


@settings(FEW, max_examples=150)
@given(crowded(), st.randoms(use_true_random=False))
def test_plan_of_any_state_does_not_depend_on_the_order_of_the_view(view, random):
    shuffled = replace(
        view,
        nodes=random.sample(view.nodes, len(view.nodes)),
        waiting=random.sample(view.waiting, len(view.waiting)),
        allocations=random.sample(view.allocations, len(view.allocations)),
    )

    assert decide(shuffled) == decide(view)


@st.composite
def queues_of_known_length(draw: st.DrawFn) -> tuple[list[Node], list[JobRequest]]:
    cluster = [replace(node, is_draining=False) for node in draw(clusters())]
    jobs = []
    for number in range(1, draw(st.integers(3, 12))):
        job = draw(candidates(number, age=0.0))
        shape = job.shape._replace(max_workers=job.shape.min_workers)
        length = draw(st.sampled_from([10.0, 30.0, 70.0, 200.0]))
        one = {
            "owner": "ann",
            "team": "a",
            "reservation": "",
            "trials_at_once": None,
        }  # shares change the order when others end
        jobs.append(replace(job, shape=shape, expected_s=length, not_before=0.0, **one))
    return cluster, jobs


@settings(FEW, max_examples=150)
@given(queues_of_known_length())
def test_job_with_the_reservation_starts_then_or_earlier(drawn):
    node_list, jobs = drawn
    cluster = VirtualCluster(node_list, {}, Policy(ageing_s=1e9, preemption=False))
    for job in jobs:
        cluster.submit(job)
    promised: dict[int, float] = {}
    while cluster.waiting or cluster.allocations:
        before = cluster.view()
        plan = cluster.step()
        first = next((w.job for w in plan.queue if "first in the queue" in w.reason), None)
        if first is not None and first not in promised:
            promised[first] = earliest(before, plan_starts_ahead(cluster, first), first)
        if math.isinf(cluster.next_event()):
            break
        cluster.advance(cluster.next_event())

    for number, time in promised.items():
        assert cluster.starts[number] <= time


def plan_starts_ahead(cluster: VirtualCluster, first: int) -> list[Allocation]:
    """Those that started in this pass and were considered before the first that waits."""
    priority = cluster.waiting[first].priority
    return [
        allocation
        for allocation in cluster.allocations.values()
        if allocation.started_at == cluster.now and allocation.job.priority >= priority
    ]


def earliest(view: View, ahead: list[Allocation], first: int) -> float:
    """When a job could start if only the jobs ahead of it started."""
    job = next(job for job in view.waiting if job.number == first)
    free = free_resources(view)
    for allocation in ahead:
        take(free, allocation.job, allocation.placement)
    running = sorted([*view.allocations, *ahead], key=lambda allocation: allocation.ends_at)
    for allocation in running:
        take(free, allocation.job, {node: -count for node, count in allocation.placement.items()})
        if slots_for(view, free, job) >= job.shape.min_workers:
            return allocation.ends_at
    return math.inf


def test_large_job_of_low_priority_starts_in_bounded_time_under_a_stream_of_small_ones():
    """After 6 x ageing it is ahead of all new jobs; then only running jobs can delay it."""
    ageing_s, length_s, priority = 1000.0, 100.0, 5
    cluster = VirtualCluster([Node("a", 4, 0), Node("b", 4, 0)], {}, Policy(ageing_s=ageing_s))
    cluster.submit(JobRequest(1, "large", "ann", "a", 0, 0.0, Shape(8, 8, 1, 0), expected_s=50.0))
    number = 1
    while 1 not in cluster.starts and cluster.now < 20 * ageing_s:
        while len(cluster.waiting) < 6:
            number += 1
            cluster.submit(
                JobRequest(
                    number, f"small-{number}", "bob", "a", priority, cluster.now, Shape(1, 1, 1, 0),
                    expected_s=length_s - number % 7,
                )
            )  # fmt: skip
        cluster.step()
        cluster.advance(cluster.next_event())

    bound = (priority + 1) * ageing_s + 2 * length_s
    assert cluster.starts[1] <= bound


def test_preempted_jobs_get_their_turn_in_bounded_time_under_a_stream_of_urgent_ones():
    ageing_s = 500.0
    cluster = VirtualCluster([Node("a", 2, 0)], {}, Policy(ageing_s=ageing_s))
    cluster.submit(JobRequest(1, "low", "ann", "a", 0, 0.0, Shape(2, 2, 1, 0), expected_s=400.0))
    cluster.step()
    number, ended_at = 1, math.inf
    while math.isinf(ended_at) and cluster.now < 40 * ageing_s:
        number += 1
        cluster.submit(
            JobRequest(
                number,
                f"u-{number}",
                "bob",
                "a",
                4,
                cluster.now,
                Shape(1, 1, 1, 0),
                expected_s=90.0,
            )
        )
        cluster.step()
        cluster.advance(min(cluster.next_event(), cluster.now + 45.0))
        if 1 not in cluster.allocations and 1 not in cluster.waiting:
            ended_at = cluster.now

    # From rank 4 on no job may stop it. In this cluster, each attempt starts from the beginning.
    assert ended_at <= 5 * ageing_s + 400.0 + 2 * 90.0 + GRACE_S
    assert cluster.stops
