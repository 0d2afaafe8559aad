"""The state of one job in the simulation: its remaining work and what the scheduler knows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from distnet.scheduler.view import Allocation, JobRequest, Shape
from distnet.sim.load import SimJob


@dataclass(slots=True)
class Record:
    """The history of a job."""

    submit_s: float
    started_s: float | None = None
    ended_s: float | None = None
    held_s: float = 0.0
    """How long it held workers."""
    held_worker_s: float = 0.0
    """The same, multiplied by the number of workers."""
    stops: int = 0
    resizes: int = 0


@dataclass(slots=True)
class SimRun:
    """One job of the load, from submission to its end."""

    number: int
    job: SimJob
    record: Record
    request: JobRequest
    """As the scheduler sees it; replaced when the job is queued again."""
    work_left: float
    """Worker-seconds."""
    expected_left: float
    """The same by the user's estimate, which may be too small."""
    placement: Mapping[str, int] = field(default_factory=dict)
    started_s: float = 0.0
    resized_s: float = 0.0
    counted_s: float = 0.0
    """Time up to which `record` is complete."""
    trains_from_s: float = 0.0
    """End of a restart; afterwards, the time up to which work is counted."""
    is_stopping: bool = False
    is_steady: bool = True
    resizing_to: int | None = None
    target: Mapping[str, int] = field(default_factory=dict)
    """Its placement after the resize in progress."""
    version: int = 0
    """Of its events: events of older versions are ignored."""
    _allocation: Allocation | None = None

    @property
    def workers(self) -> int:
        """How many it has."""
        return sum(self.placement.values())

    @property
    def ends_s(self) -> float:
        """When its work is done."""
        return self.trains_from_s + self.work_left / self.workers

    @property
    def is_elastic(self) -> bool:
        """Whether its workers may change."""
        return self.job.min_workers < self.job.max_workers

    def begin(self, now: float, overhead_s: float) -> None:
        """Start or restart; its work continues after the overhead. Set its placement afterwards."""
        self.started_s, self.resized_s = now, 0.0
        self.trains_from_s, self.counted_s = now + overhead_s, now
        self.is_stopping, self.resizing_to, self.is_steady = False, None, overhead_s == 0
        self.invalidate()
        if self.record.started_s is None:
            self.record.started_s = now

    def count(self, now: float) -> None:
        """Update work and record to this time."""
        held = (now - self.counted_s) * self.workers
        self.record.held_s += now - self.counted_s
        self.record.held_worker_s += held
        self.counted_s = now
        if now > self.trains_from_s:
            done = (now - self.trains_from_s) * self.workers
            self.work_left = max(0.0, self.work_left - done)
            self.expected_left = max(0.0, self.expected_left - done)
            self.trains_from_s = now

    def leave(self, now: float) -> None:
        """Release the workers; the job may be queued again."""
        self.count(now)
        self.placement = {}
        expected_s, ran_s = self.expected_left / self.job.min_workers, self.record.held_s
        self.request = replace(self.request, expected_s=expected_s, ran_s=ran_s)
        self.invalidate()

    def invalidate(self) -> None:
        """Cancel earlier events and forget the cached allocation."""
        self.version += 1
        self._allocation = None

    def allocation(self) -> Allocation:
        """Return what it holds, as the scheduler sees it."""
        if self._allocation is None:
            self._allocation = Allocation(
                job=self.request,
                placement=self.placement,
                started_at=self.started_s,
                ends_at=self.trains_from_s + self.expected_left / self.workers,
                is_stopping=self.is_stopping,
                is_steady=self.is_steady,
                resizing_to=self.resizing_to,
                resized_at=self.resized_s,
            )
        return self._allocation


def make_run(number: int, job: SimJob) -> SimRun:
    """Make the run of a submitted job."""
    expected_s = job.expected_s * job.max_workers / job.min_workers
    request = JobRequest(
        number=number,
        name=f"job-{number}",
        owner=job.user,
        team=job.team,
        priority=job.priority,
        submitted_at=job.submit_s,
        shape=Shape(job.min_workers, job.max_workers, job.cpus, job.gpus, job.selector),
        expected_s=expected_s,
        is_preemptible=job.is_preemptible,
    )
    known = not math.isinf(job.expected_s)
    return SimRun(
        number=number,
        job=job,
        record=Record(job.submit_s),
        request=request,
        work_left=job.runtime_s * job.max_workers,
        expected_left=job.expected_s * job.max_workers if known else math.inf,
    )
