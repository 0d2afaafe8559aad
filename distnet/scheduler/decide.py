"""What starts, who gives way, who waits and why: one pass over the queue, in its order.

    decide(View) -> Plan

Each job, from the first to the last:

1. starts, if all of its fewest workers fit in room that is free and was promised to nobody;
2. else has room promised, if those that are leaving already make enough;
3. else has others asked to give way (`preempt.py`), and their room promised;
4. else waits. The first that waits so has a reservation (`reserve.py`), and those behind it pass
   only where they do not delay it.

What is left after everybody has had a turn is for elastic jobs (`elastic.py`): first those that
start now, then those that run.

Sources: EASY backfilling (`reserve.py`), Kueue's quotas and preemption (`quota.py`, `preempt.py`),
dominant resource fairness (`order.py`), Ray's placement groups (`fit.py`). Determined's priority
scheduler (https://github.com/determined-ai/determined, `rm/agentrm/priority.go`) starts nothing
while anybody is leaving; here the room of those who leave is told apart, and the rest is used.
"""

from distnet.scheduler.allocator import Allocator
from distnet.scheduler.fit import why_never
from distnet.scheduler.order import in_order
from distnet.scheduler.quota import Entitlements
from distnet.scheduler.view import Candidate, Plan, Shape, View, Wait
from distnet.scheduler.words import span


def decide(view: View) -> Plan:
    """Decide what to do now, and say of every job that waits why it does; pure."""
    contenders, others = split(view)
    entitlements = Entitlements(view, contenders)
    allocator = Allocator(view, entitlements)
    for job in in_order(view, contenders, entitlements):
        allocator.consider(job)
    allocator.share_out_the_rest()
    return Plan(allocator.decisions(), (*allocator.queue, *others))


def split(view: View) -> tuple[list[Candidate], list[Wait]]:
    """Tell jobs that could start today from those that may not yet, and those that never can."""
    contenders: list[Candidate] = []
    later: list[Candidate] = []
    never: list[Wait] = []
    known: dict[Shape, str | None] = {}
    for job in view.waiting:
        why = known.get(job.shape, "")
        if why == "":
            why = known[job.shape] = why_never(job.shape, view.nodes)
        if why is not None:
            never.append(Wait(job.number, "never-fits", why))
        elif job.not_before > view.now:
            later.append(job)
        else:
            contenders.append(job)
    later.sort(key=lambda job: (job.not_before, job.number))
    never.sort(key=lambda wait: wait.job)
    return contenders, [*(_later(job, view.now) for job in later), *never]


def _later(job: Candidate, now: float) -> Wait:
    return Wait(job.number, "later", f"may not start for another {span(job.not_before - now)}")
