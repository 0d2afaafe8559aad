"""Whether a gang could ever start on the cluster, and which node it lacks."""

from collections.abc import Sequence

from distnet.scheduler.capacity.nodes import NodeTable
from distnet.scheduler.format import format_gang, format_resources
from distnet.scheduler.view import Node, Shape


def largest_gang(shape: Shape, nodes: Sequence[Node]) -> int:
    """Count the workers of this shape that fit on the empty cluster."""
    return NodeTable.of(nodes).total_slots(shape.per_worker)


def infeasible_reason(shape: Shape, nodes: Sequence[Node]) -> str | None:
    """Explain why a gang does not fit even on the empty cluster; None if it fits.

    Draining nodes, absent ones, and what other programs hold count: a job that fits only there
    waits, it is not refused.
    """
    table = NodeTable.of(nodes)
    slots = table.total_slots(shape.per_worker)
    if slots >= shape.min_workers:
        return None
    found = f"the whole cluster has capacity for {slots}" if nodes else "the cluster has no nodes"
    lacking = "" if shape.selector is None else shape.selector.missing(table.labels)
    if nodes and lacking:
        return f"needs {format_gang(shape)}, but {lacking}"
    if table.has_absent:
        found = f"with all nodes that can be added, the cluster has capacity for {slots}"
    missing = missing_node(shape, shape.min_workers - slots)
    return f"needs {format_gang(shape)}, but {found}; {missing} would be enough"


def missing_node(shape: Shape, num_workers: int) -> str:
    """Describe a node on which this many more workers would fit."""
    where = "" if shape.selector is None else f" ({shape.selector})"
    return f"another node with {format_resources(*_times(shape, num_workers))} free{where}"


def _times(shape: Shape, num_workers: int) -> tuple[int, int]:
    return num_workers * shape.cpus, num_workers * shape.gpus
