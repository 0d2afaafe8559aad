"""`distnet nodes` as a person types it."""

import json

import pytest

from distnet.cli.main import main
from distnet.protocol.cluster import GroupResponse, NodeResponse, NodeState
from tests.client.fake_server import FakeServer


@pytest.fixture
def nodes(server: FakeServer) -> FakeServer:
    for name in ("gpu1", "gpu2"):
        server.nodes[name] = NodeResponse(
            id=f"id-of-{name}", name=name, state=NodeState.MIXED, cpus=8, gpus=2, free_cpus=6,
            free_gpus=1, gpu="H100", labels={"zone": "a", "ray.io/market-type": "spot"},
            is_draining=False, jobs={"digits-1": 1},
        )  # fmt: skip
    return server


def test_nodes_are_listed_with_what_of_them_is_used(
    nodes: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["nodes"]) == 0
    head, row, _ = capsys.readouterr().out.splitlines()
    assert head.split() == [
        *("node", "state", "CPUs", "GPUs", "type", "labels", "jobs", "since", "by", "note")
    ]
    assert row.split() == ["gpu1", "mixed", "2/8", "1/2", "H100", "zone=a", "1", "-", "-", "-"]

    assert main(["nodes", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["nodes"]) == 2


def test_groups_are_listed_with_what_there_can_be(
    nodes: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {"name": "gpu", "cpus": 8, "gpus": 2, "num_nodes": 2, "max_nodes": 8}
    more = {"num_adding": 1, "adding_since": 900.0, "reason": "no capacity"}
    nodes.groups = [GroupResponse.model_validate(facts | more)]
    assert main(["nodes"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "group gpu: 2 of at most 8 nodes, 1 being added; no capacity"


def test_what_other_programs_use_is_shown(
    nodes: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    used = {"others_cpus": 2, "free_cpus": 4}
    nodes.nodes["gpu1"] = nodes.nodes["gpu1"].model_copy(update=used)
    assert main(["nodes"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert "4/8" in row
    assert row.endswith("2 CPUs used by other programs")


def test_nodes_are_drained_and_resumed(
    nodes: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["nodes", "drain", "gpu1", "gpu2", "--reason", "new disk"]) == 0
    shown = capsys.readouterr()
    assert "gpu1  draining" in shown.out
    assert "ada  new disk" in shown.out
    assert shown.err == "1 job still runs there\n"
    assert nodes.requests[-1] == "POST /api/v1/nodes/drain"
    assert main(["nodes", "drain", "gpu1", "--reason", "new disk", "--now"]) == 0
    assert capsys.readouterr().err == "1 job is being moved off\n"

    assert main(["nodes", "resume", "gpu1", "--json"]) == 0
    (node,) = json.loads(capsys.readouterr().out)
    assert (node["name"], node["drain"]) == ("gpu1", None)


def test_a_drain_needs_a_reason(nodes: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nodes", "drain", "gpu1"]) == 2
    assert "--reason" in capsys.readouterr().err
    assert nodes.requests == []
