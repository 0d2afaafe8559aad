"""What users ask of their jobs: cancel, stop, hold, release, retry, resize, priority."""

from dataclasses import replace

from distnet.protocol.errors import ConflictError, ForbiddenError, InvalidError, no_such
from distnet.protocol.states import JobState, Why
from distnet.scheduler.elastic import shrunk
from distnet.scheduler.view import Shape
from distnet.server.attempts.decisions import ask_to_stop
from distnet.server.attempts.outcome import AFTER_STOP
from distnet.server.jobs.admission import require_fits, require_priority
from distnet.server.ledger import jobs
from distnet.server.ledger.records import JobRecord, Role, User
from distnet.server.state.change import Change
from distnet.server.state.mirror import Mirror
from distnet.spec.plural import counted

NEWEST = 200
"""Jobs whose names are compared with one that is not known."""


def cancel(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """End a job for good; what it has saved stays in its run folder."""
    return _end(mirror, user, name, Why.CANCEL, now)


def stop(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """Have a job save and end; `retry` goes on with it later."""
    return _end(mirror, user, name, Why.STOP, now)


def hold(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """Keep a job from starting; one that trains is saved and gives up its room."""
    return _end(mirror, user, name, Why.HOLD, now)


def release(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """Let a job that was held wait for its turn."""
    job = _own(mirror, user, name)
    if job.state is not JobState.HELD:
        raise _wrong_state(job, "only a job that is held can be released")
    released = replace(job, state=JobState.WAITING, reason="")
    return _save(mirror, released, "release", user=user, text=f"{name} released", now=now)


def retry(mirror: Mirror, user: User, name: str, now: float) -> JobRecord:
    """Queue a job that has ended again; it goes on from its newest checkpoint."""
    job = _own(mirror, user, name)
    if job.state not in (JobState.FAILED, JobState.STOPPED, JobState.CANCELLED):
        raise _wrong_state(job, "only a job that failed, was stopped or cancelled can be retried")
    mirror.recall(job)
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
    )
    return _save(mirror, again, "retry", user=user, text=f"{name} retried", now=now)


def resize(mirror: Mirror, user: User, name: str, workers: int, now: float) -> JobRecord:
    """Give a job another number of workers; one that trains changes them when there is room."""
    job = _own(mirror, user, name)
    if job.state.is_terminal:
        raise _wrong_state(job, "nothing to resize")
    if workers > job.slices:
        raise InvalidError(
            f"--workers: found {workers}, expected at most {job.slices}: a batch of {name} is cut "
            "into so many slices, and a worker needs one",
            code="too_many_workers",
        )
    if workers > (job.workers or job.shape.min_workers):
        wanted = Shape(workers, workers, job.shape.cpus, job.shape.gpus)
        require_fits(mirror, wanted, job.team)
    change = Change(now)
    text = f"{name} is to have {counted(workers, 'worker')}"
    change.job(replace(job, workers=workers), "resize", user.name, text)
    attempt = mirror.attempts.get(name)
    if attempt is not None and workers < sum(attempt.placement.values()):
        change.attempt(replace(attempt, target=shrunk(attempt.placement, workers)))
    mirror.commit(change)
    return change.jobs[name]


def set_priority(  # noqa: PLR0917
    mirror: Mirror, user: User, name: str, priority: int, highest: int, now: float
) -> JobRecord:
    """Give a job another priority; only admins give one above `highest`."""
    job = _own(mirror, user, name)
    require_priority(user, priority, highest)
    if job.state.is_terminal:
        raise _wrong_state(job, "its priority matters no more")
    text = f"{name}: priority {priority} after {job.priority}"
    return _save(mirror, replace(job, priority=priority), "priority", user=user, text=text, now=now)


def find(mirror: Mirror, name: str) -> JobRecord:
    """A job, open or ended.

    Raises:
        NotFoundError: there is none of that name.
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


def _own(mirror: Mirror, user: User, name: str) -> JobRecord:
    job = find(mirror, name)
    if job.owner != user.name and user.role is not Role.ADMIN:
        raise ForbiddenError(f"{name} belongs to {job.owner}")
    return job


def _end(mirror: Mirror, user: User, name: str, why: Why, now: float) -> JobRecord:
    """End a job that waits at once; one with an attempt saves first; once ended, it stays so."""
    job, state = _own(mirror, user, name), AFTER_STOP[why]
    if job.state is state:
        return job
    if job.state.is_terminal:
        raise _wrong_state(job, f"nothing to {why}")
    change = Change(now)
    text = f"{state} by {user.name}"
    if name in mirror.attempts:
        ask_to_stop(mirror, change, job, why, actor=user.name, reason=text)
    else:
        change.job(ended(job, state, text, now), why.value, user.name, f"{name} {text}")
    mirror.commit(change)
    return change.jobs.get(name, job)


def ended(job: JobRecord, state: JobState, reason: str, now: float) -> JobRecord:
    """A job that has no attempt, in a state in which it gets none."""
    return replace(job, state=state, reason=reason, ended_at=now if state.is_terminal else None)


def _save(
    mirror: Mirror, job: JobRecord, kind: str, *, user: User, text: str, now: float
) -> JobRecord:
    change = Change(now)
    change.job(job, kind, user.name, text)
    mirror.commit(change)
    return job


def _wrong_state(job: JobRecord, what: str) -> ConflictError:
    return ConflictError(f"{job.name} is {job.state}: {what}", code="wrong_state")
