"""Monitor live attempts: start them, poll silent ones, enforce time limits, kill those overdue.

A silent attempt has not failed. It counts as lost only if a reachable cluster says for a while that
its process is gone, and it has been silent for longer than its reports can be delayed. An attempt
that has never reported, and that stays pending for minutes, is started again as well: Ray forgets a
job now and then, and calls it pending for a quarter of an hour.
"""

from dataclasses import dataclass, field, replace

from distnet.protocol.states import AttemptEnd, JobState, StopReason
from distnet.scheduler.format import format_duration
from distnet.server.attempts.decisions import request_stop
from distnet.server.attempts.outcome import end_attempt
from distnet.server.gateway.actions import Action, ActionKind
from distnet.server.gateway.gateway import ProcessStatus
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.settings import Settings
from distnet.server.state.change import SERVER, Change
from distnet.server.state.mirror import Mirror
from distnet.server.state.time_left import trained_s

START_EVERY_S = 1.0
POLL_EVERY_S = 5.0
KILL_EVERY_S = 10.0
GONE_FOR_S = 10.0
RESIZE_PATIENCE_S = 300.0
PENDING_PATIENCE_S = 180.0
LONGEST_MESSAGE = 2000
STATUS_TEXT = {
    ProcessStatus.ABSENT: "does not know it",
    ProcessStatus.ENDED: "says that it has ended",
    ProcessStatus.PENDING: "has not started it for minutes",
}


@dataclass
class Monitor:
    """Remembers what the cluster said of attempts; all of that can be lost without harm."""

    mirror: Mirror
    settings: Settings
    _acted_at: dict[tuple[ActionKind, str], float] = field(default_factory=dict)
    _gone_since: dict[str, float] = field(default_factory=dict)
    _resizing: dict[str, tuple[int, float]] = field(default_factory=dict)

    def check(self, now: float) -> list[Action]:
        """Check every live attempt; returns actions for the cluster."""
        actions: list[Action] = []
        for name, attempt in list(self.mirror.attempts.items()):
            if attempt.handed_at is None:
                # One that has to stop need not start, but its start may be on the way, or done.
                kind = ActionKind.START if attempt.stop is None else ActionKind.POLL
                actions += self._act(kind, attempt, now, every_s=START_EVERY_S)
                continue
            self._check_max_time(name, now)
            self._check_resize(name, now)
            actions += self._check_silence(name, now)
            actions += self._check_grace(name, now)
        return actions

    def set_submitted(self, job_name: str, submission: str, now: float) -> None:
        """Record that the cluster has an attempt."""
        attempt = self._attempt(job_name, submission)
        if attempt is None or attempt.handed_at is not None:
            return
        change = Change(now)
        change.attempt(replace(attempt, handed_at=now))
        self.mirror.commit(change)
        job = self.mirror.jobs[job_name]
        if job.state is JobState.STARTING and job.reason:  # of an earlier try to start it
            self.mirror.set_unsaved(replace(job, reason=""), self.mirror.attempts[job_name])

    def set_start_failed(self, action: Action, why: str) -> None:
        """Record why an attempt is not started yet; the start is repeated."""
        attempt = self._attempt(action.job, action.submission)
        if attempt is None or attempt.handed_at:
            return
        job, reason = self.mirror.jobs[action.job], f"the cluster has not accepted it yet: {why}"
        if job.state is JobState.STARTING and job.reason != reason:
            self.mirror.set_unsaved(replace(job, reason=reason), attempt)

    def set_status(self, action: Action, status: ProcessStatus, message: str, now: float) -> None:
        """Take the cluster's status of an attempt, and its message about how it ended."""
        attempt = self._attempt(action.job, action.submission)
        if attempt is None:
            return
        if status in (ProcessStatus.PENDING, ProcessStatus.RUNNING):
            self.set_submitted(action.job, action.submission, now)  # the response was lost
            attempt = self.mirror.attempts[action.job]
            self._gone_since.pop(attempt.submission, None)
            has_reported, waited_s = attempt.seen_at is not None, self._silent_s(attempt, now)
            is_stuck = status is ProcessStatus.PENDING and not has_reported
            if is_stuck and waited_s >= PENDING_PATIENCE_S:
                self._give_up(attempt, status, message, now)
            return
        gone_s = now - self._gone_since.setdefault(attempt.submission, now)
        if gone_s >= GONE_FOR_S and self._silent_s(attempt, now) >= self._patience_s(attempt, now):
            self._give_up(attempt, status, message, now)

    def clock_was_set(self, by_s: float, now: float) -> None:
        """Move all times along with the clock: no attempt has trained longer because of it."""
        change, way = Change(now, clock_moved_s=by_s), "forward" if by_s > 0 else "back"
        change.event("clock", SERVER, f"the clock was set {way} by {format_duration(abs(by_s))}")
        for attempt in self.mirror.attempts.values():
            moved = {
                name: min(time + by_s, now)
                for name in ("handed_at", "seen_at", "stop_at")
                if (time := getattr(attempt, name)) is not None
            }
            change.attempt(replace(attempt, **moved))
        self.mirror.commit(change)
        self.mirror.opened_at += by_s
        for memory in (self._acted_at, self._gone_since, self._resizing):
            memory.clear()

    def forget_ended(self) -> None:
        """Forget attempts that have ended."""
        live = {attempt.submission for attempt in self.mirror.attempts.values()}
        self._acted_at = {key: at for key, at in self._acted_at.items() if key[1] in live}
        self._gone_since = {key: at for key, at in self._gone_since.items() if key in live}
        self._resizing = {key: size for key, size in self._resizing.items() if key in live}

    def _attempt(self, job_name: str, submission: str) -> AttemptRecord | None:
        """The live attempt of a job, if it is still this one."""
        attempt = self.mirror.attempts.get(job_name)
        return attempt if attempt is not None and attempt.submission == submission else None

    def _newest(self, name: str) -> tuple[JobRecord, AttemptRecord]:
        return self.mirror.jobs[name], self.mirror.attempts[name]

    def _silent_s(self, attempt: AttemptRecord, now: float) -> float:
        times = (attempt.seen_at or 0.0, attempt.handed_at or 0.0, self.mirror.opened_at)
        # Future times are from a clock that was ahead.
        return now - max((time for time in times if time <= now), default=now)

    def _patience_s(self, attempt: AttemptRecord, now: float) -> float:
        """How long an attempt that the cluster does not have may be silent."""
        if attempt.handed_at is None:
            return 0.0  # it need not have reported
        if self._is_overdue(attempt, now):
            return 0.0  # it was killed: whoever still reports has only its secret
        return self.settings.lost_after_s

    def _is_overdue(self, attempt: AttemptRecord, now: float) -> bool:
        """Whether an attempt that has to stop was given its time, and is killed since."""
        grace = self.mirror.jobs[attempt.job].grace_s
        return attempt.stop_at is not None and now - attempt.stop_at > grace

    def _check_silence(self, name: str, now: float) -> list[Action]:
        job, attempt = self._newest(name)
        silent_s = self._silent_s(attempt, now)
        if silent_s < self.settings.silent_after_s:
            if not self._is_overdue(attempt, now):
                self._gone_since.pop(attempt.submission, None)
            return []
        if job.state is JobState.RUNNING:
            change = Change(now)
            reason = f"no report for {silent_s:.0f} s; it may still be training"
            unknown = replace(job, state=JobState.UNKNOWN, reason=reason)
            change.job(unknown, "state", SERVER, f"{job.name}: {reason}")
            self.mirror.commit(change)
        return self._act(ActionKind.POLL, attempt, now, every_s=POLL_EVERY_S)

    def _check_grace(self, name: str, now: float) -> list[Action]:
        _, attempt = self._newest(name)
        if not self._is_overdue(attempt, now):
            return []
        return [
            *self._act(ActionKind.KILL, attempt, now, every_s=KILL_EVERY_S),
            *self._act(ActionKind.POLL, attempt, now, every_s=POLL_EVERY_S),
        ]

    def _check_max_time(self, name: str, now: float) -> None:
        job, attempt = self._newest(name)
        if job.max_time_s is None or attempt.stop is not None:
            return
        if trained_s(job, attempt, now) > job.max_time_s:
            change = Change(now)
            text = f"trained for queue.max_time, {job.max_time_s:g} s"
            request_stop(self.mirror, change, job, StopReason.MAX_TIME, actor=SERVER, text=text)
            self.mirror.commit(change)

    def _check_resize(self, name: str, now: float) -> None:
        """Give up a resize that an attempt does not carry out."""
        _, attempt = self._newest(name)
        if attempt.target is None:
            self._resizing.pop(attempt.submission, None)
            return
        workers = sum(attempt.target.values())
        before, since = self._resizing.setdefault(attempt.submission, (workers, now))
        if workers != before:
            self._resizing[attempt.submission] = (workers, now)
        elif now - since > RESIZE_PATIENCE_S:
            change = Change(now)
            change.attempt(replace(attempt, target=None))
            patience = format_duration(RESIZE_PATIENCE_S)
            text = f"{attempt.job} did not resize to {workers} within {patience}"
            change.event("resized", SERVER, text, attempt.job)
            self.mirror.commit(change)

    def _give_up(
        self, attempt: AttemptRecord, status: ProcessStatus, message: str, now: float
    ) -> None:
        self._gone_since.pop(attempt.submission, None)
        text = STATUS_TEXT[status]
        if message and attempt.seen_at is None:  # once it has reported, its own log says more
            text += f": {message[-LONGEST_MESSAGE:]}"
        how = "was killed" if self._is_overdue(attempt, now) else "does not report any more"
        error = f"it {how}, and the cluster {text}"
        lost = replace(attempt, ended_at=now, end=AttemptEnd.LOST, error=error)
        end_attempt(self.mirror, self.mirror.jobs[attempt.job], lost, result=None, now=now)

    def _act(
        self, kind: ActionKind, attempt: AttemptRecord, now: float, *, every_s: float
    ) -> list[Action]:
        """Repeat an action when it is time for it."""
        key = (kind, attempt.submission)
        if now - self._acted_at.get(key, 0.0) < every_s:
            return []
        self._acted_at[key] = now
        return [Action(kind, attempt.submission, attempt.job)]
