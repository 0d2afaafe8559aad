"""Nodes that admins drain and resume: a whole server in this process, a cluster in memory."""

import pytest

from distnet.protocol.cluster import DrainRequest, NodeState, ResumeRequest
from distnet.protocol.errors import InvalidError, NotFoundError
from distnet.protocol.states import JobState
from distnet.scheduler.view import Node
from tests.server.harness import ROOT, Harness, asks


@pytest.fixture
def harness(harness_url, tmp_path):
    with Harness(harness_url, tmp_path) as harness:
        harness.run(1)
        yield harness


def drain(harness, *nodes, now=False, reason="new disk"):
    request = DrainRequest(nodes=nodes, reason=reason, now=now)
    return harness.server.nodes.drain(ROOT, request).nodes


def states(harness):
    return {node.name: node.state for node in harness.server.cluster().nodes}


def test_nothing_starts_on_a_drained_node_and_what_runs_there_finishes(harness):
    harness.submit(asks(workers=2), steps=20)
    harness.run(3)
    (node,) = harness.server.details("digits-1").attempts[0].placement

    (drained,) = drain(harness, node)

    assert (drained.name, drained.state) == (node, NodeState.DRAINING)
    assert (drained.drain.reason, drained.drain.actor) == ("new disk", "root")
    assert drained.drain.since == harness.clock()
    harness.submit(asks(workers=3))
    harness.run(5)
    assert harness.job("digits-1").state is JobState.RUNNING
    why = harness.server.why("digits-2").reason
    assert f"; {node} is drained: new disk" in why
    harness.run(20)
    assert harness.job("digits-1").state is JobState.FINISHED
    assert states(harness)[node] is NodeState.DRAINED
    assert harness.job("digits-2").state is JobState.WAITING

    harness.server.nodes.resume(ROOT, ResumeRequest(nodes=(node,)))

    harness.run_until_all_ended()
    assert harness.job("digits-2").state is JobState.FINISHED
    log = [e for e in harness.server.events().events if e.kind in ("drained", "resumed")]
    assert [(e.actor, e.text) for e in log] == [
        ("root", f"node {node} drained: new disk"),
        ("root", f"node {node} resumed"),
    ]


def test_jobs_are_moved_off_and_no_step_is_computed_twice(harness):
    harness.submit(
        asks(workers=2),
        asks(sets=("queue.preemptible=false", "queue.max_time=1h"), name="pinned"),
        steps=30,
    )
    harness.run(6)
    (node,) = harness.server.details("digits-1").attempts[0].placement

    drain(harness, node, now=True)

    stopping = harness.job("digits-1")
    assert (stopping.state, stopping.reason) == (
        JobState.STOPPING,
        f"moved off {node}, which is drained: new disk",
    )
    harness.run_until_all_ended()
    first, second = harness.server.details("digits-1").attempts
    assert (first.end, first.stop, second.end) == ("stopped", "drain", "finished")
    assert node in first.placement
    assert node not in second.placement
    assert harness.cluster.starts["digits-1"] == [0, first.step]
    assert len(harness.server.details("pinned").attempts) == 1  # it was on the other node


def test_a_job_that_is_not_preemptible_is_moved_off_too(harness):
    harness.submit(asks(workers=4, sets=("queue.preemptible=false", "queue.max_time=1h")), steps=30)
    harness.run(6)

    drain(harness, "node-a", now=True)

    harness.run(3)
    moved = harness.job("digits-1")
    assert moved.state is JobState.WAITING
    assert "; node-a is drained: new disk" in moved.reason


def test_drained_nodes_stay_drained_when_server_and_ray_restart(harness):
    drain(harness, "node-a")
    harness.cluster.nodes = (Node("new-a", 2, 0, "node-a"), Node("new-b", 2, 0, "node-b"))
    harness.restart()
    harness.submit(asks(workers=3))

    harness.run(3)

    assert states(harness) == {"node-a": NodeState.DRAINED, "node-b": NodeState.IDLE}
    assert harness.job("digits-1").state is JobState.WAITING


def test_a_drained_node_that_leaves_the_cluster_is_listed_and_can_be_resumed(harness):
    drain(harness, "node-a")
    harness.cluster.nodes = (Node("node-b", 2, 0, "node-b"),)
    harness.run(2)
    assert states(harness) == {"node-b": NodeState.IDLE, "node-a": NodeState.ABSENT}

    assert harness.server.nodes.resume(ROOT, ResumeRequest(nodes=("node-a",))).nodes == ()

    assert states(harness) == {"node-b": NodeState.IDLE}


def test_a_repeated_request_changes_nothing_and_a_new_reason_is_kept(harness):
    drain(harness, "node-a", "node-b")
    since = harness.clock()
    harness.run(5)
    drain(harness, "node-a")
    (node,) = drain(harness, "node-a", reason="new fan")
    assert (node.drain.reason, node.drain.since) == ("new fan", since)
    for _ in range(2):
        harness.server.nodes.resume(ROOT, ResumeRequest(nodes=("node-a", "node-b")))
    log = [e.kind for e in harness.server.events().events if e.kind in ("drained", "resumed")]
    assert log == ["drained"] * 3 + ["resumed"] * 2


def test_nodes_are_found_by_name_id_or_the_start_of_an_id(harness):
    harness.cluster.nodes = (
        Node("aaaa1111", 2, 0, "10.0.0.1"),
        Node("aaaa2222", 2, 0, "10.0.0.2"),
        Node("bbbb3333", 2, 0, "10.0.0.2"),
    )
    harness.run(2)
    assert [n.id for n in drain(harness, "bbbb")] == ["bbbb3333"]  # and not its neighbour
    assert [n.id for n in drain(harness, "aaaa1111", "10.0.0.1")] == ["aaaa1111"]
    with pytest.raises(InvalidError, match="aaaa: found 2 nodes whose ids start like this"):
        drain(harness, "aaaa")
    with pytest.raises(NotFoundError, match=r"there is no node 10.0.0.11; did you mean 10.0.0.1?"):
        drain(harness, "bbbb", "10.0.0.11")
    harness.server.nodes.resume(ROOT, ResumeRequest(nodes=("bbbb", "10.0.0.1")))
    assert {node.state for node in harness.server.cluster().nodes} == {NodeState.IDLE}


def test_a_drain_that_is_not_durable_is_not_done(harness):
    harness.submit(asks(workers=4), steps=30)
    harness.run(4)
    harness.lose_ledger()
    with pytest.raises(Exception, match="the connection is lost"):
        drain(harness, "node-a", now=True)
    assert harness.job("digits-1").state is JobState.RUNNING
    assert NodeState.DRAINING not in states(harness).values()
