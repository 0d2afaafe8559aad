"""Nodes that are reserved for some users and teams, before their window, in it, and after it."""

import math

import pytest

from distnet.scheduler.explain import explain
from distnet.scheduler.view import ReservedNodes
from tests.scheduler.views import (
    NOW,
    codes,
    job,
    nodes,
    planned,
    resized,
    runs,
    started,
    stopped,
    view,
    waits,
)


def course(begins_in: float = -10.0, lasts: float = 1000.0, node: str = "n0") -> ReservedNodes:
    """Reserved for the user bob and the team speech."""
    begins = NOW + begins_in
    return ReservedNodes(
        "course",
        begins,
        begins + lasts,
        frozenset({node}),
        frozenset({"bob"}),
        frozenset({"speech"}),
    )


def test_within_the_window_only_named_users_and_teams_start_there():
    jobs = [
        job(1, 4),
        job(2, 1, owner="bob"),
        job(3, 1, team="speech"),
        job(4, 3, expected_s=10.0),
    ]
    found = planned(nodes(4, 2), jobs, reserved=[course()])
    assert started(found) == {2: {"n1": 1}, 3: {"n1": 1}}
    reason = waits(found)[1].reason
    assert reason.startswith("waiting for capacity for 4 workers with 1 CPU each; 1 fits now")
    assert "; node-0 is reserved (course)" in reason
    assert set(codes(found).values()) == {"no-room"}


def test_others_that_are_still_there_are_stopped_once_and_theirs_stay():
    running = [
        runs(job(1), {"n0": 1}),
        runs(job(2), {"n0": 1}, is_stopping=True),
        runs(job(3, owner="bob"), {"n0": 1}),
        runs(job(4, is_preemptible=False), {"n0": 1}),
        runs(job(5, 2), {"n0": 1, "n1": 1}, is_steady=False),
        runs(job(6), {"n1": 1}),
    ]
    found = planned(nodes(8, 4), [], running, reserved=[course()])
    assert stopped(found) == {1: None, 5: None}
    assert found.decisions[0].reason == "leaves nodes that are reserved from now on (course)"
    assert stopped(planned(nodes(8, 4), [], running, reserved=[course(10.0)])) == {}


def test_what_others_release_is_nominated_and_nobody_else_is_stopped_for_it():
    running = [runs(job(1, 2), {"n0": 2}), runs(job(2, 2), {"n1": 2})]
    found = planned(nodes(2, 2), [job(3, 2, owner="bob", priority=9)], running, reserved=[course()])
    assert stopped(found) == {1: None}
    wait = waits(found)[3]
    assert (wait.code, wait.reason) == (
        "making-room",
        "starts as soon as job-1 has released the capacity",
    )


@pytest.mark.parametrize(
    ("begins_in", "expected_s", "is_preemptible", "starts"),
    [
        (1000.0, math.inf, True, True),  # it will be stopped, and loses nothing
        (1000.0, math.inf, False, False),
        (1000.0, 900.0, False, True),
        (1000.0, 1100.0, False, False),
        (30.0, math.inf, True, False),  # a start is not worth it
        (30.0, 20.0, True, True),
    ],
)
def test_before_the_window_jobs_start_that_end_in_time_or_can_be_stopped(
    begins_in, expected_s, is_preemptible, starts
):
    one = job(1, expected_s=expected_s, is_preemptible=is_preemptible)
    found = planned(nodes(4), [one], reserved=[course(begins_in)])
    assert (started(found) == {1: {"n0": 1}}) is starts
    if not starts:
        assert "; node-0 is reserved (course) in " in waits(found)[1].reason


def test_a_job_that_names_a_reservation_runs_in_it_only():
    mine = job(1, 2, owner="bob", reservation="course")
    large = job(2, 5, owner="bob", reservation="course")
    lost = job(3, owner="bob", reservation="gone")

    found = planned(nodes(4, 8), [mine, large, lost], reserved=[course()])
    assert started(found) == {1: {"n0": 2}}
    assert codes(found) == {2: "reservation", 3: "reservation"}
    assert waits(found)[2].reason.startswith(
        "on the nodes of reservation course it needs 5 workers with 1 CPU each, but"
    )
    assert "reservation gone has ended or was cancelled" in waits(found)[3].reason

    early = planned(nodes(4, 8), [mine], reserved=[course(3600.0)])
    assert waits(early)[1].reason == "reservation course begins in 60 min"
    estimate = explain(view(nodes(4, 8), [mine], reserved=[course(3600.0)]), 1)
    assert (estimate.starts_at, estimate.would_start) == (NOW + 3600.0, "")


def test_elastic_jobs_do_not_grow_onto_reserved_nodes():
    running = [runs(job(1, (1, 8)), {"n1": 1}), runs(job(2, (1, 8), owner="bob"), {"n0": 1})]
    found = planned(nodes(4, 2), [], running, reserved=[course()])
    assert resized(found) == {1: 2, 2: 4}


def test_after_the_window_everything_is_as_without_it():
    jobs = [job(1, 4), job(2, 2)]
    assert planned(nodes(4, 2), jobs, reserved=[course(-2000.0)]) == planned(nodes(4, 2), jobs)


def test_a_job_that_fits_only_on_reserved_nodes_waits_and_is_not_refused():
    found = planned(nodes(4), [job(1, 4)], reserved=[course()])
    assert codes(found) == {1: "no-room"}
    assert explain(view(nodes(4), [job(1, 4)], reserved=[course()]), 1).starts_at is None
