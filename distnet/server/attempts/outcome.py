"""What becomes of a job when its attempt has ended: the one table of it, and the budgets.

An attempt has a loop of its own that tries again within its room and spends the budgets of the job
file's `retry` there; what it reports as failed has therefore failed for good, unless its place was
taken from it. That, and an end without a word, is what is tried again here.
"""

from dataclasses import replace

from distnet.protocol.states import AttemptEnd, JobState, Why
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.spec.sections.retry import Retry

LOST = "lost_worker"
PREEMPTION = "preemption"

AFTER_STOP = {
    Why.STOP: JobState.STOPPED,
    Why.MAX_TIME: JobState.STOPPED,
    Why.CANCEL: JobState.CANCELLED,
    Why.HOLD: JobState.HELD,
    Why.PREEMPT: JobState.WAITING,
}
SAID = {
    Why.STOP: "stopped as asked, saved at step {step}",
    Why.MAX_TIME: "stopped after queue.max_time, saved at step {step}",
    Why.CANCEL: "cancelled",
    Why.HOLD: "held; saved at step {step}",
    Why.PREEMPT: "gave way to another job, saved at step {step}",
}


def after_end(job: JobRecord, attempt: AttemptRecord, retry: Retry, now: float) -> JobRecord:
    """The job, now that `attempt` has ended.

    Args:
        job: as it was.
        attempt: with `end`, and what is known of a failure.
        retry: of the job file.
        now: Unix time.
    """
    began = attempt.handed_at or attempt.created_at
    trained = max(0.0, (attempt.seen_at or began) - began)
    job = replace(job, trained_s=job.trained_s + trained)
    if attempt.end is AttemptEnd.FINISHED:
        return _ended(job, JobState.FINISHED, "", now)
    if attempt.stop is not None:
        return _stopped(job, attempt, attempt.stop, now)
    if attempt.end is AttemptEnd.STOPPED:  # by a signal: the server has not asked for it
        return _again(job, PREEMPTION, retry, what="it was stopped from outside", now=now)
    if attempt.end is AttemptEnd.FAILED and attempt.failure not in (LOST, PREEMPTION):
        return _ended(job, JobState.FAILED, attempt.error or "failed", now)
    what = attempt.error or "its processes are gone"
    return _again(job, attempt.failure or LOST, retry, what=what, now=now)


def with_progress(job: JobRecord, saved_step: int | None) -> JobRecord:
    """The job, now that a checkpoint is known: a newer one gives all budgets back."""
    if saved_step is None or saved_step <= job.saved_step:
        return job
    return replace(job, saved_step=saved_step, failures={})


def _stopped(job: JobRecord, attempt: AttemptRecord, why: Why, now: float) -> JobRecord:
    state = AFTER_STOP[why]
    step = job.saved_step if attempt.step is None else attempt.step
    reason = SAID[why].format(step=f"{step:,}")
    if state.is_terminal:
        return _ended(job, state, reason, now)
    return replace(job, state=state, reason=reason)


def _ended(job: JobRecord, state: JobState, reason: str, now: float) -> JobRecord:
    return replace(job, state=state, reason=reason, ended_at=now)


def _again(job: JobRecord, kind: str, retry: Retry, *, what: str, now: float) -> JobRecord:
    """Wait for another attempt, or fail if the budget is spent."""
    budget = retry.preemption if kind == PREEMPTION else retry.lost_worker
    num = job.failures.get(kind, 0) + 1
    job = replace(job, failures={**job.failures, kind: num})
    if num > budget.times:
        spent = f"{what}; {num} times without progress, as often as retry.{kind} allows"
        return _ended(job, JobState.FAILED, spent, now)
    wait_s = min(budget.backoff * 2.0 ** min(num - 1, 60), retry.longest_backoff)
    return replace(job, state=JobState.WAITING, reason=what, not_before=now + wait_s)
