"""When a job will start, how uncertain that is, and what would start it now."""

import math

import pytest
from hypothesis import given, settings

from distnet.scheduler.decide import decide, gets_capacity
from distnet.scheduler.explain import Estimate, explain
from distnet.scheduler.view import Allocation, JobRequest, Node, Team, View
from tests.scheduler.test_properties import FEW, crowded
from tests.scheduler.views import NOW, job, nodes, runs, view


def why(
    waiting: list[JobRequest],
    allocations: list[Allocation],
    *,
    of: int = 9,
    cpus: int = 4,
    **more: object,
) -> Estimate:
    return explain(view(nodes(cpus), waiting, allocations, **more), of)  # type: ignore[arg-type]


def test_job_that_starts_now_needs_nothing():
    assert why([job(9, 4)], []) == Estimate(NOW, 0.0, "")


def test_job_starts_when_enough_of_those_that_run_have_ended():
    allocations = [runs(job(n, 2, priority=9), {"n0": 2}, ends_in=100.0 * n) for n in (1, 2)]

    estimate = why([job(9, 4)], allocations)

    assert estimate.starts_at == NOW + 200.0
    assert estimate.error_s == 50.0


def test_jobs_ahead_start_before_it():
    allocations = [runs(job(1, 4, priority=9), {"n0": 4}, ends_in=100.0)]
    ahead = [job(n, 4, expected_s=30.0) for n in (5, 6)]

    assert why([*ahead, job(9, 4)], allocations).starts_at == NOW + 160.0


def test_start_is_unknown_when_jobs_of_unknown_length_hold_the_capacity():
    estimate = why([job(9, 4)], [runs(job(1, 2, priority=9), {"n0": 2})])

    assert (estimate.starts_at, estimate.error_s) == (None, None)


def test_overdue_job_makes_the_estimate_less_sure():
    allocations = [runs(job(1, 4, priority=9), {"n0": 4}, ends_in=-70.0)]

    estimate = why([job(9, 4)], allocations)

    assert (estimate.starts_at, estimate.error_s) == (NOW, 70.0)


def test_job_does_not_start_before_its_time():
    estimate = why([job(9, 4, not_before=NOW + 500.0)], [])

    assert estimate.starts_at == NOW + 500.0
    assert estimate.would_start == "its earliest start time, in 8 min"


def test_job_waits_for_its_teams_limit():
    allocations = [runs(job(1, 2, priority=9), {"n0": 2}, ends_in=300.0)]

    estimate = why([job(9, 1)], allocations, teams=[Team("vision", limit_cpus=2)])

    assert estimate.starts_at == NOW + 300.0
    assert "stop job-1 (2 workers on node-0)" in estimate.would_start
    assert "a higher limit for team vision" in estimate.would_start


def test_ways_name_the_job_to_stop_the_priority_and_the_node():
    allocations = [runs(job(1, 2, priority=9, is_preemptible=True), {"n0": 2}, ends_in=100.0)]
    allocations += [runs(job(2, 2, priority=3), {"n0": 2}, ends_in=500.0)]

    ways = why([job(9, 2)], allocations).would_start

    assert ways == (
        "stop job-2 (2 workers on node-0) or priority 4 or another node with 2 CPUs free"
    )


def test_suggested_priority_preempts_and_no_lower_one_does():
    allocations = [runs(job(n, 1, priority=n, age_s=9e3), {"n0": 1}) for n in range(1, 5)]
    seen = view(nodes(4), [job(9, 3), job(10, 1, priority=7)], allocations)

    ways = explain(seen, 9).would_start
    suggested = int(ways.split("priority ")[1].split()[0])

    def code_with(priority: int) -> str:
        waiting = [job(9, 3, priority=priority), seen.waiting[1]]
        plan = decide(View(NOW, seen.nodes, waiting, allocations))
        return next((w.code for w in plan.queue if w.job == 9), "starts")

    assert code_with(suggested) == "making-room"
    assert code_with(suggested - 1) != "making-room"


def test_priority_is_not_offered_when_none_would_help():
    allocations = [runs(job(1, 4, is_preemptible=False), {"n0": 4})]

    assert "priority" not in why([job(9, 2)], allocations).would_start


def test_job_that_never_fits_needs_a_larger_node():
    estimate = why([job(9, 1, cpus=9)], [])

    assert estimate.starts_at is None
    assert estimate.would_start == "another node with 9 CPUs free"


def test_known_length_is_suggested_to_a_job_that_could_be_backfilled():
    allocations = [runs(job(1, 2, priority=9), {"n0": 2}, ends_in=100.0)]

    ways = why([job(5, 4, priority=2), job(9, 1)], allocations).would_start

    assert "a known length (queue.expected) that ends before job-5 starts" in ways


def test_nominated_job_needs_no_change():
    estimate = why([job(9, 4, priority=5)], [runs(job(1, 4), {"n0": 4})])

    assert estimate.would_start == ""
    assert estimate.starts_at is not None
    assert math.isclose(estimate.starts_at - NOW, estimate.error_s or 0.0)


def test_unknown_job_is_an_error():
    with pytest.raises(KeyError):
        explain(view([Node("n0", 1, 0)], []), 7)


def test_of_many_priorities_one_is_named_that_starts_the_job():
    full = [runs(job(n, priority=n), {"n0": 1}) for n in range(100, 900)]
    waiting = [job(9)]

    would_start = why(waiting, full, cpus=800).would_start

    named = int(would_start.partition("priority ")[2].split()[0])
    assert 101 <= named <= 126
    raised = [job(9, priority=named)]
    assert decide(view(nodes(800), raised, full)).decisions


@settings(FEW, max_examples=100)
@given(crowded())
def test_a_job_gets_capacity_exactly_if_the_whole_plan_gives_it_some(view):
    codes = {wait.job: wait.code for wait in decide(view).queue}

    for one in view.waiting:
        expected = codes.get(one.number, "making-room") == "making-room"
        assert gets_capacity(view, one.number) == expected
