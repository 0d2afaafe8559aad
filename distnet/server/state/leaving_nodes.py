"""Nodes that Ray is about to remove, as attempts report: Ray says so to its drivers only.

A job's own code can report anything with the secret of its attempt. So an attempt is believed about
the nodes on which it has workers, and for all jobs only while it lives. Its own job stays away from
these nodes a little longer: it would start there again, and fail.
"""

from collections.abc import Container, Iterable
from dataclasses import replace

from distnet.scheduler.format import format_names
from distnet.scheduler.view import Node

LEAVING_FOR_S = 120.0
"""A node that is reported as draining is gone by then, or stays."""
NONE: frozenset[str] = frozenset()


class LeavingNodes:
    """By job, the nodes that its attempts have reported, and the time until which that counts."""

    def __init__(self) -> None:
        self._until: dict[str, dict[str, float]] = {}

    def report(self, job: str, nodes: Iterable[str], now: float) -> bool:
        """Take a report of an attempt; returns whether any of the nodes is new.

        Args:
            job: of the attempt.
            nodes: those of the reported ones on which it has workers.
            now: Unix time.
        """
        known = self._until.get(job, {})
        new = dict.fromkeys(nodes, now + LEAVING_FOR_S)
        if new:
            self._until[job] = known | new
        return not new.keys() <= known.keys()

    def marked(self, nodes: Iterable[Node], live: Container[str], now: float) -> list[Node]:
        """The nodes, with the jobs whose live attempts have reported them."""
        self._expire(now)
        by = self._reporters(live)
        return [
            replace(node, is_draining=True, leaving=format_names(by[node.id]))
            if node.id in by
            else node
            for node in nodes
        ]

    def _expire(self, now: float) -> None:
        left = {
            job: {node: until for node, until in nodes.items() if until > now}
            for job, nodes in self._until.items()
        }
        self._until = {job: nodes for job, nodes in left.items() if nodes}

    def of(self, job: str) -> frozenset[str]:
        """The nodes on which a job does not start again."""
        return frozenset(self._until[job]) if job in self._until else NONE

    def _reporters(self, live: Container[str]) -> dict[str, list[str]]:
        by_node: dict[str, list[str]] = {}
        for job in sorted(job for job in self._until if job in live):
            for node in self._until[job]:
                by_node.setdefault(node, []).append(job)
        return by_node

    def clear(self) -> None:
        """Forget everything: the times are those of a clock that was set."""
        self._until.clear()
