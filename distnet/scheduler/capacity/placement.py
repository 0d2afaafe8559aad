"""Gang placement: all workers at once, on few nodes, best fit.

A gang of any size fits if the free slots of all nodes add up to it, so whether it fits is one sum,
kept up to date for each kind of worker (`kinds.py`). Nodes with the same free capacity form a
group, and the choice is between groups, of which even a large cluster has few.

Workers without GPUs go to nodes without GPUs if all of them fit there, as in Ray's own scheduler.
Source: Ray's placement strategy PACK (few nodes); best fit for the last node, as in Slurm's
`select/cons_tres`. Ties go to the smaller node id, so that the same view gives the same placement:
https://github.com/kubernetes-retired/kube-batch/pull/821 describes how a changing order of nodes
starves large gangs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from distnet.scheduler.capacity.groups import Groups, State
from distnet.scheduler.capacity.kinds import Column, Kinds
from distnet.scheduler.capacity.nodes import IndexedPlacement, slots_in
from distnet.scheduler.view import PerWorker


class FreeCapacity:
    """Free CPUs and GPUs on each node, grouped so that placements are found quickly."""

    def __init__(self, kinds: Kinds, cpus: Sequence[float], gpus: Sequence[float]) -> None:
        self.cpus, self.gpus = list(cpus), list(gpus)
        self._kinds = kinds
        self._grouped = Groups(zip(cpus, gpus, kinds.classes, strict=True))
        self._moved: dict[int, State] = {}
        """Nodes that are still in the group of what was free on them before."""
        self._last: dict[tuple[PerWorker, int], int] = {}
        self._slots: Column | None = None
        self._changes: dict[tuple[State, State], int] = {}
        """On how many nodes what is free has changed so since the slots were counted."""

    def copy(self) -> "FreeCapacity":
        """Return an independent copy."""
        copied = FreeCapacity.__new__(FreeCapacity)
        copied.cpus, copied.gpus, copied._kinds = self.cpus.copy(), self.gpus.copy(), self._kinds
        copied._grouped, copied._moved = self._groups.copy(), {}
        copied._slots, copied._changes = self.slots.copy(), {}
        copied._last = {}
        return copied

    @property
    def _groups(self) -> Groups:
        """The nodes by what is free on them; most capacities are only counted, never grouped."""
        for n, before in self._moved.items():
            after = self.cpus[n], self.gpus[n], before[2]
            if after != before:
                self._grouped.move(n, before, after)
        self._moved.clear()
        return self._grouped

    @property
    def slots(self) -> Column:
        """The slots of each kind: counted when needed, and then corrected by what has changed."""
        slots, changes = self._slots, self._changes
        if slots is None:
            slots = self._slots = self._kinds.zeros()
            for state, count in self._groups:
                slots += self._kinds.column(*state) * count
        elif changes:
            for change, count in changes.items():
                more = self._kinds.change(change)
                slots += more if count == 1 else more * count
        if changes:
            changes.clear()
        return slots

    def set_free(self, n: int, cpus: float, gpus: float) -> None:
        """Set what is free on node `n`."""
        before = self.cpus[n], self.gpus[n], self._kinds.classes[n]
        after = cpus, gpus, before[2]
        if before == after:
            return
        self._moved.setdefault(n, before)
        self.cpus[n], self.gpus[n] = cpus, gpus
        if self._slots is not None:
            change = before, after
            self._changes[change] = self._changes.get(change, 0) + 1

    def add(self, placement: IndexedPlacement, per_worker: PerWorker, sign: int) -> None:
        """Release (1) or take (-1) what the workers of a placement need."""
        cpus, gpus, _ = per_worker
        for n, count in placement.items():
            self.set_free(n, self.cpus[n] + sign * count * cpus, self.gpus[n] + sign * count * gpus)

    def num_slots(self, per_worker: PerWorker, *, is_cpu_only: bool = False) -> int:
        """Count the workers that fit, only on nodes without GPUs if `is_cpu_only`."""
        kinds = self._kinds.cpu_only if is_cpu_only else self._kinds.index
        return int(self.slots[kinds[per_worker]])

    def place(self, per_worker: PerWorker, count: int) -> IndexedPlacement | None:
        """Find a placement for all of `count` workers, or None; nothing is taken."""
        if self.num_slots(per_worker) < count:
            return None
        is_cpu_only = not per_worker[1] and self.num_slots(per_worker, is_cpu_only=True) >= count
        n = self._last_used(per_worker, count, is_cpu_only)
        if n is None:
            admitted = self._kinds.admitted(per_worker[2], is_cpu_only=is_cpu_only)
            slots = self._groups.slots(per_worker, admitted)
            n = self._groups.best_fit(slots, count)
            if n is None:
                return self._spread(slots, count)
        self._last[per_worker, count] = n
        return {n: count}

    def place_beside(
        self, placement: IndexedPlacement, per_worker: PerWorker, limit: int
    ) -> IndexedPlacement:
        """Find a placement for at most so many workers beside others, of which none are taken."""
        before = [(n, self.cpus[n], self.gpus[n]) for n in placement]
        last, self._last = self._last, {}
        self.add(placement, per_worker, -1)
        count = min(limit, self.num_slots(per_worker))
        found = self.place(per_worker, count) if count else None
        for n, cpus, gpus in before:
            self.set_free(n, cpus, gpus)
        self._last = last
        return found or {}

    def slots_on(self, n: int, per_worker: PerWorker) -> int:
        """Count the workers that fit on node `n`."""
        return self._kinds.nodes.slots_on(n, self.cpus[n], self.gpus[n], per_worker)

    def _last_used(self, per_worker: PerWorker, count: int, is_cpu_only: bool) -> int | None:
        """The node of the last such gang, if another fits: it is filled before the next one."""
        n = self._last.get((per_worker, count))
        if n is None or (is_cpu_only and self._kinds.nodes.has_gpus[n]):
            return None
        return n if slots_in(self.cpus[n], self.gpus[n], per_worker) >= count else None

    def _spread(self, slots: NDArray[np.int64], count: int) -> IndexedPlacement:
        """The nodes with the most slots until the rest fits on one node: there, best fit."""
        placement: IndexedPlacement = {}
        last: tuple[int, int] | None = None
        """Slots and index of the node with the fewest on which the rest fits."""
        for each, members in self._groups.by_slots(slots):
            if last is not None and each < count:
                break
            for n in members:
                if each >= count:
                    last = (each, n) if last is None or each < last[0] else last
                    break
                placement[n] = each
                count -= each
        assert last is not None, f"num_slots promised {count} more slots than the nodes have"
        return placement | {last[1]: count}
