"""What a waiting job could use if it were not drained, or used by other programs."""

from dataclasses import replace

import pytest

from distnet.scheduler.view import Node
from tests.scheduler.views import job, nodes, planned, runs, started, waits

BUSY = runs(job(1, cpus=4), {"n0": 1})


def reason(*others: Node) -> str:
    cluster = [*nodes(4), *others]
    return waits(planned(cluster, [job(2, cpus=4)], [BUSY]))[2].reason


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Node("a", 8, 0, "gpu1", is_draining=True, drained="disk"), "; gpu1 is drained: disk;"),
        (Node("a", 2, 0, "gpu1", is_draining=True, drained="disk"), ""),
        (Node("a", 2, 0, "gpu1", others_cpus=3), "; 3 CPUs of gpu1 are used by other programs"),
        (Node("a", 3, 0, "gpu1", others_cpus=1), "; 1 CPU of gpu1 is used by other programs"),
        (Node("a", 3, 0, "gpu1", others_gpus=1), ""),
    ],
)
def test_a_wait_names_what_it_cannot_use(other: Node, expected: str) -> None:
    found = reason(other)
    assert expected in found
    assert expected or "; first in the queue" in found.removeprefix("waiting for 4 CPUs free on")


def test_of_several_nodes_the_reasons_are_summed_up() -> None:
    used = Node("a", 0, 0, "a", others_cpus=4)
    drained = Node("c", 8, 0, "c", is_draining=True, drained="disk")
    found = reason(used, replace(used, id="b"), drained, replace(drained, id="d", name="d"))
    assert "; c and d are drained: disk; 8 CPUs of 2 nodes are used by other programs" in found


def test_a_job_that_fits_only_without_other_programs_waits() -> None:
    cluster = [Node("a", 1, 0, "a", others_cpus=3)]
    assert waits(planned(cluster, [job(1, cpus=4)]))[1].code == "no-room"
    assert waits(planned(cluster, [job(1, cpus=5)]))[1].code == "never-fits"


def test_nothing_is_started_in_what_others_use() -> None:
    cluster = [Node("a", 1, 0, "a", others_cpus=3)]
    assert started(planned(cluster, [job(1), job(2)])) == {1: {"a": 1}}
