"""Reports of attempts, and the instructions that the server responds with.

Progress is kept in memory, and saved to the ledger every few seconds. What is acknowledged to the
attempt (pieces of its logs, its exit record) is durable before the response.
"""

import hashlib
import math
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from distnet.protocol.attempt import RATES, AttemptConfig, Exit, Instructions, Report
from distnet.protocol.errors import ConflictError, NotFoundError, UnauthenticatedError
from distnet.protocol.states import AttemptEnd, JobState, StopReason
from distnet.server.attempts.outcome import end_attempt, with_saved_step
from distnet.server.ledger import attempts, streams, texts
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.settings import Settings
from distnet.server.state.change import ATTEMPT, Change
from distnet.server.state.job_files import text_of
from distnet.server.state.mirror import Mirror

FACTS = {"step", "num_steps", "headline", "split", "metrics", "compared", "at_rungs"}
DRAINING_FOR_S = 120.0
"""A node that is announced as draining is gone by then, or stays."""


def live_attempt(mirror: Mirror, secret: str) -> AttemptRecord | None:
    """Find the live attempt with this secret; None if there is none."""
    name = mirror.job_of_secret(_sha256(secret))
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
        old = attempts.attempt_by_token(tx, _sha256(secret))
    if old is None:
        raise UnauthenticatedError("no attempt has this secret")
    raise ConflictError(
        f"attempt {old.number} of {old.job} has ended ({old.end}); end its process",
        code="stale_attempt",
    )


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
        kept = {
            name: streams.end_of(tx, job.name, name) for name in streams.stream_names(tx, job.name)
        }
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
        kept=kept,
    )


def take_report(
    mirror: Mirror, secret: str, report: Report, now: float, *, most_bytes: int
) -> Instructions:
    """Apply a report; returns what the attempt has to do.

    Args:
        mirror: locked by the caller.
        secret: the attempt's.
        report: the attempt's.
        now: Unix time.
        most_bytes: the size to which each of its streams is kept.

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
    offsets = _keep_pieces(mirror, attempt, report, most_bytes)
    nodes = mirror.known_nodes
    mirror.set_draining(nodes & set(report.draining), now + DRAINING_FOR_S)
    workers = _total(attempt.placement)
    job, attempt = _with_report(job, attempt, report, nodes, now)
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
    target = dict(attempt.target or {})
    return Instructions(
        stop=attempt.stop or _rung_stop(job),
        workers=sum(target.values()) or None,
        placement=target,
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
        old = attempts.attempt_by_token(tx, _sha256(secret))
    own = (AttemptEnd.FINISHED, AttemptEnd.STOPPED, AttemptEnd.FAILED)
    return old is not None and old.end in own


def _keep_pieces(
    mirror: Mirror, attempt: AttemptRecord, report: Report, most_bytes: int
) -> dict[str, int]:
    if not report.pieces:
        return {}
    with mirror.ledger.transaction() as tx:
        return {
            piece.stream: streams.append_piece(
                tx,
                attempt.job,
                attempt.number,
                piece.stream,
                piece.offset,
                piece.text.encode(),
                most_bytes=most_bytes,
            )
            for piece in report.pieces
        }


def _with_report(
    job: JobRecord, attempt: AttemptRecord, report: Report, nodes: Set[str], now: float
) -> tuple[JobRecord, AttemptRecord]:
    """The job and the attempt, with what a report says of them."""
    progress = {**job.progress, **_progress_of(report)}
    if _is_plausible(job, attempt, report.placement, nodes):
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


def _is_plausible(
    job: JobRecord, attempt: AttemptRecord, placement: Mapping[str, int], nodes: Set[str]
) -> bool:
    """Whether the attempt can have these workers: on known nodes, no more than it may be given."""
    most = max(job.shape.max_workers, job.workers or 0, _total(attempt.placement))
    is_known = placement.keys() <= nodes and min(placement.values(), default=0) > 0
    return is_known and _total(placement) <= most


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


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
