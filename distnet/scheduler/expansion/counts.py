"""How many nodes of each group there must be, for an autoscaler."""

from collections import Counter
from collections.abc import Collection, Iterable

from distnet.scheduler.view import Decision, Node, Stop, View


def used_nodes(view: View, decisions: Iterable[Decision]) -> set[str]:
    """Return the ids of the nodes on which jobs run, or will as soon as they can."""
    placements = [allocation.placement for allocation in view.allocations]
    placements += [decision.placement for decision in decisions if not isinstance(decision, Stop)]
    return {node for placement in placements for node in placement}


def node_counts(view: View, used: Collection[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Count the nodes of each group that are used, and those of them that are absent.

    An autoscaler adds nodes until there are as many as requested, in use or not. So if any are to
    be added, nodes of the group count too on which nothing can be placed, because they are draining
    or because others use them.

    Args:
        view: has the nodes.
        used: the ids of those that jobs use or wait for.
    """
    absent = [node for node in view.nodes if node.is_absent]
    new = Counter(node.group for node in absent if node.id in used)
    shapes = {node.group: node for node in absent if new[node.group]}
    total = Counter(
        node.group
        for node in view.nodes
        if node.group and (node.id in used or _is_unusable(node, shapes.get(node.group)))
    )
    return dict(total), dict(new)


def _is_unusable(node: Node, shape: Node | None) -> bool:
    """Whether a node is there, in a group that gets others, and is not free as a whole."""
    if shape is None or node.is_absent:
        return False
    return node.is_draining or node.cpus < shape.cpus or node.gpus < shape.gpus
