"""Attempts at a run, one after the other, until it is finished, stopped, or fails for good.

    resources -> fence -> attempt -> finished | stopped | to be resized | failed
      ^                                                  |                |
      +------------------- at once ----------------------+-- after a backoff, if a retry is left

Whatever ended an attempt, the next one resumes from the newest checkpoint and ends at the same
weights.
"""

import logging
import time
from dataclasses import dataclass, field, replace
from typing import Any

from distnet.errors import (
    AllocationLostError,
    DeviceError,
    DistnetError,
    NotEnoughResourcesError,
    PreemptedError,
    RunError,
    StoppedError,
    StorageError,
    StorageSpentError,
)
from distnet.launch.launcher import Launcher
from distnet.launch.poison import poison_error
from distnet.launch.retries import Failure, Retries
from distnet.launch.sizing import WorkerRange, choose_workers
from distnet.launch.watch import Watch
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.fence import claim_fence
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.log import RunLog
from distnet.run_folder.records.recorder import Emit
from distnet.run_folder.requests import (
    DRAIN,
    RESIZE,
    STOP,
    clear_passing_stop,
    clear_stop,
    stop_reason,
    take_requested_workers,
)
from distnet.run_folder.workers.heartbeat import read_heartbeats
from distnet.spec.plural import counted
from distnet.spec.printable import argument

logger = logging.getLogger(__name__)
POLL_S = 0.1
ALLOCATED_WAIT_S = 60.0
"""Resources that a server allocated may still be in use for a moment, but not idle for longer."""


@dataclass
class Attempts:
    """Makes attempts at one run."""

    assignment: Assignment
    """The newest attempt; at first, the one to begin with."""
    launcher: Launcher
    limits: WorkerRange
    """The numbers of workers that the run may have."""
    emit: Emit
    """Receives the records that no attempt writes."""
    workers: int = 0
    """Of the newest attempt."""
    _retries: Retries = field(init=False)
    _log: RunLog = field(init=False)
    _is_first: bool = True

    def __post_init__(self) -> None:
        self._retries = Retries(self.assignment.job.retry)
        self._log = RunLog(self.folder)

    @property
    def folder(self) -> RunFolder:
        """The run's."""
        return self.assignment.folder

    def run(self) -> dict[str, Any]:
        """Train to the end; returns what rank 0 returned.

        Raises:
            DistnetError: what ended the last attempt, and why there is no other.
        """
        if self.assignment.is_resumed:
            self._record_killed_attempt()
        while True:
            began = time.time()
            watch = None
            try:
                watch = self._begin()
                outcome = self.launcher.train(self.assignment, self.workers, watch.poll)
            except StoppedError as error:
                raise self._stopped(error) from None
            except DistnetError as error:
                cause = _first_cause(error, watch)
                self._record_end(str(cause), cause.failure, time.time() - began)
                self._back_off(cause)
                clear_passing_stop(self.folder)
                self._prepare_next(cause.failure, watch)
            except BaseException as error:
                text = f"interrupted ({type(error).__name__})"
                self._record_end(text, None, time.time() - began)
                logger.warning("ended at once; %s", self._how_to_resume())
                raise
            else:
                reason = stop_reason(self.folder)
                clear_stop(self.folder)
                if outcome["status"] == "finished" or reason not in self._passing:
                    return outcome
                self._prepare_next(reason, watch)

    def _begin(self) -> Watch:
        """Find resources for the next attempt, and fence off all older ones."""
        slices = self.assignment.job.num_slices
        wanted = take_requested_workers(self.folder, slices)  # from while no attempt was running
        if wanted is not None and self.assignment.launch != "inline":
            self.limits = self.limits.requested(wanted)
        self.workers = self._choose_workers()
        self.assignment = replace(self.assignment, attempt=self._claim())
        self._is_first = False
        number, most = self.assignment.attempt, self.limits.max
        return Watch(self.folder, number, self.workers, most, slices, self.launcher)

    def _choose_workers(self) -> int:
        is_allocated, wait_s = self.launcher.has_placement, self._retries.retry.room
        try:
            return choose_workers(
                self.launcher,
                self.limits,
                is_first=self._is_first or is_allocated,
                wait_s=min(wait_s, ALLOCATED_WAIT_S) if is_allocated else wait_s,
                emit=self._note,
                is_stopped=self._is_stopped,
            )
        except NotEnoughResourcesError as error:
            raise AllocationLostError(str(error)) if is_allocated else error from None

    def _claim(self) -> int:
        """The number of the next attempt; a full disk is retried like a store that fails."""
        try:
            return claim_fence(self.folder, self._log.num_attempts + 1)
        except RunError as error:
            if self._is_first:
                raise
            raise StorageError(str(error)) from None

    @property
    def _passing(self) -> tuple[str, ...]:
        """Stops that another attempt follows here; a server replaces a lost node itself."""
        return (RESIZE,) if self.launcher.has_placement else (RESIZE, DRAIN)

    def _prepare_next(self, cause: str, watch: Watch | None) -> None:
        """Prepare the next attempt; a resize requested from the last one still counts."""
        self.limits = watch.next_limits(self.limits) if watch is not None else self.limits
        self.assignment = replace(
            self.assignment,
            is_resumed=True,
            cause=cause,
            packages_s=0.0,
            workers_before=self.workers,
            began_waiting=(watch and watch.last_beat) or self.assignment.began_waiting,
        )

    def _back_off(self, error: DistnetError) -> None:
        """Count this failure against its limit, and wait before the next attempt.

        Raises:
            DistnetError: there is no retry.
        """
        if isinstance(error, StorageSpentError):  # the worker has retried while it trained
            raise error
        if isinstance(error, AllocationLostError):  # only the server can change that
            raise error
        if isinstance(error, DeviceError) and self.assignment.launch == "inline":
            raise error  # the GPU is lost to this process
        kind = error.failure
        failure = Failure(kind, self._completed_steps(), self._log.saved_step)
        backoff_s = self._retries.record(failure)
        if self._retries.is_poisoned and failure.step is not None:
            raise poison_error(error, self.assignment, failure.step) from error
        if backoff_s is None:
            raise self._with_limit(error)
        count, limit = self._retries.num_failures(kind), self._retries.max_failures(kind)
        self._note(
            f"{_first_line(error)}; retrying from step {failure.saved:,} in {backoff_s:g} s "
            f"({kind.replace('_', ' ')} {count} of {limit})"
        )
        end = time.monotonic() + backoff_s
        while time.monotonic() < end:
            if self._is_stopped():
                raise self._stopped(StoppedError(f"stopped before the retry: {error}"))
            time.sleep(POLL_S)

    def _stopped(self, error: StoppedError) -> StoppedError:
        """Say how to resume after a planned stop while no attempt was running."""
        clear_stop(self.folder)
        return StoppedError(f"{error}\n{self._how_to_resume()}")

    def _how_to_resume(self) -> str:
        return (
            f"the newest checkpoint is of step {self._log.saved_step:,}; "
            f"resume with: distnet run --resume {argument(self.folder.path)}"
        )

    def _with_limit(self, error: DistnetError) -> DistnetError:
        """Say why there is no other attempt, where there might have been one."""
        limit = self._retries.max_failures(error.failure)
        if not limit:
            return error
        count = self._retries.num_failures(error.failure)
        return type(error)(
            f"{error}\nfailed {counted(count, 'time')} in this way without progress, and "
            f"retry.{error.failure}.times is {limit}: not retried"
        )

    def _completed_steps(self) -> int | None:
        """The steps completed when the newest attempt ended; None if it did not begin to train."""
        beats = read_heartbeats(self.folder.heartbeats)
        own = [beat for beat in beats if beat.attempt == self.assignment.attempt]
        return max((b.step for b in own if b.stage.is_training), default=None)

    def _is_stopped(self) -> bool:
        return stop_reason(self.folder) == STOP

    def _note(self, text: str) -> None:
        self._record({"kind": "note", "attempt": self.assignment.attempt, "text": text})

    def _record_killed_attempt(self) -> None:
        """Record the end of the last attempt, if its launcher was killed before it could."""
        attempt = self._log.num_attempts
        if not attempt or self._log.has_ended(attempt):
            return
        self.assignment = replace(self.assignment, attempt=attempt)
        self._record_end("the launcher was killed", "lost_worker", None)

    def _record_end(self, error: str, failure: str | None, seconds: float | None) -> None:
        step = self._completed_steps()
        record = {"kind": "end", "attempt": self.assignment.attempt, "status": "failed"}
        record |= {"step": self._log.saved_step if step is None else step, "seconds": seconds}
        self._record(record | {"error": error, "failure": failure})

    def _record(self, record: dict[str, Any]) -> None:
        self._log.append(record)
        self.emit(record)


def _first_cause(error: DistnetError, watch: Watch | None) -> DistnetError:
    """A worker that died with a node that was being drained was preempted."""
    if watch is not None and watch.is_drained and error.failure == "lost_worker":
        return PreemptedError(f"the node was removed before training could stop: {error}")
    return error


def _first_line(error: DistnetError) -> str:
    return str(error).split("\n", 1)[0].rstrip(":;")
