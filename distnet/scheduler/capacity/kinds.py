"""The kinds of worker in a view, and how many of each fit on a node.

A large queue has thousands of kinds (CPUs, GPUs, nodes that are admitted), but what is free on the
nodes of a large cluster is the same on many of them. So the slots of all kinds on one such node are
one column of numbers, computed once, and a change of what is free adds and subtracts two columns.
Whether a gang fits is then one look at a sum (`placement.py`).
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from distnet.scheduler.capacity.nodes import EPSILON, UNLIMITED, NodeTable
from distnet.scheduler.view import Choice, PerWorker, View

Column = NDArray[np.int64]
"""The slots of each kind, and then those of each kind without GPUs on nodes without GPUs."""


class Kinds:
    """The kinds of worker, by index.

    Attributes:
        nodes: the nodes.
        index: of each kind.
        cpu_only: the index of each kind without GPUs, if only nodes without GPUs count.
        classes: the class of each node. All nodes of one class admit the same kinds.
    """

    def __init__(self, nodes: NodeTable, per_workers: Iterable[PerWorker]) -> None:
        kinds = list(dict.fromkeys(per_workers))
        without_gpus = [kind for kind in kinds if not kind[1]]
        rows = [*kinds, *without_gpus]
        self.nodes = nodes
        self.index = {kind: n for n, kind in enumerate(kinds)}
        self.cpu_only = {kind: n for n, kind in enumerate(without_gpus, len(kinds))}
        choices = list(dict.fromkeys(kind[2] for kind in kinds if kind[2] is not None))
        self.classes, members = nodes.classes(choices)
        self._admits = [dict(zip(choices, member[1:], strict=True)) for member in members]
        self._has_gpus = [member[0] for member in members]
        self._cpus = np.array([kind[0] for kind in rows], dtype=float)
        self._gpus = np.array([kind[1] for kind in rows], dtype=float)
        self._rows, self._num_kinds = rows, len(kinds)
        self._barred = [self._barred_rows(n) for n in range(len(members))]
        self._columns: dict[tuple[float, float, int], Column] = {}

    @classmethod
    def of(cls, view: View, nodes: NodeTable) -> "Kinds":
        """Find the kinds of all jobs that wait or run."""
        shapes = {job.shape for job in view.waiting} | {a.job.shape for a in view.allocations}
        return cls(nodes, (shape.per_worker for shape in shapes))

    def admits(self, node_class: int, choice: Choice | None, *, is_cpu_only: bool) -> bool:
        """Whether a worker may be on the nodes of a class."""
        if is_cpu_only and self._has_gpus[node_class]:
            return False
        return choice is None or self._admits[node_class][choice]

    def column(self, cpus: float, gpus: float, node_class: int) -> Column:
        """Count the slots of each kind on a node of a class with these free CPUs and GPUs."""
        key = cpus, gpus, node_class
        known = self._columns.get(key)
        if known is None:
            known = self._columns[key] = self._count(cpus, gpus, self._barred[node_class])
        return known

    def zeros(self) -> Column:
        """A column without slots."""
        return np.zeros(len(self._rows), dtype=np.int64)

    def _count(self, cpus: float, gpus: float, barred: NDArray[np.bool_]) -> Column:
        """Do for all kinds what `slots_in` does for one."""
        slots = np.full(len(self._rows), UNLIMITED, dtype=float)
        for free, needed in ((cpus, self._cpus), (gpus, self._gpus)):
            limit = np.full_like(slots, UNLIMITED)
            np.floor_divide(free + EPSILON, needed, out=limit, where=needed > 0)
            np.minimum(slots, limit, out=slots)
        slots[barred] = 0
        return slots.clip(min=0).astype(np.int64)

    def _barred_rows(self, node_class: int) -> NDArray[np.bool_]:
        return np.array(
            [
                not self.admits(node_class, kind[2], is_cpu_only=n >= self._num_kinds)
                for n, kind in enumerate(self._rows)
            ],
            dtype=bool,
        )
