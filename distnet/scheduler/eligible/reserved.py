"""Nodes that admins have reserved for some users and teams, for a window of time.

Within the window, only their jobs start there; at its start, the others that still run there are
stopped as planned, and wait again. Before it, the others start there only if they are expected to
end in time, or if they may be stopped: a job that is not preemptible is never stopped, so it does
not start where it might be in the way. A job that names a reservation runs on its nodes only, and
within its window only.

What a job may not use at the moment is written into its shape (`Shape.barred`), so that all other
rules are the same as without reservations.

Source: Slurm's reservations (https://slurm.schedmd.com/reservations.html), where jobs of others do
not start if their time limit reaches into the window. Most jobs here have no time limit, but all
have checkpoints.
"""

from collections.abc import Iterator
from dataclasses import replace

from distnet.scheduler.feasibility import infeasible_reason
from distnet.scheduler.format import format_duration
from distnet.scheduler.view import Allocation, JobRequest, ReservedNodes, Stop, View


def is_open_to(reserved: ReservedNodes, job: JobRequest) -> bool:
    """Whether a job may use the nodes within the window."""
    return job.owner in reserved.users or job.team in reserved.teams


def with_reservations(view: View) -> tuple[View, list[Stop]]:
    """Return the view as all other rules see it, and the stops of jobs that have to leave.

    In it each shape says which nodes its job may not use now, and who has to leave is stopping.
    """
    if not view.reserved:
        return view, []
    bars = _Bars(view)
    stops = {allocation.job.number: reserved for allocation, reserved in _intruders(view)}
    allocations = [
        _seen(a, bars.applied(a.job), leaves=a.job.number in stops) for a in view.allocations
    ]
    waiting = [bars.applied(job) for job in view.waiting]
    return replace(view, waiting=waiting, allocations=allocations), [
        Stop(number, None, f"leaves nodes that are reserved from now on ({reserved.name})")
        for number, reserved in sorted(stops.items())
    ]


def _seen(allocation: Allocation, job: JobRequest, *, leaves: bool) -> Allocation:
    """The allocation with what its job may not use now; the same if that is nothing."""
    if job is allocation.job and not leaves:
        return allocation
    return replace(allocation, job=job, is_stopping=allocation.is_stopping or leaves)


def _intruders(view: View) -> Iterator[tuple[Allocation, ReservedNodes]]:
    """Find the running jobs that have to leave reserved nodes now, with the reservation."""
    active = [reserved for reserved in view.reserved if reserved.is_active(view.now)]
    for allocation in view.allocations if active else ():
        if allocation.is_stopping or not allocation.job.is_preemptible:
            continue
        for reserved in active:
            is_there = not reserved.nodes.isdisjoint(allocation.placement)
            if is_there and not is_open_to(reserved, allocation.job):
                yield allocation, reserved
                break


def reservation_wait(view: View, job: JobRequest) -> str | None:
    """Why a job that names a reservation cannot start now; None if it may."""
    reserved = next((one for one in view.reserved if one.name == job.reservation), None)
    if reserved is None:
        return f"reservation {job.reservation} has ended or was cancelled, and the job names it"
    if view.now < reserved.starts_at:
        begins = format_duration(reserved.starts_at - view.now)
        return f"reservation {reserved.name} begins in {begins}"
    if view.now >= reserved.ends_at:
        return f"reservation {reserved.name} has ended, and the job names it"
    nodes = [node for node in view.nodes if node.id in reserved.nodes]
    reason = infeasible_reason(job.shape, nodes)
    return None if reason is None else f"on the nodes of reservation {reserved.name} it {reason}"


class _Bars:
    """The nodes that jobs may not use now; equal for jobs that differ in nothing that matters."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._all = frozenset(node.id for node in view.nodes)
        self._named = {reserved.name: reserved.nodes for reserved in view.reserved}
        self._sets: dict[frozenset[str], frozenset[str]] = {}

    def applied(self, job: JobRequest) -> JobRequest:
        """The job with its barred nodes."""
        barred = job.shape.barred or frozenset()
        if job.reservation:
            barred |= self._all - self._named.get(job.reservation, frozenset())
        for reserved in self._view.reserved:
            if _is_barred(reserved, job, self._view):
                barred |= reserved.nodes
        if not barred:
            return job
        barred = self._sets.setdefault(barred, barred)  # the same object compares quickly
        return replace(job, shape=job.shape._replace(barred=barred))


def _is_barred(reserved: ReservedNodes, job: JobRequest, view: View) -> bool:
    """Whether a job must not start on the reserved nodes now."""
    if is_open_to(reserved, job) or view.now >= reserved.ends_at:
        return False
    if view.now >= reserved.starts_at:
        return True
    left = reserved.starts_at - view.now
    is_worth_it = job.is_preemptible and left >= view.policy.steady_s
    return job.expected_s > left and not is_worth_it
