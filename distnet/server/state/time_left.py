"""How long a job has trained, and how long it will still train."""

import math

from distnet.protocol.numbers import LATEST
from distnet.protocol.states import JobState
from distnet.server.ledger.records import AttemptRecord, JobRecord

TRAINING = (JobState.RUNNING, JobState.UNKNOWN)


def seconds_left(job: JobRecord, attempt: AttemptRecord | None, now: float) -> float | None:
    """Estimate the time left, by the pace of the steps, else by queue.expected; None: unknown."""
    so_far = trained_s(job, attempt, now)
    limit = None if job.max_time_s is None else job.max_time_s - so_far
    expected = None if job.expected_s is None else job.expected_s - so_far
    by_pace = _by_pace(job, attempt, now)
    estimates = (limit, expected if by_pace is None else by_pace)
    known = [seconds for seconds in estimates if seconds is not None]
    left = max(0.0, min(known, default=math.inf))
    return left if now + left < LATEST else None  # nobody waits until then


def trained_s(job: JobRecord, attempt: AttemptRecord | None, now: float) -> float:
    """How long a job has trained, in all its attempts together."""
    if attempt is None:
        return job.trained_s
    return job.trained_s + max(0.0, now - (attempt.handed_at or attempt.created_at))


def _by_pace(job: JobRecord, attempt: AttemptRecord | None, now: float) -> float | None:
    """The time for the remaining steps, at the pace that the attempt reported last."""
    if attempt is None or attempt.seen_at is None or job.state not in TRAINING:
        return None
    step, num_steps = job.progress.get("step"), job.progress.get("num_steps")
    pace = job.progress.get("seconds_per_step")
    if step is None or num_steps is None or pace is None:
        return None
    return float(pace * (num_steps - step)) - (now - attempt.seen_at)
