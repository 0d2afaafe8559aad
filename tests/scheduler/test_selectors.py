"""Jobs that may run on some nodes only: by labels and types of GPU."""

from dataclasses import replace

from distnet.scheduler.view import JobRequest, Node
from distnet.spec.selector import Selector
from tests.scheduler.views import job, planned, resized, runs, started, stopped, waits

A, B = {"zone": "a", "gpu": "T4"}, {"zone": "b", "gpu": "H100"}
NODES = [Node("n0", 8, 0, "n0"), Node("n1", 4, 2, "n1", labels=A), Node("n2", 4, 2, "n2", labels=B)]
IN_A, IN_B = Selector(labels=(("zone", "a"),)), Selector(labels=(("zone", "b"),))


def on(selector: Selector, one: JobRequest) -> JobRequest:
    return replace(one, shape=one.shape._replace(selector=selector))


def test_workers_are_placed_on_nodes_with_the_labels_only():
    jobs = [
        on(IN_A, job(1, 3)),
        on(IN_B, job(2, (1, 9))),
        on(Selector(("T4", "H100")), job(3, 3, gpus=1)),
    ]
    found = started(planned(NODES, jobs))
    assert found[1] == {"n1": 3}
    assert found[2] == {"n2": 2}  # elastic, but job 3 has two of the four CPUs of zone b
    assert sum(found[3].values()) == 3
    assert set(found[3]) == {"n1", "n2"}


def test_what_never_fits_says_which_label_or_type_is_missing():
    jobs = [
        on(Selector(("V100",), (("zone", "a"),)), job(1, gpus=1)),
        on(Selector(labels=(("rack", "1"),)), job(2)),
        on(IN_A, job(3, 9)),
        on(Selector(("H100",), (("zone", "a"),)), job(4)),
    ]
    found = waits(planned(NODES, jobs))
    assert {wait.code for wait in found.values()} == {"never-fits"}
    assert found[1].reason == (
        "needs 1 worker with 1 CPU and 1 GPU on gpu V100, zone=a, but "
        "no node has gpu V100 (there are H100 and T4)"
    )
    assert found[2].reason.endswith("no node has rack=1 (none has the label rack)")
    assert found[3].reason == (
        "needs 9 workers with 1 CPU each on zone=a, but the whole cluster has capacity for 4; "
        "another node with 5 CPUs free (zone=a) would be enough"
    )
    assert "capacity for 0; another node with 1 CPU free (gpu H100, zone=a)" in found[4].reason


def test_a_job_waits_for_its_nodes_and_delays_no_job_that_uses_others():
    busy = runs(job(1, cpus=4), {"n1": 1}, ends_in=100)
    found = planned(NODES, [on(IN_A, job(2)), job(3, 8)], [busy])
    assert started(found) == {3: {"n0": 8}}
    assert waits(found)[2].reason.startswith("waiting for 1 CPU free on one node with zone=a;")
    assert waits(found)[2].blockers == (1,)


def test_only_jobs_on_its_nodes_are_preempted_or_shrunk():
    running = [
        runs(job(1, 4), {"n2": 4}),
        runs(job(2, 4), {"n1": 4}),
        runs(job(3, (1, 8)), {"n0": 8}),
    ]
    found = planned(NODES, [on(IN_A, job(4, priority=5))], running)
    assert stopped(found) == {2: 4}
    assert resized(found) == {}


def test_elastic_jobs_grow_on_their_nodes_only():
    found = planned(NODES, [], [runs(on(IN_B, job(1, (1, 9))), {"n2": 1})])
    assert resized(found) == {1: 4}
