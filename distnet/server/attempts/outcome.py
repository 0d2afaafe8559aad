"""The outcome of an attempt for its job: one table of states, and the retry budgets.

The agent restarts workers itself, and spends the budgets of the job file's `retry` for that. So an
attempt that it reports as failed has failed for good, unless its resources were taken away. Those
attempts, and attempts that end without an exit record, are tried again here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from distnet.protocol.states import AttemptEnd, JobState, StopReason
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.state.change import ATTEMPT, Change
from distnet.server.state.job_files import retry_of
from distnet.server.state.mirror import Mirror
from distnet.spec.plural import counted
from distnet.spec.sections.retry import Retry

LOST = "lost_worker"
PREEMPTION = "preemption"

AFTER_STOP = {
    StopReason.STOP: JobState.STOPPED,
    StopReason.MAX_TIME: JobState.STOPPED,
    StopReason.CANCEL: JobState.CANCELLED,
    StopReason.HOLD: JobState.HELD,
    StopReason.PREEMPT: JobState.WAITING,
    StopReason.DRAIN: JobState.WAITING,
    StopReason.RESERVATION: JobState.WAITING,
    StopReason.RUNG: JobState.WAITING,
}
TEXT = {
    StopReason.STOP: "stopped, saved at step {step}",
    StopReason.MAX_TIME: "stopped at queue.max_time, saved at step {step}",
    StopReason.CANCEL: "cancelled",
    StopReason.HOLD: "held, saved at step {step}",
    StopReason.PREEMPT: "preempted by another job, saved at step {step}",
    StopReason.DRAIN: "moved off a drained node, saved at step {step}",
    StopReason.RESERVATION: "moved off reserved nodes, saved at step {step}",
    StopReason.RUNG: "at a rung of its sweep, saved at step {step}",
}


def end_attempt(
    mirror: Mirror,
    job: JobRecord,
    attempt: AttemptRecord,
    *,
    result: Mapping[str, Any] | None,
    now: float,
) -> None:
    """Commit the end of an attempt, and the new state of its job."""
    if attempt.step is not None and attempt.end is not AttemptEnd.FAILED:
        job = with_saved_step(job, attempt.step)
    after = after_end(job, attempt, retry_of(mirror, job), now)
    failed = {"error": attempt.error, "failure": attempt.failure} if attempt.error else None
    after = replace(after, result=result or failed or job.result)
    change = Change(now)
    text = f"attempt {attempt.number} of {job.name} {attempt.end}"
    why = f": {attempt.error.splitlines()[0]}" if attempt.error else ""
    change.attempt(attempt)
    facts = {"state": after.state, "end": attempt.end, "step": attempt.step}
    change.job(after, "ended", ATTEMPT, text + why, **facts)
    mirror.commit(change)


def after_end(job: JobRecord, attempt: AttemptRecord, retry: Retry, now: float) -> JobRecord:
    """The job after the end of an attempt.

    Args:
        job: before.
        attempt: with `end`, and the error and failure if it failed.
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
    if attempt.end is AttemptEnd.STOPPED:  # by a signal: the server did not request it
        return _again(job, PREEMPTION, retry, what="stopped from outside, by a signal", now=now)
    if attempt.end is AttemptEnd.FAILED and attempt.failure not in (LOST, PREEMPTION):
        return _ended(job, JobState.FAILED, attempt.error or "failed", now)
    what = attempt.error or "its processes are gone"
    return _again(job, attempt.failure or LOST, retry, what=what, now=now)


def with_saved_step(job: JobRecord, saved_step: int | None) -> JobRecord:
    """The job with the step of its newest checkpoint; a newer checkpoint resets the budgets."""
    if saved_step is None or saved_step <= job.saved_step:
        return job
    return replace(job, saved_step=saved_step, failures={})


def _stopped(job: JobRecord, attempt: AttemptRecord, reason: StopReason, now: float) -> JobRecord:
    state = AFTER_STOP[reason]
    step = job.saved_step if attempt.step is None else attempt.step
    text = TEXT[reason].format(step=f"{step:,}")
    if state.is_terminal:
        return _ended(job, state, text, now)
    return replace(job, state=state, reason=text)


def _ended(job: JobRecord, state: JobState, reason: str, now: float) -> JobRecord:
    return replace(job, state=state, reason=reason, ended_at=now)


def _again(job: JobRecord, kind: str, retry: Retry, *, what: str, now: float) -> JobRecord:
    """The job, waiting for another attempt, or failed if the budget is spent."""
    budget = retry.preemption if kind == PREEMPTION else retry.lost_worker
    num = job.failures.get(kind, 0) + 1
    job = replace(job, failures={**job.failures, kind: num})
    if num > budget.times:
        times = f"{counted(num, 'time')} without progress, and retry.{kind} allows {budget.times}"
        spent = f"{what}; {times}"
        return _ended(job, JobState.FAILED, spent, now)
    wait_s = min(budget.backoff * 2.0 ** min(num - 1, 60), retry.longest_backoff)
    return replace(job, state=JobState.WAITING, reason=what, not_before=now + wait_s)
