"""Commands of users on their jobs: cancel, stop, hold, release, retry, resize, priority."""

from dataclasses import replace

from distnet.protocol.errors import ConflictError, ForbiddenError, InvalidError, no_such
from distnet.protocol.states import JobState, StopReason
from distnet.scheduler.elastic import shrunk
from distnet.server.attempts.decisions import request_stop
from distnet.server.attempts.outcome import AFTER_STOP
from distnet.server.jobs.admission import require_fits, require_priority
from distnet.server.jobs.datasets import require_datasets
from distnet.server.ledger import jobs, texts
from distnet.server.ledger.records import JobRecord, Role, User
from distnet.server.state.change import Change
from distnet.server.state.job_files import dataset_of
from distnet.server.state.mirror import Mirror
from distnet.spec.plural import counted

RETRIED = (JobState.FAILED, JobState.STOPPED, JobState.STOPPED_EARLY, JobState.CANCELLED)
NEWEST = 200
"""Jobs whose names are compared with an unknown one."""


def cancel(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """Cancel a job. A running job saves a checkpoint first; its run folder is kept."""
    return _end(mirror, user, name, StopReason.CANCEL, now)


def stop(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """Stop a job. A running job saves a checkpoint first; `retry` continues it."""
    return _end(mirror, user, name, StopReason.STOP, now)


def hold(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """Hold a job. A running job saves a checkpoint first, and frees its resources."""
    return _end(mirror, user, name, StopReason.HOLD, now)


def release(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """Put a held job back in the queue."""
    job = own_job(mirror, user, name)
    if job.state is not JobState.HELD:
        raise _wrong_state(job, "only a held job can be released")
    released = replace(job, state=JobState.WAITING, reason="")
    return _save(mirror, released, "release", user=user, text=f"{name} released", now=now)


def retry(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """Queue a job again that has ended; it continues from its newest checkpoint.

    A trial that was stopped early then trains to its end, however others do.
    """
    job = own_job(mirror, user, name)
    if job.state not in RETRIED:
        raise _wrong_state(job, "only a failed, stopped or cancelled job can be retried")
    _require_code(mirror, job)
    require_datasets(mirror, [dataset_of(mirror, job)], name)
    mirror.load_outcomes(job)
    was_early = job.state is JobState.STOPPED_EARLY
    again = replace(
        job,
        state=JobState.WAITING,
        reason=f"retried by {user.name}",
        failures={},
        not_before=0.0,
        ended_at=None,
        result=None,
        trained_s=0.0,
        submitted_at=now,
        removed_at=None,
        passed_rungs=len(job.rungs) if was_early else job.passed_rungs,
    )
    return _save(mirror, again, "retry", user=user, text=f"{name} retried", now=now)


def resize(mirror: Mirror, user: User, name: str, workers: int, now: float) -> JobRecord:
    """Set the number of workers. A running job changes it when the resources are free."""
    job = own_job(mirror, user, name)
    if job.state.is_terminal:
        raise _wrong_state(job, "it cannot be resized any more")
    if workers > job.slices:
        raise InvalidError(
            f"--workers: found {workers}, expected at most {job.slices}, one for each of the "
            f"slices of a batch of {name}",
            code="too_many_workers",
        )
    if workers > (job.workers or job.shape.min_workers):
        require_fits(mirror, job.shape.resized(workers, workers), job.team)
    change = Change(now)
    text = f"{name} resized to {counted(workers, 'worker')}"
    change.job(replace(job, workers=workers), "resize", user.name, text)
    attempt = mirror.attempts.get(name)
    if attempt is not None and workers < sum(attempt.placement.values()):
        change.attempt(replace(attempt, target=shrunk(attempt.placement, workers)))
    mirror.commit(change)
    return change.jobs[name]


def set_priority(  # noqa: PLR0917
    mirror: Mirror, user: User, name: str, priority: int, highest: int, now: float
) -> JobRecord:
    """Set the priority; only admins can set one above `highest`."""
    job = own_job(mirror, user, name)
    require_priority(user, priority, highest)
    if job.state.is_terminal:
        raise _wrong_state(job, "its priority has no effect any more")
    text = f"{name}: priority {priority}, was {job.priority}"
    return _save(mirror, replace(job, priority=priority), "priority", user=user, text=text, now=now)


def find(mirror: Mirror, name: str) -> JobRecord:
    """Find a job, open or ended.

    Raises:
        NotFoundError: there is no job with this name.
    """
    job = mirror.jobs.get(name)
    if job is None:
        with mirror.ledger.reading() as tx:
            job = jobs.read_job(tx, name)
            if job is None:
                newest, _ = jobs.list_jobs(tx, limit=NEWEST)
                known = [job.name for job in newest]
                raise no_such("job", name, known, "distnet ps --all")
    return job


def ended(job: JobRecord, state: JobState, reason: str, now: float) -> JobRecord:
    """A job without an attempt, in a state in which it gets none."""
    return replace(job, state=state, reason=reason, ended_at=now if state.is_terminal else None)


def end_in(change: Change, mirror: Mirror, user: User, job: JobRecord, reason: StopReason) -> None:
    """End an open job as part of a change: now, or when its attempt has saved."""
    state = AFTER_STOP[reason]
    text = f"{state} by {user.name}"
    if job.name in mirror.attempts:
        request_stop(mirror, change, job, reason, actor=user.name, text=text)
        return
    after = ended(job, state, text, change.now)
    change.job(after, reason.value, user.name, f"{job.name} {text}")


def own_job(mirror: Mirror, user: User, name: str) -> JobRecord:
    """The job of a user, or any job for an admin.

    Raises:
        NotFoundError: there is no such job.
        ForbiddenError: it is another user's.
    """
    job = find(mirror, name)
    if job.owner != user.name and user.role is not Role.ADMIN:
        raise ForbiddenError(
            f"{name} belongs to {job.owner}; only its owner or an admin can do this"
        )
    return job


def _end(mirror: Mirror, user: User, name: str, reason: StopReason, now: float) -> JobRecord:
    """End a job: a waiting one now, one with an attempt when it has saved. It is idempotent."""
    job, state = own_job(mirror, user, name), AFTER_STOP[reason]
    if job.state is state:
        return job
    if job.state.is_terminal:
        raise _wrong_state(job, f"there is nothing to {reason}")
    change = Change(now)
    end_in(change, mirror, user, job, reason)
    mirror.commit(change)
    return change.jobs.get(name, job)


def _save(
    mirror: Mirror, job: JobRecord, kind: str, *, user: User, text: str, now: float
) -> JobRecord:
    change = Change(now)
    change.job(job, kind, user.name, text)
    mirror.commit(change)
    return job


def _require_code(mirror: Mirror, job: JobRecord) -> None:
    with mirror.ledger.reading() as tx:
        if job.code is None or texts.has_code(tx, job.code):
            return
    raise ConflictError(
        f"{job.name}: its own files were removed some time after its end (limits.keep of the "
        "server); submit it again",
        code="removed",
    )


def _wrong_state(job: JobRecord, what: str) -> ConflictError:
    return ConflictError(f"{job.name} is {job.state}: {what}", code="wrong_state")
