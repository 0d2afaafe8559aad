"""The order of the queue: quota, rank, fair share, job number."""

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given, settings

from distnet.scheduler.view import Allocation, JobRequest, Policy, Team
from tests.scheduler.views import job, nodes, planned, runs, view

FULL = [runs(job(999, 4, priority=1000, owner="zoe", team="other"), {"n0": 4})]
LEVEL_S = Policy().ageing_s


def order(
    *jobs: JobRequest, allocations: list[Allocation] | None = None, **settings: object
) -> list[int]:
    plan = planned(nodes(4), list(jobs), FULL if allocations is None else allocations, **settings)
    return [wait.job for wait in plan.queue]


def test_higher_priority_comes_first_regardless_of_submission():
    assert order(job(1), job(2, priority=5), job(3, priority=-1)) == [2, 1, 3]


def test_earlier_job_comes_first_when_all_else_is_equal():
    assert order(job(3), job(1), job(2)) == [1, 2, 3]


def test_job_gains_a_level_for_each_time_of_ageing():
    young, old = job(1, priority=2), job(2, priority=0, age_s=3 * LEVEL_S)

    assert order(young, old) == [2, 1]
    assert order(young, replace(old, submitted_at=old.submitted_at + 10)) == [1, 2]
    assert order(young, old, policy=Policy(ageing_s=2 * LEVEL_S)) == [1, 2]


def test_users_of_a_team_take_turns_when_they_compete():
    jobs = [job(n, owner="ann") for n in (1, 2, 3)] + [job(n, owner="bob") for n in (4, 5)]

    assert order(*jobs) == [1, 4, 2, 5, 3]


def test_user_who_holds_more_comes_later():
    allocations = [runs(job(9, 4, owner="ann"), {"n0": 4})]

    assert order(job(1, owner="ann"), job(2, owner="bob"), allocations=allocations) == [2, 1]


def test_user_with_more_recent_usage_comes_later():
    usage = {"user:ann": 50_000.0, "user:bob": 10.0}

    assert order(job(1, owner="ann"), job(2, owner="bob"), usage=usage) == [2, 1]


def test_teams_compete_before_users_do():
    jobs = [job(1, owner="ann"), job(2, owner="bob"), job(3, owner="cat", team="speech")]

    assert order(*jobs, usage={"team:vision": 50_000.0}) == [3, 1, 2]
    assert order(*jobs, usage={"team:speech": 50_000.0}) == [1, 2, 3]


def test_team_of_twice_the_weight_gets_twice_the_turns():
    jobs = [job(n, team="a", owner="ann") for n in range(1, 7)]
    jobs += [job(n, team="b", owner="bob") for n in range(7, 13)]
    teams = [Team("a", weight=2.0), Team("b")]

    first_six = order(*jobs, teams=teams)[:6]

    assert sum(number <= 6 for number in first_six) == 4


def test_share_is_the_dominant_one():
    cluster = [replace(nodes(100)[0], gpus=4)]
    many_cpus = runs(job(8, 40, owner="ann"), {"n0": 40})
    few_gpus = runs(job(9, 2, gpus=1, owner="bob"), {"n0": 2})
    waiting = [job(1, 90, owner="bob"), job(2, 90, owner="ann")]

    plan = planned(cluster, waiting, [many_cpus, few_gpus])

    assert [wait.job for wait in plan.queue] == [2, 1]  # 40 of 100 CPUs are less than 2 of 4 GPUs


@st.composite
def competitors(draw: st.DrawFn) -> list[JobRequest]:
    """Jobs of one rank, whose users may have some in several teams."""
    return [
        job(
            number,
            draw(st.integers(1, 4)),
            owner=draw(st.sampled_from(["ann", "bob", "cat"])),
            team=draw(st.sampled_from(["a", "b"])),
        )
        for number in range(1, draw(st.integers(2, 12)))
    ]


def filled_one_by_one(jobs: list[JobRequest], weights: dict[str, float]) -> list[int]:
    """The numbers of jobs in the order of progressive filling, all of the same rank."""
    held: dict[str, float] = {}
    filled: list[int] = []
    left = sorted(jobs, key=lambda one: one.number)
    seen: dict[tuple[str, str], float] = {}
    """The share of a user when it was last the turn of the user in a team."""
    while left:
        teams = {one.team: held.get(one.team, 0.0) / weights[one.team] for one in left}
        team = min(teams, key=lambda name: (teams[name], name))
        users = {one.owner for one in left if one.team == team}
        user = min(users, key=lambda name: (seen.get((team, name), 0.0), name))
        first = next(one for one in left if (one.team, one.owner) == (team, user))
        left.remove(first)
        filled.append(first.number)
        for name in (team, user):
            held[name] = held.get(name, 0.0) + first.shape.min_workers
        seen[team, user] = held[user]
    return filled


@settings(max_examples=200, derandomize=True)
@given(competitors())
def test_order_is_the_one_in_which_shares_are_filled_job_by_job(jobs):
    teams = [Team("a", weight=2.0), Team("b")]

    assert order(*jobs, teams=teams) == filled_one_by_one(jobs, {"a": 2.0, "b": 1.0})


def test_jobs_that_would_borrow_come_behind_those_that_would_not():
    teams = [Team("a", quota_cpus=1), Team("b", quota_cpus=3)]
    jobs = [job(1, team="a", priority=9), job(2, team="a", priority=8), job(3, team="b")]

    assert order(*jobs, teams=teams) == [1, 3, 2]


def test_jobs_that_may_not_start_yet_come_last():
    cluster = view(nodes(4), []).nodes
    later, never = job(1, not_before=2_000_000.0, priority=5), job(2, 5, priority=9)

    plan = planned(cluster, [later, never, job(3)], FULL)

    assert [(wait.job, wait.code) for wait in plan.queue] == [
        (3, "no-room"), (1, "later"), (2, "never-fits"),
    ]  # fmt: skip
