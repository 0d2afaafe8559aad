"""Jobs whose number of workers changes: the current and the target number, and the reason."""

from distnet.protocol.states import JobState
from distnet.scheduler.capacity.nodes import slots_in
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.state.mirror import Mirror
from distnet.server.views.cluster import cluster
from distnet.spec.plural import counted


def workers_of(job: JobRecord, attempt: AttemptRecord) -> int:
    """The workers that train now; during a resize more than these are reserved."""
    reserved = sum(attempt.placement.values())
    if attempt.target is None or attempt.seen_at is None:
        return reserved
    return min(reserved, int(job.progress.get("workers", reserved)))


def target_workers(job: JobRecord, attempt: AttemptRecord) -> int | None:
    """The workers to which it will change; None if it has these, or is about to end."""
    if attempt.stop is not None:
        return None
    target = job.workers if attempt.target is None else sum(attempt.target.values())
    return None if target == workers_of(job, attempt) else target


def resize_reason(
    mirror: Mirror, job: JobRecord, attempt: AttemptRecord, now: float
) -> tuple[str, tuple[str, ...]]:
    """What a resize waits for, and the jobs that hold the resources for it."""
    target, has = target_workers(job, attempt) or 0, workers_of(job, attempt)
    change = f"resizing from {has} to {counted(target, 'worker')}"
    if attempt.target is not None:
        return f"{change}: it saves a checkpoint first", ()
    selector = job.shape.selector
    nodes = [
        node
        for node in cluster(mirror, now).nodes
        if not node.is_draining and (selector is None or selector.admits(node.labels))
    ]
    free = sum(slots_in(node.free_cpus, node.free_gpus, job.shape.per_worker) for node in nodes)
    more = target - has
    if more <= free:
        return f"{change}: waiting jobs that need the free resources come first", ()
    others = sorted({name for node in nodes for name in node.jobs} - {job.name})
    return f"{change}: waiting for capacity for {counted(more, 'more worker')}", tuple(others)


def attempt_text(job: JobRecord, attempt: AttemptRecord) -> str:
    """What the attempt of a job does, if there is no other reason for its state."""
    if attempt.seen_at is None:
        return f"attempt {attempt.number} has not reported yet"
    if job.state is JobState.STARTING:
        return f"attempt {attempt.number} has not made a step yet"
    return f"attempt {attempt.number} is training"
