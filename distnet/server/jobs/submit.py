"""Submit jobs: requests -> records, all of them acknowledged together or none."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from distnet.protocol.errors import InvalidError, TooManyError
from distnet.protocol.states import JobState
from distnet.protocol.submit import SubmitRequest
from distnet.server.jobs.admission import require_few, require_fits, require_priority, team_of
from distnet.server.jobs.dependencies import never_met, read_dependency, require_no_cycle
from distnet.server.jobs.job_file import Asked, read_request
from distnet.server.jobs.sweep import MOST, expand
from distnet.server.ledger import jobs, texts
from distnet.server.ledger.records import JobRecord, User
from distnet.server.settings import Allowance
from distnet.server.state.change import Change
from distnet.server.state.mirror import Mirror

LONGEST = 63
MOST_SPECS = 10_000
"""Remembered, so that they are not offered to the ledger again."""


Draft = tuple[JobRecord, Asked]
"""A job without a number, perhaps without a name, and the job file that it was read from."""


def draft(
    user: User, requests: Sequence[SubmitRequest], *, now: float, schedule: str | None = None
) -> list[Draft]:
    """Read what is asked for, which takes a while for many jobs and needs nobody to wait.

    Args:
        user: who asks; the jobs are theirs.
        requests: in the order in which their jobs are numbered.
        now: Unix time.
        schedule: the schedule that asks, if one does.

    Raises:
        InvalidError: something is wrong with one of them.
        ForbiddenError: `not_your_team`.
        TooManyError: `too_many_jobs`: more than one submit may ask for.
    """
    combinations = [expand(request.sweep) for request in requests]
    num_jobs = sum(map(len, combinations))
    if num_jobs > MOST:
        raise TooManyError(
            f"found {num_jobs:,} jobs in one submit, expected at most {MOST:,}; send them in parts",
            code="too_many_jobs",
        )
    return [
        draft
        for request, overrides in zip(requests, combinations, strict=True)
        for draft in _drafts(user, request, overrides, now, schedule)
    ]


def submit(
    mirror: Mirror, user: User, drafts: Sequence[Draft], *, now: float, allowance: Allowance
) -> tuple[list[JobRecord], bool]:
    """Queue drafts; what was submitted before with the same key is left.

    Args:
        mirror: held by the caller.
        user: who asks.
        drafts: in the order in which they are numbered.
        now: Unix time.
        allowance: what the jobs of one user may be.

    Returns:
        The jobs, and whether any of them is new.

    Raises:
        InvalidError: `never_fits`, `unknown_dependency`, ...; none is queued.
        ConflictError: `name_taken`.
        TooManyError: `too_many_jobs`.
        ForbiddenError: `priority_too_high`.
    """
    change = Change(now)
    with mirror.writing() as tx:
        known = jobs.find_keys(tx, user.name, [draft.key for draft, _ in drafts])
        fresh = [draft for draft in drafts if draft[0].key not in known]
        if not fresh:
            return [known[draft.key] for draft, _ in drafts], False
        _require_fit(mirror, fresh)
        require_few(mirror, user, len(fresh), allowance.open_jobs)
        require_priority(user, max(job.priority for job, _ in fresh), allowance.priority)
        outcomes = _queue(tx, change, user, fresh)
        specs = {draft.spec: asked.spec for draft, asked in fresh if draft.spec not in mirror.specs}
        for spec in specs.values():
            texts.put_text(tx, spec)
        queued = mirror.write(tx, change)
    if len(mirror.specs) > MOST_SPECS:
        mirror.specs.clear()
    mirror.specs |= specs.keys()
    mirror.outcomes |= outcomes
    mirror.take_in(change, queued)
    known |= {job.key: job for job in queued}
    return [known[draft.key] for draft, _ in drafts], True


def check(mirror: Mirror, user: User, request: SubmitRequest) -> None:
    """Refuse what `submit` would refuse, as far as that can be known beforehand.

    Raises:
        InvalidError: something is wrong with it.
    """
    for job, _ in draft(user, [request], now=0.0):
        require_fits(mirror, job.shape, job.team)


def _drafts(
    user: User,
    request: SubmitRequest,
    combinations: Sequence[tuple[str, ...]],
    now: float,
    schedule: str | None,
) -> list[Draft]:
    drafts = []
    for index, overrides in enumerate(combinations):
        asked = read_request(request, overrides)
        key = request.key if len(combinations) == 1 else f"{request.key}.{index}"
        drafts.append((_draft(user, request, asked, key, now=now, schedule=schedule), asked))
    if len(drafts) == 1:
        return drafts
    array = request.name or asked.name
    return [(replace(draft, array=array), asked) for draft, asked in drafts]


def _draft(
    user: User,
    request: SubmitRequest,
    asked: Asked,
    key: str,
    *,
    now: float,
    schedule: str | None,
) -> JobRecord:
    """A record without a number, and without a name where none was asked for."""
    queue = asked.queue
    is_array = bool(request.sweep)
    return JobRecord(
        number=0,
        name="" if is_array or request.name is None else request.name,
        key=key,
        owner=user.name,
        team=team_of(user, request.team or queue.team),
        spec=hashlib.sha256(asked.spec.encode()).hexdigest(),
        code=request.code,
        shape=asked.shape,
        slices=asked.slices,
        priority=queue.priority if request.priority is None else request.priority,
        submitted_at=now,
        state=JobState.HELD if request.hold else JobState.WAITING,
        reason=f"held by {user.name}" if request.hold else "",
        after=tuple(read_dependency(text) for text in request.after),
        start_from=request.start_from,
        not_before=request.at or 0.0,
        is_preemptible=queue.preemptible,
        grace_s=queue.grace,
        max_time_s=queue.max_time,
        expected_s=queue.expected or queue.max_time,
        schedule=schedule,
    )


def _queue(tx: Connection, change: Change, user: User, fresh: list[Draft]) -> dict[str, JobState]:
    """Add the jobs, named, to a change; returns how those ended that they wait for."""
    _require_code(tx, {job.code for job, _ in fresh if job.code is not None})
    new = _named(tx, fresh)
    states = _states(tx, new)
    require_no_cycle(new)
    change.new_jobs += new
    for job in new:
        change.tell("submitted", user.name, f"{job.name} submitted", job.name)
    return {name: state for name, state in states.items() if state.is_terminal}


def _require_fit(mirror: Mirror, fresh: Sequence[Draft]) -> None:
    """Refuse what can never start; a schedule's job waits until there are machines again."""
    for shape, team in {(job.shape, job.team): None for job, _ in fresh if job.schedule is None}:
        require_fits(mirror, shape, team)


def _require_code(tx: Connection, archives: set[str]) -> None:
    for sha256 in archives:
        if not texts.has_code(tx, sha256):
            raise InvalidError(
                f"code: there is no archive {sha256}; send it first, then submit again",
                code="unknown_code",
            )


def _named(tx: Connection, fresh: list[Draft]) -> list[JobRecord]:
    """Give the jobs that have none the names BASE-1, BASE-2, ..."""
    counts = Counter(draft.array or asked.name for draft, asked in fresh if not draft.name)
    next_of = {base: jobs.take_numbers(tx, base, count) for base, count in counts.items()}
    named = []
    for draft, asked in fresh:
        name = draft.name
        if not name:
            base = draft.array or asked.name
            name = f"{base}-{next_of[base]}"
            next_of[base] += 1
        if len(name) > LONGEST:
            raise InvalidError(
                f"name: found {name}, expected at most {LONGEST} characters; give a shorter --name",
                code="bad_name",
            )
        named.append(replace(draft, name=name))
    return named


def _states(tx: Connection, new: list[JobRecord]) -> dict[str, JobState]:
    """The states of the jobs that the new ones wait for.

    Raises:
        InvalidError: `unknown_dependency`.
    """
    wanted = {d.job for job in new for d in job.after}
    states = jobs.states_of(tx, sorted(wanted)) if wanted else {}
    come_along = {job.name: job.state for job in new}
    for job in new:
        for dependency in job.after:
            if dependency.job not in states and dependency.job not in come_along:
                option = "--start-from" if dependency.job == job.start_from else "--after"
                gone = f"{option} {dependency.job}: there is no such job (distnet ps --all)"
                raise _unknown(gone)
        lost = never_met(job, states)
        if lost is not None:
            raise _unknown(
                f"--after {lost.job}:{lost.condition}: {lost.job} {states[lost.job]} already, so "
                "this job would never start"
            )
        if job.start_from is not None and job.start_from not in {d.job for d in job.after}:
            raise _unknown(
                f"--start-from {job.start_from}: found a job that is not one of --after, for "
                "whose end this one would have to wait"
            )
    return states


def _unknown(message: str) -> InvalidError:
    return InvalidError(message, code="unknown_dependency")
