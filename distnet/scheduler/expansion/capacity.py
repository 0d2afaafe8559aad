"""Nodes that an autoscaler can add, and the jobs that wait for them.

An absent node is empty capacity that comes a few minutes after a job was nominated for it. So a job
that does not fit now gets what is free or will be free soon, and for the rest absent nodes of the
group of which the fewest GPUs and CPUs have to be added. It starts when all of them have come: a
gang never waits in Ray, holding some of them.

Adding nodes comes before preemption: it costs nobody anything but minutes. The reservation of the
first job that waits for others to end counts absent nodes too, so that jobs behind it do not take
the last ones from it.

Sources: the power saving of Slurm, where a job is allocated nodes that are powered down and waits
for them to boot; Karpenter (https://karpenter.sh/docs/concepts/scheduling/), which packs pending
pods onto nodes that it could make. Ray's autoscaler is not given the workers to pack but the nodes
to have, so that it cannot pack them otherwise than it was decided here.
"""

from collections.abc import Sequence

from distnet.scheduler.capacity.availability import FreeResources, minimum
from distnet.scheduler.capacity.kinds import Column, Kinds
from distnet.scheduler.capacity.nodes import IndexedPlacement
from distnet.scheduler.capacity.placement import FreeCapacity
from distnet.scheduler.view import PerWorker


class Expansion:
    """What absent nodes have free, less what was nominated there."""

    def __init__(self, kinds: Kinds) -> None:
        nodes = self._nodes = kinds.nodes
        self._kinds = kinds
        num_nodes = len(nodes.ids) if nodes.absent else 0
        self._free = FreeResources([0.0] * num_nodes, [0.0] * num_nodes)
        for n in nodes.absent:
            self._free.cpus[n], self._free.gpus[n] = nodes.cpus[n], nodes.gpus[n]
        self._groups: dict[str, list[int]] = {}
        for n in nodes.absent:
            self._groups.setdefault(nodes.groups[n], []).append(n)
        self._at_reservation: FreeResources | None = None
        if nodes.absent:
            self._capacity = FreeCapacity(kinds, self._free.cpus, self._free.gpus)

    @property
    def slots(self) -> Column | None:
        """The slots of each kind, as `num_slots`; None if no node is absent."""
        return self._capacity.slots if self._nodes.absent else None

    def num_slots(self, per_worker: PerWorker) -> int:
        """Count the workers that fit without delaying the job with the reservation."""
        return self._capacity.num_slots(per_worker) if self._nodes.absent else 0

    def place(
        self, here: FreeCapacity, per_worker: PerWorker, count: int
    ) -> tuple[IndexedPlacement, IndexedPlacement] | None:
        """Find a placement on nodes that there are, and for the rest on absent ones.

        Args:
            here: capacity of the nodes that there are.
            per_worker: what one worker needs.
            count: workers.

        Returns:
            Both parts, or None if all of them do not fit; nothing is taken.
        """
        if not self._nodes.absent:
            return None
        num_here = min(count, here.num_slots(per_worker))
        new = self._place_new(per_worker, count - num_here)
        if new is None:
            return None
        return (here.place(per_worker, num_here) or {}) if num_here else {}, new

    def nominate(self, placement: IndexedPlacement, per_worker: PerWorker) -> None:
        """Take capacity of absent nodes."""
        self._free.add(placement, per_worker, -1)
        if self._at_reservation is not None:
            self._at_reservation.add(placement, per_worker, -1)
        later = self._at_reservation or self._free
        for n in placement:
            cpus = min(self._free.cpus[n], later.cpus[n])
            self._capacity.set_free(n, cpus, min(self._free.gpus[n], later.gpus[n]))

    def added_to(self, free: FreeResources) -> FreeResources:
        """Add what absent nodes have free to what is free on the others."""
        total = free.copy()
        for n in self._nodes.absent:
            total.cpus[n], total.gpus[n] = self._free.cpus[n], self._free.gpus[n]
        return total

    def reserve(self, at_reservation: FreeResources) -> None:
        """Set what is free when the reservation starts, besides what its job takes."""
        if self._nodes.absent:
            self._at_reservation = at_reservation
            self._capacity = minimum(self._kinds, self._free, at_reservation)

    def _place_new(self, per_worker: PerWorker, count: int) -> IndexedPlacement | None:
        """Place all on the group of which least has to be added, or on several groups."""
        if self.num_slots(per_worker) < count:
            return None
        if not count:
            return {}
        filled = (self._fill(group, per_worker, count) for group in self._groups.values())
        found = [placement for placement in filled if placement is not None]
        return min(found, key=self._added) if found else self._capacity.place(per_worker, count)

    def _fill(
        self, group: Sequence[int], per_worker: PerWorker, count: int
    ) -> IndexedPlacement | None:
        """Place all on one group, in the order of its nodes: so that few are used at all."""
        placement: IndexedPlacement = {}
        for n in group:
            slots = self._capacity.slots_on(n, per_worker)
            if slots:
                placement[n] = min(slots, count)
                count -= placement[n]
            if not count:
                return placement
        return None

    def _added(self, placement: IndexedPlacement) -> tuple[float, float, int]:
        """GPUs, CPUs and nodes that nothing else has added yet."""
        nodes, free = self._nodes, self._free
        whole = [
            n for n in placement if (free.cpus[n], free.gpus[n]) == (nodes.cpus[n], nodes.gpus[n])
        ]
        return sum(nodes.gpus[n] for n in whole), sum(nodes.cpus[n] for n in whole), len(whole)
