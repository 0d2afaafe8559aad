"""Which decisions of a plan still hold, if the cluster and the queue changed while it was made.

A plan of thousands of jobs takes a while, and nobody waits for it: jobs are submitted, cancelled,
held, resized and end meanwhile, and nodes come and go. A decision holds if what it relies on is as
it was. All others are dropped, and the next plan, which follows at once, decides anew. So what
happened while a plan was made has the effect of what happened just before it for the jobs and nodes
concerned, and of what happened just after it for all others.

It relies on this: nothing but a decision gives workers to a job, so capacity that the plan found
free can only have been lost with its node, or to other programs.
"""

from dataclasses import replace

from distnet.scheduler.view import Allocation, Decision, Node, Plan, Resize, Start, View


def holding(plan: Plan, before: View, after: View) -> tuple[Decision, ...]:
    """Return the decisions that still hold, in their order.

    Args:
        plan: made for `before`.
        before: the view that the plan is for.
        after: the view of now.
    """
    if after.teams != before.teams or tuple(after.reserved) != tuple(before.reserved):
        return ()  # quotas, limits and reservations concern every decision
    changes = _Changes(before, after)
    preempting = [d for d in plan.decisions if not isinstance(d, Start) and d.for_job is not None]
    in_vain = {d.for_job for d in preempting if not changes.serves(d.job, d.for_job)}
    return tuple(
        d
        for d in plan.decisions
        if changes.allow(d) and (isinstance(d, Start) or d.for_job not in in_vain)
    )


class _Changes:
    """What is no longer as it was."""

    def __init__(self, before: View, after: View) -> None:
        had = {job.number: job for job in before.waiting}
        self._waiting = {job.number for job in after.waiting if had.get(job.number) == job}
        ran = {a.job.number: _relied_on(a) for a in before.allocations}
        self._running = {a.job.number for a in after.allocations}
        self._same = {
            a.job.number for a in after.allocations if ran.get(a.job.number) == _relied_on(a)
        }
        nodes = {node.id: node for node in before.nodes}
        self._usable = {
            node.id for node in after.nodes if node.id in nodes and _offers(node, nodes[node.id])
        }
        self._placements = {a.job.number: a.placement for a in before.allocations}

    def allow(self, decision: Decision) -> bool:
        """Whether the job of a decision is as it was, and so are the nodes where it gets more."""
        if isinstance(decision, Start):
            return decision.job in self._waiting and decision.placement.keys() <= self._usable
        if isinstance(decision, Resize) and decision.for_job is None:
            return decision.job in self._same and decision.placement.keys() <= self._usable
        return decision.job in self._same

    def serves(self, victim: int, preemptor: int | None) -> bool:
        """Whether a job still waits for a victim, and can use what it releases.

        A victim that has ended meanwhile has released it already.
        """
        if preemptor not in self._waiting or not self._placements[victim].keys() <= self._usable:
            return False
        return victim in self._same or victim not in self._running


def _relied_on(allocation: Allocation) -> Allocation:
    """What decisions about a running job rely on: all except how long it will still run."""
    job = replace(allocation.job, expected_s=0.0)
    return replace(allocation, job=job, ends_at=0.0)


def _offers(node: Node, before: Node) -> bool:
    """Whether a node offers at least what it offered before."""
    if node.is_draining or node.is_absent > before.is_absent or node.labels != before.labels:
        return False
    return node.cpus >= before.cpus and node.gpus >= before.gpus
