"""Jobs that are submitted by the clock."""

import hashlib
import logging
from dataclasses import replace

from distnet.protocol.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    ServerError,
    UnavailableError,
    no_such,
)
from distnet.protocol.schedules import ScheduleRequest
from distnet.protocol.states import JobState, Why
from distnet.protocol.submit import SubmitRequest
from distnet.server.attempts.decisions import ask_to_stop
from distnet.server.jobs.calendar import due, next_time, require_cron, resumed
from distnet.server.jobs.steer import ended
from distnet.server.jobs.submit import check, draft, submit
from distnet.server.ledger import users as people
from distnet.server.ledger.records import JobRecord, Missed, Overlap, Role, ScheduleRecord, User
from distnet.server.settings import Allowance
from distnet.server.state.change import SERVER, Change
from distnet.server.state.mirror import Mirror

logger = logging.getLogger(__name__)


def add(mirror: Mirror, user: User, request: ScheduleRequest, now: float) -> ScheduleRecord:
    """Add a schedule; its job file is checked now, so that it does not fail at night.

    Raises:
        InvalidError: `bad_cron`, `bad_time_zone`, or what is wrong with the job.
        ConflictError: `name_taken`.
    """
    if (request.cron is None) == (request.at is None):
        both = "both" if request.cron else "neither"
        raise InvalidError(f"found {both} of --cron and --at, expected one", code="bad_cron")
    if request.name in mirror.schedules:
        raise ConflictError(
            f"there is a schedule {request.name} already; remove it first, or give another --name",
            code="name_taken",
        )
    if request.cron is not None:
        require_cron(request.cron, request.tz)
        if request.request.name is not None:
            raise InvalidError(
                "found a name for the job of a cron schedule, expected none: each of its jobs "
                "gets the job file's name and a number",
                code="name_taken",
            )
    check(mirror, user, request.request)
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
    """Pause a schedule, or let it go on."""
    schedule = _own(mirror, user, name)
    changed = replace(schedule, is_paused=True) if is_paused else resumed(schedule, now)
    verb = "paused" if is_paused else "goes on"
    _commit(mirror, changed, user.name, f"schedule {name} {verb}", now)
    return changed


def remove(mirror: Mirror, user: User, name: str, now: float) -> None:
    """Remove a schedule; jobs that it has submitted stay."""
    _own(mirror, user, name)
    change = Change(now, removed_schedules=[name])
    change.tell("schedule", user.name, f"schedule {name} removed")
    mirror.commit(change)


def submit_due(mirror: Mirror, now: float, allowance: Allowance) -> None:
    """Submit the jobs of all schedules that are due; one with a fault holds up no other.

    Raises:
        UnavailableError: the ledger cannot be reached; the next round tries again what is left.
    """
    for schedule in list(mirror.schedules.values()):
        try:
            _submit_times(mirror, schedule, now, allowance)
        except UnavailableError:
            raise
        except Exception as error:
            _tell_fault(mirror, schedule, error, now)
        else:
            mirror.schedule_faults.pop(schedule.name, None)


def _submit_times(
    mirror: Mirror, schedule: ScheduleRecord, now: float, allowance: Allowance
) -> None:
    """Submit a job for each time that has come; only then is the schedule due at its next time."""
    times, after = due(schedule, now)
    if after is schedule:
        return
    change = Change(now)
    if not times and after.next_at is None:
        text = f"schedule {schedule.name}: left out, its time has passed and missed is skip"
        change.tell("schedule", _actor(schedule), text)
    for time in times:
        after = _submit(mirror, change, after, time, allowance)
    change.schedules[after.name] = after
    mirror.commit(change)


def _submit(
    mirror: Mirror, change: Change, schedule: ScheduleRecord, time: float, allowance: Allowance
) -> ScheduleRecord:
    """Submit one job.

    Its key is made from the time, so a crash or a lost connection before `change` is durable does
    not double it: all of this is done again, and must find what was submitted the first time.
    """
    done = replace(schedule, last_at=time, num_runs=schedule.num_runs + 1)
    actor, key = _actor(schedule), _key(schedule, time)
    open_jobs = [job for job in mirror.jobs.values() if job.schedule == schedule.name]
    others = [job for job in open_jobs if not job.key.startswith(key)]
    is_there = len(others) < len(open_jobs)
    if others and not is_there and schedule.overlap is Overlap.SKIP:
        text = f"schedule {schedule.name}: left out, {others[-1].name} has not ended"
        change.tell("schedule", actor, text, others[-1].name)
        return done
    values = {**schedule.request, "key": key}
    if others and schedule.overlap is Overlap.QUEUE:
        values["after"] = [*values.get("after", ()), f"{others[-1].name}:any"]
    try:
        user = _owner(mirror, schedule)
        request = SubmitRequest.model_validate(values)
        drafts = draft(user, [request], now=change.now, schedule=schedule.name)
        records, _ = submit(mirror, user, drafts, now=change.now, allowance=allowance)
    except UnavailableError:
        raise  # nobody knows whether it was submitted
    except ServerError as error:
        change.tell("schedule", actor, f"schedule {schedule.name}: not submitted: {error}")
        return done
    if schedule.overlap is Overlap.STOP_OLD:
        _stop_old(
            mirror, change, [job for job in others if job.number < records[0].number], schedule
        )
    return replace(done, last_job=records[-1].name)


def _tell_fault(mirror: Mirror, schedule: ScheduleRecord, error: Exception, now: float) -> None:
    """Tell once that a schedule cannot be looked after: every round tries again."""
    name, said = schedule.name, f"{type(error).__name__}: {error}"
    if mirror.schedule_faults.get(name) == said:
        return
    logger.error("schedule %s", name, exc_info=error)
    change = Change(now)
    text = f"schedule {name}: submits nothing until this is mended: {said}"
    change.tell("schedule", _actor(schedule), text)
    mirror.commit(change)
    mirror.schedule_faults[name] = said


def _actor(schedule: ScheduleRecord) -> str:
    return f"schedule:{schedule.name}"


def _key(schedule: ScheduleRecord, time: float) -> str:
    """One key for each time at which a schedule falls due; however long its name is."""
    text = f"{schedule.name} {schedule.created_at} {time}"
    return f"schedule.{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _stop_old(
    mirror: Mirror, change: Change, old: list[JobRecord], schedule: ScheduleRecord
) -> None:
    """End the jobs before; those that wait end at once."""
    reason = f"the schedule {schedule.name} has submitted its next job"
    for job in old:
        if job.name in change.jobs:
            continue  # by the job before, which was submitted in the same round
        if job.name in mirror.attempts:
            ask_to_stop(mirror, change, job, Why.STOP, actor=SERVER, reason=reason)
        else:
            stopped = ended(job, JobState.STOPPED, reason, change.now)
            change.job(stopped, Why.STOP.value, SERVER, f"{job.name}: {reason}")


def _owner(mirror: Mirror, schedule: ScheduleRecord) -> User:
    with mirror.ledger.reading() as tx:
        user = people.read_user(tx, schedule.owner)
    if user is None:
        raise ForbiddenError(f"its owner {schedule.owner} is not a user any more")
    if user.role is Role.VIEWER:
        raise ForbiddenError(f"its owner {schedule.owner} is a viewer, who may not submit")
    return user


def _own(mirror: Mirror, user: User, name: str) -> ScheduleRecord:
    schedule = mirror.schedules.get(name)
    if schedule is None:
        raise no_such("schedule", name, mirror.schedules, "distnet schedules list")
    if schedule.owner != user.name and user.role is not Role.ADMIN:
        raise ForbiddenError(f"the schedule {name} belongs to {schedule.owner}")
    return schedule


def _commit(mirror: Mirror, schedule: ScheduleRecord, actor: str, text: str, now: float) -> None:
    change = Change(now, schedules={schedule.name: schedule})
    change.tell("schedule", actor, text)
    mirror.commit(change)
