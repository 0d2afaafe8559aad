"""Nodes with the same free capacity, and the slots of one kind of worker on each such group.

Even a large cluster has few groups, so which of its nodes a gang gets is a choice between them: a
few operations on arrays with one value for each group.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from distnet.scheduler.capacity.nodes import EPSILON, UNLIMITED
from distnet.scheduler.view import PerWorker

State = tuple[float, float, int]
"""Free CPUs and GPUs of a node, and its class."""
_MORE = 64
"""Groups by which the arrays grow."""


class Groups:
    """The nodes by what is free on them."""

    def __init__(self, states: Iterable[State]) -> None:
        self._index: dict[State, int] = {}
        self._members: list[list[int]] = []
        """In the order of the nodes; empty groups are used again."""
        self._empty: list[int] = []
        self._cpus, self._gpus = np.zeros(0), np.zeros(0)
        """That are free on each node of a group."""
        self._classes = np.zeros(0, dtype=np.int64)
        for n, state in enumerate(states):
            self._members[self._of(state)].append(n)

    def copy(self) -> "Groups":
        """Return an independent copy."""
        copied = Groups(())
        copied._index = self._index.copy()
        copied._members = [members.copy() for members in self._members]
        copied._empty = self._empty.copy()
        copied._cpus, copied._gpus = self._cpus.copy(), self._gpus.copy()
        copied._classes = self._classes.copy()
        return copied

    def __iter__(self) -> Iterator[tuple[State, int]]:
        """All states in which nodes are, and how many there are."""
        return ((state, len(self._members[group])) for state, group in self._index.items())

    def move(self, n: int, before: State, after: State) -> None:
        """Let what is free on a node change."""
        group = self._index[before]
        members = self._members[group]
        members.pop(bisect_left(members, n))
        if not members:
            del self._index[before]
            self._empty.append(group)
        insort(self._members[self._of(after)], n)

    def best_fit(self, slots: NDArray[np.int64], count: int) -> int | None:
        """Return the node with the fewest slots on which so many fit, by the slots of groups."""
        fitting = np.flatnonzero(slots >= count)
        if not len(fitting):
            return None
        fewest = fitting[slots[fitting] == slots[fitting].min()]
        return min(self._key(group) for group in fewest.tolist())[2]

    def by_slots(self, slots: NDArray[np.int64]) -> Iterator[tuple[int, Iterable[int]]]:
        """Return slots, and the nodes that have them: most slots first, then fewest GPUs and CPUs.

        Groups that differ in nothing but their class are one.
        """
        found = np.flatnonzero(slots)
        order = found[np.lexsort((self._cpus[found], self._gpus[found], -slots[found]))]
        columns = slots, self._gpus, self._cpus, np.arange(len(slots))
        keys = zip(*(column[order].tolist() for column in columns), strict=True)
        for key, same in groupby(keys, key=itemgetter(0, 1, 2)):
            members = [self._members[group] for *_, group in same]
            yield key[0], members[0] if len(members) == 1 else heapq.merge(*members)

    def slots(self, per_worker: PerWorker, admitted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count the slots on a node of each group, as `slots_in` does for one.

        Args:
            per_worker: what one worker needs.
            admitted: whether it may be on the nodes of each class.
        """
        found = np.full(len(self._classes), float(UNLIMITED))
        for free, needed in ((self._cpus, per_worker[0]), (self._gpus, per_worker[1])):
            if needed:
                np.minimum(found, (free + EPSILON) // needed, out=found)
        found *= admitted[self._classes]
        found[self._empty] = 0
        return found.clip(min=0).astype(np.int64)

    def _of(self, state: State) -> int:
        """The group of the nodes in a state, which may be new."""
        known = self._index.get(state)
        if known is not None:
            return known
        if not self._empty:
            first = len(self._members)
            self._members += [[] for _ in range(_MORE)]
            self._empty += range(first + _MORE - 1, first - 1, -1)
            self._cpus, self._gpus = np.pad(self._cpus, (0, _MORE)), np.pad(self._gpus, (0, _MORE))
            self._classes = np.pad(self._classes, (0, _MORE))
        group = self._index[state] = self._empty.pop()
        self._cpus[group], self._gpus[group], self._classes[group] = state
        return group

    def _key(self, group: int) -> tuple[float, float, int]:
        """GPUs, CPUs and the first node of a group."""
        return self._gpus[group], self._cpus[group], self._members[group][0]
