"""Look after the attempts that live: those not handed over yet, silent ones, those that overstay.

Silence is never a failure. An attempt is given up only when a reachable cluster says, for a while,
that its process is gone, and it has not been heard for longer than it could have gone unheard. One
that never spoke, and that the cluster has not begun for minutes, is begun anew as well: Ray forgets
one now and then, and calls it pending for a quarter of an hour.
"""

from dataclasses import dataclass, field, replace

from distnet.protocol.states import AttemptEnd, JobState, Why
from distnet.scheduler.format import format_duration
from distnet.server.attempts.decisions import ask_to_stop
from distnet.server.attempts.reports import end_attempt
from distnet.server.gateway.gateway import Sight
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.loop.view import trained_s
from distnet.server.settings import Settings
from distnet.server.state.change import SERVER, Change
from distnet.server.state.mirror import Mirror

SIGHT_EVERY_S = 5.0
KILL_EVERY_S = 10.0
GONE_FOR_S = 10.0
RESIZE_PATIENCE_S = 300.0
PENDING_PATIENCE_S = 180.0
LONGEST_WORDS = 2000
SAID = {
    Sight.ABSENT: "knows nothing of it",
    Sight.ENDED: "says that it has ended",
    Sight.PENDING: "has not begun it for minutes",
}


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to ask of the cluster."""

    kind: str
    """`start`, `sight`, `end` or `forget`."""
    submission: str
    job: str = ""


@dataclass
class Watching:
    """Remembers what the cluster said of attempts; all of it can be forgotten without harm."""

    mirror: Mirror
    settings: Settings
    _asked: dict[tuple[str, str], float] = field(default_factory=dict)
    _gone_since: dict[str, float] = field(default_factory=dict)
    _resizing: dict[str, tuple[int, float]] = field(default_factory=dict)

    def look(self, now: float) -> list[Errand]:
        """See to every live attempt; returns what to ask of the cluster."""
        errands: list[Errand] = []
        for name, attempt in list(self.mirror.attempts.items()):
            if attempt.handed_at is None:
                # One that is to stop need not begin; but a start may be on its way, or be done.
                kind = "start" if attempt.stop is None else "sight"
                errands += self._ask(kind, attempt, 1.0, now)
                continue
            self._look_at_time(name, now)
            self._look_at_resize(name, now)
            errands += self._look_at_silence(name, now)
            errands += self._look_at_grace(name, now)
        return errands

    def saw(self, errand: Errand, sight: Sight, words: str, now: float) -> None:
        """Take in what the cluster says of an attempt, and of how it ended."""
        attempt = self.mirror.attempts.get(errand.job)
        if attempt is None or attempt.submission != errand.submission:
            return
        if sight in (Sight.PENDING, Sight.RUNNING):
            self.handed(errand.job, errand.submission, now)  # if the answer to its start was lost
            attempt = self.mirror.attempts[errand.job]
            self._gone_since.pop(attempt.submission, None)
            has_spoken, waited = attempt.seen_at is not None, now - self._heard(attempt, now)
            if sight is Sight.PENDING and not has_spoken and waited >= PENDING_PATIENCE_S:
                self._give_up(attempt, sight, words, now)
            return
        gone_for = now - self._gone_since.setdefault(attempt.submission, now)
        silent_for = now - self._heard(attempt, now)
        if gone_for >= GONE_FOR_S and silent_for >= self._patience(attempt, now):
            self._give_up(attempt, sight, words, now)

    def handed(self, job_name: str, submission: str, now: float) -> None:
        """Take down that the cluster has an attempt."""
        attempt = self.mirror.attempts.get(job_name)
        if attempt is None or attempt.submission != submission or attempt.handed_at is not None:
            return
        change = Change(now)
        change.attempt(replace(attempt, handed_at=now))
        self.mirror.commit(change)
        job = self.mirror.jobs[job_name]
        if job.state is JobState.STARTING and job.reason:  # why it had to be tried again
            self.mirror.note(replace(job, reason=""), self.mirror.attempts[job_name])

    def refused(self, errand: Errand, why: str) -> None:
        """Say why an attempt has not begun yet; it is tried again and again."""
        attempt = self.mirror.attempts.get(errand.job)
        if attempt is None or attempt.submission != errand.submission or attempt.handed_at:
            return
        job, reason = self.mirror.jobs[errand.job], f"the cluster has not taken it yet: {why}"
        if job.state is JobState.STARTING and job.reason != reason:
            self.mirror.note(replace(job, reason=reason), attempt)

    def _heard(self, attempt: AttemptRecord, now: float) -> float:
        times = (attempt.seen_at or 0.0, attempt.handed_at or 0.0, self.mirror.opened_at)
        # Times to come are of an earlier clock that was fast.
        return max((time for time in times if time <= now), default=now)

    def _patience(self, attempt: AttemptRecord, now: float) -> float:
        """How long an attempt that the cluster does not have may still be heard of."""
        if attempt.handed_at is None:
            return 0.0  # nobody expects to hear of it
        was_killed = attempt.stop is not None and self._overstays(attempt, now)
        return self.settings.silent_after_s if was_killed else self.settings.lost_after_s

    def _overstays(self, attempt: AttemptRecord, now: float) -> bool:
        grace = self.mirror.jobs[attempt.job].grace_s
        return attempt.stop_at is not None and now - attempt.stop_at > grace

    def _look_at_silence(self, name: str, now: float) -> list[Errand]:
        job, attempt = self._newest(name)
        silent = now - self._heard(attempt, now)
        if silent < self.settings.silent_after_s:
            self._gone_since.pop(attempt.submission, None)
            return []
        if job.state is JobState.RUNNING:
            change = Change(now)
            reason = f"not heard for {silent:.0f} s; it may well be training"
            unknown = replace(job, state=JobState.UNKNOWN, reason=reason)
            change.job(unknown, "state", SERVER, f"{job.name}: {reason}")
            self.mirror.commit(change)
        return self._ask("sight", attempt, SIGHT_EVERY_S, now)

    def _look_at_grace(self, name: str, now: float) -> list[Errand]:
        _, attempt = self._newest(name)
        if attempt.stop is None or not self._overstays(attempt, now):
            return []
        return [
            *self._ask("end", attempt, KILL_EVERY_S, now),
            *self._ask("sight", attempt, SIGHT_EVERY_S, now),
        ]

    def _newest(self, name: str) -> tuple[JobRecord, AttemptRecord]:
        return self.mirror.jobs[name], self.mirror.attempts[name]

    def _look_at_time(self, name: str, now: float) -> None:
        job, attempt = self._newest(name)
        if job.max_time_s is None or attempt.stop is not None:
            return
        if trained_s(job, attempt, now) > job.max_time_s:
            change = Change(now)
            reason = f"trained for queue.max_time, {job.max_time_s:g} s"
            ask_to_stop(self.mirror, change, job, Why.MAX_TIME, actor=SERVER, reason=reason)
            self.mirror.commit(change)

    def _look_at_resize(self, name: str, now: float) -> None:
        """An attempt that does not change its workers may do as it likes after a while."""
        _, attempt = self._newest(name)
        if attempt.target is None:
            self._resizing.pop(attempt.submission, None)
            return
        wanted = sum(attempt.target.values())
        before, since = self._resizing.setdefault(attempt.submission, (wanted, now))
        if wanted != before:
            self._resizing[attempt.submission] = (wanted, now)
        elif now - since > RESIZE_PATIENCE_S:
            change = Change(now)
            change.attempt(replace(attempt, target=None))
            text = f"{attempt.job} has not changed its workers to {wanted}"
            change.tell("resized", SERVER, text, attempt.job)
            self.mirror.commit(change)

    def _give_up(self, attempt: AttemptRecord, sight: Sight, words: str, now: float) -> None:
        self._gone_since.pop(attempt.submission, None)
        said = SAID[sight]
        if words and attempt.seen_at is None:  # later on, its own log says more
            said += f": {words[-LONGEST_WORDS:]}"
        lost = replace(
            attempt,
            ended_at=now,
            end=AttemptEnd.LOST,
            error=f"not heard of any more, and the cluster {said}",
        )
        end_attempt(self.mirror, self.mirror.jobs[attempt.job], lost, result=None, now=now)

    def _ask(self, kind: str, attempt: AttemptRecord, every_s: float, now: float) -> list[Errand]:
        key = (kind, attempt.submission)
        if now - self._asked.get(key, 0.0) < every_s:
            return []
        self._asked[key] = now
        return [Errand(kind, attempt.submission, attempt.job)]

    def clock_was_set(self, by_s: float, now: float) -> None:
        """Count on from where the clock is now: nobody has trained any longer for it."""
        change, way = Change(now), "forward" if by_s > 0 else "back"
        change.tell("clock", SERVER, f"the clock was set {way} by {format_duration(abs(by_s))}")
        for attempt in self.mirror.attempts.values():
            moved = {
                name: min(time + by_s, now)
                for name in ("handed_at", "seen_at", "stop_at")
                if (time := getattr(attempt, name)) is not None
            }
            change.attempt(replace(attempt, **moved))
        self.mirror.commit(change)
        self.mirror.opened_at += by_s
        for memory in (self._asked, self._gone_since, self._resizing):
            memory.clear()

    def forget_ended(self) -> None:
        """Let go of what was remembered of attempts that have ended."""
        live = {attempt.submission for attempt in self.mirror.attempts.values()}
        self._asked = {key: at for key, at in self._asked.items() if key[1] in live}
        self._gone_since = {who: at for who, at in self._gone_since.items() if who in live}
        self._resizing = {who: asked for who, asked in self._resizing.items() if who in live}
