"""Recurring jobs: schedules, and the jobs that they submit."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from distnet.protocol.cron import require_cron
from distnet.protocol.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    ServerError,
    UnavailableError,
    no_such,
)
from distnet.protocol.schedules import ScheduleRequest
from distnet.protocol.states import JobState, StopReason
from distnet.protocol.submit import SubmitRequest
from distnet.server.attempts.decisions import request_stop
from distnet.server.jobs.calendar import due, next_time, resumed
from distnet.server.jobs.commands import ended
from distnet.server.jobs.draft import Draft, read_drafts
from distnet.server.jobs.submit import check, submit
from distnet.server.ledger import users
from distnet.server.ledger.records import JobRecord, Missed, Overlap, Role, ScheduleRecord, User
from distnet.server.settings import Allowance
from distnet.server.state.change import SERVER, Change
from distnet.server.state.mirror import Mirror

logger = logging.getLogger(__name__)


class Terms(NamedTuple):
    """What holds for the jobs of all schedules."""

    allowance: Allowance
    store: str | None
    """Where those keep their checkpoints that name no store."""
    runs: Path
    """The folder of run folders."""


def add(
    mirror: Mirror, user: User, request: ScheduleRequest, drafts: Sequence[Draft], now: float
) -> ScheduleRecord:
    """Add a schedule; its drafts are checked now, so that it does not fail at night.

    Raises:
        InvalidError: `bad_cron`, `bad_time_zone`, or a fault of the job file.
        ConflictError: `name_taken`.
    """
    _require_valid(mirror, request)
    check(mirror, drafts)
    schedule = ScheduleRecord(
        name=request.name,
        owner=user.name,
        request=request.request.model_dump(mode="json"),
        created_at=now,
        cron=request.cron,
        tz=request.tz,
        at=request.at,
        overlap=Overlap(request.overlap),
        missed=Missed(request.missed),
    )
    schedule = replace(schedule, next_at=next_time(schedule, now))
    _commit(mirror, schedule, user.name, f"schedule {schedule.name} added", now)
    return schedule


def pause(mirror: Mirror, user: User, name: str, is_paused: bool, now: float) -> ScheduleRecord:
    """Pause or resume a schedule."""
    schedule = _own(mirror, user, name)
    changed = replace(schedule, is_paused=True) if is_paused else resumed(schedule, now)
    verb = "paused" if is_paused else "resumed"
    _commit(mirror, changed, user.name, f"schedule {name} {verb}", now)
    return changed


def remove(mirror: Mirror, user: User, name: str, now: float) -> None:
    """Remove a schedule; the jobs that it has submitted are kept."""
    _own(mirror, user, name)
    change = Change(now, removed_schedules=[name])
    change.event("schedule", user.name, f"schedule {name} removed")
    mirror.commit(change)


def submit_due(mirror: Mirror, now: float, terms: Terms) -> None:
    """Submit the jobs of all schedules that are due; a faulty schedule delays no other.

    Args:
        mirror: locked by the caller.
        now: Unix time.
        terms: what holds for all of these jobs.

    Raises:
        UnavailableError: the ledger cannot be reached; the next call submits the rest.
    """
    for schedule in list(mirror.schedules.values()):
        try:
            _submit_due(mirror, schedule, now, terms)
        except UnavailableError:
            raise
        except Exception as error:
            _record_fault(mirror, schedule, error, now)
        else:
            mirror.schedule_faults.pop(schedule.name, None)


def _require_valid(mirror: Mirror, request: ScheduleRequest) -> None:
    if (request.cron is None) == (request.at is None):
        both = "both" if request.cron else "neither"
        raise InvalidError(f"found {both} of --cron and --at, expected one", code="bad_cron")
    if request.name in mirror.schedules:
        raise ConflictError(
            f"there is already a schedule {request.name}; remove it first, or give another --name",
            code="name_taken",
        )
    if request.cron is None:
        return
    require_cron(request.cron, request.tz)
    if request.request.name is not None:
        raise InvalidError(
            f"name: found {request.request.name} for the job of a cron schedule, expected none: "
            "each of its jobs gets the name in the job file and a number",
            code="name_taken",
        )


def _submit_due(mirror: Mirror, schedule: ScheduleRecord, now: float, terms: Terms) -> None:
    """Submit a job for each time that is due; the next time is set in the same change."""
    times, after = due(schedule, now)
    if after is schedule:
        return
    change = Change(now)
    if not times and after.next_at is None:
        text = f"schedule {schedule.name}: skipped, its time has passed and missed is skip"
        change.event("schedule", _actor(schedule), text)
    for time in times:
        after = _submit(mirror, change, after, time, terms)
    change.schedules[after.name] = after
    mirror.commit(change)


def _submit(
    mirror: Mirror, change: Change, schedule: ScheduleRecord, time: float, terms: Terms
) -> ScheduleRecord:
    """Submit one job.

    Its key is made from the time. If the server crashes before `change` is durable, all of this is
    repeated, and finds the job that was submitted the first time.
    """
    done = replace(schedule, last_at=time, num_runs=schedule.num_runs + 1)
    actor, key = _actor(schedule), _key(schedule, time)
    open_jobs = [job for job in mirror.jobs.values() if job.schedule == schedule.name]
    others = [job for job in open_jobs if not job.key.startswith(key)]
    is_submitted = len(others) < len(open_jobs)
    if others and not is_submitted and schedule.overlap is Overlap.SKIP:
        text = f"schedule {schedule.name}: skipped, {others[-1].name} has not ended"
        change.event("schedule", actor, text, others[-1].name)
        return done
    values = {**schedule.request, "key": key}
    if others and schedule.overlap is Overlap.QUEUE:
        values["after"] = [*values.get("after", ()), f"{others[-1].name}:any"]
    try:
        user = _owner(mirror, schedule)
        request = SubmitRequest.model_validate(values)
        drafts = read_drafts(
            user, [request], now=change.now, schedule=schedule.name, store=terms.store
        )
        records, _ = submit(
            mirror, user, drafts, now=change.now, allowance=terms.allowance, runs=terms.runs
        )
    except UnavailableError:
        raise  # whether it was submitted is unknown
    except ServerError as error:
        change.event("schedule", actor, f"schedule {schedule.name}: not submitted: {error}")
        return done
    if schedule.overlap is Overlap.STOP_OLD:
        _stop_older(mirror, change, others, before=records[0], schedule=schedule)
    return replace(done, last_job=records[-1].name)


def _record_fault(mirror: Mirror, schedule: ScheduleRecord, error: Exception, now: float) -> None:
    """Record a fault in the event log, once: every iteration of the loop tries again."""
    name, text = schedule.name, f"{type(error).__name__}: {error}"
    if mirror.schedule_faults.get(name) == text:
        return
    logger.error("schedule %s", name, exc_info=error)
    change = Change(now)
    message = f"schedule {name}: submits nothing until this is fixed: {text}"
    change.event("schedule", _actor(schedule), message)
    mirror.commit(change)
    mirror.schedule_faults[name] = text


def _actor(schedule: ScheduleRecord) -> str:
    return f"schedule:{schedule.name}"


def _key(schedule: ScheduleRecord, time: float) -> str:
    """A key for the submit at one time; its length does not depend on the schedule's name."""
    text = f"{schedule.name} {schedule.created_at} {time}"
    return f"schedule.{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _stop_older(
    mirror: Mirror,
    change: Change,
    jobs: list[JobRecord],
    *,
    before: JobRecord,
    schedule: ScheduleRecord,
) -> None:
    """Stop the jobs that were submitted before; those that wait end now."""
    reason = f"schedule {schedule.name} has submitted its next job"
    for job in jobs:
        if job.number >= before.number or job.name in change.jobs:
            continue  # in `change`: stopped by an earlier time of the same iteration
        if job.name in mirror.attempts:
            request_stop(mirror, change, job, StopReason.STOP, actor=SERVER, text=reason)
        else:
            stopped = ended(job, JobState.STOPPED, reason, change.now)
            change.job(stopped, StopReason.STOP.value, SERVER, f"{job.name}: {reason}")


def _owner(mirror: Mirror, schedule: ScheduleRecord) -> User:
    with mirror.ledger.reading() as tx:
        user = users.read_user(tx, schedule.owner)
    if user is None:
        raise ForbiddenError(f"its owner {schedule.owner} is no longer a user")
    if user.is_blocked:
        raise ForbiddenError(f"its owner {schedule.owner} is blocked")
    if user.role is Role.VIEWER:
        raise ForbiddenError(f"its owner {schedule.owner} is a viewer, who cannot submit jobs")
    return user


def _own(mirror: Mirror, user: User, name: str) -> ScheduleRecord:
    schedule = mirror.schedules.get(name)
    if schedule is None:
        raise no_such("schedule", name, mirror.schedules, "distnet schedules list")
    if schedule.owner != user.name and user.role is not Role.ADMIN:
        raise ForbiddenError(
            f"schedule {name} belongs to {schedule.owner}; only its owner or an admin can do this"
        )
    return schedule


def _commit(mirror: Mirror, schedule: ScheduleRecord, actor: str, text: str, now: float) -> None:
    change = Change(now, schedules={schedule.name: schedule})
    change.event("schedule", actor, text)
    mirror.commit(change)
