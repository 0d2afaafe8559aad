"""A server whose cluster can have more nodes: what it requests, and what users see of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from distnet.errors import DistnetError
from distnet.protocol.errors import InvalidError
from distnet.protocol.states import JobState
from distnet.scheduler.view import Node
from distnet.server.gateway.node_groups import NodeGroup, read_groups
from distnet.server.state.node_groups import COMES_WITHIN_S, TRIED_AGAIN_AFTER_S
from tests.server.harness import Harness, asks

HEAD = Node("head", 0, 0, "head")
CPU = NodeGroup("cpu", 2, 0, 3)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """A head without CPUs, and up to three nodes with two each."""
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path, (HEAD,), (CPU,)) as harness:
        harness.run(5)
        yield harness


def come(harness: Harness, *names: str) -> None:
    """Let exactly these nodes be there."""
    harness.cluster.nodes = (HEAD, *(Node(name, 2, 0, name, group="cpu") for name in names))


def test_a_job_waits_for_its_nodes_trains_and_gives_them_back(harness: Harness) -> None:
    assert harness.cluster.requested == [{}], "what an earlier server has left is withdrawn"
    harness.submit(asks(workers=4), steps=30)
    harness.run(1)
    assert harness.job("digits-1").code == "adding-nodes"
    harness.run(20)
    assert harness.cluster.requested[-1] == {"cpu": 2}
    reason = harness.job("digits-1").reason
    assert reason.startswith("waiting for 2 more nodes of group cpu (being added since 2")
    assert reason.endswith("; 0 of at most 3 are there)")

    come(harness, "a")
    harness.run(8)
    reason = harness.job("digits-1").reason
    assert reason.startswith("waiting for 1 more node of group cpu (being added since ")
    assert "; 1 of at most 3 is there" in reason
    come(harness, "a", "b")
    harness.run(4)
    assert harness.job("digits-1").state is JobState.RUNNING
    harness.run(8)
    assert harness.cluster.requested[-1] == {"cpu": 2}, "nodes in use are kept"
    harness.run_until_all_ended()
    harness.run(8)
    assert harness.cluster.requested[-1] == {}


def test_a_job_above_the_maximum_is_refused(harness: Harness) -> None:
    most = "group cpu has at most 3 nodes with 2 CPUs"
    with pytest.raises(InvalidError, match=rf"needs 7 workers .* capacity for 6; .*{most}"):
        harness.submit(asks(workers=7, sets=("train.slices=8",)))
    harness.submit(asks(workers=6, sets=("train.slices=8",)))


def test_nodes_that_do_not_come_are_given_up_and_tried_again(harness: Harness) -> None:
    harness.cluster.failures = {"cpu": "VcpuLimitExceeded"}
    harness.submit(asks(workers=2))
    harness.run(30)
    assert harness.job("digits-1").reason.endswith("; Ray: VcpuLimitExceeded)")
    assert harness.server.cluster().groups[0].reason == "VcpuLimitExceeded"

    harness.run(int(COMES_WITHIN_S / 5), every_s=5.0)
    waiting = harness.job("digits-1")
    assert waiting.code == "no-room"
    assert waiting.reason.startswith(
        "no node of group cpu has come within 15 min (Ray: VcpuLimitExceeded), next try in "
    )
    assert harness.cluster.requested[-1] == {}
    harness.run(int(TRIED_AGAIN_AFTER_S / 5), every_s=5.0)
    assert harness.job("digits-1").code == "adding-nodes"
    assert harness.cluster.requested[-1] == {"cpu": 1}


def test_what_is_being_added_is_part_of_the_cluster(harness: Harness) -> None:
    come(harness, "a")
    harness.submit(asks(workers=4))
    harness.run(3)
    (group,) = harness.server.cluster().groups
    assert (group.name, group.num_nodes, group.num_adding, group.max_nodes) == ("cpu", 1, 1, 3)
    assert group.adding_since is not None
    assert [node.name for node in harness.server.cluster().nodes] == ["head", "a"]


def test_the_request_is_repeated_and_withdrawn_when_the_server_ends(harness: Harness) -> None:
    harness.submit(asks(workers=2))
    harness.run(3)
    num = len(harness.cluster.requested)
    harness.run(25)
    assert len(harness.cluster.requested) >= num + 5, "Ray may have lost it, or overwritten it"
    assert harness.cluster.requested[-1] == {"cpu": 1}
    harness.server.release_nodes()
    assert harness.cluster.requested[-1] == {}


def test_a_cluster_that_cannot_be_reached_gets_the_request_later(harness: Harness) -> None:
    harness.submit(asks(workers=2))
    harness.run(1)
    harness.cluster.is_reachable = False
    harness.run(5)
    harness.cluster.is_reachable = True
    harness.run(5)
    assert harness.cluster.requested[-1] == {"cpu": 1}


RAY_FILE = """\
head_node_type: head
available_node_types:
  head: {resources: {CPU: 8}, max_workers: 0}
  cpu: {resources: {CPU: 4}, labels: {zone: a}, min_workers: 1, max_workers: 8}
  gpu: {resources: {CPU: 8, GPU: 2, memory: 1000}, max_workers: 2}
  none: {resources: {CPU: 8}, max_workers: 0}
"""


def test_the_groups_are_read_of_the_file_of_rays_autoscaler(tmp_path: Path) -> None:
    path = tmp_path / "ray.yaml"
    path.write_text(RAY_FILE)
    assert read_groups(path) == (
        NodeGroup("cpu", 4, 0, 8, {"zone": "a"}),
        NodeGroup("gpu", 8, 2, 2),
    )


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        ("9", {"cpu": 8, "gpu": 2}),
        ("3", {"cpu": 3, "gpu": 2}),
        ("1", {"cpu": 1, "gpu": 1}),
        ("0", {}),
        ("null", {"cpu": 8, "gpu": 2}),
    ],
)
def test_no_group_is_larger_than_the_file_allows_for_all(
    tmp_path: Path, most: str, expected: dict[str, int]
) -> None:
    path = tmp_path / "ray.yaml"
    path.write_text(f"max_workers: {most}\n{RAY_FILE}")
    assert {group.name: group.max_nodes for group in read_groups(path)} == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "cannot be read"),
        ("a: [", "is no YAML"),
        ("name: lab", "found no section available_node_types"),
        ("available_node_types: {cpu: {resources: {}}}", r"cpu: found no number of CPUs"),
        ("available_node_types: {cpu: {max_workers: 2}}", r"cpu: found no number of CPUs"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str | None, found: str) -> None:
    path = tmp_path / "ray.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DistnetError, match=rf"--autoscaling {path}: .*{found}"):
        read_groups(path)
