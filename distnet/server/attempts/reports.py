"""Reports of attempts, and the instructions that the server responds with.

Progress is kept in memory, and saved to the ledger every few seconds. What is acknowledged to the
attempt (pieces of its logs, its exit record) is durable before the response.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from distnet.protocol.attempt import RATES, AttemptConfig, Exit, Instructions, Report
from distnet.protocol.errors import ConflictError, NotFoundError, UnauthenticatedError
from distnet.protocol.states import AttemptEnd, JobState, StopReason
from distnet.server.attempts.logs import keep_pieces
from distnet.server.attempts.outcome import end_attempt, with_saved_step
from distnet.server.ledger import attempts, streams, texts
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.settings import Limits, Settings
from distnet.server.state.attempt_secrets import sha256_of
from distnet.server.state.change import ATTEMPT, Change
from distnet.server.state.job_files import text_of
from distnet.server.state.mirror import Mirror

FACTS = {"step", "num_steps", "headline", "split", "metrics", "compared", "at_rungs"}


def live_attempt(mirror: Mirror, secret: str) -> AttemptRecord | None:
    """Find the live attempt with this secret; None if there is none."""
    name = mirror.secrets.job(sha256_of(secret))
    return None if name is None else mirror.attempts[name]


def find(mirror: Mirror, secret: str) -> tuple[JobRecord, AttemptRecord]:
    """Find the live attempt with this secret, and its job.

    Raises:
        UnauthenticatedError: no attempt has it.
        ConflictError: `stale_attempt`: the attempt has ended, or was replaced by a newer one.
    """
    live = live_attempt(mirror, secret)
    if live is not None:
        return mirror.jobs[live.job], live
    with mirror.ledger.reading() as tx:
        old = attempts.attempt_by_token(tx, sha256_of(secret))
    if old is None:
        raise UnauthenticatedError("no attempt has this secret")
    raise ConflictError(
        f"attempt {old.number} of {old.job} has ended ({old.end}); end its process",
        code="stale_attempt",
    )


def exchange_secret(mirror: Mirror, first: str, sha256: str, now: float) -> None:
    """Accept only another secret from now on; the same exchange may be repeated.

    Args:
        mirror: locked by the caller.
        first: the secret with which the attempt was started.
        sha256: of the secret that its agent has made.
        now: Unix time.

    Raises:
        UnauthenticatedError: no live attempt was started with it, or it was exchanged for another.
    """
    name = mirror.secrets.job_started_with(sha256_of(first))
    if name is None:
        raise UnauthenticatedError("no attempt was started with this secret")
    attempt = mirror.attempts[name]
    if attempt.token_sha256 == sha256:
        return
    change = Change(now, is_quiet=True)
    if attempt.token_sha256 != sha256_of(first):
        text = f"the first secret of attempt {attempt.number} of {name} was used a second time"
        change.event("secret", ATTEMPT, text, name)
        mirror.commit(change)
        raise UnauthenticatedError("another process has exchanged this secret")
    change.attempt(replace(attempt, token_sha256=sha256))
    mirror.commit(change)


def code_of(mirror: Mirror, secret: str) -> bytes:
    """The archive with the own files of the job of the attempt with this secret.

    Raises:
        NotFoundError: the job has none, or they were removed.
    """
    job, _ = find(mirror, secret)
    if job.code is None:
        raise NotFoundError(f"{job.name} has no files of its own")
    with mirror.ledger.reading() as tx:
        data = texts.read_code(tx, job.code)
    if data is None:
        raise NotFoundError(f"the ledger does not have the files of {job.name}")
    return data


def attempt_config(mirror: Mirror, secret: str, settings: Settings) -> AttemptConfig:
    """The configuration of the attempt with this secret."""
    job, attempt = find(mirror, secret)
    with mirror.ledger.reading() as tx:
        kept = streams.sizes(tx, job.name)
    return AttemptConfig(
        server_id=mirror.ledger.id,
        job=job.name,
        attempt=attempt.number,
        spec=text_of(mirror, job),
        code=job.code,
        placement=dict(attempt.placement),
        runs=str(settings.runs),
        datasets=str(settings.dataset_folder),
        start_from=job.start_from,
        rungs=job.rungs,
        passed_rungs=job.passed_rungs,
        report_every_s=settings.report_every_s,
        umask=settings.umask,
        kept=kept,
    )


def take_report(
    mirror: Mirror, secret: str, report: Report, now: float, *, limits: Limits
) -> Instructions:
    """Apply a report; returns what the attempt has to do.

    Args:
        mirror: locked by the caller.
        secret: the attempt's.
        report: the attempt's.
        now: Unix time.
        limits: what is kept of its logs.

    Raises:
        UnauthenticatedError: no attempt has this secret.
        ConflictError: `stale_attempt`.
        UnavailableError: the ledger cannot be reached; nothing was applied.
    """
    try:
        job, attempt = find(mirror, secret)
    except ConflictError:
        if report.exit is not None and _has_exit_record(mirror, secret):
            return Instructions()  # the response to its exit record was lost
        raise
    offsets = keep_pieces(mirror, job, attempt, report, limits, now)
    own = attempt.placement.keys() & set(report.draining)
    mirror.version += mirror.leaving.report(job.name, own, now)
    workers, target = _total(attempt.placement), attempt.target
    is_admitted = mirror.grants.admit(attempt, report.placement)
    job, attempt = _with_report(job, attempt, report, now, is_admitted=is_admitted)
    if target is not None and attempt.target is None:
        mirror.grants.end_resize(attempt)
    if report.exit is not None:
        _end(mirror, job, attempt, report.exit, now)
        return Instructions(offsets=offsets)
    state = _state(job, attempt, report)
    if state is not job.state:
        _change_state(mirror, job, attempt, state, now)
    elif _total(attempt.placement) != workers:
        _save_resized(mirror, job, attempt, now)
    else:
        mirror.set_unsaved(job, attempt)
    wanted = dict(attempt.target or {})
    return Instructions(
        stop=attempt.stop or _rung_stop(job),
        workers=sum(wanted.values()) or None,
        placement=wanted,
        offsets=offsets,
    )


def save_reports(mirror: Mirror, now: float) -> None:
    """Save the newest reports of all attempts to the ledger."""
    change = Change(now, is_quiet=True)
    for name in sorted(mirror.unsaved & mirror.attempts.keys()):
        change.attempt(mirror.attempts[name])
        change.jobs[name] = mirror.jobs[name]
    mirror.commit(change)
    mirror.unsaved.clear()


def _has_exit_record(mirror: Mirror, secret: str) -> bool:
    """Whether this attempt itself has reported how it ended."""
    with mirror.ledger.reading() as tx:
        old = attempts.attempt_by_token(tx, sha256_of(secret))
    own = (AttemptEnd.FINISHED, AttemptEnd.STOPPED, AttemptEnd.FAILED)
    return old is not None and old.end in own


def _with_report(
    job: JobRecord, attempt: AttemptRecord, report: Report, now: float, *, is_admitted: bool
) -> tuple[JobRecord, AttemptRecord]:
    """The job and the attempt, with what a report says of them that can be true."""
    progress = {**job.progress, **_progress_of(report)}
    if is_admitted:
        progress["workers"] = _total(report.placement)
        attempt = _with_placement(attempt, report.placement, now)
    if job.state is JobState.STARTING:  # it has been accepted, if an earlier try to start was not
        job = replace(job, reason=report.doing or "")
    job = with_saved_step(replace(job, progress=progress), report.saved_step)
    used = attempt.used if report.used is None else report.used.model_dump()
    return job, replace(attempt, seen_at=now, handed_at=attempt.handed_at or now, used=used)


def _with_placement(
    attempt: AttemptRecord, placement: Mapping[str, int], now: float
) -> AttemptRecord:
    """The attempt with its actual workers; during a resize the resources for both are reserved."""
    if attempt.target is None:
        return replace(attempt, placement=placement)
    if _total(placement) == _total(attempt.target):  # the resize is done
        return replace(attempt, placement=placement, target=None, resized_at=now)
    return attempt


def _progress_of(report: Report) -> dict[str, Any]:
    """The progress in a report; what it leaves out stays as an earlier one reported it."""
    rates = {name: report.progress[name] for name in RATES if name in report.progress}
    progress: dict[str, Any] = {n: value for n, value in rates.items() if math.isfinite(value)}
    facts = report.model_dump(include=FACTS)
    return progress | {name: fact for name, fact in facts.items() if fact not in (None, {}, ())}


def _rung_stop(job: JobRecord) -> StopReason | None:
    """The reason to stop at a rung; an attempt does so by itself, unless it was resumed there."""
    return StopReason.RUNG if job.is_at_rung else None


def _total(placement: Mapping[str, int]) -> int:
    return sum(placement.values())


def _state(job: JobRecord, attempt: AttemptRecord, report: Report) -> JobState:
    if attempt.stop is not None:
        return JobState.STOPPING
    if report.is_training:
        return JobState.RUNNING
    return JobState.STARTING if job.state is JobState.UNKNOWN else job.state


def _change_state(
    mirror: Mirror, job: JobRecord, attempt: AttemptRecord, state: JobState, now: float
) -> None:
    change = Change(now)
    was_silent = job.state is JobState.UNKNOWN
    text = f"{job.name} reports again" if was_silent else f"{job.name} is training"
    started_at = job.started_at or (now if state is JobState.RUNNING else None)
    reason = "" if state is JobState.RUNNING else job.reason
    changed = replace(job, state=state, started_at=started_at, reason=reason)
    change.job(changed, "state", ATTEMPT, text)
    change.attempt(attempt)
    mirror.commit(change)


def _save_resized(mirror: Mirror, job: JobRecord, attempt: AttemptRecord, now: float) -> None:
    """Save at once when an attempt gets other workers: its hours are counted from now on."""
    change = Change(now)
    change.jobs[job.name] = job
    change.attempt(attempt)
    mirror.commit(change)


def _end(mirror: Mirror, job: JobRecord, attempt: AttemptRecord, exit_: Exit, now: float) -> None:
    is_stopped = exit_.end is AttemptEnd.STOPPED
    attempt = replace(
        attempt,
        stop=attempt.stop or (_rung_stop(job) if is_stopped else None),
        ended_at=now,
        end=exit_.end,
        error=exit_.error,
        failure=exit_.failure,
        step=exit_.step,
    )
    end_attempt(mirror, job, attempt, result=exit_.result, now=now)
