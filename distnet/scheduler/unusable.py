"""Capacity that a job would fit into, but must not use at the moment, as a part of its reason."""

from collections.abc import Iterable, Iterator, Sequence

from distnet.scheduler.format import format_names, format_resources
from distnet.scheduler.nodes import slots_in
from distnet.scheduler.view import Node, PerWorker

MAX_NAMES = 2


class Unusable:
    """Where more workers would fit; found once for each kind of worker."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._known: dict[PerWorker, str] = {}

    def of(self, per_worker: PerWorker) -> str:
        """Say where: `; n2 is drained: disk; 4 CPUs of n1 are used by ...`.

        Returns:
            The end of a sentence; empty if there is no such capacity.
        """
        known = self._known.get(per_worker)
        if known is None:
            parts = *_drained(self._nodes, per_worker), *_used_by_others(self._nodes, per_worker)
            known = self._known[per_worker] = "".join(parts)
        return known


def _drained(nodes: Sequence[Node], per_worker: PerWorker) -> Iterator[str]:
    drained = [n for n in _admitted(nodes, per_worker) if n.drained]
    drained = [n for n in drained if slots_in(n.cpus, n.gpus, per_worker)]
    if drained:
        verb = "is" if len(drained) == 1 else "are"
        reasons = {node.drained for node in drained}
        why = f": {reasons.pop()}" if len(reasons) == 1 else ""
        yield f"; {format_names(map(_name, drained), MAX_NAMES)} {verb} drained{why}"


def _used_by_others(nodes: Sequence[Node], per_worker: PerWorker) -> Iterator[str]:
    shared = [n for n in _admitted(nodes, per_worker) if n.others_cpus or n.others_gpus]
    taken = [n for n in shared if not n.is_draining and _lost_slots(n, per_worker)]
    if taken:
        cpus, gpus = sum(n.others_cpus for n in taken), sum(n.others_gpus for n in taken)
        is_one = cpus + gpus == 1
        where = _name(taken[0]) if len(taken) == 1 else f"{len(taken)} nodes"
        what = f"{format_resources(cpus, gpus)} of {where} {'is' if is_one else 'are'}"
        yield f"; {what} used by other programs of this Ray"


def _admitted(nodes: Sequence[Node], per_worker: PerWorker) -> Iterable[Node]:
    selector = per_worker[2]
    return nodes if selector is None else (n for n in nodes if selector.admits(n.labels))


def _lost_slots(node: Node, per_worker: PerWorker) -> bool:
    return slots_in(*node.total, per_worker) > slots_in(node.cpus, node.gpus, per_worker)


def _name(node: Node) -> str:
    return node.name or node.id
