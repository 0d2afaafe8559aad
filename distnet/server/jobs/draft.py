"""Read the job files of submits, and expand their sweeps; without the lock, as it takes a while."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from distnet.errors import JobFileError
from distnet.protocol.errors import InvalidError, TooLargeError, TooManyError
from distnet.protocol.states import JobState
from distnet.protocol.submit import SubmitRequest
from distnet.server.jobs.admission import team_of
from distnet.server.jobs.dependencies import read_dependency
from distnet.server.jobs.job_file import ParsedJob, SweepFile, parse_job_file
from distnet.server.ledger.records import JobRecord, User
from distnet.spec.halving import rungs_of
from distnet.spec.sweep import MAX_JOBS, changes, expand, require_no_folds


@dataclass(frozen=True, slots=True)
class Draft:
    """A job that is not queued yet."""

    record: JobRecord
    """Without a number, and without a name if the user gave none; so is its sweep."""
    job: ParsedJob
    request: str
    """The key of the request, which the jobs of one sweep share."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The limits of reading job files."""

    most_bytes: int | None = None
    """Of a job file with its overrides and its sweep."""
    go_on: Callable[[], None] = lambda: None
    """Called before each job file is read; raises an error to give up."""
    most_together: int | None = None
    """Bytes of the job files of all jobs of a submit: each trial of a sweep has one of its own."""


ANY = Reading()


@dataclass
class _Size:
    """The size of the job files of a submit so far."""

    most: int | None
    num_bytes: int = 0

    def add(self, job: ParsedJob) -> None:
        self.num_bytes += len(job.spec)
        if self.most is not None and self.num_bytes > self.most:
            raise TooLargeError(
                f"found over {self.most:,} bytes in the job files of all jobs together, expected "
                "fewer (limits.bulk of the server); submit fewer jobs at once, or smaller job files"
            )


def read_drafts(
    user: User,
    requests: Sequence[SubmitRequest],
    *,
    now: float,
    schedule: str | None = None,
    store: str | None = None,
    reading: Reading = ANY,
) -> list[Draft]:
    """Read the job files of requests.

    Args:
        user: the owner of the jobs.
        requests: in the order in which their jobs are numbered.
        now: Unix time.
        schedule: the schedule that submits, if one does.
        store: where jobs keep their checkpoints that name no store; None: in their run folders.
        reading: the limits.

    Raises:
        InvalidError: a request is invalid.
        ForbiddenError: `not_your_team`.
        TooManyError: `too_many_jobs`: more jobs than one submit may have.
        TooLargeError: a job file, or all of them together, are larger than the limit.
    """
    for request in requests:
        _require_small(request, reading.most_bytes)
    combinations = [_combinations(request) for request in requests]
    num_jobs = sum(map(len, combinations))
    if num_jobs > MAX_JOBS:
        raise TooManyError(
            f"found {num_jobs:,} jobs in one submit, expected at most {MAX_JOBS:,}; submit them in "
            "several parts",
            code="too_many_jobs",
        )
    size = _Size(reading.most_together)
    return [
        draft
        for request, overrides in zip(requests, combinations, strict=True)
        for draft in _drafts_of(
            user, request, overrides, size, now=now, schedule=schedule, store=store, reading=reading
        )
    ]


def _require_small(request: SubmitRequest, most: int | None) -> None:
    texts = (request.spec, *request.sets, *request.sweep)
    num_bytes = sum(len(text.encode()) for text in texts)
    if most is not None and num_bytes > most:
        raise TooLargeError(
            f"{request.file}: found {num_bytes:,} bytes in the job file, its overrides and its "
            f"sweep, expected at most {most:,} (limits.job_file of the server)"
        )


def _combinations(request: SubmitRequest) -> list[tuple[str, ...]]:
    try:
        require_no_folds(request.sweep, stop_early=request.stop_early)
        combinations = expand(request.sweep)
    except JobFileError as error:
        raise InvalidError(str(error), code="bad_sweep") from None
    given = {"--stop-early": request.stop_early, "--trials-at-once": request.trials_at_once}
    for option, value in given.items() if not request.sweep else ():
        if value:
            raise InvalidError(f"{option}: expected --sweep with it", code="bad_sweep")
    return combinations


def _drafts_of(
    user: User,
    request: SubmitRequest,
    combinations: Sequence[tuple[str, ...]],
    size: _Size,
    *,
    now: float,
    schedule: str | None,
    store: str | None,
    reading: Reading,
) -> list[Draft]:
    parse = SweepFile(request, store).parse if request.sweep else None
    parsed = []
    for overrides in combinations:
        reading.go_on()
        job = parse_job_file(request, store) if parse is None else parse(overrides)
        size.add(job)
        parsed.append((job, changes(overrides)))
    rungs = rungs_of([job.epochs for job, _ in parsed]) if request.stop_early else ()
    drafts = []
    for index, (job, changed) in enumerate(parsed):
        key = request.key if len(combinations) == 1 else f"{request.key}.{index}"
        trial: dict[str, Any] = {}
        if request.sweep:
            trial |= {"array": request.name or "", "changes": changed, "rungs": rungs}
            trial["trials_at_once"] = request.trials_at_once
        record = _record(user, request, job, key, now=now, schedule=schedule, **trial)
        drafts.append(Draft(record, job, request.key))
    return drafts


def _record(
    user: User,
    request: SubmitRequest,
    parsed: ParsedJob,
    key: str,
    *,
    now: float,
    schedule: str | None,
    **trial: Any,
) -> JobRecord:
    queue = parsed.queue
    is_array = bool(request.sweep)
    return JobRecord(
        number=0,
        name="" if is_array or request.name is None else request.name,
        key=key,
        owner=user.name,
        team=team_of(user, request.team or queue.team),
        spec=hashlib.sha256(parsed.spec.encode()).hexdigest(),
        code=request.code,
        shape=parsed.shape,
        slices=parsed.slices,
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
        reservation=request.reservation,
        **trial,
    )
