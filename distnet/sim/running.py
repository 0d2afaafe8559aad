"""A job in the simulation: what it has still to do, and what the scheduler knows of that."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from distnet.scheduler.view import Allocation, JobRequest, Shape
from distnet.sim.load import SimJob


@dataclass(slots=True)
class Record:
    """What became of a job."""

    submit_s: float
    started_s: float | None = None
    ended_s: float | None = None
    held_s: float = 0.0
    """For how long it had room."""
    held_worker_s: float = 0.0
    """The same times its workers."""
    stops: int = 0
    resizes: int = 0


@dataclass(slots=True)
class SimRun:
    """One job of the load, from its submit to its end."""

    number: int
    job: SimJob
    record: Record
    candidate: JobRequest
    """As it waits now; made anew when it has to wait again."""
    work_left: float
    """Worker-seconds."""
    expected_left: float
    """The same as its user believes; less than is left where the user was too hopeful."""
    placement: Mapping[str, int] = field(default_factory=dict)
    started_s: float = 0.0
    resized_s: float = 0.0
    counted_s: float = 0.0
    """Until then, what it held is in the record."""
    trains_from_s: float = 0.0
    """Until then it restarts; until then its work is counted, later on."""
    is_stopping: bool = False
    is_steady: bool = True
    asked: int | None = None
    target: Mapping[str, int] = field(default_factory=dict)
    """Where it will be when it has done what it was asked."""
    version: int = 0
    """Of its events: those of an older one are void."""
    _holder: Allocation | None = None

    @property
    def workers(self) -> int:
        """That it has."""
        return sum(self.placement.values())

    @property
    def ends_s(self) -> float:
        """When its work will be done."""
        return self.trains_from_s + self.work_left / self.workers

    @property
    def is_elastic(self) -> bool:
        """Whether its workers may change."""
        return self.job.min_workers < self.job.max_workers

    def begin(self, now: float, overhead_s: float) -> None:
        """Start, on nodes that it is given next; it goes on with its work after the overhead."""
        self.started_s, self.resized_s = now, 0.0
        self.trains_from_s, self.counted_s = now + overhead_s, now
        self.is_stopping, self.asked, self.is_steady = False, None, overhead_s == 0
        self.changed()
        if self.record.started_s is None:
            self.record.started_s = now

    def count(self, now: float) -> None:
        """Bring work and record up to date."""
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
        """Give the room back, and wait again."""
        self.count(now)
        self.placement = {}
        expected_s = self.expected_left / self.job.min_workers
        self.candidate = replace(self.candidate, expected_s=expected_s)
        self.changed()

    def changed(self) -> None:
        """Make events of before void."""
        self.version += 1
        self._holder = None

    def holder(self) -> Allocation:
        """As the scheduler sees it."""
        if self._holder is None:
            self._holder = Allocation(
                job=self.candidate,
                placement=self.placement,
                started_at=self.started_s,
                ends_at=self.trains_from_s + self.expected_left / self.workers,
                is_stopping=self.is_stopping,
                is_steady=self.is_steady,
                resizing_to=self.asked,
                resized_at=self.resized_s,
            )
        return self._holder


def make_run(number: int, job: SimJob) -> SimRun:
    """Prepare a job of the load."""
    expected_s = job.expected_s * job.max_workers / job.min_workers
    candidate = JobRequest(
        number=number,
        name=f"job-{number}",
        owner=job.user,
        team=job.team,
        priority=job.priority,
        submitted_at=job.submit_s,
        shape=Shape(job.min_workers, job.max_workers, job.cpus, job.gpus),
        expected_s=expected_s,
        is_preemptible=job.is_preemptible,
    )
    known = not math.isinf(job.expected_s)
    return SimRun(
        number=number,
        job=job,
        record=Record(job.submit_s),
        candidate=candidate,
        work_left=job.runtime_s * job.max_workers,
        expected_left=job.expected_s * job.max_workers if known else math.inf,
    )
