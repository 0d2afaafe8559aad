"""Simulations of small loads, compared with results computed by hand."""

import math
from collections.abc import Sequence
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from distnet.scheduler.view import Node, Policy, Team
from distnet.sim.engine import Setting, Simulation
from distnet.sim.load import SimJob, make_load
from distnet.sim.settings import read_nodes
from distnet.sim.summary import jain, spread, summarize
from distnet.sim.synthetic import Synthetic, make_jobs

FOUR = [Node("a", 4, 0)]


def job(submit_s: float, runtime_s: float, workers: int = 1, **facts: object) -> SimJob:
    facts = {"expected_s": runtime_s, "min_workers": workers, "max_workers": workers} | facts
    return SimJob(submit_s, runtime_s, **facts)  # type: ignore[arg-type]


def simulated(jobs: Sequence[SimJob], nodes: Sequence[Node] = FOUR, **more: object) -> Simulation:
    setting = Setting(nodes, **({"every_s": 0.0} | more))  # type: ignore[arg-type]
    simulation = Simulation(make_load(list(jobs), "test"), setting)
    assert simulation.run()
    return simulation


def times(simulation: Simulation) -> list[tuple[float | None, float | None]]:
    return [(run.record.started_s, run.record.ended_s) for run in simulation.runs]


def test_jobs_start_when_others_end():
    found = times(simulated([job(0, 100, 4), job(10, 50, 2), job(20, 50, 2)]))

    assert found == [(0, 100), (100, 150), (100, 150)]


def test_short_job_is_backfilled():
    jobs = [job(0, 100, 2), job(1, 50, 4), job(2, 98, 2)]

    assert times(simulated(jobs)) == [(0, 100), (100, 150), (2, 100)]


def test_job_of_unknown_length_is_not_backfilled():
    jobs = [job(0, 100, 2), job(1, 50, 4), job(2, 98, 2, expected_s=math.inf)]

    assert times(simulated(jobs)) == [(0, 100), (100, 150), (150, 248)]


def test_stopped_job_loses_only_the_restart():
    jobs = [job(0, 100, 4), job(40, 50, 4, priority=5)]

    simulation = simulated(jobs, grace_s=10.0, restart_s=30.0)

    assert times(simulation) == [
        (0, 180),
        (50, 100),
    ]  # 50 s of work are left at 100, and 30 of start
    assert summarize(simulation)["preemptions"] == 1


def test_job_that_ends_while_it_is_preempted_has_ended():
    simulation = simulated([job(0, 45, 4), job(40, 50, 4, priority=5)], grace_s=10.0)

    assert times(simulation) == [(0, 45), (45, 95)]


def test_elastic_job_takes_longer_with_fewer_workers():
    jobs = [job(0, 100, 2, priority=1), job(0, 100, 4, min_workers=1)]

    found = times(simulated(jobs, policy=Policy(elastic=False)))

    assert found == [(0, 100), (0, 200)]


def test_elastic_job_grows_into_what_is_idle():
    jobs = [job(0, 100, 2, priority=1), job(0, 100, 4, min_workers=1)]

    simulation = simulated(jobs, restart_s=20.0)

    # 200 of 400 are done at 100, when it grows from 2 to 4 and restarts: 100 + 20 + 200 / 4.
    assert times(simulation)[1] == (0, 170)
    assert summarize(simulation)["resizes"] == 1


def test_elastic_job_releases_what_others_need():
    jobs = [job(0, 100, 4, min_workers=1), job(61, 50, 3)]

    simulation = simulated(jobs, restart_s=20.0)

    # 244 of 400 are done at 61; it goes on with 1 at 81, when the other starts; that ends at 131.
    assert simulation.runs[1].record.started_s == 81
    assert summarize(simulation)["resizes"] >= 1
    assert summarize(simulation)["preemptions"] == 0


def test_team_reclaims_its_quota():
    jobs = [job(0, 1000, team="a"), job(0, 1000, team="a"), job(100, 10, team="b")]
    teams = {name: Team(name, quota_cpus=1) for name in "ab"}

    simulation = simulated(jobs, [Node("n", 2, 0)], teams=teams, grace_s=5.0)

    assert simulation.runs[2].record.started_s == 105


def test_passes_are_apart():
    jobs = [job(n / 10, 5) for n in range(40)]

    assert simulated(jobs, every_s=10.0).num_passes < 15 < simulated(jobs).num_passes


def test_job_that_never_fits_never_starts():
    found = summarize(simulated([job(0, 10, 5), job(0, 10, 4)]))

    assert found["jobs"]["started"] == 1
    assert found["jobs"]["ended"] == 1


def test_summary_of_a_small_load():
    jobs = [job(0, 100, 4, user="ann", priority=1), job(0, 100, 4, user="bob")]

    found = summarize(simulated(jobs))

    assert found["waits_s"]["all"] == {"count": 2, "mean": 50, "p50": 0, "p95": 100, "max": 100}
    assert found["waits_s"]["priority"]["1"]["max"] == 0
    assert found["utilisation"] == {"cpus": 1.0, "gpus": None}
    assert found["makespan_s"] == 200
    assert found["bounded_slowdown"]["max"] == 2.0
    assert found["fairness"] == pytest.approx(0.9)  # (1 + 1/2)^2 / (2 (1 + 1/4))


def test_interrupted_simulation_has_statistics_so_far():
    simulation = Simulation(make_load([job(n, 10) for n in range(100)], "test"), Setting(FOUR))

    assert not simulation.run(lambda s: s.num_ended < 10)
    found = summarize(simulation)
    assert found["jobs"]["ended"] == 10
    assert found["jobs"]["submitted"] < 100


def test_jain_and_spread_of_nothing_are_defined():
    assert jain([]) == 1.0
    assert jain([1, 0, 0, 0]) == 0.25
    assert spread([])["max"] == 0.0
    assert spread(range(1, 101))["p95"] == 95


@settings(max_examples=15, derandomize=True)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0, 3.0]), st.booleans())
def test_all_that_can_run_ends_and_no_work_is_lost(seed, load, has_teams):
    nodes = read_nodes("3x8c,1x8c2g")
    spec = Synthetic(jobs=60, load=load, length=600.0, workers=3.0, elastic=0.5)
    teams = {"team-0": Team("team-0", quota_cpus=8), "team-1": Team("team-1", quota_cpus=8)}
    setting = Setting(nodes, teams=teams if has_teams else {})
    simulation = Simulation(make_jobs(spec, nodes, seed), setting)

    assert simulation.run()

    for run in simulation.runs:
        record = run.record
        assert record.ended_s is not None
        restarts = record.stops + record.resizes
        needed_s = run.job.runtime_s * run.job.max_workers
        assert record.held_worker_s >= needed_s - 1e-3
        most = needed_s + restarts * setting.restart_s * run.job.max_workers
        assert record.held_worker_s <= most + 1e-3
    held = [part for part in summarize(simulation)["utilisation"].values() if part is not None]
    assert all(0 <= part <= 1 + 1e-9 for part in held)


def test_same_load_gives_the_same_result():
    nodes = read_nodes("4x8c,1x8c2g")
    load = make_jobs(Synthetic(jobs=80, load=1.5), nodes, 5)

    one, other = (Simulation(load, Setting(nodes)) for _ in range(2))

    assert one.run()
    assert other.run()
    assert summarize(one) == summarize(other)


def test_utilisation_while_jobs_arrive_excludes_a_long_tail():
    found = summarize(simulated([job(0, 100, 3), job(0, 1000), job(100, 1)]))

    assert found["utilisation_while_jobs_arrive"]["cpus"] == 1.0
    assert found["utilisation"]["cpus"] < 0.6


@pytest.mark.parametrize("ageing_s", [3600.0, 7200.0])
def test_job_beyond_its_quota_starts_though_the_other_team_fills_the_cluster(ageing_s):
    """Team A has more work within its quota than it holds; team B's job needs some of that."""
    teams = {name: Team(name, quota_cpus=80) for name in "ab"}
    longest_s, every_s = 600.0, 7.0
    small = [job(n * every_s, longest_s, team="a") for n in range(3000)]
    large = job(1000.0, 3000.0, 100, team="b")

    simulation = simulated(
        [*small, large],
        [Node("n", 160, 0)],
        teams=teams,
        policy=Policy(ageing_s=ageing_s),
        every_s=10.0,
    )

    (its,) = [run.record for run in simulation.runs if run.job.team == "b"]
    assert its.started_s - 1000.0 <= ageing_s + longest_s + 10.0
    assert its.stops == 0
    waited = [run.record.started_s - run.job.submit_s for run in simulation.runs]
    assert max(waited) <= ageing_s + longest_s + 3000.0 + 10.0


@settings(max_examples=8, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(1, 16), st.integers(50, 400)), min_size=1, max_size=4),
    st.integers(4, 12),
    st.integers(0, 10**6),
)
def test_every_job_that_fits_starts_within_its_bound_whatever_arrives_within_quotas(
    large, quota, seed
):
    """The bound: `ageing`, and the longest jobs that are ahead, one after the other."""
    ageing_s, longest_s = 1000.0, 300.0
    random = Random(seed)
    teams = {"a": Team("a", quota_cpus=quota), "b": Team("b", quota_cpus=16 - quota)}
    small = [
        job(at * 20.0, random.uniform(50, longest_s), random.randint(1, 3), team="a")
        for at in range(400)
    ]
    beyond = [
        job(500.0 + n, runtime_s, size, team="b") for n, (size, runtime_s) in enumerate(large)
    ]

    simulation = simulated(
        [*small, *beyond], [Node("n", 16, 0)], teams=teams, policy=Policy(ageing_s=ageing_s)
    )

    ahead_s = sum(runtime_s for _, runtime_s in large)
    for run in simulation.runs:
        if run.job.team == "b":
            waited_s = run.record.started_s - run.job.submit_s
            assert waited_s <= 2 * ageing_s + longest_s + ahead_s
