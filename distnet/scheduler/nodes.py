"""The usable nodes, by index, and the worker slots that they offer.

A slot is capacity for one worker on one node: its CPUs and GPUs must be free on the same node.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from distnet.scheduler.view import Choice, Node, PerWorker, Resources
from distnet.spec.selector import Selector

IndexedPlacement = dict[int, int]
"""Workers on each node, by the node's index in a `NodeTable`."""
ALL = Selector()
UNLIMITED = 10**9
EPSILON = 1e-6  # a node may have a fraction of a CPU


def slots_in(cpus: float, gpus: float, per_worker: PerWorker) -> int:
    """Count the workers that fit into free CPUs and GPUs of one node, whatever its labels."""
    need_cpus, need_gpus, _ = per_worker
    count = int((cpus + EPSILON) // need_cpus) if need_cpus else UNLIMITED
    if need_gpus:
        count = min(count, int((gpus + EPSILON) // need_gpus))
    return max(count, 0)


class NodeTable:
    """The nodes that are not draining, by index, in the order of their ids."""

    _newest: ClassVar["NodeTable | None"] = None

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.total_cpus = sum(node.cpus for node in nodes)
        self.total_gpus = sum(node.gpus for node in nodes)
        usable = sorted((node for node in nodes if not node.is_draining), key=lambda n: n.id)
        self.ids = [node.id for node in usable]
        self.index = {node: n for n, node in enumerate(self.ids)}
        self.cpus = [float(node.cpus) for node in usable]
        self.gpus = [float(node.gpus) for node in usable]
        self.has_gpus = [node.gpus > 0 for node in usable]
        self.absent = [n for n, node in enumerate(usable) if node.is_absent]
        self.groups = [node.group for node in usable]
        self._kinds = Counter(node.total for node in nodes)
        self._labels = [node.labels for node in usable]
        self._admitted: dict[Choice, frozenset[int]] = {}
        self._total_slots: dict[PerWorker, int] = {}

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> "NodeTable":
        """Index nodes. Cached for the last tuple of nodes, which cannot have changed."""
        newest = cls._newest
        if newest is None or newest.nodes is not nodes or not isinstance(nodes, tuple):
            newest = cls._newest = cls(nodes)
        return newest

    def total_slots(self, per_worker: PerWorker) -> int:
        """Count the slots of the empty cluster, with draining and absent nodes, and all in use."""
        known = self._total_slots.get(per_worker)
        if known is None:
            known = self._total_slots[per_worker] = sum(
                slots_in(cpus, gpus, per_worker) * count
                for (cpus, gpus), count in self._kinds_for(per_worker[2]).items()
            )
        return known

    def admitted(self, choice: Choice) -> frozenset[int]:
        """Return the nodes on which a worker may be, by index."""
        known = self._admitted.get(choice)
        if known is None:
            selector, barred = choice[0] or ALL, choice[1] or frozenset()
            known = self._admitted[choice] = frozenset(
                n
                for n, (node, labels) in enumerate(zip(self.ids, self._labels, strict=True))
                if node not in barred and selector.admits(labels)
            )
        return known

    def slots_on(self, n: int, cpus: float, gpus: float, per_worker: PerWorker) -> int:
        """Count the workers that fit on node `n` if these CPUs and GPUs of it are free."""
        choice = per_worker[2]
        if choice is not None and n not in self.admitted(choice):
            return 0
        return slots_in(cpus, gpus, per_worker)

    def _kinds_for(self, choice: Choice | None) -> "Counter[Resources]":
        """Count the nodes that a selector admits, barred or not, by what they have."""
        if choice is None or choice[0] is None:
            return self._kinds
        return Counter(node.total for node in self.nodes if choice[0].admits(node.labels))

    def indexed(self, placement: Mapping[str, int]) -> IndexedPlacement:
        """Translate node ids to indices; nodes that are gone or draining are left out."""
        index = self.index
        return {index[node]: count for node, count in placement.items() if node in index}

    def by_id(self, placement: IndexedPlacement) -> dict[str, int]:
        """Translate indices back to node ids."""
        return {self.ids[n]: placement[n] for n in sorted(placement)}
