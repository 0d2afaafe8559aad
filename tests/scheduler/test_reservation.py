"""No job delays the reservation; jobs behind it are backfilled where that is certain."""

import math

from distnet.scheduler.view import Node, Policy
from tests.scheduler.views import codes, job, nodes, planned, runs, started, waits

HALF_BUSY = [runs(job(90, 2, priority=50), {"n0": 2}, ends_in=100.0)]
FIRST = job(1, 4, priority=9)


def test_short_job_is_backfilled_when_it_ends_before_the_reservation():
    plan = planned(nodes(4), [FIRST, job(2, 2, expected_s=100.0)], HALF_BUSY)

    assert started(plan) == {2: {"n0": 2}}
    assert codes(plan) == {1: "no-room"}
    assert waits(plan)[1].reason == (
        "waiting for capacity for 4 workers with 1 CPU each; 2 fit now; "
        "first in the queue, expected to start in 100 s"
    )
    assert plan.decisions[0].reason == ("backfilled: expected to end before job-1 starts in 100 s")


def test_longer_job_is_not_backfilled_when_it_would_delay_the_reservation():
    plan = planned(nodes(4), [FIRST, job(2, 2, expected_s=101.0)], HALF_BUSY)

    assert started(plan) == {}
    assert codes(plan) == {1: "no-room", 2: "reserved"}
    assert waits(plan)[2].blockers == (1,)
    assert waits(plan)[2].reason == (
        "fits, but may not end before job-1 starts in 100 s, for which the capacity is reserved"
    )


def test_job_of_unknown_length_is_not_backfilled():
    plan = planned(nodes(4), [FIRST, job(2, 2)], HALF_BUSY)

    assert codes(plan) == {1: "no-room", 2: "reserved"}


def test_long_job_is_backfilled_into_what_the_reservation_leaves():
    cluster = [*nodes(4), Node("n1", 1, 0)]

    plan = planned(cluster, [FIRST, job(2, 1), job(3, 1)], HALF_BUSY)

    assert started(plan) == {2: {"n1": 1}}
    assert codes(plan) == {1: "no-room", 3: "reserved"}


def test_cpus_of_a_node_are_left_to_others_when_the_first_waits_for_its_gpus():
    cluster = [Node("g", 32, 4)]
    allocations = [runs(job(90, 1, gpus=4, priority=50), {"g": 1}, ends_in=100.0)]

    plan = planned(cluster, [job(1, 4, gpus=1), job(2, 20)], allocations)

    assert started(plan) == {2: {"g": 20}}


def test_only_jobs_of_known_length_are_backfilled_when_the_reservation_has_no_time():
    allocations = [runs(job(90, 2, priority=50), {"n0": 2}, ends_in=math.inf)]

    plan = planned(nodes(4), [FIRST, job(2, 1, expected_s=1e6), job(3, 1)], allocations)

    assert started(plan) == {2: {"n0": 1}}
    assert codes(plan) == {1: "no-room", 3: "reserved"}
    assert waits(plan)[1].reason.endswith(
        "start time unknown, because jobs of unknown length hold the capacity"
    )
    assert waits(plan)[3].reason == (
        "fits, but its length is unknown and the capacity is reserved for job-1"
    )


def test_late_job_counts_as_about_to_end():
    allocations = [runs(job(90, 2, priority=50), {"n0": 2}, ends_in=-500.0)]

    plan = planned(nodes(4), [FIRST, job(2, 1, expected_s=1.0)], allocations)

    assert codes(plan) == {1: "no-room", 2: "reserved"}


def test_time_of_the_first_counts_jobs_that_start_in_the_same_pass():
    jobs = [job(1, 2, priority=10, expected_s=500.0), FIRST, job(3, 2, expected_s=400.0)]
    allocations = [runs(job(90, 2, priority=50), {"n0": 2}, ends_in=100.0)]
    jobs[1] = job(2, 6, priority=9)

    plan = planned(nodes(6), jobs, allocations)

    assert set(started(plan)) == {1, 3}  # job 2 fits only after 500 s


def test_no_job_is_backfilled_when_backfill_is_off():
    cluster = [*nodes(4), Node("n1", 1, 0)]

    plan = planned(cluster, [FIRST, job(2, 1)], HALF_BUSY, policy=Policy(backfill=False))

    assert started(plan) == {}
    assert codes(plan) == {1: "no-room", 2: "behind"}
    assert waits(plan)[2].reason == "job-1 is ahead and will get the capacity"


def test_job_before_its_start_time_reserves_nothing():
    plan = planned(nodes(4), [job(1, 4, priority=9, not_before=2e6), job(2, 4)])

    assert started(plan) == {2: {"n0": 4}}
    assert codes(plan) == {1: "later"}
    assert waits(plan)[1].reason == "may start in 11 d 13 h at the earliest"


def test_blockers_that_end_first_are_named():
    allocations = [
        runs(job(90, 2, priority=50), {"n0": 2}, ends_in=300.0),
        runs(job(91, 1, priority=50), {"n0": 1}, ends_in=100.0),
    ]

    plan = planned(nodes(4), [FIRST], allocations)

    assert waits(plan)[1].blockers == (91, 90)
