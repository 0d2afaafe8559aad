"""A gang starts whole, on few nodes, best fit, or not at all."""

import pytest

from distnet.scheduler.feasibility import infeasible_reason, largest_gang
from distnet.scheduler.view import Node, Shape
from tests.scheduler.views import codes, job, nodes, planned, runs, started, waits


def test_gang_starts_whole_when_it_fits_over_several_nodes():
    plan = planned(nodes(4, 4, 4), [job(1, 10)])

    assert sum(started(plan)[1].values()) == 10


def test_gang_waits_whole_when_one_worker_does_not_fit():
    plan = planned(nodes(4, 4), [job(1, 9, cpus=1)], [])

    assert started(plan) == {}
    assert codes(plan) == {1: "never-fits"}


def test_gang_goes_to_the_tightest_node_that_holds_all_of_it():
    plan = planned(nodes(16, 4, 8), [job(1, 4)])

    assert started(plan) == {1: {"n1": 4}}


def test_gang_uses_as_few_nodes_as_it_can():
    plan = planned(nodes(3, 8, 2, 8), [job(1, 18)])

    assert started(plan) == {1: {"n1": 8, "n2": 2, "n3": 8}}


def test_workers_need_their_cpus_and_gpus_on_one_node():
    cluster = [Node("a", 8, 0), Node("b", 1, 4), Node("c", 8, 2)]

    plan = planned(cluster, [job(1, 2, cpus=2, gpus=1)])

    assert started(plan) == {1: {"c": 2}}


def test_workers_without_gpus_leave_gpu_nodes_to_others():
    cluster = [Node("a", 4, 4), Node("b", 64, 0)]

    assert started(planned(cluster, [job(1, 4)])) == {1: {"b": 4}}
    assert started(planned(cluster, [job(1, 66)])) == {1: {"a": 2, "b": 64}}


def test_draining_nodes_get_nothing():
    cluster = [Node("a", 8, 0, is_draining=True), Node("b", 4, 0)]

    plan = planned(cluster, [job(1, 4), job(2, 4)])

    assert started(plan) == {1: {"b": 4}}
    assert codes(plan) == {2: "no-room"}


def test_job_that_fits_only_on_draining_nodes_waits_and_blocks_no_job():
    cluster = [Node("a", 8, 0, is_draining=True), Node("b", 4, 0)]

    plan = planned(cluster, [job(1, 8), job(2, 4)])

    assert started(plan) == {2: {"b": 4}}
    assert codes(plan) == {1: "no-room"}


def test_fractions_of_cpus_on_different_nodes_do_not_add_up():
    cluster = [Node("a", 2.9, 0), Node("b", 1.1 + 2.2 - 0.3, 0)]

    assert started(planned(cluster, [job(1, 5)])) == {1: {"a": 2, "b": 3}}


def test_allocation_on_a_node_that_is_gone_is_not_counted():
    plan = planned(nodes(4), [job(2, 4)], [runs(job(1, 8), {"gone": 8})])

    assert started(plan) == {2: {"n0": 4}}


def test_never_fits_names_the_node_that_would_be_enough():
    plan = planned(nodes(8, 8), [job(1, 1, cpus=16)])

    assert waits(plan)[1].reason == (
        "needs 1 worker with 16 CPUs, but the whole cluster has capacity for 0; "
        "another node with 16 CPUs free would be enough"
    )


@pytest.mark.parametrize(
    ("shape", "slots"), [(Shape(1, 1, 3, 0), 4), (Shape(1, 1, 1, 1), 3), (Shape(1, 1, 9, 0), 0)]
)
def test_largest_gang_counts_workers_on_an_empty_cluster(shape: Shape, slots: int):
    assert largest_gang(shape, [Node("a", 8, 2), Node("b", 7, 1)]) == slots


def test_infeasible_reason_is_none_for_what_could_fit():
    assert infeasible_reason(Shape(2, 9, 4, 0), nodes(8)) is None
    assert infeasible_reason(Shape(3, 9, 4, 0), nodes(8)) is not None
    assert "no nodes" in str(infeasible_reason(Shape(1, 1, 1, 0), []))
