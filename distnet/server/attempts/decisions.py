"""Turn the scheduler's decisions into changes: rows first, the cluster afterwards."""

import hashlib
import hmac
from dataclasses import replace

from distnet.protocol.states import JobState, Why
from distnet.scheduler.view import Decision, Resize, Start, Stop
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.state.change import SCHEDULER, Change
from distnet.server.state.mirror import Mirror
from distnet.spec.plural import counted

WEIGHT = {Why.CANCEL: 3, Why.STOP: 2, Why.MAX_TIME: 2, Why.HOLD: 1, Why.PREEMPT: 0}


def act(mirror: Mirror, decisions: tuple[Decision, ...], now: float) -> None:
    """Take down what was decided, all of it or nothing; errands to the cluster follow from it."""
    change = Change(now)
    by_number = {job.number: job for job in mirror.jobs.values()} if decisions else {}
    for decision in decisions:
        job = by_number[decision.job]
        if isinstance(decision, Start):
            _start(mirror, change, job, decision)
        elif isinstance(decision, Stop):
            why, reason = Why.PREEMPT, decision.reason
            ask_to_stop(mirror, change, job, why, actor=SCHEDULER, reason=reason)
        else:
            _resize(mirror, change, job, decision)
    mirror.commit(change)


def ask_to_stop(
    mirror: Mirror, change: Change, job: JobRecord, why: Why, *, actor: str, reason: str
) -> None:
    """Have the attempt of a job save and end; a weaker wish does not replace a stronger one."""
    attempt = mirror.attempts[job.name]
    if attempt.stop is not None and WEIGHT[attempt.stop] >= WEIGHT[why]:
        return
    change.attempt(replace(attempt, stop=why, stop_at=attempt.stop_at or change.now))
    stopping = replace(job, state=JobState.STOPPING, reason=reason)
    change.job(stopping, why.value, actor, f"{job.name}: {reason}")


def secret_of(mirror: Mirror, submission: str) -> str:
    """The secret of an attempt: the same whenever it is asked for, also after a restart."""
    return hmac.new(mirror.ledger.key, submission.encode(), hashlib.sha256).hexdigest()


def _start(mirror: Mirror, change: Change, job: JobRecord, decision: Start) -> None:
    number = job.num_attempts + 1
    submission = f"distnet-{mirror.ledger.id}-{job.number}-{number}"
    secret = secret_of(mirror, submission)
    change.new_attempts.append(
        AttemptRecord(
            job=job.name,
            number=number,
            submission=submission,
            token_sha256=hashlib.sha256(secret.encode()).hexdigest(),
            placement=dict(decision.placement),
            created_at=change.now,
            cause="start" if number == 1 else "again",
        )
    )
    workers = sum(decision.placement.values())
    started = replace(job, state=JobState.STARTING, reason="", num_attempts=number)
    text = f"attempt {number} of {job.name} on {counted(workers, 'worker')}: {decision.reason}"
    change.job(started, "started", SCHEDULER, text, placement=dict(decision.placement))


def _resize(mirror: Mirror, change: Change, job: JobRecord, decision: Resize) -> None:
    attempt = mirror.attempts[job.name]
    workers = sum(decision.placement.values())
    # Room is kept for whatever it may hold meanwhile: the larger of before and after on each node.
    nodes = attempt.placement.keys() | decision.placement.keys()
    both = {n: max(attempt.placement.get(n, 0), decision.placement.get(n, 0)) for n in nodes}
    change.attempt(replace(attempt, target=dict(decision.placement), placement=both))
    text = f"{job.name} is to go on with {counted(workers, 'worker')}: {decision.reason}"
    change.job(job, "resized", SCHEDULER, text, placement=dict(decision.placement))
