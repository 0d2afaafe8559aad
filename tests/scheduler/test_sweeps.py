"""`--trials-at-once`: how many trials of a sweep run at the same time."""

import math
from dataclasses import replace

from distnet.scheduler.decide import decide
from distnet.scheduler.explain import explain
from distnet.scheduler.view import Allocation, JobRequest, Team
from tests.scheduler.views import NOW, codes, job, nodes, planned, runs, started, view, waits


def trial(number: int, most: int = 2, **more: object) -> JobRequest:
    return replace(job(number, **more), sweep="rates", trials_at_once=most)  # type: ignore[arg-type]


def running(number: int, **more: object) -> Allocation:
    return runs(trial(number), {"n0": 1}, **more)  # type: ignore[arg-type]


def test_no_more_trials_start_than_are_allowed_and_the_others_say_why():
    plan = planned(nodes(8), [trial(n) for n in (1, 2, 3)])

    assert set(started(plan)) == {1, 2}
    wait = waits(plan)[3]
    assert (wait.code, wait.reason) == (
        "trials-at-once",
        "sweep rates runs at most 2 trials at once (--trials-at-once); "
        "other trials of it are ahead",
    )


def test_running_trials_count_and_are_named_also_while_they_stop():
    plan = planned(nodes(8), [trial(3), job(4)], [running(1, is_stopping=True), running(2)])

    assert set(started(plan)) == {4}
    wait = waits(plan)[3]
    assert wait.reason.endswith("; job-1 and job-2 run")
    assert wait.blockers == (1, 2)


def test_a_sweep_without_a_limit_and_another_sweep_are_not_held_up():
    others = [replace(trial(n), sweep="other") for n in (5, 6)]
    free = [replace(trial(n), sweep="free", trials_at_once=None) for n in (7, 8, 9)]

    plan = planned(nodes(8), [trial(3), *others, *free], [running(1), running(2)])

    assert set(started(plan)) == {5, 6, 7, 8, 9}


def test_the_trial_of_the_highest_priority_is_next():
    plan = planned(nodes(8), [trial(2), trial(3, priority=5)], [running(1)])

    assert set(started(plan)) == {3}


def test_a_trial_that_may_not_start_yet_takes_no_place():
    plan = planned(nodes(8), [trial(1, most=1, not_before=NOW + 60), trial(2, most=1)])

    assert set(started(plan)) == {2}
    assert codes(plan) == {1: "later"}


def test_trials_that_are_kept_back_preempt_nobody_and_use_no_quota():
    team = Team("vision", quota_cpus=2)
    trials = [trial(n, priority=9) for n in (3, 4, 5)]
    held = [running(1), running(2)]
    late = job(6)
    other = runs(job(7, 2, team="speech", owner="bob"), {"n0": 2})

    plan = planned(nodes(6), [*trials, late], [*held, other], teams=[team, Team("speech")])

    assert set(started(plan)) == {6}
    assert not [d for d in plan.decisions if d.job not in started(plan)]
    assert set(codes(plan).values()) == {"trials-at-once"}


def test_why_estimates_by_the_ends_of_the_trials_ahead():
    held = [running(1, ends_in=100.0), running(2, ends_in=40.0)]
    ahead = trial(3, expected_s=20.0)
    estimate = explain(view(nodes(8), [ahead, trial(4)], held), 4)

    assert estimate.starts_at == NOW + 60.0
    assert estimate.would_start == "the end of job-1 or job-2"
    unknown = explain(view(nodes(8), [ahead, trial(4)], [running(1), running(2)]), 4)
    assert unknown.starts_at is None
    assert math.isinf(running(1).ends_at)


def test_ten_thousand_trials_wait_in_one_pass():
    plan = decide(view(nodes(8), [trial(n) for n in range(1, 10_001)]))

    assert (len(started(plan)), len(plan.queue)) == (2, 9_998)
