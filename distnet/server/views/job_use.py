"""What a job was given of the cluster, and what it has used of that, over all its attempts."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Self

from sqlalchemy import Connection

from distnet.protocol.message import stored
from distnet.protocol.usage import JobUse, Used
from distnet.server.ledger import allocations, attempts, jobs
from distnet.server.ledger.records import AllocationRecord, AttemptRecord, JobRecord
from distnet.server.state.mirror import Mirror

Attempts = Sequence[AttemptRecord]
Allocations = Sequence[AllocationRecord]


class Live(NamedTuple):
    """Open jobs and live attempts by the name of the job; newer than the ledger has them."""

    jobs: Mapping[str, JobRecord]
    attempts: Mapping[str, AttemptRecord]

    @classmethod
    def of(cls, mirror: Mirror) -> Self:
        """Those of a mirror, as they are now."""
        with mirror.locked():
            return cls(mirror.jobs.copy(), mirror.attempts.copy())


def uses_of(live: Live, tx: Connection, names: Collection[str], now: float) -> dict[str, JobUse]:
    """What jobs were given and have used, by name."""
    of_attempts, held = defaultdict(list), defaultdict(list)
    for attempt in attempts.attempts_of_jobs(tx, names):
        of_attempts[attempt.job].append(attempt)
    for allocation in allocations.allocations_of(tx, names):
        held[allocation.job].append(allocation)
    return {
        job.name: job_use(live, job, of_attempts[job.name], held[job.name], now)
        for job in jobs.read_jobs(tx, names)
    }


def job_use(
    live: Live, job: JobRecord, of_attempts: Attempts, held: Allocations, now: float
) -> JobUse:
    """What a job was given and has used.

    Args:
        live: has newer values of what is open.
        job: the job, as the ledger has it.
        of_attempts: its attempts.
        held: its allocations.
        now: Unix time.
    """
    job, last = live.jobs.get(job.name, job), live.attempts.get(job.name)
    newest = [last if last and last.number == one.number else one for one in of_attempts]
    found = {one.number: stored(Used, one.used) for one in newest}
    used = {number: one for number, one in found.items() if one is not None}
    worker_s = _worker_seconds(held, now)
    measured_s = sum(seconds for number, seconds in worker_s.items() if number in used)
    cpu_s, gpu_s = (sum(worker_s.values()) * each for each in (job.shape.cpus, job.shape.gpus))
    cpu_used_s = sum(one.cpu_s for one in used.values()) if used else None
    of_gpus = [one.gpu_s for one in used.values() if one.gpu_s is not None]
    gpu_used_s = sum(of_gpus) if of_gpus else None
    largest = max(used.values(), key=lambda one: one.peak_bytes, default=None)
    num_steps, num_recomputed = _steps(job, used)
    return JobUse(
        cpu_s=cpu_s,
        gpu_s=gpu_s,
        cpu_used_s=cpu_used_s,
        gpu_used_s=gpu_used_s,
        cpu_efficiency=_share(cpu_used_s, measured_s * job.shape.cpus),
        gpu_efficiency=_share(gpu_used_s, measured_s * job.shape.gpus),
        peak_bytes=largest and largest.peak_bytes,
        node_bytes=largest and largest.node_bytes,
        waited_s=_waited_s(job, held, now),
        num_steps=num_steps,
        num_recomputed=num_recomputed,
    )


def _worker_seconds(held: Allocations, now: float) -> dict[int, float]:
    """The seconds of all workers together, by the number of the attempt."""
    sums: dict[int, float] = {}
    for one in held:
        passed = max(0.0, (now if one.ended_at is None else one.ended_at) - one.began_at)
        sums[one.attempt] = sums.get(one.attempt, 0.0) + one.workers * passed
    return sums


def _waited_s(job: JobRecord, held: Allocations, now: float) -> float:
    """The time since its submit, or its last retry, in which a job had no workers."""
    end = now if job.ended_at is None else job.ended_at
    had = sum(
        max(0.0, min(end, one.ended_at or end) - max(one.began_at, job.submitted_at))
        for one in held
    )
    return max(0.0, end - job.submitted_at - had)


def _steps(job: JobRecord, used: Mapping[int, Used]) -> tuple[int | None, int | None]:
    """The steps that were made in all, and those of them that were made again."""
    reached = job.progress.get("step")
    if not used or reached is None:
        return None, None
    num_steps = sum(one.num_steps for one in used.values())
    gained = int(reached) - used[min(used)].first_step
    return num_steps, max(0, num_steps - max(0, gained))


def _share(used_s: float | None, given_s: float) -> float | None:
    return None if used_s is None or given_s <= 0 else used_s / given_s
