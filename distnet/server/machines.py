"""The machines as they are seen by users, and who is on them."""

from distnet.server.book import Book
from distnet.server.messages.cluster import ClusterAnswer, NodeAnswer


def cluster(book: Book, now: float) -> ClusterAnswer:
    """The machines, and who is on them."""
    snapshot = book.snapshot
    if snapshot is None:
        return ClusterAnswer(is_reachable=False, seen_at=None, reason=book.unreachable, nodes=())
    on_node: dict[str, dict[str, int]] = {node.id: {} for node in snapshot.nodes}
    for name, attempt in book.attempts.items():
        for place, workers in attempt.placement.items():
            on_node.setdefault(place, {})[name] = workers
    nodes = []
    for node in book.nodes(now):
        there = on_node[node.id]
        cpus = sum(book.jobs[name].shape.cpus * workers for name, workers in there.items())
        gpus = sum(book.jobs[name].shape.gpus * workers for name, workers in there.items())
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
        is_reachable=not book.unreachable,
        seen_at=snapshot.seen_at,
        reason=book.unreachable,
        nodes=tuple(nodes),
    )
