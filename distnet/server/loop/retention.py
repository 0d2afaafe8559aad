"""Remove the logs, events and own files of jobs that have ended long ago (`limits.keep`).

The rows of jobs, attempts and allocations stay: results, names and accounting do not age. Nothing
is removed of a job for which an open job waits, or which a schedule names; own files stay while
another job or a schedule uses them.

It runs in the loop, in small transactions, for a short time in each iteration. A log is cut off
from its end, so that what is left can be read at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from distnet.server.jobs.dependencies import read_dependency
from distnet.server.ledger import events, jobs, streams, texts
from distnet.server.ledger.records import EventRecord, JobRecord, ScheduleRecord
from distnet.server.state.change import SERVER
from distnet.server.state.mirror import Mirror
from distnet.spec.plural import counted

CHECK_EVERY_S = 60.0
DAY_S = 86_400.0
BUDGET_S = 0.05
"""The time in an iteration; a transaction that has begun ends."""
JOBS_AT_ONCE = 50
PIECES_AT_ONCE = 64
"""Of a log: 4 MiB in a transaction."""
EVENTS_AT_ONCE = 1000


@dataclass
class Retention:
    """Removes what is older than `keep_s`; remembers how far it is, which may be lost."""

    mirror: Mirror
    keep_s: float | None
    monotonic: Callable[[], float]
    _end: float = 0.0
    """When the time of this iteration is over."""
    _checked_at: float = -CHECK_EVERY_S
    _is_behind: bool = False
    _after: tuple[float, int] = (0.0, 0)
    """End and number of the last job that was looked through."""
    _scheduled: frozenset[str] | None = None
    """The archives of all schedules, when unused ones were removed last; None: not yet."""
    _has_unused: bool = False
    """Whether a job with an archive was removed since then."""

    def remove_some(self, now: float) -> None:
        """Remove for a short time, if there is something to remove.

        Raises:
            UnavailableError: the ledger cannot be reached; the next call continues.
        """
        began = self.monotonic()
        is_due = self._is_behind or began - self._checked_at >= CHECK_EVERY_S
        if self.keep_s is None or not is_due:
            return
        self._checked_at, self._end = began, began + BUDGET_S
        self._is_behind = True
        self._is_behind = not (self._remove_jobs(now, self.keep_s) and self._remove_codes(now))

    def _remove_jobs(self, now: float, keep_s: float) -> bool:
        """Remove what expired jobs have; returns whether that is all."""
        while expired := self._expired(now - keep_s):
            protected = self._protected()
            for job in expired:
                if job.name not in protected and not self._remove(job, now, keep_s):
                    return False
                self._after = (job.ended_at or 0.0, job.number)
                if self._is_over:
                    return False
        self._after = (0.0, 0)
        return True

    def _remove(self, job: JobRecord, now: float, keep_s: float) -> bool:
        """Remove the logs and events of a job; returns whether that is all."""
        while self._remove_part(job, now, keep_s):
            if self._is_over:
                return False
        self._has_unused |= job.code is not None
        return True

    def _remove_part(self, job: JobRecord, now: float, keep_s: float) -> bool:
        """Remove a part of a job, or what is left; returns whether there is more."""
        with self.mirror.writing() as tx:
            if streams.cut_streams(tx, job.name, PIECES_AT_ONCE):
                return True
            if events.remove_events(tx, job.name, EVENTS_AT_ONCE) == EVENTS_AT_ONCE:
                return True
            days = counted(keep_s / DAY_S, "day")
            text = f"{job.name}: log and events removed, {days} after its end (limits.keep)"
            jobs.mark_removed(tx, job.number, now)
            events.append_events(tx, [EventRecord(0, now, "removed", job.name, SERVER, text)])
            events.remove_events(tx, job.name, EVENTS_AT_ONCE)
        return False

    def _remove_codes(self, now: float) -> bool:
        """Remove archives that only removed jobs use; returns whether that is all."""
        requests = (schedule.request for schedule in self.mirror.schedules.values())
        scheduled = frozenset(code for one in requests if (code := one.get("code")) is not None)
        if self._scheduled is not None and self._scheduled <= scheduled and not self._has_unused:
            return True
        with self.mirror.ledger.reading() as tx:
            unused = texts.unused_codes(tx) - scheduled
        for sha256 in sorted(unused):
            if self._is_over:
                return False
            with self.mirror.writing() as tx:
                texts.remove_code(tx, sha256, now)
        self._scheduled, self._has_unused = scheduled, False
        return True

    def _expired(self, before: float) -> list[JobRecord]:
        with self.mirror.ledger.reading() as tx:
            return jobs.kept_jobs(tx, before=before, after=self._after, limit=JOBS_AT_ONCE)

    def _protected(self) -> set[str]:
        """Jobs of which nothing is removed: open ones wait for them, or schedules name them."""
        schedules = self.mirror.schedules.values()
        return set(self.mirror.dependents).union(*map(_named_by, schedules))

    @property
    def _is_over(self) -> bool:
        return self.monotonic() > self._end


def _named_by(schedule: ScheduleRecord) -> set[str]:
    """The jobs that the request of a schedule names."""
    after = {read_dependency(text).job for text in schedule.request.get("after") or ()}
    start_from = schedule.request.get("start_from")
    return after | ({start_from} if start_from else set())
