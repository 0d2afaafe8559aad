"""The order of the queue: quota, rank, fair share, job number.

1. Jobs within their team's quota come before jobs that would borrow, until these are due
   (`quotas.py`). Otherwise a borrower could start in capacity that is reclaimed from it at once;
   Kueue had such endless loops: https://github.com/kubernetes-sigs/kueue/issues/2821
2. The rank of a job is its priority plus one for each `ageing_s` since it was submitted, so no job
   starves (the age factor of Slurm's multifactor priority).
3. Within a rank, the team with the smallest weighted share comes next, and in it the user with the
   smallest (`shares.py`).
4. The smaller job number.
"""

import numpy as np

from distnet.scheduler.columns import Columns, Ints
from distnet.scheduler.quotas import Quotas
from distnet.scheduler.shares import FairShares
from distnet.scheduler.view import JobRequest, Policy, View


def rank(job: JobRequest, now: float, policy: Policy) -> int:
    """Return the job's priority raised by its age.

    Rank orders the queue and protects from preemption. It gives no right to preempt others.
    """
    age_s = now - job.submitted_at
    return job.priority + int(age_s // policy.ageing_s) if age_s > 0 else job.priority


def queue_order(view: View, columns: Columns, eligible: Ints, quotas: Quotas) -> Ints:
    """Sort jobs into the order in which they are considered, whatever order they come in.

    Args:
        view: the state of the cluster.
        columns: its jobs.
        eligible: those to sort, as positions in the view.
        quotas: of teams.
    """
    ranks = columns.waiting.ranks(view.now, view.policy)[eligible]
    order = FairShares(view, columns, eligible, ranks).order()
    if not quotas.exist:
        return eligible[order]
    ordered, ranks = eligible[order], ranks[order]
    is_due, borrows = quotas.is_due[ordered], quotas.would_borrow[ordered]
    waits_behind = borrows & ~is_due
    level = np.where(waits_behind, 0, np.where(is_due, quotas.claims[ordered], ranks))
    return ordered[np.lexsort((np.arange(len(ordered)), is_due, -level, waits_behind))]
