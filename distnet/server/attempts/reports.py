"""What attempts report, and what they are told to do.

Signs of life are kept in memory and become durable every few seconds; what is acknowledged to the
attempt (pieces of its logs, its exit) is durable before.
"""

import hashlib
import math
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from distnet.protocol.attempt import RATES, Exit, Orders, Report, Task
from distnet.protocol.errors import ConflictError, UnauthenticatedError
from distnet.protocol.states import AttemptEnd, JobState
from distnet.server.attempts.outcome import after_end, with_progress
from distnet.server.ledger import attempts, streams
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.state.change import ATTEMPT, Change
from distnet.server.state.job_files import retry_of, text_of
from distnet.server.state.mirror import Mirror

LIVE_AGAIN = (JobState.STARTING, JobState.UNKNOWN, JobState.RUNNING)

DRAINING_FOR_S = 120.0  # a node whose end was announced is gone by then, or stays


def find(mirror: Mirror, secret: str) -> tuple[JobRecord, AttemptRecord]:
    """The live attempt that has this secret, and its job.

    Raises:
        UnauthenticatedError: nobody has it.
        ConflictError: `stale_attempt`: it is over, or a newer one has taken its place.
    """
    sha256 = hashlib.sha256(secret.encode()).hexdigest()
    name = mirror.job_of_secret(sha256)
    if name is not None:
        return mirror.jobs[name], mirror.attempts[name]
    with mirror.ledger.reading() as tx:
        old = attempts.attempt_by_token(tx, sha256)
    if old is None:
        raise UnauthenticatedError("no attempt has this secret")
    raise ConflictError(
        f"attempt {old.number} of {old.job} is over ({old.end}); end it", code="stale_attempt"
    )


def task(mirror: Mirror, secret: str, *, runs: str, report_every_s: float) -> Task:
    """What the attempt with this secret is to do."""
    job, attempt = find(mirror, secret)
    with mirror.ledger.reading() as tx:
        kept = {
            name: streams.end_of(tx, job.name, name) for name in streams.stream_names(tx, job.name)
        }
    return Task(
        job=job.name,
        attempt=attempt.number,
        spec=text_of(mirror, job),
        code=job.code,
        placement=dict(attempt.placement),
        runs=runs,
        start_from=job.start_from,
        report_every_s=report_every_s,
        kept=kept,
    )


def report(mirror: Mirror, secret: str, said: Report, now: float, *, most_bytes: int) -> Orders:
    """Take down what an attempt says; returns what it is to do next.

    Args:
        mirror: with the attempt.
        secret: the attempt's.
        said: what it says.
        now: Unix time.
        most_bytes: of each of its streams that are kept.

    Raises:
        UnauthenticatedError: nobody has this secret.
        ConflictError: `stale_attempt`.
        UnavailableError: the ledger cannot be reached; nothing of it was taken down.
    """
    try:
        job, attempt = find(mirror, secret)
    except ConflictError:
        if said.exit is not None and _is_told(mirror, secret):
            return Orders()  # the answer to its last words was lost
        raise
    offsets = _keep_pieces(mirror, attempt, said, most_bytes)
    nodes = mirror.known_nodes
    mirror.set_draining(nodes & set(said.draining), now + DRAINING_FOR_S)
    job, attempt = _sign_of_life(job, attempt, said, nodes, now)
    if said.exit is not None:
        _end(mirror, job, attempt, said.exit, now)
        return Orders(offsets=offsets)
    state = _state(job, attempt, said)
    if state is job.state:
        mirror.note(job, attempt)
    else:
        _change_state(mirror, job, attempt, state, now)
    target = dict(attempt.target or {})
    return Orders(
        stop=attempt.stop, workers=sum(target.values()) or None, placement=target, offsets=offsets
    )


def _is_told(mirror: Mirror, secret: str) -> bool:
    """Whether this attempt has ended by its own account."""
    with mirror.ledger.reading() as tx:
        old = attempts.attempt_by_token(tx, hashlib.sha256(secret.encode()).hexdigest())
    own = (AttemptEnd.FINISHED, AttemptEnd.STOPPED, AttemptEnd.FAILED)
    return old is not None and old.end in own


def _keep_pieces(
    mirror: Mirror, attempt: AttemptRecord, said: Report, most_bytes: int
) -> dict[str, int]:
    if not said.pieces:
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
            for piece in said.pieces
        }


def _sign_of_life(
    job: JobRecord, attempt: AttemptRecord, said: Report, nodes: Set[str], now: float
) -> tuple[JobRecord, AttemptRecord]:
    progress = {**job.progress, **_progress_of(said)}
    placement, target = attempt.placement, attempt.target
    is_true = _may_be_true(job, attempt, said.placement, nodes)
    if is_true:
        progress["workers"] = _num(said.placement)
    if is_true and target is None:
        placement = said.placement
    elif is_true and _num(said.placement) == _num(target or {}):
        placement, target = said.placement, None  # it has changed its workers as it was asked to
        attempt = replace(attempt, resized_at=now)  # until then room for both is kept
    job = with_progress(replace(job, progress=progress), said.saved_step)
    attempt = replace(
        attempt,
        seen_at=now,
        placement=placement,
        target=target,
        handed_at=attempt.handed_at or now,
    )
    return job, attempt


def _progress_of(said: Report) -> dict[str, Any]:
    """What a report says of the training; what it leaves out stays as an earlier one said."""
    rates = {name: said.progress[name] for name in RATES if name in said.progress}
    progress: dict[str, Any] = {n: value for n, value in rates.items() if math.isfinite(value)}
    facts = said.model_dump(include={"step", "num_steps", "headline", "split", "metrics"})
    return progress | {name: fact for name, fact in facts.items() if fact not in (None, {})}


def _may_be_true(
    job: JobRecord, attempt: AttemptRecord, placement: Mapping[str, int], nodes: Set[str]
) -> bool:
    """Whether workers can be where an attempt says: nobody may hold more than he could be given."""
    most = max(job.shape.max_workers, job.workers or 0, _num(attempt.placement))
    is_known = placement.keys() <= nodes and min(placement.values(), default=0) > 0
    return is_known and _num(placement) <= most


def _num(placement: Mapping[str, int]) -> int:
    return sum(placement.values())


def _state(job: JobRecord, attempt: AttemptRecord, said: Report) -> JobState:
    if attempt.stop is not None:
        return JobState.STOPPING
    if said.is_training:
        return JobState.RUNNING
    return JobState.STARTING if job.state is JobState.UNKNOWN else job.state


def _change_state(
    mirror: Mirror, job: JobRecord, attempt: AttemptRecord, state: JobState, now: float
) -> None:
    change = Change(now)
    was_silent = job.state is JobState.UNKNOWN
    text = f"{job.name} is heard again" if was_silent else f"{job.name} trains"
    started_at = job.started_at or (now if state is JobState.RUNNING else None)
    reason = "" if state is JobState.RUNNING else job.reason
    change.job(
        replace(job, state=state, started_at=started_at, reason=reason), "state", ATTEMPT, text
    )
    change.attempt(attempt)
    mirror.commit(change)


def _end(mirror: Mirror, job: JobRecord, attempt: AttemptRecord, said: Exit, now: float) -> None:
    attempt = replace(
        attempt,
        ended_at=now,
        end=said.end,
        error=said.error,
        failure=said.failure,
        step=said.step,
    )
    end_attempt(mirror, job, attempt, result=said.result, now=now)


def flush(mirror: Mirror, now: float) -> None:
    """Make the newest signs of life durable."""
    change = Change(now, is_quiet=True)
    for name in sorted(mirror.heard & mirror.attempts.keys()):
        change.attempt(mirror.attempts[name])
        change.jobs[name] = mirror.jobs[name]
    mirror.commit(change)
    mirror.heard.clear()


def end_attempt(
    mirror: Mirror,
    job: JobRecord,
    attempt: AttemptRecord,
    *,
    result: dict[str, Any] | None,
    now: float,
) -> None:
    """Take down that an attempt has ended, and what becomes of its job."""
    if attempt.step is not None and attempt.end is not AttemptEnd.FAILED:
        job = with_progress(job, attempt.step)
    after = after_end(job, attempt, retry_of(mirror, job), now)
    failed = {"error": attempt.error, "failure": attempt.failure} if attempt.error else None
    after = replace(after, result=result or failed or job.result)
    change = Change(now)
    said = f"attempt {attempt.number} of {job.name} {attempt.end}"
    why = f": {attempt.error.splitlines()[0]}" if attempt.error else ""
    change.attempt(attempt)
    facts = {"state": after.state, "end": attempt.end, "step": attempt.step}
    change.job(after, "ended", ATTEMPT, said + why, **facts)
    mirror.commit(change)
