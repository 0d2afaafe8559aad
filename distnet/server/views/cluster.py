"""The nodes of the cluster as users see them, and the jobs on them."""

from collections import Counter
from collections.abc import Iterable, Mapping

from distnet.protocol.cluster import (
    ClusterResponse,
    DrainResponse,
    GroupResponse,
    NodeResponse,
    NodeState,
)
from distnet.scheduler.view import Node
from distnet.server.ledger.records import DrainRecord
from distnet.server.nodes.drain import absent_drains
from distnet.server.nodes.reserve import reserved_nodes
from distnet.server.state.mirror import Mirror
from distnet.spec.selector import gpu_type


def cluster(mirror: Mirror, now: float) -> ClusterResponse:
    """The nodes, and the jobs on them."""
    snapshot = mirror.snapshot
    absent = tuple(map(_absent_node, absent_drains(mirror)))
    return ClusterResponse(
        is_reachable=not mirror.unreachable,
        seen_at=None if snapshot is None else snapshot.seen_at,
        reason=mirror.unreachable,
        nodes=node_responses(mirror, mirror.nodes(now), now) + absent,
        groups=() if snapshot is None else _groups(mirror, now),
    )


def node_responses(mirror: Mirror, nodes: Iterable[Node], now: float) -> tuple[NodeResponse, ...]:
    """Nodes as users see them.

    Args:
        mirror: locked by the caller.
        nodes: as `Mirror.nodes` returns them.
        now: Unix time.
    """
    on_node: dict[str, dict[str, int]] = {}
    for name, attempt in mirror.attempts.items():
        for node, workers in attempt.placement.items():
            on_node.setdefault(node, {})[name] = workers
    reserved = {
        node: one.name
        for one in reserved_nodes(mirror, now)
        if one.is_active(now)
        for node in one.nodes
    }
    return tuple(
        _node_response(mirror, node, on_node.get(node.id, {}), reserved.get(node.id, ""))
        for node in nodes
    )


def _groups(mirror: Mirror, now: float) -> tuple[GroupResponse, ...]:
    here = Counter(node.group for node in mirror.nodes(now))
    groups = zip(mirror.groups.groups, mirror.groups.state(now), strict=True)
    return tuple(
        GroupResponse(
            name=group.name,
            cpus=group.cpus,
            gpus=group.gpus,
            num_nodes=here[group.name],
            max_nodes=group.max_nodes,
            num_adding=mirror.groups.new.get(group.name, 0),
            adding_since=state.adding_since,
            reason=state.problem or (state.reason if state.adding_since else ""),
        )
        for group, state in groups
    )


def _node_response(
    mirror: Mirror, node: Node, jobs: dict[str, int], reservation: str
) -> NodeResponse:
    cpus = sum(mirror.jobs[name].shape.cpus * workers for name, workers in jobs.items())
    gpus = sum(mirror.jobs[name].shape.gpus * workers for name, workers in jobs.items())
    return NodeResponse(
        id=node.id,
        name=node.name,
        state=_state(node, jobs, cpus, gpus),
        cpus=node.cpus + node.others_cpus,
        gpus=node.gpus + node.others_gpus,
        free_cpus=max(0.0, node.cpus - cpus),
        free_gpus=max(0.0, node.gpus - gpus),
        others_cpus=node.others_cpus,
        others_gpus=node.others_gpus,
        gpu=gpu_type(node.labels),
        labels=dict(node.labels),
        is_draining=node.is_draining,
        jobs=jobs,
        reservation=reservation,
        leaving=node.leaving,
        drain=_drain_response(mirror.orders.of(node)),
    )


def _state(node: Node, jobs: Mapping[str, int], cpus: float, gpus: float) -> NodeState:
    """The state of a node of which jobs use these CPUs and GPUs."""
    if node.drained:
        return NodeState.DRAINING if jobs else NodeState.DRAINED
    if node.is_draining:
        return NodeState.LEAVING
    if not any((cpus, gpus, node.others_cpus, node.others_gpus)):
        return NodeState.IDLE
    return NodeState.MIXED if cpus < node.cpus else NodeState.ALLOCATED


def _absent_node(drain: DrainRecord) -> NodeResponse:
    return NodeResponse(
        id=drain.node,
        name=drain.node,
        state=NodeState.ABSENT,
        cpus=0,
        gpus=0,
        free_cpus=0,
        free_gpus=0,
        is_draining=True,
        jobs={},
        drain=_drain_response(drain),
    )


def _drain_response(drain: DrainRecord | None) -> DrainResponse | None:
    if drain is None:
        return None
    return DrainResponse(reason=drain.reason, actor=drain.actor, since=drain.since)
