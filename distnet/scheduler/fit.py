"""Where a gang finds room: all of its workers at once, on few nodes, the tightest that do.

A gang of any size fits if the workers that each node has room for add up to it, so whether it fits
is one sum, kept up to date for each kind of worker. Nodes with the same free room are alike: they
stand together, and the choice is between kinds of nodes, of which even a large cluster has few.

Workers without GPUs go to nodes without GPUs if all of them fit there, as in Ray's own scheduler.
Source: Ray's placement strategy PACK (few nodes); best fit for the last node, as Slurm's
`select/cons_tres`. Ties go to the smaller node id, so that the same view gives the same places:
https://github.com/kubernetes-retired/kube-batch/pull/821 tells how a changing order of nodes
starves large gangs.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from distnet.scheduler.view import Node, Shape
from distnet.scheduler.words import amount, gang

Worker = tuple[int, int]
"""CPUs and GPUs of one worker."""
Places = dict[int, int]
"""Workers on each node, by the node's index."""
ENDLESS = 10**9
EPSILON = 1e-6  # nodes may have parts of a CPU


def worker_of(shape: Shape) -> Worker:
    """What one worker needs."""
    return shape.cpus, shape.gpus


def largest_gang(shape: Shape, nodes: Sequence[Node]) -> int:
    """Count the workers of this shape that would fit if nobody else was there."""
    return Hosts.of(nodes).most_workers(worker_of(shape))


def why_never(shape: Shape, nodes: Sequence[Node]) -> str | None:
    """Say why a gang could not start on these nodes even alone, and which would do; None: it could.

    Nodes that are about to go away count: what is for now no room is not never.
    """
    room = largest_gang(shape, nodes)
    if room >= shape.fewest:
        return None
    found = f"the cluster has room for {room}" if nodes else "there are no nodes"
    return f"needs {gang(shape)}, {found}; {would_do(shape, shape.fewest - room)} would do"


def would_do(shape: Shape, missing: int) -> str:
    """Name the node that so many workers more would fit on."""
    return f"another node with {amount(missing * shape.cpus, missing * shape.gpus)} free"


def workers_in(cpus: float, gpus: float, worker: Worker) -> int:
    """Count the workers that fit in so much room on one node."""
    need_cpus, need_gpus = worker
    count = int((cpus + EPSILON) // need_cpus) if need_cpus else ENDLESS
    if need_gpus:
        count = min(count, int((gpus + EPSILON) // need_gpus))
    return max(count, 0)


class Hosts:
    """The nodes that may be used, by index, in the order of their ids."""

    _newest: ClassVar["Hosts | None"] = None

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
        self._kinds = Counter((node.cpus, node.gpus) for node in nodes)
        self._most: dict[Worker, int] = {}

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> "Hosts":
        """Arrange nodes; the same tuple as the last time, which cannot have changed, only once."""
        newest = cls._newest
        if newest is None or newest.nodes is not nodes or not isinstance(nodes, tuple):
            newest = cls._newest = cls(nodes)
        return newest

    def most_workers(self, worker: Worker) -> int:
        """Count the workers that would fit if all nodes were free, draining ones as well."""
        known = self._most.get(worker)
        if known is None:
            known = self._most[worker] = sum(
                workers_in(cpus, gpus, worker) * count
                for (cpus, gpus), count in self._kinds.items()
            )
        return known

    def places(self, placement: Mapping[str, int]) -> Places:
        """Translate node ids; nodes that are gone or draining are left out."""
        index = self.index
        return {index[node]: count for node, count in placement.items() if node in index}

    def placement(self, places: Places) -> dict[str, int]:
        """Translate back to node ids."""
        return {self.ids[n]: places[n] for n in sorted(places)}


class Room:
    """Free CPUs and GPUs on each node, arranged for finding places."""

    def __init__(self, hosts: Hosts, cpus: Sequence[float], gpus: Sequence[float]) -> None:
        self.cpus, self.gpus = list(cpus), list(gpus)
        self._hosts = hosts
        self._groups: dict[tuple[float, float, bool], list[int]] = {}
        for n, state in enumerate(zip(cpus, gpus, hosts.has_gpus, strict=True)):
            self._groups.setdefault(state, []).append(n)
        self._sums: dict[tuple[Worker, bool], int] = {}
        self._last: dict[tuple[Worker, int], int] = {}

    def copy(self) -> "Room":
        """The same room, to be changed on its own."""
        return Room(self._hosts, self.cpus, self.gpus)

    def put(self, n: int, cpus: float, gpus: float) -> None:
        """Set what is free on a node."""
        before = self.cpus[n], self.gpus[n], self._hosts.has_gpus[n]
        after = cpus, gpus, before[2]
        if before == after:
            return
        members = self._groups[before]
        members.pop(bisect_left(members, n))
        if not members:
            del self._groups[before]
        insort(self._groups.setdefault(after, []), n)
        self.cpus[n], self.gpus[n] = cpus, gpus
        for (worker, is_plain), total in self._sums.items():
            if not (is_plain and before[2]):
                change = workers_in(cpus, gpus, worker) - workers_in(before[0], before[1], worker)
                self._sums[worker, is_plain] = total + change

    def count(self, worker: Worker, *, is_plain: bool = False) -> int:
        """Count the workers that fit, on nodes without GPUs alone if `is_plain`."""
        known = self._sums.get((worker, is_plain))
        if known is None:
            known = self._sums[worker, is_plain] = sum(
                workers_in(cpus, gpus, worker) * len(members)
                for (cpus, gpus, has_gpus), members in self._groups.items()
                if not (is_plain and has_gpus)
            )
        return known

    def place(self, worker: Worker, count: int) -> Places | None:
        """Find places for all of so many workers, or None; nothing is taken."""
        if self.count(worker) < count:
            return None
        is_plain = not worker[1] and self.count(worker, is_plain=True) >= count
        n = self._filling_up(worker, count, is_plain)
        if n is None:
            n = self._tightest(worker, count, is_plain)
        if n is None:
            return self._spread(worker, count, is_plain)
        self._last[worker, count] = n
        return {n: count}

    def _filling_up(self, worker: Worker, count: int, is_plain: bool) -> int | None:
        """The node that such a gang was given last: it is filled before another one is begun."""
        n = self._last.get((worker, count))
        if n is None or (is_plain and self._hosts.has_gpus[n]):
            return None
        return n if workers_in(self.cpus[n], self.gpus[n], worker) >= count else None

    def _tightest(self, worker: Worker, count: int, is_plain: bool) -> int | None:
        """The node with the least room that has room for all of them."""
        best: tuple[int, float, float, int] | None = None
        for (cpus, gpus, has_gpus), members in self._groups.items():
            room = workers_in(cpus, gpus, worker)
            if room >= count and not (is_plain and has_gpus):
                found = room, gpus, cpus, members[0]
                if best is None or found < best:
                    best = found
        return None if best is None else best[3]

    def _spread(self, worker: Worker, count: int, is_plain: bool) -> Places:
        """The roomiest nodes until the rest fits on one: for that, the tightest."""
        ranked = sorted(
            (-room, gpus, cpus, n)
            for (cpus, gpus, has_gpus), members in self._groups.items()
            if not (is_plain and has_gpus) and (room := workers_in(cpus, gpus, worker))
            for n in members
        )
        places: Places = {}
        for position, (negative, _, _, n) in enumerate(ranked):
            if -negative >= count:
                fitting = (entry for entry in ranked[position:] if -entry[0] >= count)
                last = min((-room, gpus, cpus, n) for room, gpus, cpus, n in fitting)[3]
                return places | {last: count}
            places[n] = -negative
            count += negative
        raise AssertionError("counted before, and does not fit")
