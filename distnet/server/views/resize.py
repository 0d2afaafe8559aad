"""A job whose workers change: how many train, how many shall, and what that waits for."""

from distnet.protocol.states import JobState
from distnet.scheduler.nodes import slots_in
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.state.mirror import Mirror
from distnet.server.views.nodes import cluster
from distnet.spec.plural import counted


def workers_of(job: JobRecord, attempt: AttemptRecord) -> int:
    """The workers that train: while they change, room is kept for more than there are."""
    kept = sum(attempt.placement.values())
    if attempt.target is None or attempt.seen_at is None:
        return kept
    return min(kept, int(job.progress.get("workers", kept)))


def wanted_of(job: JobRecord, attempt: AttemptRecord) -> int | None:
    """The workers that it is to go on with; None where it has them, or is to end."""
    if attempt.stop is not None:
        return None
    wanted = job.workers if attempt.target is None else sum(attempt.target.values())
    return None if wanted == workers_of(job, attempt) else wanted


def pending(
    mirror: Mirror, job: JobRecord, attempt: AttemptRecord, now: float
) -> tuple[str, tuple[str, ...]]:
    """What the other workers of a job wait for, and the jobs that hold the room for them."""
    wanted, has = wanted_of(job, attempt) or 0, workers_of(job, attempt)
    asked = f"asked for {counted(wanted, 'worker')}, {has} now"
    if attempt.target is not None:
        return f"{asked}; it goes on with them when it has saved", ()
    nodes = [node for node in cluster(mirror, now).nodes if not node.is_draining]
    free = sum(slots_in(node.free_cpus, node.free_gpus, job.shape.per_worker) for node in nodes)
    if wanted - has <= free:
        return f"{asked}; there is room, which it gets as soon as no other job waits for such", ()
    others = sorted({name for node in nodes for name in node.jobs} - {job.name})
    return f"{asked}; there is no room yet for {wanted - has} more", tuple(others)


def how(job: JobRecord, attempt: AttemptRecord) -> str:
    """How a job is that has an attempt and no other reason."""
    if attempt.seen_at is None:
        return f"its attempt {attempt.number} has not spoken yet"
    if job.state is JobState.STARTING:
        return f"its attempt {attempt.number} has not made a step yet"
    return f"its attempt {attempt.number} trains"
