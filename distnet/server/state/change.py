"""A change of the server's state: new values of jobs and attempts, and events that explain them.

    def hold() -> None:
        change = Change(now)
        change.job(replace(job, state=...), "hold", actor, "digits-1 held by ada")
        mirror.commit(change)

    mirror.change(hold)

A change is one transaction of the ledger. The mirror follows only when it is durable, so whatever
was acknowledged survives a crash of the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from distnet.server.ledger.records import (
    AttemptRecord,
    DrainRecord,
    EventRecord,
    JobRecord,
    ReservationRecord,
    ScheduleRecord,
)

SCHEDULER = "scheduler"
ATTEMPT = "attempt"
SERVER = "server"


@dataclass
class Change:
    """Collected first, then committed as a whole."""

    now: float
    is_quiet: bool = False
    """Whether it changes nothing that the scheduler depends on."""
    clock_moved_s: float = 0.0
    """By how much the clock was set; allocations that go on are moved along with it."""
    new_jobs: list[JobRecord] = field(default_factory=list)
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    new_attempts: list[AttemptRecord] = field(default_factory=list)
    attempts: dict[tuple[str, int], AttemptRecord] = field(default_factory=dict)
    schedules: dict[str, ScheduleRecord] = field(default_factory=dict)
    removed_schedules: list[str] = field(default_factory=list)
    drains: dict[str, DrainRecord] = field(default_factory=dict)
    removed_drains: list[str] = field(default_factory=list)
    reservations: dict[str, ReservationRecord] = field(default_factory=dict)
    removed_reservations: list[str] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)

    def job(self, job: JobRecord, kind: str, actor: str, text: str, **data: Any) -> None:
        """Set new values of a job, and add the event that explains them."""
        self.jobs[job.name] = job
        self.event(kind, actor, text, job.name, **data)

    def attempt(self, attempt: AttemptRecord) -> None:
        """Set new values of an attempt."""
        self.attempts[attempt.job, attempt.number] = attempt

    def event(self, kind: str, actor: str, text: str, job: str | None = None, **data: Any) -> None:
        """Add a line to the event log."""
        facts: Mapping[str, Any] = data
        self.events.append(EventRecord(0, self.now, kind, job, actor, text, facts))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        parts = (self.new_jobs, self.jobs, self.new_attempts, self.attempts, self.schedules)
        nodes = (self.drains, self.reservations)
        removed = (self.removed_schedules, self.removed_drains, self.removed_reservations)
        return not (any(parts) or any(nodes) or any(removed) or self.events)
