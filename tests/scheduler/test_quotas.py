"""Team quotas: borrowing and reclaiming; team limits."""

from dataclasses import replace

import pytest

from distnet.scheduler.view import Allocation, Policy, Team
from tests.scheduler.views import codes, job, nodes, planned, runs, started, stopped, waits

A, B = Team("a", quota_cpus=2), Team("b", quota_cpus=2)


def of(team: str, number: int, workers: int = 1, **facts: object) -> Allocation:
    times = {key: facts.pop(key) for key in ("for_s", "ends_in", "is_stopping") if key in facts}
    return runs(
        job(number, workers, team=team, **facts),  # type: ignore[arg-type]
        {"n0": workers},
        **times,  # type: ignore[arg-type]
    )


def test_team_borrows_idle_capacity():
    plan = planned(nodes(4), [job(n, 1, team="a") for n in range(1, 5)], teams=[A, B])

    assert set(started(plan)) == {1, 2, 3, 4}


def test_team_reclaims_what_another_borrowed():
    allocations = [of("a", n) for n in range(1, 5)]

    plan = planned(nodes(4), [job(9, 2, team="b")], allocations, teams=[A, B])

    assert stopped(plan) == {4: 9, 3: 9}
    assert plan.decisions[0].reason == (
        "preempted by job-9, which needs 2 workers with 1 CPU each within the quota of team b; "
        "team a is over its quota"
    )


def test_team_reclaims_from_higher_priorities_too():
    allocations = [of("a", n, priority=100) for n in range(1, 5)]

    assert stopped(planned(nodes(4), [job(9, team="b")], allocations, teams=[A, B])) == {4: 9}


def test_team_reclaims_nothing_beyond_its_quota():
    allocations = [of("a", n) for n in range(1, 3)] + [of("b", n) for n in range(3, 5)]

    assert stopped(planned(nodes(4), [job(9, team="b")], allocations, teams=[A, B])) == {}


def test_job_that_would_borrow_stops_no_job_within_a_quota():
    allocations = [of("a", n) for n in range(1, 3)] + [of("b", n) for n in range(3, 5)]
    urgent = job(9, team="b", priority=100)

    plan = planned(nodes(4), [urgent], allocations, teams=[A, B])

    assert stopped(plan) == {4: 9}  # of its own team


def test_borrowed_capacity_is_not_reclaimed_until_the_job_is_steady():
    allocations = [of("a", n, for_s=30.0) for n in range(1, 5)]

    assert stopped(planned(nodes(4), [job(9, team="b")], allocations, teams=[A, B])) == {}


def test_low_priority_borrows_before_high_priority_of_the_same_team():
    allocations = [of("a", 1, priority=-5), *(of("a", n, priority=n) for n in (2, 3))]

    assert stopped(planned(nodes(3), [job(9, team="b")], allocations, teams=[A, B])) == {1: 9}


def test_job_of_a_team_without_quota_counts_as_within_quota():
    allocations = [of("a", n) for n in range(1, 5)]

    assert stopped(planned(nodes(4), [job(9, team="other")], allocations, teams=[A])) == {4: 9}


def test_borrowing_is_tracked_for_each_resource():
    gpus_only = Team("a", quota_gpus=1)
    allocations = [
        runs(job(1, 2, gpus=1, team="a"), {"n0": 2}),
        runs(job(2, 2, team="a"), {"n0": 2}),
    ]
    cluster = nodes(4, gpus=2)

    assert stopped(planned(cluster, [job(9, team="b")], allocations, teams=[gpus_only, B])) == {}
    assert stopped(
        planned(cluster, [job(9, gpus=1, team="b")], allocations, teams=[gpus_only, B])
    ) == {1: 9}


def test_limit_is_never_exceeded_even_if_the_cluster_is_idle():
    limited = Team("a", limit_cpus=3)

    plan = planned(nodes(8), [job(1, 2, team="a"), job(2, 2, team="a")], teams=[limited])

    assert set(started(plan)) == {1}
    assert codes(plan) == {2: "quota"}
    assert waits(plan)[2].reason == (
        "waiting for the limit of team a: needs 2 CPUs, the team uses 2 CPUs of at most 3 CPUs"
    )


def test_limit_of_one_team_holds_up_no_other():
    limited = Team("a", limit_cpus=1)

    plan = planned(nodes(4), [job(1, 2, team="a"), job(2, 4, team="b")], teams=[limited])

    assert set(started(plan)) == {2}


def test_job_preempts_within_its_teams_limit():
    limited = Team("a", limit_cpus=2)
    allocations = [of("a", 1, 2)]

    plan = planned(nodes(8), [job(9, 2, team="a", priority=3)], allocations, teams=[limited])

    assert stopped(plan) == {1: 9}
    assert codes(plan) == {9: "making-room"}


def test_job_waits_for_its_teams_own_that_stop_when_a_limit_holds_it_up():
    limited = Team("a", limit_cpus=2)
    allocations = [of("a", 1, 2, is_stopping=True), of("a", 3, 0)]

    plan = planned(nodes(8), [job(9, 2, team="a")], allocations[:1], teams=[limited])

    assert started(plan) == {}
    assert codes(plan) == {9: "making-room"}


def test_large_job_is_not_passed_by_small_ones_of_its_team_when_the_limit_holds_it_up():
    limited = Team("a", limit_cpus=4)
    allocations = [of("a", 1, 2, ends_in=100.0, priority=9)]
    large = job(2, 4, team="a", priority=1)
    short, long = job(3, 2, team="a", expected_s=100.0), job(4, 2, team="a", expected_s=200.0)

    plan = planned(nodes(8), [large, short, long], allocations, teams=[limited])

    assert set(started(plan)) == {3}
    assert codes(plan) == {2: "quota", 4: "quota"}
    assert waits(plan)[2].reason.endswith("of at most 4 CPUs; expected to start in 100 s")
    assert waits(plan)[4].reason == (
        "job-2 of the same team is ahead and waits for the team's limit"
    )


def test_waiting_job_keeps_its_quota_when_a_smaller_one_of_its_team_was_backfilled():
    allocations = [of("a", 1, 2), of("a", 2), of("a", 3), of("b", 4)]
    large = job(5, 2, team="b", age_s=500.0)

    plan = planned(nodes(5), [large], allocations, teams=[A, B])

    assert set(stopped(plan)) == {2, 3}


HOUR = 3600.0
HOURLY = Policy(ageing_s=HOUR)


def test_job_beyond_its_quota_reserves_nothing_before_it_is_due():
    allocations = [of("a", 1, 2, ends_in=100.0)]
    large, small = job(2, 3, team="b", age_s=HOUR - 1), job(3, 1, team="a")

    plan = planned(nodes(4), [large, small], allocations, teams=[A, B], policy=HOURLY)

    assert set(started(plan)) == {3}
    assert waits(plan)[2].code == "no-room"
    assert waits(plan)[2].reason == (
        "waiting for capacity for 3 workers with 1 CPU each; 2 fit now; beyond the quota of team "
        "b: jobs within their quotas go ahead until it has waited for 60 min"
    )


def test_job_beyond_its_quota_that_is_due_goes_ahead_of_those_that_arrive_within_theirs():
    allocations = [of("a", 1, 1, ends_in=100.0), of("a", 2, 1, ends_in=200.0)]
    large, new = job(3, 3, team="b", age_s=HOUR), job(4, 1, team="b")
    short = job(5, 1, team="b", expected_s=100.0)

    plan = planned(nodes(4), [new, large, short], allocations, teams=[A, B], policy=HOURLY)

    assert set(started(plan)) == {5}
    assert waits(plan)[3].reason.endswith(
        "2 fit now; first in the queue, expected to start in 100 s"
    )
    assert waits(plan)[4].code == "reserved"


@pytest.mark.parametrize(
    ("facts", "is_ahead"),
    [
        ({"priority": 1}, True),
        ({"priority": 0, "age_s": HOUR}, True),
        ({"priority": 0}, False),
        ({"priority": -1, "age_s": HOUR}, False),
    ],
)
def test_claim_of_a_job_that_is_due_is_its_age_and_not_its_priority(facts, is_ahead):
    due, within = job(1, 3, team="b", age_s=HOUR, priority=9), job(2, 3, team="other", **facts)

    plan = planned(nodes(3), [due, within], teams=[A, B], policy=HOURLY)

    assert set(started(plan)) == ({2} if is_ahead else {1})


def test_time_in_which_a_job_ran_is_no_claim():
    ran = replace(job(1, 3, team="b", age_s=5 * HOUR), ran_s=4 * HOUR + 1)

    plan = planned(nodes(3), [ran, job(2, 2, team="a")], teams=[A, B], policy=HOURLY)

    assert set(started(plan)) == {2}


@pytest.mark.parametrize(
    ("waited_s", "facts", "is_reclaimed"),
    [
        (HOUR - 1, {}, True),
        (HOUR, {}, False),
        (HOUR, {"age_s": HOUR}, True),
        (HOUR, {"priority": 1}, True),
        (2 * HOUR, {"age_s": HOUR}, False),
    ],
)
def test_what_a_job_was_given_by_its_age_is_reclaimed_by_jobs_that_waited_as_long(
    waited_s, facts, is_reclaimed
):
    borrower = of("b", 1, 3, age_s=1000.0 + waited_s)  # it runs for 1,000 s

    plan = planned(
        nodes(3), [job(2, 1, team="a", **facts)], [borrower], teams=[A, B], policy=HOURLY
    )

    assert stopped(plan) == ({1: 2} if is_reclaimed else {})
