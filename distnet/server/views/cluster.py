"""The nodes of the cluster as users see them, and the jobs on them."""

from collections import Counter

from distnet.protocol.cluster import ClusterResponse, GroupResponse, NodeResponse
from distnet.scheduler.view import Node
from distnet.server.state.mirror import Mirror


def cluster(mirror: Mirror, now: float) -> ClusterResponse:
    """The nodes, and the jobs on them."""
    snapshot = mirror.snapshot
    if snapshot is None:
        return ClusterResponse(
            is_reachable=False, seen_at=None, reason=mirror.unreachable, nodes=()
        )
    on_node: dict[str, dict[str, int]] = {}
    for name, attempt in mirror.attempts.items():
        for node, workers in attempt.placement.items():
            on_node.setdefault(node, {})[name] = workers
    return ClusterResponse(
        is_reachable=not mirror.unreachable,
        seen_at=snapshot.seen_at,
        reason=mirror.unreachable,
        nodes=tuple(
            _node_response(mirror, node, on_node.get(node.id, {})) for node in mirror.nodes(now)
        ),
        groups=_groups(mirror, now),
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


def _node_response(mirror: Mirror, node: Node, jobs: dict[str, int]) -> NodeResponse:
    cpus = sum(mirror.jobs[name].shape.cpus * workers for name, workers in jobs.items())
    gpus = sum(mirror.jobs[name].shape.gpus * workers for name, workers in jobs.items())
    return NodeResponse(
        id=node.id,
        name=node.name,
        cpus=node.cpus,
        gpus=node.gpus,
        free_cpus=max(0.0, node.cpus - cpus),
        free_gpus=max(0.0, node.gpus - gpus),
        is_draining=node.is_draining,
        jobs=jobs,
    )
