"""The list of all checks, and how they are run."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from distnet.cluster.doctor.facts import Examination, Node
from distnet.cluster.doctor.finding import Finding

NodeCheck = Callable[[Node], Iterator[Finding]]
ClusterCheck = Callable[[Examination], Iterator[Finding]]

NODE_CHECKS: dict[str, NodeCheck] = {}
CLUSTER_CHECKS: dict[str, ClusterCheck] = {}


def on_node(check: NodeCheck) -> NodeCheck:
    """Make a function a check of each node, under its own name."""
    NODE_CHECKS[_id(check)] = check
    return check


def on_cluster(check: ClusterCheck) -> ClusterCheck:
    """Make a function a check of all nodes together, under its own name."""
    CLUSTER_CHECKS[_id(check)] = check
    return check


def run_checks(examination: Examination) -> list[Finding]:
    """Judge what is known."""
    found = [
        replace(finding, id=name, node=node.name)
        for node in examination.nodes
        for name, check in NODE_CHECKS.items()
        for finding in check(node)
    ]
    for name, check in CLUSTER_CHECKS.items():
        found += [replace(finding, id=name) for finding in check(examination)]
    return found


def _id(check: Callable[..., object]) -> str:
    return check.__name__.replace("_", "-")
