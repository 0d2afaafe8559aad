"""Turn the scheduler's decisions into changes: the ledger first, the cluster afterwards."""

from dataclasses import replace

from distnet.protocol.states import JobState, StopReason
from distnet.scheduler.view import Decision, Plan, Resize, Start, Stop, Wait
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.state.attempt_secrets import first_secret, sha256_of
from distnet.server.state.change import SCHEDULER, Change
from distnet.server.state.mirror import Mirror
from distnet.spec.plural import counted

PRECEDENCE = {
    StopReason.CANCEL: 3,
    StopReason.STOP: 2,
    StopReason.MAX_TIME: 2,
    StopReason.HOLD: 1,
    StopReason.PREEMPT: 0,
    StopReason.DRAIN: 0,
    StopReason.RESERVATION: 0,
    StopReason.RUNG: 0,
}
STARTS_AT_ONCE = 500


def with_few_starts(plan: Plan) -> Plan:
    """Leave all starts but the first few to the next plan, which follows at once.

    While decisions are applied, nobody reads the mirror.
    """
    later = [d.job for d in plan.decisions if isinstance(d, Start)][STARTS_AT_ONCE:]
    if not later:
        return plan
    dropped = frozenset(later)
    kept = tuple(d for d in plan.decisions if not isinstance(d, Start) or d.job not in dropped)
    text = f"starts soon: {STARTS_AT_ONCE} jobs are started at once, and this one is behind them"
    waits = (Wait(job, "behind", text) for job in later)
    return replace(plan, decisions=kept, queue=(*waits, *plan.queue))


def apply_decisions(mirror: Mirror, decisions: tuple[Decision, ...], now: float) -> None:
    """Commit decisions, all or none; actions on the cluster follow from the rows."""
    change = Change(now)
    by_number = {job.number: job for job in mirror.jobs.values()} if decisions else {}
    for decision in decisions:
        job = by_number[decision.job]
        if isinstance(decision, Start):
            _start(mirror, change, job, decision)
        elif isinstance(decision, Stop):
            reason = StopReason.RESERVATION if decision.for_job is None else StopReason.PREEMPT
            request_stop(mirror, change, job, reason, actor=SCHEDULER, text=decision.reason)
        else:
            _resize(mirror, change, job, decision)
    mirror.commit(change)


def request_stop(
    mirror: Mirror, change: Change, job: JobRecord, reason: StopReason, *, actor: str, text: str
) -> None:
    """Ask the attempt of a job to save and end, unless it is stopping for a stronger reason."""
    attempt = mirror.attempts[job.name]
    if attempt.stop is not None and PRECEDENCE[attempt.stop] >= PRECEDENCE[reason]:
        return
    change.attempt(replace(attempt, stop=reason, stop_at=attempt.stop_at or change.now))
    stopping = replace(job, state=JobState.STOPPING, reason=text)
    change.job(stopping, reason.value, actor, f"{job.name}: {text}")


def _start(mirror: Mirror, change: Change, job: JobRecord, decision: Start) -> None:
    number = job.num_attempts + 1
    submission = f"distnet-{mirror.ledger.id}-{job.number}-{number}"
    secret = first_secret(mirror.ledger.key, submission)
    change.new_attempts.append(
        AttemptRecord(
            job=job.name,
            number=number,
            submission=submission,
            token_sha256=sha256_of(secret),
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
    # Until the resize is done, the larger of before and after is reserved on each node.
    nodes = attempt.placement.keys() | decision.placement.keys()
    both = {n: max(attempt.placement.get(n, 0), decision.placement.get(n, 0)) for n in nodes}
    change.attempt(replace(attempt, target=dict(decision.placement), placement=both))
    text = f"resizing {job.name} to {counted(workers, 'worker')}: {decision.reason}"
    change.job(job, "resized", SCHEDULER, text, placement=dict(decision.placement))
