"""The reasons of decisions and waits: one sentence each, with the numbers and jobs concerned."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from distnet.scheduler.capacity.nodes import slots_in
from distnet.scheduler.format import (
    format_duration,
    format_gang,
    format_names,
    format_resources,
)
from distnet.scheduler.order import rank
from distnet.scheduler.reservation import Reservation
from distnet.scheduler.victims import Victim
from distnet.scheduler.view import JobRequest, Node, PerWorker, Policy, Shape, View
from distnet.spec.plural import counted


def start_reason(reservation: Reservation | None, now: float, *, is_short: bool) -> str:
    """Why a job starts."""
    if reservation is None:
        return "its turn in the queue, and enough capacity is free"
    first = reservation.job.name
    if is_short:
        start = format_duration(reservation.starts_at - now)
        return f"backfilled: expected to end before {first} starts in {start}"
    return f"backfilled: does not use the capacity reserved for {first}"


def preemption_reason(job: JobRequest, victim: Victim, view: View) -> str:
    """Why a running job is stopped or shrunk for another one."""
    other = victim.allocation.job
    level = rank(other, view.now, view.policy)
    needs = f"which needs {format_gang(job.shape)}"
    if not victim.is_stop:
        count = counted(victim.count, "worker")
        return f"{count} of {victim.surplus} above the minimum preempted by {job.name}, {needs}"
    if level < job.priority:
        return f"preempted by {job.name} (priority {job.priority}, above rank {level}), {needs}"
    return (
        f"preempted by {job.name}, {needs} within the quota of team {job.team}; "
        f"team {other.team} is over its quota"
    )


def growth_reason(num_workers: int) -> str:
    """Why a running job grows."""
    fit = "fits" if num_workers == 1 else "fit"
    return f"{counted(num_workers, 'more worker')} {fit} into idle capacity"


def releasing_reason(leaving: Sequence[JobRequest]) -> str:
    """Why a job waits to which capacity is nominated."""
    has = "has" if len(leaving) == 1 else "have"
    return f"starts as soon as {format_names(j.name for j in leaving)} {has} released the capacity"


class CapacityReason(NamedTuple):
    """Why a job waits that does not fit, with the numbers of that moment."""

    shape: Shape
    num_slots: int
    """Workers that fit now."""
    before: str
    """Why no nodes are added."""
    after: str
    """Where more workers would fit, and why others go ahead."""

    def __str__(self) -> str:
        shape, num_slots = self.shape, self.num_slots
        if shape.min_workers == 1:
            where = "" if shape.selector is None else f" with {shape.selector}"
            needed = format_resources(shape.cpus, shape.gpus)
            return f"{self.before}waiting for {needed} free on one node{where}{self.after}"
        fit = "1 fits" if num_slots == 1 else f"{num_slots or 'none'} fit"
        needed = format_gang(shape)
        return f"{self.before}waiting for capacity for {needed}; {fit} now{self.after}"


def borrowing_reason(team: str, policy: Policy) -> str:
    """Why others go ahead of a job that would borrow; the end of a sentence."""
    return (
        f"; beyond the quota of team {team}: jobs within their quotas go ahead until it has "
        f"waited for {format_duration(policy.ageing_s)}"
    )


def head_reason(reservation: Reservation, now: float) -> str:
    """When the job with the reservation starts; the end of a sentence."""
    start = "start time unknown, because jobs of unknown length hold the capacity"
    if not math.isinf(reservation.starts_at):
        start = f"expected to start in {format_duration(reservation.starts_at - now)}"
    return f"; first in the queue, {start}"


def reserved_reason(reservation: Reservation, now: float) -> str:
    """Why a job waits that would fit."""
    first = reservation.job
    if math.isinf(reservation.starts_at):
        return f"fits, but its length is unknown and the capacity is reserved for {first.name}"
    start = format_duration(reservation.starts_at - now)
    return (
        f"fits, but may not end before {first.name} starts in {start}, "
        "for which the capacity is reserved"
    )


def behind_reason(ahead: Sequence[JobRequest]) -> str:
    """Why a job waits while jobs ahead of it get the capacity."""
    verb = "is" if len(ahead) == 1 else "are"
    return f"{format_names(job.name for job in ahead)} {verb} ahead and will get the capacity"


def team_head_reason(first: JobRequest) -> str:
    """Why a job waits behind another one of its team."""
    return f"{first.name} of the same team is ahead and waits for the team's limit"


def not_before_reason(job: JobRequest, now: float) -> str:
    """Why a job waits that may not start yet."""
    return f"may start in {format_duration(job.not_before - now)} at the earliest"


class Unusable:
    """Where more workers would fit; found once for each kind of worker."""

    def __init__(self, view: View) -> None:
        reserved = frozenset[str]().union(*(one.nodes for one in view.reserved))
        self._view = view
        self._nodes = [n for n in view.nodes if _is_limited(n) or n.id in reserved]
        self._known: dict[PerWorker, str] = {}

    def of(self, shape: Shape) -> str:
        """Say where: `; n2 is drained: disk; 4 CPUs of n1 are used by ...`.

        Returns:
            The end of a sentence; empty if there is no such capacity.
        """
        known = self._known.get(shape.per_worker)
        if known is None:
            known = self._known[shape.per_worker] = self._find(shape) if self._nodes else ""
        return known

    def _find(self, shape: Shape) -> str:
        selector = shape.selector
        nodes = [n for n in self._nodes if selector is None or selector.admits(n.labels)]
        parts = (
            *_drained(nodes, shape),
            *_leaving(nodes, shape),
            *_used_by_others(nodes, shape),
            *_reserved(self._view, nodes, shape),
        )
        return "".join(f"; {part}" for part in parts)


def _is_limited(node: Node) -> bool:
    """Whether not all that a node has can be used."""
    return bool(node.drained or node.leaving or node.others_cpus or node.others_gpus)


def _drained(nodes: Sequence[Node], shape: Shape) -> Iterator[str]:
    drained = [node for node in nodes if node.drained and _slots(node, shape)]
    if drained:
        reasons = {node.drained for node in drained}
        why = f": {reasons.pop()}" if len(reasons) == 1 else ""
        yield f"{_names(drained)} drained{why}"


def _leaving(nodes: Sequence[Node], shape: Shape) -> Iterator[str]:
    leaving = [node for node in nodes if node.leaving and not node.drained and _slots(node, shape)]
    if leaving:
        reporters = sorted({node.leaving for node in leaving})
        by = f", as {reporters[0]} reports" if len(reporters) == 1 else ", as jobs there report"
        yield f"{_names(leaving)} about to be removed{by}"


def _used_by_others(nodes: Sequence[Node], shape: Shape) -> Iterator[str]:
    shared = [n for n in nodes if (n.others_cpus or n.others_gpus) and not n.is_draining]
    taken = [n for n in shared if slots_in(*n.total, shape.per_worker) > _slots(n, shape)]
    if taken:
        cpus, gpus = sum(n.others_cpus for n in taken), sum(n.others_gpus for n in taken)
        verb = "is" if cpus + gpus == 1 else "are"
        where = _name(taken[0]) if len(taken) == 1 else f"{len(taken)} nodes"
        what = f"{format_resources(cpus, gpus)} of {where}"
        yield f"{what} {verb} used by other programs of this Ray"


def _reserved(view: View, nodes: Sequence[Node], shape: Shape) -> Iterator[str]:
    barred = [n for n in nodes if shape.barred and n.id in shape.barred and _slots(n, shape)]
    for reserved in view.reserved:
        its = [node for node in barred if node.id in reserved.nodes]
        if its:
            begins_s = reserved.starts_at - view.now
            when = f" in {format_duration(begins_s)}" if begins_s > 0 else ""
            yield f"{_names(its)} reserved ({reserved.name}){when}"


def _slots(node: Node, shape: Shape) -> int:
    return slots_in(node.cpus, node.gpus, shape.per_worker)


def _names(nodes: Sequence[Node]) -> str:
    verb = "is" if len(nodes) == 1 else "are"
    return f"{format_names(sorted(map(_name, nodes)))} {verb}"


def _name(node: Node) -> str:
    return node.name or node.id
