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

from dataclasses import replace

from distnet.scheduler.allocator import Allocator
from distnet.scheduler.eligible.reserved import reservation_wait, with_reservations
from distnet.scheduler.eligible.sweeps import split_by_sweep
from distnet.scheduler.expansion.counts import node_counts, used_nodes
from distnet.scheduler.feasibility import infeasible_reason
from distnet.scheduler.order import queue_order
from distnet.scheduler.quotas import Quotas
from distnet.scheduler.reasons import not_before_reason
from distnet.scheduler.view import JobRequest, Plan, Shape, View, Wait


def decide(view: View) -> Plan:
    """Decide what to do now, and say why each waiting job waits. Pure."""
    if not isinstance(view.nodes, tuple):
        view = replace(view, nodes=tuple(view.nodes))  # so that they are indexed once
    view, leaving = with_reservations(view)
    eligible, others = split_eligible(view)
    quotas = Quotas(view, eligible)
    allocator = Allocator(view, quotas)
    for job in queue_order(view, eligible, quotas):
        allocator.consider(job)
    allocator.allocate_idle()
    decisions, queue = (*leaving, *allocator.decisions()), (*allocator.queue, *others)
    if not view.groups:
        return Plan(decisions, queue)
    used = used_nodes(view, decisions) | allocator.nominated_nodes
    return Plan(decisions, queue, *node_counts(view, used))


def split_eligible(view: View) -> tuple[list[JobRequest], list[Wait]]:
    """Separate the jobs that may start now from those that may not yet or never fit."""
    eligible: list[JobRequest] = []
    later: list[JobRequest] = []
    infeasible: list[Wait] = []
    reasons: dict[Shape, str | None] = {}
    closed: dict[tuple[str, Shape], str | None] = {}
    for job in view.waiting:
        reason = reasons.get(job.shape, "")
        if reason == "":
            reason = reasons[job.shape] = infeasible_reason(job.shape, view.nodes)
        unopened = closed.get((job.reservation, job.shape), "") if job.reservation else None
        if unopened == "":
            unopened = closed[job.reservation, job.shape] = reservation_wait(view, job)
        if reason is not None:
            infeasible.append(Wait(job.number, "never-fits", reason))
        elif unopened is not None:
            infeasible.append(Wait(job.number, "reservation", unopened))
        elif job.not_before > view.now:
            later.append(job)
        else:
            eligible.append(job)
    later.sort(key=lambda job: (job.not_before, job.number))
    infeasible.sort(key=lambda wait: wait.job)
    eligible, others = split_by_sweep(view, eligible)
    waits = [Wait(job.number, "later", not_before_reason(job, view.now)) for job in later]
    return eligible, [*others, *waits, *infeasible]
