"""The usable nodes, by index, and the worker slots that they offer.

A slot is capacity for one worker on one node: its CPUs and GPUs must be free on the same node.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from distnet.scheduler.view import Choice, Node, PerWorker
from distnet.spec.selector import Selector

IndexedPlacement = dict[int, int]
"""Workers on each node, by the node's index in a `NodeTable`."""
_Class = tuple[bool, ...]
_Labels = tuple[tuple[str, str], ...]
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


def _hashable(labels: Mapping[str, str]) -> _Labels:
    return tuple(sorted(labels.items())) if labels else ()


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
        self.has_absent = any(node.is_absent for node in nodes)
        self._labels = [_hashable(node.labels) for node in usable]
        self._kinds = Counter((node.total, _hashable(node.labels)) for node in nodes)
        self._admitted: dict[Choice, frozenset[int]] = {}
        self._classes: tuple[Sequence[Choice], list[int], list[_Class]] | None = None
        self._total_slots: dict[PerWorker, int] = {}
        self._usable_slots: dict[PerWorker, int] = {}

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> "NodeTable":
        """Index nodes. Cached for the last tuple of nodes, and those that are equal."""
        newest = cls._newest
        if newest is not None and newest.nodes is nodes:
            return newest
        if not isinstance(nodes, tuple):
            return cls(nodes)
        if newest is None or newest.nodes != nodes:
            newest = cls._newest = cls(nodes)
        newest.nodes = nodes  # equal, and from now on the same
        return newest

    @property
    def labels(self) -> list[Mapping[str, str]]:
        """All different ones that nodes have, draining ones included."""
        return [dict(labels) for labels in {labels for _, labels in self._kinds}]

    def total_slots(self, per_worker: PerWorker) -> int:
        """Count the slots of the empty cluster, with draining and absent nodes, and all in use."""
        known = self._total_slots.get(per_worker)
        if known is None:
            selector = (per_worker[2] and per_worker[2][0]) or ALL
            known = self._total_slots[per_worker] = sum(
                slots_in(cpus, gpus, per_worker) * count
                for ((cpus, gpus), labels), count in self._kinds.items()
                if selector.admits(dict(labels))
            )
        return known

    def usable_slots(self, per_worker: PerWorker) -> int:
        """Count the slots that there are once all jobs have ended, on absent nodes too."""
        known = self._usable_slots.get(per_worker)
        if known is None:
            admitted = self.admitted(per_worker[2]) if per_worker[2] is not None else None
            known = self._usable_slots[per_worker] = sum(
                slots_in(cpus, gpus, per_worker)
                for n, (cpus, gpus) in enumerate(zip(self.cpus, self.gpus, strict=True))
                if admitted is None or n in admitted
            )
        return known

    def admitted(self, choice: Choice) -> frozenset[int]:
        """Return the nodes on which a worker may be, by index."""
        known = self._admitted.get(choice)
        if known is None:
            selector, barred = choice[0] or ALL, choice[1] or frozenset()
            fits = {labels: selector.admits(dict(labels)) for labels in set(self._labels)}
            known = self._admitted[choice] = frozenset(
                n
                for n, (node, labels) in enumerate(zip(self.ids, self._labels, strict=True))
                if fits[labels] and node not in barred
            )
        return known

    def classes(self, choices: Sequence[Choice]) -> tuple[list[int], list[_Class]]:
        """Group the nodes that are the same for workers with these choices.

        Returns:
            The class of each node; and for each class whether its nodes have GPUs, and for each
            choice whether they are admitted.
        """
        known = self._classes
        if known is None or known[0] != choices:
            admitted = [self.admitted(choice) for choice in choices]
            found: dict[_Class, int] = {}
            classes = [
                found.setdefault((has_gpus, *(n in nodes for nodes in admitted)), len(found))
                for n, has_gpus in enumerate(self.has_gpus)
            ]
            known = self._classes = choices, classes, list(found)
        return known[1], known[2]

    def slots_on(self, n: int, cpus: float, gpus: float, per_worker: PerWorker) -> int:
        """Count the workers that fit on node `n` if these CPUs and GPUs of it are free."""
        choice = per_worker[2]
        if choice is not None and n not in self.admitted(choice):
            return 0
        return slots_in(cpus, gpus, per_worker)

    def indexed(self, placement: Mapping[str, int]) -> IndexedPlacement:
        """Translate node ids to indices; nodes that are gone or draining are left out."""
        index = self.index
        return {index[node]: count for node, count in placement.items() if node in index}

    def by_id(self, placement: IndexedPlacement) -> dict[str, int]:
        """Translate indices back to node ids."""
        return {self.ids[n]: placement[n] for n in sorted(placement)}
