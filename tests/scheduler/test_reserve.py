"""The first job that does not fit is delayed by nobody; others pass where that is proven."""

import math

from distnet.scheduler.view import Node, Policy
from tests.scheduler.views import codes, job, nodes, planned, runs, started, waits

HALF_BUSY = [runs(job(90, 2, priority=50), {"n0": 2}, ends_in=100.0)]
FIRST = job(1, 4, priority=9)


def test_short_job_passes_when_it_ends_before_the_first_starts():
    plan = planned(nodes(4), [FIRST, job(2, 2, expected_s=100.0)], HALF_BUSY)

    assert started(plan) == {2: {"n0": 2}}
    assert codes(plan) == {1: "no-room"}
    assert "first in line" in waits(plan)[1].reason
    assert "100 s" in waits(plan)[1].reason


def test_longer_job_does_not_pass_when_it_would_delay_the_first():
    plan = planned(nodes(4), [FIRST, job(2, 2, expected_s=101.0)], HALF_BUSY)

    assert started(plan) == {}
    assert codes(plan) == {1: "no-room", 2: "reserved"}
    assert waits(plan)[2].holders == (1,)


def test_job_of_unknown_length_does_not_pass():
    plan = planned(nodes(4), [FIRST, job(2, 2)], HALF_BUSY)

    assert codes(plan) == {1: "no-room", 2: "reserved"}


def test_long_job_passes_when_it_takes_only_what_the_first_leaves():
    cluster = [*nodes(4), Node("n1", 1, 0)]

    plan = planned(cluster, [FIRST, job(2, 1), job(3, 1)], HALF_BUSY)

    assert started(plan) == {2: {"n1": 1}}
    assert codes(plan) == {1: "no-room", 3: "reserved"}


def test_cpus_of_a_node_are_left_to_others_when_the_first_waits_for_its_gpus():
    cluster = [Node("g", 32, 4)]
    holders = [runs(job(90, 1, gpus=4, priority=50), {"g": 1}, ends_in=100.0)]

    plan = planned(cluster, [job(1, 4, gpus=1), job(2, 20)], holders)

    assert started(plan) == {2: {"g": 20}}


def test_only_short_jobs_pass_when_nobody_knows_when_the_first_starts():
    holders = [runs(job(90, 2, priority=50), {"n0": 2}, ends_in=math.inf)]

    plan = planned(nodes(4), [FIRST, job(2, 1, expected_s=1e6), job(3, 1)], holders)

    assert started(plan) == {2: {"n0": 1}}
    assert codes(plan) == {1: "no-room", 3: "reserved"}


def test_late_job_counts_as_about_to_end():
    holders = [runs(job(90, 2, priority=50), {"n0": 2}, ends_in=-500.0)]

    plan = planned(nodes(4), [FIRST, job(2, 1, expected_s=1.0)], holders)

    assert codes(plan) == {1: "no-room", 2: "reserved"}


def test_time_of_the_first_counts_jobs_that_start_in_the_same_pass():
    jobs = [job(1, 2, priority=10, expected_s=500.0), FIRST, job(3, 2, expected_s=400.0)]
    holders = [runs(job(90, 2, priority=50), {"n0": 2}, ends_in=100.0)]
    jobs[1] = job(2, 6, priority=9)

    plan = planned(nodes(6), jobs, holders)

    assert set(started(plan)) == {1, 3}  # there is room for the first only after 500 s


def test_nobody_passes_when_backfill_is_off():
    cluster = [*nodes(4), Node("n1", 1, 0)]

    plan = planned(cluster, [FIRST, job(2, 1)], HALF_BUSY, policy=Policy(backfill=False))

    assert started(plan) == {}
    assert codes(plan) == {1: "no-room", 2: "behind"}


def test_job_that_may_not_start_yet_keeps_nothing():
    plan = planned(nodes(4), [job(1, 4, priority=9, not_before=2e6), job(2, 4)])

    assert started(plan) == {2: {"n0": 4}}
    assert codes(plan) == {1: "later"}


def test_holders_that_end_first_are_named():
    holders = [
        runs(job(90, 2, priority=50), {"n0": 2}, ends_in=300.0),
        runs(job(91, 1, priority=50), {"n0": 1}, ends_in=100.0),
    ]

    plan = planned(nodes(4), [FIRST], holders)

    assert waits(plan)[1].holders == (91, 90)
