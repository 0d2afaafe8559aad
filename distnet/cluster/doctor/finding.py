"""What a check has found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

CLUSTER = "cluster"
"""In the name of a node's stead, in findings about all of them."""


class Level(IntEnum):
    """How bad a finding is."""

    OK = 0
    NOTE = 1
    """Good to know."""
    WARNING = 2
    """Jobs run, but slower, with other bits, or not for long."""
    FAULT = 3
    """Jobs fail or hang, or others get in."""

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    """One finding of one check. What is not ok says what was expected, and how to get it."""

    level: Level
    found: str
    expected: str = ""
    remedy: str = ""
    node: str = CLUSTER
    id: str = ""
    """The name of the check."""

    def at(self, node: str) -> "Finding":
        """The same about one node."""
        return replace(self, node=node)


def ok(found: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, found)


def note(found: str, expected: str = "", remedy: str = "") -> Finding:
    """Something that is good to know."""
    return Finding(Level.NOTE, found, expected, remedy)


def warning(found: str, expected: str, remedy: str) -> Finding:
    """Jobs run, but not as they should."""
    return Finding(Level.WARNING, found, expected, remedy)


def fault(found: str, expected: str, remedy: str) -> Finding:
    """Jobs will fail or hang."""
    return Finding(Level.FAULT, found, expected, remedy)


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the worst finding; ok if there is none."""
    return max((finding.level for finding in findings), default=Level.OK)


def by_node(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """The findings of each node, the worst first; nodes with the worst findings come first."""
    nodes = dict.fromkeys(finding.node for finding in findings)
    found = {node: [each for each in findings if each.node == node] for node in nodes}
    order = sorted(nodes, key=lambda node: -worst(found[node]))
    return {node: sorted(found[node], key=lambda each: -each.level) for node in order}
