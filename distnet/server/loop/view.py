"""Make the scheduler's view from the mirror."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from distnet.protocol.states import JobState
from distnet.scheduler.view import Allocation, JobRequest, Policy, Shape, Team, View
from distnet.server.jobs.dependencies import unmet
from distnet.server.ledger.records import AttemptRecord, JobRecord, TeamRecord
from distnet.server.nodes.reserve import reserved_nodes
from distnet.server.state.mirror import Mirror
from distnet.server.state.time_left import seconds_left


@dataclass
class ViewBuilder:
    """Makes views; what stays the same from one to the next is made once."""

    mirror: Mirror
    policy: Policy
    _requests: dict[str, tuple[JobRecord, JobRequest]] = field(default_factory=dict)

    def view(self, now: float, usage: Mapping[str, float]) -> View:
        """Make a view of this moment."""
        mirror = self.mirror
        return View(
            now=now,
            nodes=mirror.groups.with_absent(mirror.nodes(now), now),
            waiting=[
                self._waiting(job)
                for job in mirror.jobs.values()
                if job.state is JobState.WAITING
                and not job.is_at_rung
                and not (job.after and unmet(job, mirror.states(job)))
            ],
            allocations=[
                self._allocation(mirror.jobs[name], attempt, now)
                for name, attempt in mirror.attempts.items()
            ],
            teams={name: _team(record) for name, record in mirror.teams.items()},
            usage=usage,
            policy=self.policy,
            groups=mirror.groups.state(now),
            reserved=reserved_nodes(mirror, now),
        )

    def request(self, job: JobRecord) -> JobRequest:
        """A job as the scheduler sees it."""
        known = self._requests.get(job.name)
        if known is not None and known[0] is job:
            return known[1]
        request = JobRequest(
            number=job.number,
            name=job.name,
            owner=job.owner,
            team=job.team,
            priority=job.priority,
            submitted_at=job.submitted_at,
            ran_s=job.trained_s,
            shape=_shape(job),
            not_before=job.not_before,
            expected_s=_expected(job),
            is_preemptible=job.is_preemptible,
            reservation=job.reservation or "",
            sweep=job.array or "",
            trials_at_once=job.trials_at_once,
        )
        self._requests[job.name] = (job, request)
        return request

    def _waiting(self, job: JobRecord) -> JobRequest:
        """A job that waits: it does not start where its last attempt had to leave."""
        request, leaving = self.request(job), self.mirror.leaving.of(job.name)
        if not leaving:
            return request
        return replace(request, shape=request.shape._replace(barred=leaving))

    def forget_ended(self) -> None:
        """Forget jobs that have ended."""
        for name in self._requests.keys() - self.mirror.jobs.keys():
            del self._requests[name]

    def _allocation(self, job: JobRecord, attempt: AttemptRecord, now: float) -> Allocation:
        left = seconds_left(job, attempt, now)
        is_steady = job.state is JobState.RUNNING and attempt.target is None
        held = sum(attempt.placement.values())
        return Allocation(
            job=_with_requested_workers(self.request(job), job.workers, held),
            placement=attempt.placement,
            started_at=attempt.created_at,
            resizing_to=None if attempt.target is None else sum(attempt.target.values()),
            resized_at=attempt.resized_at or 0.0,
            ends_at=math.inf if left is None else now + left,
            is_stopping=attempt.stop is not None,
            is_steady=is_steady,
            is_resize_requested=job.workers not in (None, held),
        )


def _with_requested_workers(request: JobRequest, workers: int | None, held: int) -> JobRequest:
    """A job that a user has resized: until it has these workers, it may grow as elastic jobs do."""
    if workers is None or workers == held:
        return request
    shape = request.shape
    requested = shape.resized(min(workers, held), max(workers, held))
    return replace(request, shape=requested)


def _shape(job: JobRecord) -> Shape:
    if job.workers is None:
        return job.shape
    return job.shape.resized(job.workers, job.workers)


def _expected(job: JobRecord) -> float:
    limit = min((x for x in (job.expected_s, job.max_time_s) if x is not None), default=math.inf)
    return max(0.0, limit - job.trained_s)


def _team(record: TeamRecord) -> Team:
    def number(value: float | None) -> float:
        return math.inf if value is None else value

    return Team(
        record.name,
        record.weight,
        number(record.quota_cpus),
        number(record.quota_gpus),
        number(record.limit_cpus),
        number(record.limit_gpus),
    )
