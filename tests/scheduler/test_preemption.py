"""Preemption: only lower ranks, only if the gang fits then, no more than needed."""

from distnet.scheduler.view import Allocation, Node, Policy
from tests.scheduler.views import (
    codes,
    job,
    nodes,
    planned,
    resized,
    runs,
    started,
    stopped,
    waits,
)

LEVEL_S = Policy().ageing_s


def on(number: int, workers: int, node: str = "n0", **facts: object) -> Allocation:
    settings = {key: facts.pop(key) for key in ("for_s", "ends_in", "is_steady") if key in facts}
    return runs(job(number, workers, **facts), {node: workers}, **settings)  # type: ignore[arg-type]


def test_job_of_higher_priority_preempts_a_lower_one():
    plan = planned(nodes(4), [job(9, 3, priority=5)], [on(1, 4)])

    assert stopped(plan) == {1: 9}
    assert codes(plan) == {9: "making-room"}
    assert waits(plan)[9].reason == "starts as soon as job-1 has released the capacity"
    assert plan.decisions[0].reason == (
        "preempted by job-9 (priority 5, above rank 0), which needs 3 workers with 1 CPU each"
    )


def test_equal_priority_stops_no_job():
    assert stopped(planned(nodes(4), [job(9, 3)], [on(1, 4)])) == {}


def test_age_protects_from_preemption_and_gives_no_right_to_it():
    old = on(1, 4, priority=0, age_s=5 * LEVEL_S)

    assert stopped(planned(nodes(4), [job(9, 4, priority=5)], [old])) == {}
    assert stopped(planned(nodes(4), [job(9, 4, priority=6)], [old])) == {1: 9}
    aged = job(9, 4, priority=0, age_s=9 * LEVEL_S)
    assert stopped(planned(nodes(4), [aged], [on(1, 4, priority=1)])) == {}


def test_no_job_is_stopped_when_the_gang_would_not_fit_even_then():
    allocations = [on(1, 4), on(2, 4, "n1", priority=9)]

    assert stopped(planned(nodes(4, 4), [job(9, 5, priority=5)], allocations)) == {}


def test_lowest_rank_goes_first_and_of_one_rank_what_started_last():
    allocations = [on(1, 2, priority=1), on(2, 2, for_s=900.0), on(3, 2, for_s=100.0)]

    assert stopped(planned(nodes(6), [job(9, 2, priority=5)], allocations)) == {3: 9}
    assert stopped(planned(nodes(6), [job(9, 4, priority=5)], allocations)) == {3: 9, 2: 9}


def test_small_victims_are_spared_when_a_large_one_is_needed_anyway():
    allocations = [on(1, 1, for_s=10.0), on(2, 1, for_s=20.0), on(3, 4, for_s=900.0)]

    assert stopped(planned(nodes(6), [job(9, 4, priority=5)], allocations)) == {3: 9}


def test_only_useful_victims_are_stopped():
    allocations = [on(1, 4, "cpu", for_s=1.0), runs(job(2, 2, gpus=1), {"gpu": 2})]
    cluster = [Node("cpu", 4, 0), Node("gpu", 4, 2)]

    assert stopped(planned(cluster, [job(9, 1, gpus=1, priority=5)], allocations)) == {2: 9}


def test_job_that_is_not_preemptible_or_not_steady_is_left_alone():
    job_9 = job(9, 4, priority=5)

    assert stopped(planned(nodes(4), [job_9], [on(1, 4, is_preemptible=False)])) == {}
    assert stopped(planned(nodes(4), [job_9], [on(1, 4, is_steady=False)])) == {}


def test_no_job_is_stopped_when_those_that_are_stopping_suffice():
    allocations = [runs(job(1, 2), {"n0": 2}, is_stopping=True), on(2, 2)]

    plan = planned(nodes(4), [job(9, 2, priority=5)], allocations)

    assert plan.decisions == ()
    assert codes(plan) == {9: "making-room"}


def test_nominated_capacity_is_not_given_to_others():
    allocations = [runs(job(1, 2), {"n0": 2}, is_stopping=True)]
    big, small = job(9, 4, priority=5), job(10, 2, expected_s=1.0)

    plan = planned(nodes(4), [big, small], allocations)

    assert started(plan) == {}
    assert codes(plan) == {9: "making-room", 10: "behind"}


def test_each_of_two_jobs_has_its_own_victim():
    waiting = [job(8, 2, priority=5), job(9, 2, priority=5)]

    plan = planned(nodes(6), waiting, [on(1, 2), on(2, 2), on(3, 2)])

    assert stopped(plan) == {3: 8, 2: 9}


def test_free_capacity_and_victims_are_combined():
    assert stopped(planned(nodes(6), [job(9, 6, priority=5)], [on(1, 2), on(2, 1)])) == {1: 9, 2: 9}


def test_no_job_is_stopped_when_preemption_is_off():
    plan = planned(nodes(4), [job(9, 3, priority=5)], [on(1, 4)], policy=Policy(preemption=False))

    assert plan.decisions == ()


def test_reserved_capacity_is_no_reason_to_stop_its_holder_for_a_job_behind():
    allocations = [on(1, 2, priority=0, ends_in=100.0), on(2, 2, priority=50, ends_in=100.0)]
    first, behind = job(8, 4, priority=9), job(9, 2, priority=5)

    plan = planned(nodes(4), [first, behind], allocations)

    assert stopped(plan) == {}
    assert codes(plan) == {8: "no-room", 9: "no-room"}


def test_victim_is_not_a_job_whose_end_the_reservation_relies_on():
    kept = on(1, 2, for_s=10.0, ends_in=100.0)
    allocations = [kept, on(2, 2, for_s=900.0), on(3, 2, priority=50, ends_in=100.0)]
    first, behind = job(8, 4, age_s=9 * LEVEL_S), job(9, 2, priority=5)

    plan = planned(nodes(6), [first, behind], allocations)

    assert stopped(plan) == {2: 9}
    assert codes(plan) == {8: "no-room", 9: "making-room"}


def test_capacity_of_a_victim_is_not_counted_twice_at_the_reservation():
    allocations = [on(1, 4, ends_in=100.0), on(2, 4, priority=50, ends_in=100.0)]
    first, urgent, third = job(7, 7, age_s=9 * LEVEL_S), job(8, 3, priority=5), job(9, 1)

    plan = planned(nodes(10), [first, urgent, third], allocations)

    assert stopped(plan) == {1: 8}
    assert codes(plan) == {7: "no-room", 8: "making-room", 9: "reserved"}


def test_elastic_job_shrinks_before_any_job_is_stopped():
    elastic = runs(job(1, (1, 4)), {"n0": 4})

    plan = planned(nodes(6), [job(9, 2, priority=5)], [elastic, on(2, 2)])

    assert stopped(plan) == {}
    assert resized(plan) == {1: 2}
    assert plan.decisions[0].for_job == 9  # type: ignore[union-attr]
    assert plan.decisions[0].reason == (
        "2 workers of 3 above the minimum preempted by job-9, which needs 2 workers with 1 CPU each"
    )


def test_elastic_job_keeps_its_minimum_of_workers():
    elastic = runs(job(1, (3, 4)), {"n0": 4})

    plan = planned(nodes(6), [job(9, 3, priority=5)], [elastic, on(2, 2)])

    assert resized(plan) == {1: 3}
    assert stopped(plan) == {2: 9}


def test_elastic_job_is_stopped_whole_when_its_spare_workers_do_not_suffice():
    elastic = runs(job(1, (2, 4)), {"n0": 4})

    assert stopped(planned(nodes(4), [job(9, 4, priority=5)], [elastic])) == {1: 9}


def test_burst_of_urgent_jobs_preempts_at_most_a_hundred_jobs_per_pass():
    allocations = [on(n, 1, f"n{n}") for n in range(300)]
    urgent = [job(1000 + n, 1, priority=5) for n in range(300)]

    plan = planned(nodes(*[1] * 300), urgent, allocations)

    assert len(stopped(plan)) == 100
