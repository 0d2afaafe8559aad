"""Why a job is in its state, and what a waiting job waits for."""

from collections.abc import Iterable

from distnet.protocol.jobs import WhyResponse
from distnet.protocol.states import JobState
from distnet.server.jobs.commands import find
from distnet.server.jobs.dependencies import UNTIL, unmet
from distnet.server.ledger.records import JobRecord
from distnet.server.state.mirror import Mirror
from distnet.server.views.resize import attempt_text, resize_reason, target_workers

MOST_NAMES = 5
"""Jobs that are listed as ahead of another, or as holding what it needs."""


def reason_of(mirror: Mirror, job: JobRecord) -> tuple[str, str, int | None]:
    """The code and the text of why a job is in its state, and its position in the queue."""
    if job.state is not JobState.WAITING:
        return "held" if job.state is JobState.HELD else "", job.reason, None
    if job.is_at_rung:
        return "rung", mirror.rung_waits.get(job.name) or job.reason, None
    dependencies = unmet(job, mirror.states(job)) if job.after else []
    if dependencies:
        first = dependencies[0]
        return "after", f"waiting until {first.job} {UNTIL[first.condition]}", None
    if mirror.snapshot is None or mirror.unreachable:
        return "cluster", mirror.unreachable, None
    wait = mirror.waits.get(job.number)
    if wait is None:
        return "behind", "just queued", None
    return wait.code, wait.reason, mirror.positions[job.number]


def why(mirror: Mirror, name: str, now: float) -> WhyResponse:
    """What a job waits for, without an estimate of its start; for other jobs, how they are."""
    job = find(mirror, name)
    code, reason, position = reason_of(mirror, job)
    attempt = mirror.attempts.get(name)
    holders: tuple[str, ...] = ()
    if attempt is not None and target_workers(job, attempt) is not None:
        code, (reason, holders) = "resize", resize_reason(mirror, job, attempt, now)
    elif attempt is not None:
        reason = reason or attempt_text(job, attempt)
    response = WhyResponse(
        job=name,
        state=job.state,
        code=code,
        reason=reason,
        position=position,
        holders=holders[:MOST_NAMES],
    )
    wait = mirror.waits.get(job.number)
    if job.state is not JobState.WAITING or position is None or wait is None:
        return response
    ahead = _names(mirror, (w.job for w in mirror.plan.queue[: position - 1][:MOST_NAMES]))
    return response.model_copy(update={"ahead": ahead, "holders": _names(mirror, wait.blockers)})


def _names(mirror: Mirror, numbers: Iterable[int]) -> tuple[str, ...]:
    by_number = {job.number: job.name for job in mirror.jobs.values()}
    return tuple(by_number[number] for number in numbers if number in by_number)
