"""The machines as they are seen by users, and who is on them."""

from distnet.protocol.cluster import ClusterAnswer, NodeAnswer
from distnet.server.state.mirror import Mirror


def cluster(mirror: Mirror, now: float) -> ClusterAnswer:
    """The machines, and who is on them."""
    snapshot = mirror.snapshot
    if snapshot is None:
        return ClusterAnswer(is_reachable=False, seen_at=None, reason=mirror.unreachable, nodes=())
    on_node: dict[str, dict[str, int]] = {node.id: {} for node in snapshot.nodes}
    for name, attempt in mirror.attempts.items():
        for place, workers in attempt.placement.items():
            on_node.setdefault(place, {})[name] = workers
    nodes = []
    for node in mirror.nodes(now):
        there = on_node[node.id]
        cpus = sum(mirror.jobs[name].shape.cpus * workers for name, workers in there.items())
        gpus = sum(mirror.jobs[name].shape.gpus * workers for name, workers in there.items())
        nodes.append(
            NodeAnswer(
                id=node.id,
                name=node.name,
                cpus=node.cpus,
                gpus=node.gpus,
                free_cpus=max(0.0, node.cpus - cpus),
                free_gpus=max(0.0, node.gpus - gpus),
                is_draining=node.is_draining,
                jobs=there,
            )
        )
    return ClusterAnswer(
        is_reachable=not mirror.unreachable,
        seen_at=snapshot.seen_at,
        reason=mirror.unreachable,
        nodes=tuple(nodes),
    )
