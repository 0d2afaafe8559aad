"""Nodes, policy, teams and synthetic loads as written on the command line."""

import math

import pytest

from distnet.scheduler.view import Node, Policy, Team
from distnet.sim.load import SimError
from distnet.sim.settings import read_nodes, read_policy, read_teams
from distnet.sim.synthetic import Synthetic, make_jobs, read_synthetic


def test_nodes_of_several_kinds():
    nodes = read_nodes("2x64c0g, 128c8g:gpu=H100:zone=a")

    assert nodes == [
        Node("node-000000", 64, 0),
        Node("node-000001", 64, 0),
        Node("node-000002", 128, 8, labels={"gpu": "H100", "zone": "a"}),
    ]


def test_policy_over_the_defaults():
    policy = read_policy(["ageing=2h", "steady=30", "preemption=no"])

    assert policy == Policy(ageing_s=7200.0, steady_s=30.0, preemption=False)


def test_teams_with_their_quotas():
    teams = read_teams(["vision:weight=2,quota_gpus=16", "speech:limit_cpus=100"])

    assert teams == {
        "vision": Team("vision", weight=2.0, quota_gpus=16.0),
        "speech": Team("speech", limit_cpus=100.0),
    }


@pytest.mark.parametrize(
    "text",
    [*("", "64", "x64c", "0x64c", "10x0c", "10x64c,", "999999x64c", "-1c"), *("1c:", "1c:a=b:")],
)
def test_invalid_nodes_are_refused(text):
    with pytest.raises(SimError, match="--nodes"):
        read_nodes(text)


@pytest.mark.parametrize("text", ["ageing", "ageing=soon", "ageing=0", "colour=red", "elastic=2"])
def test_invalid_policy_is_refused(text):
    with pytest.raises(SimError, match="--policy"):
        read_policy([text])


@pytest.mark.parametrize("text", ["a", "a:", ":weight=1", "a:size=1", "a:weight=x", "a:weight=0"])
def test_invalid_team_is_refused(text):
    with pytest.raises(SimError, match="--team"):
        read_teams([text])


@pytest.mark.parametrize(
    "text", ["jobs", "jobs=0", "jobs=1.5", "load=x", "gpus=2", "length=long", "kind=a", "load=-1"]
)
def test_invalid_synthetic_load_is_refused(text):
    with pytest.raises(SimError, match="--synthetic"):
        read_synthetic(text)


def test_same_seed_makes_the_same_jobs():
    nodes, spec = read_nodes("4x16c,1x16c4g"), read_synthetic("jobs=50")

    assert make_jobs(spec, nodes, 3) == make_jobs(spec, nodes, 3)
    assert make_jobs(spec, nodes, 3) != make_jobs(spec, nodes, 4)


def test_demand_of_synthetic_jobs_is_the_requested_load():
    nodes = read_nodes("40x16c,10x16c4g")
    spec = Synthetic(jobs=4000, load=0.8, length_spread=0.5)

    jobs = make_jobs(spec, nodes, 1).jobs
    cpu_s = sum(job.runtime_s * job.max_workers * job.cpus for job in jobs)
    gpu_s = sum(job.runtime_s * job.max_workers * job.gpus for job in jobs)
    loads = cpu_s / 800 / jobs[-1].submit_s, gpu_s / 40 / jobs[-1].submit_s

    assert math.isclose(max(loads), 0.8, rel_tol=0.1)
    assert min(loads) > 0.5


def test_synthetic_jobs_fit_the_cluster():
    nodes = read_nodes("2x8c")

    jobs = make_jobs(Synthetic(jobs=500, workers=50.0), nodes, 1).jobs

    assert max(job.max_workers * job.cpus for job in jobs) <= 4
    assert not any(job.gpus for job in jobs)
