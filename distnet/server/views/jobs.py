"""Jobs as users see them: one, its details, and the order of all open ones."""

from pathlib import Path

from distnet.protocol.jobs import AttemptResponse, JobDetails, JobResponse
from distnet.protocol.states import JobState
from distnet.server.jobs.commands import find
from distnet.server.ledger import allocations, attempts, streams
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.state.job_files import text_of
from distnet.server.state.mirror import Mirror
from distnet.server.state.time_left import seconds_left
from distnet.server.views.job_use import Live, job_use
from distnet.server.views.reasons import reason_of
from distnet.server.views.resize import target_workers, workers_of


def job_response(mirror: Mirror, job: JobRecord, now: float) -> JobResponse:
    """A job as `ps` shows it."""
    attempt = mirror.attempts.get(job.name)
    code, reason, position = reason_of(mirror, job)
    shape, progress, result = job.shape, job.progress, job.result or {}
    return JobResponse(
        number=job.number,
        name=job.name,
        owner=job.owner,
        team=job.team,
        state=job.state,
        code=code,
        reason=reason,
        priority=job.priority,
        workers=workers_of(job, attempt) if attempt is not None else None,
        wanted=target_workers(job, attempt) if attempt is not None else None,
        fewest=job.workers or shape.min_workers,
        most=job.workers or shape.max_workers,
        cpus=shape.cpus,
        gpus=shape.gpus,
        position=position,
        step=progress.get("step"),
        num_steps=progress.get("num_steps"),
        loss=progress.get("loss"),
        learning_rate=progress.get("learning_rate"),
        headline=progress.get("headline"),
        metrics=progress.get("metrics", {}),
        split=progress.get("split"),
        samples_per_second=progress.get("samples_per_second") if attempt is not None else None,
        seconds_left=seconds_left(job, attempt, now) if attempt is not None else None,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        num_attempts=job.num_attempts,
        array=job.array,
        changes=dict(job.changes),
        schedule=job.schedule,
        error=_text(result.get("error")),
        failure=_text(result.get("failure")),
        weights_sha256=_text(result.get("weights_sha256")),
        removed_at=job.removed_at,
    )


def details(mirror: Mirror, runs: Path, name: str, now: float) -> JobDetails:
    """Everything about one job."""
    job = find(mirror, name)
    with mirror.ledger.reading() as tx:
        all_attempts = attempts.attempts_of(tx, name)
        names = streams.stream_names(tx, name)
        held = allocations.allocations_of(tx, [name])
    return JobDetails(
        job=job_response(mirror, job, now),
        spec=text_of(mirror, job),
        after=tuple(f"{d.job}:{d.condition}" for d in job.after),
        attempts=tuple(_attempt_response(attempt) for attempt in all_attempts),
        result=dict(job.result) if job.result is not None else None,
        streams=tuple(names),
        folder=str(runs / job.name),
        use=job_use(Live(mirror.jobs, mirror.attempts), job, all_attempts, held, now),
    )


def in_order(mirror: Mirror) -> list[JobRecord]:
    """Open jobs in the order of the scheduler: those with an attempt, the queue, the others."""
    live = [mirror.jobs[name] for name in mirror.attempts]
    by_number = {job.number: job for job in mirror.jobs.values()}
    queue = [by_number[wait.job] for wait in mirror.plan.queue if wait.job in by_number]
    queue = [job for job in queue if job.state is JobState.WAITING]
    known = {job.number for job in (*live, *queue)}
    rest = [job for job in mirror.jobs.values() if job.number not in known]
    return [*sorted(live, key=lambda job: job.number), *queue, *rest]


def _text(value: object) -> str | None:
    """A text from the result of an attempt, in which the job's own code may write anything."""
    return value if isinstance(value, str) else None


def _attempt_response(attempt: AttemptRecord) -> AttemptResponse:
    return AttemptResponse(
        number=attempt.number,
        cause=attempt.cause,
        placement=dict(attempt.placement),
        created_at=attempt.created_at,
        seen_at=attempt.seen_at,
        ended_at=attempt.ended_at,
        end=attempt.end,
        stop=attempt.stop,
        error=attempt.error,
        failure=attempt.failure,
        step=attempt.step,
    )
