"""How often a run may fail: one budget for each kind of failure, given back by progress."""

from dataclasses import dataclass, field

from distnet.spec.retry import Budget, Retry

SAME_STEP = 3
"""So many failures of one kind at one step make it a poison step."""
STEP_KINDS = ("user_error", "out_of_memory", "hang", "lost_worker")
"""Failures that a step, or rather its samples, can cause."""


@dataclass(frozen=True)
class Failure:
    """One attempt that failed."""

    kind: str
    """A key of the job file's `retry`."""
    step: int | None
    """The steps it had made in all, the one after these in progress; None before it began any."""
    saved: int
    """The step of the newest checkpoint."""


@dataclass
class Budgets:
    """What is left of `retry`."""

    retry: Retry
    failures: list[Failure] = field(default_factory=list)
    """Those since the last progress, oldest first."""

    def spend(self, failure: Failure) -> float | None:
        """Count a failure; returns the seconds to wait before the next attempt, or None."""
        if self.failures and failure.saved > self.failures[-1].saved:
            self.failures.clear()
        self.failures.append(failure)
        if self.is_poisoned:
            return None
        times = self.num_failures(failure.kind)
        budget = self._budget(failure.kind)
        if times > budget.times:
            return None
        return min(budget.backoff * 2.0 ** (times - 1), self.retry.longest_backoff)

    def num_failures(self, kind: str) -> int:
        """How often an attempt failed so since the last progress."""
        return sum(failure.kind == kind for failure in self.failures)

    def times(self, kind: str) -> int:
        """How often an attempt may fail so without progress."""
        return self._budget(kind).times

    @property
    def is_poisoned(self) -> bool:
        """Whether the newest failures are all of one kind at one step."""
        last = self.failures[-SAME_STEP:]
        same = {(failure.kind, failure.step) for failure in last}
        is_of_step = last[0].step is not None and last[0].kind in STEP_KINDS
        return len(last) == SAME_STEP and len(same) == 1 and is_of_step

    def _budget(self, kind: str) -> Budget:
        budget: Budget = getattr(self.retry, kind)
        return budget
