"""Attempts at a run, one after the other, until it is finished, stopped, or fails for good.

    room -> fence -> attempt -> finished | stopped | asked to change its workers | failed
      ^                                                       |                     |
      +---------------------- at once ------------------------+-- after a while, if budget

Whatever ended an attempt, the next one goes on from the newest checkpoint, and the weights that
come out are the same.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Any

from distnet.errors import (
    DistnetError,
    NotEnoughResourcesError,
    PreemptedError,
    RoomLostError,
    RunError,
    StoppedError,
    StorageError,
    StorageSpentError,
)
from distnet.launch.budget import Budgets, Failure, describe_poison
from distnet.launch.launcher import Launcher
from distnet.launch.sizing import Size, choose_workers
from distnet.launch.watch import Watch, take_request
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.fence import claim_fence
from distnet.run_folder.heartbeat import Stage, read_heartbeats
from distnet.run_folder.log import RunLog
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.recorder import Tell
from distnet.run_folder.stop import DRAIN, RESIZE, STOP, asked_to_stop, drop_request

LOOKED_AT_EVERY_S = 0.1
GIVEN_ROOM_WAIT_S = 60.0
"""Room that a server gave may still be in use for a moment; it is not held idle for longer."""


@dataclass
class Attempts:
    """Makes attempts at one run."""

    assignment: Assignment
    """The newest attempt; at first, the one to begin with."""
    launcher: Launcher
    size: Size
    """The workers that the run may have."""
    tell: Tell
    """Shows a record that is not told by an attempt."""
    workers: int = 0
    """Of the newest attempt."""
    _budgets: Budgets = field(init=False)
    _log: RunLog = field(init=False)
    _is_first: bool = True

    def __post_init__(self) -> None:
        self._budgets = Budgets(self.assignment.job.retry)
        self._log = RunLog(self.folder)

    @property
    def folder(self) -> RunFolder:
        """The run's."""
        return self.assignment.folder

    def run(self) -> dict[str, Any]:
        """Train to the end; returns what rank 0 returned.

        Raises:
            DistnetError: what ended the last attempt, with the reason why there is no other.
        """
        if self.assignment.is_resumed:
            self._tell_of_the_killed()
        while True:
            began = time.time()
            watch = None
            try:
                watch = self._begin()
                outcome = self.launcher.train(self.assignment, self.workers, watch.look)
            except StoppedError as error:
                raise self._stopped(error) from None
            except DistnetError as error:
                cause = _first_cause(error, watch)
                self._tell_failure(str(cause), cause.failure, began)
                self._wait(cause)
                drop_request(self.folder)
                self._go_on(cause.failure, watch)
            except BaseException as error:
                self._tell_failure(f"interrupted ({type(error).__name__})", None, began)
                raise
            else:
                why = asked_to_stop(self.folder)
                self.folder.stop.unlink(missing_ok=True)
                if outcome["status"] == "finished" or why not in self._passing:
                    return outcome
                self._go_on(why, watch)

    def _begin(self) -> Watch:
        """Find room for the next attempt, and shut out all older ones."""
        slices = self.assignment.job.num_slices
        wanted = take_request(
            self.folder, slices
        )  # somebody may have asked while no attempt was on
        if wanted is not None and self.assignment.launch != "inline":
            self.size = self.size.asked_for(wanted)
        self.workers = self._choose_workers()
        self.assignment = replace(self.assignment, attempt=self._claim())
        self._is_first = False
        number, most = self.assignment.attempt, self.size.most
        return Watch(self.folder, number, self.workers, most, slices, self.launcher)

    def _choose_workers(self) -> int:
        is_given, wait_s = self.launcher.is_given, self._budgets.retry.room
        try:
            return choose_workers(
                self.launcher,
                self.size,
                is_first=self._is_first or is_given,
                wait_s=min(wait_s, GIVEN_ROOM_WAIT_S) if is_given else wait_s,
                tell=self._note,
                is_stopped=self._is_stopped,
            )
        except NotEnoughResourcesError as error:
            raise RoomLostError(str(error)) if is_given else error from None

    def _claim(self) -> int:
        """The number of the next attempt; a run folder that is full gets room as a store does."""
        try:
            return claim_fence(self.folder, self._log.num_attempts + 1)
        except RunError as error:
            if self._is_first:
                raise
            raise StorageError(str(error)) from None

    @property
    def _passing(self) -> tuple[str, ...]:
        """Planned stops that another attempt follows; a server gives room for a lost node."""
        return (RESIZE,) if self.launcher.is_given else (RESIZE, DRAIN)

    def _go_on(self, cause: str, watch: Watch | None) -> None:
        """Prepare the next attempt; what was asked of the one before counts, however it ended."""
        self.size = watch.next_size(self.size) if watch is not None else self.size
        self.assignment = replace(
            self.assignment,
            is_resumed=True,
            cause=cause,
            workers_before=self.workers,
            began_waiting=(watch and watch.last_sign) or self.assignment.began_waiting,
        )

    def _wait(self, error: DistnetError) -> None:
        """Spend the budget of this failure, and wait for as long as that says.

        Raises:
            DistnetError: it is spent.
        """
        if isinstance(error, StorageSpentError):  # the worker has spent it while it trained
            raise error
        if isinstance(error, RoomLostError):  # nothing changes by waiting
            raise error
        kind = error.failure
        failure = Failure(kind, self._reached(), self._log.saved_step)
        seconds = self._budgets.spend(failure)
        if self._budgets.is_poisoned and failure.step is not None:
            raise describe_poison(error, self.assignment, failure.step) from error
        if seconds is None:
            raise self._with_budget(error)
        count, times = self._budgets.num_failures(kind), self._budgets.times(kind)
        self._note(
            f"{_first_line(error)}; going on from step {failure.saved:,} in {seconds:g} s "
            f"({kind.replace('_', ' ')} {count} of {times})"
        )
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._is_stopped():
                raise self._stopped(StoppedError(f"stopped before it was tried again: {error}"))
            time.sleep(LOOKED_AT_EVERY_S)

    def _stopped(self, error: StoppedError) -> StoppedError:
        """Say how to go on after a planned stop that came while no attempt was on."""
        self.folder.stop.unlink(missing_ok=True)
        return StoppedError(
            f"{error}\nsaved is step {self._log.saved_step:,}; "
            f"go on with: distnet run --resume {self.folder.path}"
        )

    def _with_budget(self, error: DistnetError) -> DistnetError:
        """Say why there is no other attempt, where there might have been one."""
        times = self._budgets.times(error.failure)
        if not times:
            return error
        again = f"this happened {self._budgets.num_failures(error.failure)} times without progress"
        return type(error)(f"{error}\n{again} (retry.{error.failure}.times: {times})")

    def _reached(self) -> int | None:
        """The steps that were made when the newest attempt ended; None if it had begun none."""
        signs = read_heartbeats(self.folder.heartbeats)
        own = [sign for sign in signs if sign.attempt == self.assignment.attempt]
        return max((s.step for s in own if s.stage is not Stage.STARTING), default=None)

    def _is_stopped(self) -> bool:
        return asked_to_stop(self.folder) == STOP

    def _note(self, text: str) -> None:
        self._record({"kind": "note", "attempt": self.assignment.attempt, "text": text})

    def _tell_failure(self, error: str, failure: str | None, began: float) -> None:
        self._end(error, failure, time.time() - began)

    def _tell_of_the_killed(self) -> None:
        """Tell how the attempt before ended, if its launcher was killed and could not."""
        attempt = self._log.num_attempts
        if not attempt or self._log.has_ended(attempt):
            return
        self.assignment = replace(self.assignment, attempt=attempt)
        self._end("the process that ran it was killed", "lost_worker", None)

    def _end(self, error: str, failure: str | None, seconds: float | None) -> None:
        step = self._reached()
        record = {"kind": "end", "attempt": self.assignment.attempt, "status": "failed"}
        record |= {"step": self._log.saved_step if step is None else step, "seconds": seconds}
        self._record(record | {"error": error, "failure": failure})

    def _record(self, record: dict[str, Any]) -> None:
        self._log.append(record)
        self.tell(record)


def _first_cause(error: DistnetError, watch: Watch | None) -> DistnetError:
    """A worker that died with its node, of which we were warned, was preempted."""
    if watch is not None and watch.is_drained and error.failure == "lost_worker":
        return PreemptedError(f"the node was taken away before training could stop: {error}")
    return error


def _first_line(error: DistnetError) -> str:
    return str(error).split("\n", 1)[0].rstrip(":;")
