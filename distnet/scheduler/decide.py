"""One pass over the queue, in its order: which jobs start, preempt, wait, and why.

    decide(View) -> Plan

Each job, from the first to the last:

1. starts, if its minimum of workers fits into capacity that is free and not nominated;
2. else is nominated for capacity that leaving workers release, if that is enough;
3. else waits for nodes that an autoscaler can add (`expansion.py`), if they are enough;
4. else preempts jobs (`preemption.py`) and is nominated for what they release;
5. else waits. The first job that waits for capacity has a reservation (`reservation.py`), and jobs
   behind it are backfilled only where they do not delay it.

Capacity that is left afterwards goes to elastic jobs (`growth.py`): first to those that start now,
then to those that run. For more of it, nodes are added.

Sources: EASY backfilling (`reservation.py`), Kueue's quotas and preemption (`quotas.py`,
`preemption.py`), dominant resource fairness (`order.py`), Ray's placement groups
(`capacity/placement.py`).
Determined's priority scheduler (https://github.com/determined-ai/determined,
`rm/agentrm/priority.go`) starts no job while any job is leaving; here only the capacity of the jobs
that leave is set aside, and the rest is used.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from distnet.scheduler.allocator import Allocator
from distnet.scheduler.columns import Columns, Ints
from distnet.scheduler.eligible.reserved import reservation_wait, with_reservations
from distnet.scheduler.eligible.sweeps import split_by_sweep
from distnet.scheduler.expansion.counts import node_counts, used_nodes
from distnet.scheduler.feasibility import infeasible_reason
from distnet.scheduler.order import queue_order
from distnet.scheduler.quotas import Quotas
from distnet.scheduler.reasons import not_before_reason
from distnet.scheduler.view import JobRequest, Plan, Shape, Stop, View, Wait


def decide(view: View) -> Plan:
    """Decide what to do now, and say why each waiting job waits. Pure."""
    view, leaving = _prepared(view)
    columns = Columns(view)
    eligible, others = split_eligible(view, columns)
    allocator = _allocator(view, columns, eligible)
    allocator.consider_all()
    allocator.allocate_idle()
    decisions, queue = (*leaving, *allocator.decisions()), (*allocator.queue, *others)
    if not view.groups:
        return Plan(decisions, queue)
    used = used_nodes(view, decisions) | allocator.nominated_nodes
    return Plan(decisions, queue, *node_counts(view, used))


def gets_capacity(view: View, job: int) -> bool:
    """Whether `decide` would start a waiting job, by its number, or stop others for it.

    It considers no job behind it, so it is quicker than `decide`.
    """
    view, _ = _prepared(view)
    columns = Columns(view)
    eligible, _ = split_eligible(view, columns)
    return _allocator(view, columns, eligible).gets_capacity(job)


def _prepared(view: View) -> tuple[View, list[Stop]]:
    """The view with what reservations say, and who leaves because of them."""
    if not isinstance(view.nodes, tuple):
        view = replace(view, nodes=tuple(view.nodes))  # so that they are indexed once
    return with_reservations(view)


def _allocator(view: View, columns: Columns, eligible: Ints) -> Allocator:
    quotas = Quotas(view, columns, eligible)
    return Allocator(view, columns, queue_order(view, columns, eligible, quotas), quotas)


def split_eligible(view: View, columns: Columns) -> tuple[Ints, list[Wait]]:
    """Separate the jobs that may start now, as positions in the view, from all others."""
    waiting = columns.waiting
    never_fits = columns.kinds.total_slots()[waiting.kind] < waiting.min_workers
    infeasible = list(_never_fitting(view, waiting.take(np.flatnonzero(never_fits)).jobs))
    is_open = ~never_fits
    for position, wait in _not_open(view, columns, np.flatnonzero(is_open)):
        is_open[position] = False
        infeasible.append(wait)
    infeasible.sort(key=lambda wait: wait.job)
    is_later = waiting.not_before > view.now
    later = [waiting.jobs[n] for n in np.flatnonzero(is_open & is_later).tolist()]
    later.sort(key=lambda job: (job.not_before, job.number))
    waits = [Wait(job.number, "later", not_before_reason(job, view.now)) for job in later]
    eligible, others = split_by_sweep(view, columns, np.flatnonzero(is_open & ~is_later))
    return eligible, [*others, *waits, *infeasible]


def _never_fitting(view: View, jobs: Iterable[JobRequest]) -> Iterator[Wait]:
    reasons: dict[Shape, str | None] = {}
    for job in jobs:
        if job.shape not in reasons:
            reasons[job.shape] = infeasible_reason(job.shape, view.nodes)
        yield Wait(job.number, "never-fits", reasons[job.shape])


def _not_open(view: View, columns: Columns, positions: Ints) -> Iterator[tuple[int, Wait]]:
    """Jobs that name a reservation that is not open to them, with their positions."""
    jobs, known = columns.waiting.jobs, dict[tuple[str, Shape], str | None]()
    for position in positions.tolist():
        job = jobs[position]
        if not job.reservation:
            continue
        key = job.reservation, job.shape
        if key not in known:
            known[key] = reservation_wait(view, job)
        if known[key] is not None:
            yield position, Wait(job.number, "reservation", known[key])
