"""Drain nodes, so that nothing new starts there, and resume them.

By default jobs that run on a drained node finish there, as with Slurm's state `drain`. With `now`
they are moved off, as `kubectl drain` does: each saves a checkpoint, stops and waits in the queue
for another node, and no step is computed twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from distnet.protocol.cluster import DrainRequest
from distnet.protocol.states import StopReason
from distnet.scheduler.format import format_names
from distnet.scheduler.view import Node
from distnet.server.attempts.decisions import request_stop
from distnet.server.ledger.records import AttemptRecord, DrainRecord, User
from distnet.server.nodes.find import find_nodes, lasting_name
from distnet.server.state.change import Change
from distnet.server.state.mirror import Mirror


def drain(mirror: Mirror, user: User, request: DrainRequest, now: float) -> list[Node]:
    """Drain nodes, all or none; a node that is drained already gets the new reason.

    Args:
        mirror: locked by the caller.
        user: an admin.
        request: the nodes, why, and whether their jobs move now.
        now: Unix time.

    Raises:
        NotFoundError: one of the nodes does not exist.
        InvalidError: `ambiguous`.
    """
    nodes, change = find_nodes(mirror, request.nodes), Change(now)
    for node in nodes:
        old, new = mirror.orders.of(node), _record(mirror, user, node, request.reason, now)
        if old is None or old.reason != new.reason:
            since = now if old is None else old.since
            change.drains[new.node] = replace(new, since=since)
            change.event("drained", user.name, f"node {new.node} drained: {new.reason}")
    if request.now:
        _move_jobs(mirror, change, user, nodes, request.reason)
    mirror.commit(change)
    return nodes


def resume(mirror: Mirror, user: User, words: Sequence[str], now: float) -> list[Node]:
    """Use drained nodes again, all or none; also those that are not in the cluster at the moment.

    A node that is not drained stays as it is: the request may have been sent twice.

    Args:
        mirror: locked by the caller.
        user: an admin.
        words: names or ids of the nodes.
        now: Unix time.

    Returns:
        Those that are in the cluster.

    Raises:
        NotFoundError: one of the nodes does not exist.
        InvalidError: `ambiguous`.
    """
    change = Change(now)
    absent = [word for word in words if word in mirror.orders and not _is_there(mirror, word)]
    nodes = find_nodes(mirror, [word for word in words if word not in absent])
    records = [mirror.orders[name] for name in absent] + [mirror.orders.of(node) for node in nodes]
    for record in dict.fromkeys(records):
        if record is not None:
            change.removed_drains.append(record.node)
            change.event("resumed", user.name, f"node {record.node} resumed")
    mirror.commit(change)
    return nodes


def absent_drains(mirror: Mirror) -> list[DrainRecord]:
    """The drained nodes that are not in the newest snapshot, by name."""
    if mirror.snapshot is None:
        return []
    there = {mirror.orders.of(node) for node in _nodes(mirror)}
    return [record for record in mirror.orders.all() if record not in there]


def _record(mirror: Mirror, user: User, node: Node, reason: str, now: float) -> DrainRecord:
    old = mirror.orders.of(node)
    name = lasting_name(mirror, node) if old is None else old.node
    return DrainRecord(name, reason, user.name, now)


def _move_jobs(
    mirror: Mirror, change: Change, user: User, nodes: Sequence[Node], reason: str
) -> None:
    """Stop every job with a worker on one of the nodes; it waits again."""
    names = {node.id: node.name or node.id for node in nodes}
    for job, attempt in mirror.attempts.items():
        left = sorted(names[node] for node in _nodes_of(attempt) if node in names)
        if left:
            verb = "is" if len(left) == 1 else "are"
            text = f"moved off {format_names(left)}, which {verb} drained: {reason}"
            record = mirror.jobs[job]
            request_stop(mirror, change, record, StopReason.DRAIN, actor=user.name, text=text)


def _nodes_of(attempt: AttemptRecord) -> Iterable[str]:
    return attempt.placement.keys() | (attempt.target or {}).keys()


def _is_there(mirror: Mirror, word: str) -> bool:
    return any(word in (node.name, node.id) for node in _nodes(mirror))


def _nodes(mirror: Mirror) -> Sequence[Node]:
    return mirror.snapshot.nodes if mirror.snapshot is not None else ()
