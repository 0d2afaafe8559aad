"""The kinds of worker in a view, and how many of each fit on a node.

A large queue has thousands of kinds (CPUs, GPUs, nodes that are admitted), but what is free on the
nodes of a large cluster is the same on many of them. So the slots of all kinds on one such node are
one column of numbers, computed once, and a change of what is free adds and subtracts two columns.
Whether a gang fits is then one look at a sum (`placement.py`).
"""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from distnet.scheduler.capacity.groups import State
from distnet.scheduler.capacity.nodes import EPSILON, UNLIMITED, NodeTable
from distnet.scheduler.view import Choice, PerWorker

Column = NDArray[np.int64]
"""The slots of each kind, and then those of each kind without GPUs on nodes without GPUs."""

FEW = 100
"""Kinds that nothing has which are kept."""
MOST_COLUMNS = 4096
"""Columns that are kept for the next pass: some tens of MB with a thousand kinds."""


class Kinds:
    """The kinds of worker, by index.

    Attributes:
        nodes: the nodes.
        index: of each kind.
        cpu_only: the index of each kind without GPUs, if only nodes without GPUs count.
        classes: the class of each node. All nodes of one class admit the same kinds.
    """

    _newest: ClassVar["Kinds | None"] = None

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
        self._admitted: dict[tuple[Choice | None, bool], NDArray[np.bool_]] = {}
        self._columns: dict[State, Column] = {}
        self._changes: dict[tuple[State, State], Column] = {}

    @classmethod
    def of(cls, nodes: NodeTable, per_workers: Iterable[PerWorker]) -> "Kinds":
        """Return these kinds and perhaps others: those of the last time, if all are among them.

        From one pass to the next hardly any kind is new, and so are few columns.
        """
        kinds, newest = set(per_workers), cls._newest
        if (
            newest is None
            or newest.nodes is not nodes
            or not kinds <= newest.index.keys()
            or len(newest.index) > 2 * len(kinds) + FEW
            or len(newest._columns) + len(newest._changes) > MOST_COLUMNS
        ):
            newest = cls._newest = cls(nodes, kinds)
        return newest

    def total_slots(self) -> Column:
        """Count the slots of each kind on the empty cluster (`NodeTable.total_slots`)."""
        return np.array([self.nodes.total_slots(kind) for kind in self.index], dtype=np.int64)

    def usable_slots(self) -> Column:
        """Count the slots of each kind once all jobs have ended."""
        nodes = self.nodes
        return self.slots(nodes.cpus, nodes.gpus)

    @cached_property
    def types(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The types of node: of each node its type, and of each type which kinds fit there.

        Nodes of one type have the same, and admit the same kinds.
        """
        nodes, found = self.nodes, dict[tuple[float, float, int], int]()
        every = zip(nodes.cpus, nodes.gpus, self.classes, strict=True)
        types = [found.setdefault(one, len(found)) for one in every]
        fits = [self.column(*one)[: self._num_kinds] > 0 for one in found]
        return np.array(types, dtype=np.int64), np.array(fits, dtype=bool).reshape(
            len(found), self._num_kinds
        )

    def slots(self, cpus: Iterable[float], gpus: Iterable[float]) -> Column:
        """Count the slots of each kind with so much free on each node."""
        total = self.zeros()
        for state, count in Counter(zip(cpus, gpus, self.classes, strict=True)).items():
            total += self.column(*state) * count
        return total

    def admits(self, node_class: int, choice: Choice | None, *, is_cpu_only: bool) -> bool:
        """Whether a worker may be on the nodes of a class."""
        if is_cpu_only and self._has_gpus[node_class]:
            return False
        return choice is None or self._admits[node_class][choice]

    def admitted(self, choice: Choice | None, *, is_cpu_only: bool) -> NDArray[np.bool_]:
        """Whether a worker may be on the nodes of each class."""
        key = choice, is_cpu_only
        known = self._admitted.get(key)
        if known is None:
            classes = range(len(self._has_gpus))
            admitted = [self.admits(n, choice, is_cpu_only=is_cpu_only) for n in classes]
            known = self._admitted[key] = np.array(admitted, dtype=bool)
        return known

    def column(self, cpus: float, gpus: float, node_class: int) -> Column:
        """Count the slots of each kind on a node of a class with these free CPUs and GPUs."""
        key = cpus, gpus, node_class
        known = self._columns.get(key)
        if known is None:
            known = self._columns[key] = self._count(cpus, gpus, self._barred[node_class])
        return known

    def change(self, states: tuple[State, State]) -> Column:
        """By how much the slots change with what is free on a node: from one state to another."""
        known = self._changes.get(states)
        if known is None:
            before, after = states
            known = self._changes[states] = self.column(*after) - self.column(*before)
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
