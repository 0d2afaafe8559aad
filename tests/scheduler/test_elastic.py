"""Elastic jobs use idle capacity and release it when other jobs need it."""

from distnet.scheduler.view import Policy, Team
from tests.scheduler.views import codes, job, nodes, planned, resized, runs, started


def test_elastic_job_starts_with_the_fewest_when_that_is_what_there_is():
    assert started(planned(nodes(2), [job(1, (2, 8))])) == {1: {"n0": 2}}


def test_elastic_job_starts_with_what_is_left_after_everybody_else():
    plan = planned(nodes(8), [job(1, (1, 8), priority=9), job(2, 3)])

    assert started(plan) == {1: {"n0": 5}, 2: {"n0": 3}}


def test_first_of_two_elastic_jobs_gets_what_is_left():
    plan = planned(nodes(8), [job(1, (1, 4)), job(2, (1, 8))])

    assert started(plan) == {1: {"n0": 4}, 2: {"n0": 4}}


def test_running_elastic_job_grows_into_idle_capacity_beside_its_workers():
    plan = planned(nodes(4, 4), [], [runs(job(1, (1, 6)), {"n1": 2})])

    assert [dict(d.placement) for d in plan.decisions] == [{"n0": 2, "n1": 4}]  # type: ignore[union-attr]


def test_elastic_job_does_not_grow_into_reserved_capacity():
    allocations = [
        runs(job(1, (1, 4)), {"n0": 1}),
        runs(job(2, 2, priority=9), {"n0": 2}, ends_in=9.0),
    ]

    plan = planned(nodes(4), [job(3, 3, priority=5)], allocations)

    assert resized(plan) == {}
    assert codes(plan) == {3: "no-room"}


def test_elastic_job_does_not_grow_before_it_is_steady_or_shortly_before_its_end():
    young = runs(job(1, (1, 4)), {"n0": 1}, for_s=30.0)
    ending = runs(job(1, (1, 4)), {"n0": 1}, ends_in=30.0)
    unsteady = runs(job(1, (1, 4)), {"n0": 1}, is_steady=False)

    for allocation in (young, ending, unsteady):
        assert planned(nodes(4), [], [allocation]).decisions == ()


def test_spare_workers_go_to_any_job_that_waits():
    allocations = [runs(job(1, (1, 4), priority=9), {"n0": 4})]

    plan = planned(nodes(4), [job(2, 2)], allocations)

    assert resized(plan) == {1: 2}
    assert codes(plan) == {2: "making-room"}


def test_spare_workers_stay_with_a_young_job_when_the_other_is_not_above_it():
    allocations = [runs(job(1, (1, 4)), {"n0": 4}, for_s=10.0)]

    assert resized(planned(nodes(4), [job(2, 2)], allocations)) == {}
    assert resized(planned(nodes(4), [job(2, 2, priority=1)], allocations)) == {1: 2}


def test_leaving_workers_are_counted_before_others_are_preempted():
    allocations = [
        runs(job(1, (1, 4)), {"n0": 4}, resizing_to=2, is_steady=False),
        runs(job(3), {"n1": 1}),
    ]

    plan = planned(nodes(4, 1), [job(2, 2, priority=1)], allocations)

    assert plan.decisions == ()
    assert codes(plan) == {2: "making-room"}


def test_workers_leave_the_nodes_with_the_fewest():
    allocations = [runs(job(1, (1, 6)), {"n0": 1, "n1": 4, "n2": 1})]

    plan = planned(nodes(1, 4, 1), [job(2, 2)], allocations)

    assert [dict(d.placement) for d in plan.decisions] == [{"n1": 4}]  # type: ignore[union-attr]


def test_job_whose_end_the_reservation_relies_on_is_not_shrunk_for_others():
    elastic = runs(job(1, (1, 3)), {"n0": 3}, ends_in=500.0)
    fixed = runs(job(2, 3, priority=50), {"n0": 3}, ends_in=500.0)

    plan = planned(nodes(6), [job(3, 4, priority=5), job(4, 2, expected_s=50.0)], [elastic, fixed])

    assert plan.decisions == ()
    assert codes(plan) == {3: "no-room", 4: "no-room"}


def test_nothing_is_resized_when_elasticity_is_off():
    allocations = [runs(job(1, (1, 3)), {"n0": 2})]
    rigid = Policy(elastic=False)

    assert planned(nodes(4), [], allocations, policy=rigid).decisions == ()
    assert planned(nodes(2), [job(2)], allocations, policy=rigid).decisions == ()


def test_growth_stays_within_the_teams_limit():
    allocations = [runs(job(1, (1, 8), team="a"), {"n0": 1})]

    plan = planned(nodes(8), [], allocations, teams=[Team("a", limit_cpus=3)])

    assert resized(plan) == {1: 3}
