"""Jobs that are submitted by the clock."""

import hashlib
from dataclasses import replace

from distnet.server.acting import ask_to_stop
from distnet.server.book import Book
from distnet.server.calendar import due, next_time, require_cron, resumed
from distnet.server.change import SERVER, Change
from distnet.server.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ServerError,
)
from distnet.server.ledger import people
from distnet.server.messages.schedules import ScheduleRequest
from distnet.server.messages.submit import SubmitRequest
from distnet.server.records import Missed, Overlap, Role, ScheduleRecord, User
from distnet.server.states import Why
from distnet.server.submit import check, draft, submit


def add(book: Book, user: User, request: ScheduleRequest, now: float) -> ScheduleRecord:
    """Add a schedule; its job file is checked now, so that it does not fail at night.

    Raises:
        InvalidError: `bad_cron`, `bad_time_zone`, or what is wrong with the job.
        ConflictError: `name_taken`.
    """
    if (request.cron is None) == (request.at is None):
        both = "both" if request.cron else "neither"
        raise InvalidError(f"found {both} of --cron and --at, expected one", code="bad_cron")
    if request.name in book.schedules:
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
    check(book, user, request.request)
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
    _commit(book, schedule, user.name, f"schedule {schedule.name} added", now)
    return schedule


def pause(book: Book, user: User, name: str, is_paused: bool, now: float) -> ScheduleRecord:
    """Pause a schedule, or let it go on."""
    schedule = _own(book, user, name)
    changed = replace(schedule, is_paused=True) if is_paused else resumed(schedule, now)
    verb = "paused" if is_paused else "goes on"
    _commit(book, changed, user.name, f"schedule {name} {verb}", now)
    return changed


def remove(book: Book, user: User, name: str, now: float) -> None:
    """Remove a schedule; jobs that it has submitted stay."""
    _own(book, user, name)
    change = Change(now, removed_schedules=[name])
    change.tell("schedule", user.name, f"schedule {name} removed")
    book.commit(change)


def submit_due(book: Book, now: float, most_open: int) -> None:
    """Submit the jobs of all schedules that are due."""
    for schedule in list(book.schedules.values()):
        times, after = due(schedule, now)
        for time in times:
            after = _submit(book, after, time, now, most_open)
        if after is not schedule:
            change = Change(now, schedules={after.name: after})
            book.commit(change)


def _submit(
    book: Book, schedule: ScheduleRecord, time: float, now: float, most_open: int
) -> ScheduleRecord:
    """Submit one job; its key is made from the time, so a crash in between does not double it."""
    done = replace(schedule, last_at=time, num_runs=schedule.num_runs + 1)
    actor = f"schedule:{schedule.name}"
    open_jobs = [job for job in book.jobs.values() if job.schedule == schedule.name]
    if open_jobs and schedule.overlap is Overlap.SKIP:
        change = Change(now)
        text = f"schedule {schedule.name}: left out, {open_jobs[-1].name} has not ended"
        change.tell("schedule", actor, text, open_jobs[-1].name)
        book.commit(change)
        return done
    values = dict(schedule.request)
    values["key"] = _key(schedule, time)
    if open_jobs and schedule.overlap is Overlap.QUEUE:
        values["after"] = [*values.get("after", ()), f"{open_jobs[-1].name}:any"]
    try:
        user = _owner(book, schedule)
        request = SubmitRequest.model_validate(values)
        drafts = draft(user, [request], now=now, schedule=schedule.name)
        records, _ = submit(book, user, drafts, now=now, most_open=most_open)
    except ServerError as error:
        change = Change(now)
        change.tell("schedule", actor, f"schedule {schedule.name}: not submitted: {error}")
        book.commit(change)
        return done
    if schedule.overlap is Overlap.STOP_OLD:
        _stop_old(book, schedule, {job.name for job in open_jobs}, now)
    return replace(done, last_job=records[-1].name)


def _key(schedule: ScheduleRecord, time: float) -> str:
    """One key for each time at which a schedule falls due; however long its name is."""
    text = f"{schedule.name} {schedule.created_at} {time}"
    return f"schedule.{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _stop_old(book: Book, schedule: ScheduleRecord, names: set[str], now: float) -> None:
    change = Change(now)
    for name in names & book.attempts.keys():
        reason = f"the schedule {schedule.name} has submitted its next job"
        ask_to_stop(book, change, book.jobs[name], Why.STOP, actor=SERVER, reason=reason)
    book.commit(change)


def _owner(book: Book, schedule: ScheduleRecord) -> User:
    with book.ledger.reading() as tx:
        user = people.read_user(tx, schedule.owner)
    if user is None:
        raise ForbiddenError(f"its owner {schedule.owner} is not a user any more")
    if user.role is Role.VIEWER:
        raise ForbiddenError(f"its owner {schedule.owner} is a viewer, who may not submit")
    return user


def _own(book: Book, user: User, name: str) -> ScheduleRecord:
    schedule = book.schedules.get(name)
    if schedule is None:
        raise NotFoundError(f"there is no schedule {name}; list them with: distnet schedules list")
    if schedule.owner != user.name and user.role is not Role.ADMIN:
        raise ForbiddenError(f"the schedule {name} belongs to {schedule.owner}")
    return schedule


def _commit(book: Book, schedule: ScheduleRecord, actor: str, text: str, now: float) -> None:
    change = Change(now, schedules={schedule.name: schedule})
    change.tell("schedule", actor, text)
    book.commit(change)
