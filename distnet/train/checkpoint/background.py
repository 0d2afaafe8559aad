"""Commits snapshots in a background thread, and retries when the store fails."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from distnet.errors import StorageError, StorageSpentError
from distnet.spec.sections.retry import RetryLimit
from distnet.train.checkpoint.checkpoint import State
from distnet.train.checkpoint.object_store import why
from distnet.train.checkpoint.snapshot import Snapshot

CLOSE_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Taken:
    """A snapshot to be committed."""

    state: State
    began: float
    """When it was begun, on the monotonic clock."""
    stall_s: float
    """How long training was paused for it, in seconds."""


class Phase(Enum):
    """What the writing thread is doing."""

    IDLE = "everything is committed"
    TAKEN = "a snapshot waits to be written"
    WRITING = "a snapshot is being written"
    WAITING = "the store failed; a newer snapshot may replace this one"


class BackgroundWriter:
    """Writes one snapshot at a time; there is never a queue.

    Args:
        commit: writes a snapshot; is called in the thread.
        budget: how many failures in a row are tolerated, and how long to wait after the first.
        longest_s: the longest wait.
        report_failure: called with step, reason, and the seconds until the next try.
    """

    def __init__(
        self,
        commit: Callable[[Taken], None],
        budget: RetryLimit,
        *,
        longest_s: float,
        report_failure: Callable[[int, str, float], None],
    ) -> None:
        self._commit, self._report_failure = commit, report_failure
        self._budget, self._longest_s = budget, longest_s
        self._snapshot = Snapshot()
        self._changed = threading.Condition()
        self._phase, self._work = Phase.IDLE, Taken(State(0, {}, {}), 0.0, 0.0)
        self._num_failures = 0
        self._error: BaseException | None = None
        self._is_closing = False
        self._thread: threading.Thread | None = None

    def prepare(self, state: State) -> None:
        """Allocate the memory for snapshots of such states."""
        self._snapshot.prepare(state)

    @property
    def is_busy(self) -> bool:
        """Whether a snapshot handed over now would have to wait."""
        return self._phase in (Phase.TAKEN, Phase.WRITING)

    @property
    def has_failed(self) -> bool:
        """Whether the next call raises."""
        return self._error is not None

    def hand_over(self, state: State) -> None:
        """Take a snapshot; waits only while the one before is being written.

        Raises:
            StorageSpentError: the budget is spent.
            BaseException: whatever else ended the thread.
        """
        began = time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
            self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: not self.is_busy or self.has_failed)
            self._raise_error()
            taken = self._snapshot.take(state)
            self._work = Taken(taken, began, time.monotonic() - began)
            if self._phase is Phase.IDLE:
                self._enter(Phase.TAKEN)

    def flush(self) -> None:
        """Wait until everything is committed.

        Raises:
            StorageSpentError: the budget is spent.
            BaseException: whatever else ended the thread.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._phase is Phase.IDLE or self.has_failed)
            self._raise_error()

    def close(self) -> None:
        """End the thread: a commit in progress is finished, a pending retry is cancelled.

        A store that hangs is abandoned: the thread does not keep the process alive.
        """
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(CLOSE_PATIENCE_S)

    def _run(self) -> None:
        try:
            while self._next():
                self._write()
        except BaseException as error:  # raised again by the next call, in the other thread
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _next(self) -> bool:
        """Wait until there is something to write; returns whether there is."""
        with self._changed:
            if self._phase is Phase.WAITING:
                if self._changed.wait_for(lambda: self._is_closing, timeout=self._wait_s()):
                    return False
            else:
                self._changed.wait_for(lambda: self._phase is Phase.TAKEN or self._is_closing)
                if self._phase is Phase.IDLE:
                    return False
            self._enter(Phase.WRITING)
        return True

    def _write(self) -> None:
        step = self._work.state.step
        try:
            self._commit(self._work)
        except (OSError, StorageError) as error:
            self._num_failures += 1
            if self._num_failures > self._budget.times:
                raise StorageSpentError(self._spent(step, why(error))) from None
            self._report_failure(step, why(error), self._wait_s())
            phase = Phase.WAITING
        else:
            self._num_failures, phase = 0, Phase.IDLE
        with self._changed:
            self._enter(phase)

    def _wait_s(self) -> float:
        doubled = 2.0 ** min(self._num_failures - 1, 32)
        return min(self._budget.backoff * doubled, self._longest_s)

    def _spent(self, step: int, reason: str) -> str:
        times = "once" if self._num_failures == 1 else f"{self._num_failures} times in a row"
        return (
            f"the checkpoint of step {step} could not be written {times}: {reason}; earlier "
            "checkpoints are intact. Free space or repair the store, then resume with: "
            "distnet run --resume RUN (retry.storage sets how often a write is retried)"
        )

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._changed.notify_all()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error
