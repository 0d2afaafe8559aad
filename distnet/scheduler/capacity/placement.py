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

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from functools import cached_property

from distnet.scheduler.capacity.kinds import Column, Kinds
from distnet.scheduler.capacity.nodes import IndexedPlacement, slots_in
from distnet.scheduler.view import PerWorker

_State = tuple[float, float, int]
"""Free CPUs and GPUs, and the class of the node."""


class FreeCapacity:
    """Free CPUs and GPUs on each node, grouped so that placements are found quickly."""

    def __init__(self, kinds: Kinds, cpus: Sequence[float], gpus: Sequence[float]) -> None:
        self.cpus, self.gpus = list(cpus), list(gpus)
        self._kinds = kinds
        self._groups: dict[_State, list[int]] = {}
        for n, state in enumerate(zip(cpus, gpus, kinds.classes, strict=True)):
            self._groups.setdefault(state, []).append(n)
        self._last: dict[tuple[PerWorker, int], int] = {}

    def copy(self) -> "FreeCapacity":
        """Return an independent copy."""
        copied = FreeCapacity(self._kinds, self.cpus, self.gpus)
        if "_num_slots" in self.__dict__:
            copied._num_slots = self._num_slots.copy()
        return copied

    @cached_property
    def _num_slots(self) -> Column:
        """Counted when it is needed; from then on kept up to date."""
        total = self._kinds.zeros()
        for state, members in self._groups.items():
            total += self._kinds.column(*state) * len(members)
        return total

    def set_free(self, n: int, cpus: float, gpus: float) -> None:
        """Set what is free on node `n`."""
        before = self.cpus[n], self.gpus[n], self._kinds.classes[n]
        after = cpus, gpus, before[2]
        if before == after:
            return
        members = self._groups[before]
        members.pop(bisect_left(members, n))
        if not members:
            del self._groups[before]
        insort(self._groups.setdefault(after, []), n)
        self.cpus[n], self.gpus[n] = cpus, gpus
        if "_num_slots" in self.__dict__:
            total = self._num_slots
            total += self._kinds.column(*after)
            total -= self._kinds.column(*before)

    def add(self, placement: IndexedPlacement, per_worker: PerWorker, sign: int) -> None:
        """Release (1) or take (-1) what the workers of a placement need."""
        cpus, gpus, _ = per_worker
        for n, count in placement.items():
            self.set_free(n, self.cpus[n] + sign * count * cpus, self.gpus[n] + sign * count * gpus)

    def num_slots(self, per_worker: PerWorker, *, is_cpu_only: bool = False) -> int:
        """Count the workers that fit, only on nodes without GPUs if `is_cpu_only`."""
        kinds = self._kinds.cpu_only if is_cpu_only else self._kinds.index
        return int(self._num_slots[kinds[per_worker]])

    def place(self, per_worker: PerWorker, count: int) -> IndexedPlacement | None:
        """Find a placement for all of `count` workers, or None; nothing is taken."""
        if self.num_slots(per_worker) < count:
            return None
        is_cpu_only = not per_worker[1] and self.num_slots(per_worker, is_cpu_only=True) >= count
        n = self._last_used(per_worker, count, is_cpu_only)
        if n is None:
            n = self._best_fit(per_worker, count, is_cpu_only)
        if n is None:
            return self._spread(per_worker, count, is_cpu_only)
        self._last[per_worker, count] = n
        return {n: count}

    def slots_on(self, n: int, per_worker: PerWorker) -> int:
        """Count the workers that fit on node `n`."""
        return self._kinds.nodes.slots_on(n, self.cpus[n], self.gpus[n], per_worker)

    def _groups_for(
        self, per_worker: PerWorker, is_cpu_only: bool
    ) -> Iterator[tuple[float, float, list[int]]]:
        """The groups of the nodes on which a worker may be."""
        admits, choice = self._kinds.admits, per_worker[2]
        for (cpus, gpus, node_class), members in self._groups.items():
            if admits(node_class, choice, is_cpu_only=is_cpu_only):
                yield cpus, gpus, members

    def _last_used(self, per_worker: PerWorker, count: int, is_cpu_only: bool) -> int | None:
        """The node of the last such gang, if another fits: it is filled before the next one."""
        n = self._last.get((per_worker, count))
        if n is None or (is_cpu_only and self._kinds.nodes.has_gpus[n]):
            return None
        return n if slots_in(self.cpus[n], self.gpus[n], per_worker) >= count else None

    def _best_fit(self, per_worker: PerWorker, count: int, is_cpu_only: bool) -> int | None:
        """The node with the fewest slots on which all of them fit."""
        best: tuple[int, float, float, int] | None = None
        for cpus, gpus, members in self._groups_for(per_worker, is_cpu_only):
            slots = slots_in(cpus, gpus, per_worker)
            if slots >= count:
                found = slots, gpus, cpus, members[0]
                if best is None or found < best:
                    best = found
        return None if best is None else best[3]

    def _spread(self, per_worker: PerWorker, count: int, is_cpu_only: bool) -> IndexedPlacement:
        """The nodes with the most slots until the rest fits on one node: there, best fit."""
        ranked = sorted(
            (-slots, gpus, cpus, n)
            for cpus, gpus, members in self._groups_for(per_worker, is_cpu_only)
            if (slots := slots_in(cpus, gpus, per_worker))
            for n in members
        )
        placement: IndexedPlacement = {}
        for position, (negative, _, _, n) in enumerate(ranked):
            if -negative >= count:
                fitting = (entry for entry in ranked[position:] if -entry[0] >= count)
                last = min((-slots, gpus, cpus, n) for slots, gpus, cpus, n in fitting)[3]
                return placement | {last: count}
            placement[n] = -negative
            count += negative
        raise AssertionError(f"num_slots promised {count} more slots than the nodes have")
