"""Everything that happens is a change: new values of jobs and attempts, and what is told of it.

    with mirror.lock:
        change = Change(now)
        change.job(replace(job, state=...), "held", actor, "held by ada")
        mirror.commit(change)

A change is one transaction of the ledger. Only when it is durable do the values in memory follow,
so whatever was acknowledged survives the death of the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from distnet.server.ledger.records import AttemptRecord, EventRecord, JobRecord, ScheduleRecord

SCHEDULER = "scheduler"
ATTEMPT = "attempt"
SERVER = "server"


@dataclass
class Change:
    """Collected, then committed as one."""

    now: float
    is_quiet: bool = False
    """It changes nothing that the scheduler goes by."""
    new_jobs: list[JobRecord] = field(default_factory=list)
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    new_attempts: list[AttemptRecord] = field(default_factory=list)
    attempts: dict[tuple[str, int], AttemptRecord] = field(default_factory=dict)
    schedules: dict[str, ScheduleRecord] = field(default_factory=dict)
    removed_schedules: list[str] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)

    def job(self, job: JobRecord, kind: str, actor: str, text: str, **data: Any) -> None:
        """Give a job new values, and tell why."""
        self.jobs[job.name] = job
        self.tell(kind, actor, text, job.name, **data)

    def attempt(self, attempt: AttemptRecord) -> None:
        """Give an attempt new values."""
        self.attempts[attempt.job, attempt.number] = attempt

    def tell(self, kind: str, actor: str, text: str, job: str | None = None, **data: Any) -> None:
        """Add a line to the event log."""
        facts: Mapping[str, Any] = data
        self.events.append(EventRecord(0, self.now, kind, job, actor, text, facts))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        parts = (self.new_jobs, self.jobs, self.new_attempts, self.attempts, self.schedules)
        return not (any(parts) or self.removed_schedules or self.events)
