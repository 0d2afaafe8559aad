"""The running jobs that a waiting job waits for: a few, ordered by their expected end."""

from collections.abc import Iterable
from functools import cached_property, reduce
from itertools import islice
from operator import or_

from distnet.scheduler.capacity.kinds import Kinds
from distnet.scheduler.view import Allocation, Shape

_Type = tuple[float, float, int]
"""CPUs, GPUs and class of a node."""

MAX_BLOCKERS = 5
"""Jobs that a wait names."""


class Blockers:
    """Finds the jobs on nodes where a waiting job could run."""

    def __init__(self, kinds: Kinds, allocations: Iterable[Allocation]) -> None:
        self._kinds, self._allocations = kinds, allocations
        self._known: dict[int, tuple[int, ...]] = {}

    def of(self, shape: Shape) -> tuple[int, ...]:
        """Return the numbers of those that end first."""
        useful = self._useful[self._kinds.index[shape.per_worker]]
        known = self._known.get(useful)
        if known is None:
            found = (number for number, types in self._by_end if types & useful)
            known = self._known[useful] = tuple(islice(found, MAX_BLOCKERS))
        return known

    @cached_property
    def _types(self) -> list[int]:
        """Of each node: equal for nodes that have the same, and admit the same kinds."""
        nodes, found = self._kinds.nodes, dict[_Type, int]()
        every = zip(nodes.cpus, nodes.gpus, self._kinds.classes, strict=True)
        return [found.setdefault(one, len(found)) for one in every]

    @cached_property
    def _useful(self) -> list[int]:
        """The types of node on which a worker of each kind fits, as bits of a number."""
        useful = [0] * len(self._kinds.index)
        nodes = self._kinds.nodes
        for n, node in {number: n for n, number in enumerate(self._types)}.items():
            column = self._kinds.column(
                nodes.cpus[node], nodes.gpus[node], self._kinds.classes[node]
            )
            for kind in column[: len(useful)].nonzero()[0].tolist():
                useful[kind] |= 1 << n
        return useful

    @cached_property
    def _by_end(self) -> list[tuple[int, int]]:
        """The jobs by their ends, with the types of their nodes as bits of a number."""
        index, bits = self._kinds.nodes.index, [1 << n for n in self._types]
        ordered = sorted(self._allocations, key=lambda a: (a.ends_at, a.job.number))
        return [
            (a.job.number, reduce(or_, (bits[index[n]] for n in a.placement if n in index), 0))
            for a in ordered
        ]
