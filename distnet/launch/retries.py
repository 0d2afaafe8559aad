"""How often a run may fail: one limit for each kind of failure, counted anew after progress."""

from dataclasses import dataclass, field

from distnet.spec.sections.retry import Retry, RetryLimit

SAME_STEP = 3
"""This many failures of one kind at one step make it a poison step."""
STEP_KINDS = ("user_error", "out_of_memory", "hang", "lost_worker")
"""Failures that a step, or rather its samples, can cause."""


@dataclass(frozen=True)
class Failure:
    """One attempt that failed."""

    kind: str
    """A key of the job file's `retry`."""
    step: int | None
    """The steps completed in all, so that step + 1 was in progress; None before the first."""
    saved: int
    """The step of the newest checkpoint."""


@dataclass
class Retries:
    """Counts failures against the limits of `retry`."""

    retry: Retry
    failures: list[Failure] = field(default_factory=list)
    """Those since the last progress, oldest first."""

    def record(self, failure: Failure) -> float | None:
        """Count a failure; returns the backoff before the next attempt in seconds.

        None means that there is no retry: the limit is reached, or a step is poisoned.
        """
        if self.failures and failure.saved > self.failures[-1].saved:
            self.failures.clear()
        self.failures.append(failure)
        if self.is_poisoned:
            return None
        count = self.num_failures(failure.kind)
        limit = self._limit(failure.kind)
        if count > limit.times:
            return None
        return min(limit.backoff * 2.0 ** (count - 1), self.retry.longest_backoff)

    def num_failures(self, kind: str) -> int:
        """How many attempts failed in this way since the last progress."""
        return sum(failure.kind == kind for failure in self.failures)

    def max_failures(self, kind: str) -> int:
        """How many attempts may fail in this way without progress."""
        return self._limit(kind).times

    @property
    def is_poisoned(self) -> bool:
        """Whether the newest failures are all of one kind at one step."""
        last = self.failures[-SAME_STEP:]
        same = {(failure.kind, failure.step) for failure in last}
        is_of_step = last[0].step is not None and last[0].kind in STEP_KINDS
        return len(last) == SAME_STEP and len(same) == 1 and is_of_step

    def _limit(self, kind: str) -> RetryLimit:
        limit: RetryLimit = getattr(self.retry, kind)
        return limit
