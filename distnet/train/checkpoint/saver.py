"""When checkpoints are saved."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from torch import Tensor

from distnet.errors import RunError, StorageError
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.records.recorder import Emit, Record
from distnet.run_folder.workers.heartbeat import STARTING_LIMIT_S
from distnet.spec.metric import Metric
from distnet.spec.sections.job import Checkpoint, Job
from distnet.spec.sections.retry import Retry
from distnet.train.checkpoint.background import BackgroundWriter, Taken
from distnet.train.checkpoint.checkpoint import (
    State,
    list_names,
    read_attempt,
    step_of,
    write_checkpoint,
)
from distnet.train.checkpoint.home import Home, SharedHome
from distnet.train.checkpoint.identity import identity
from distnet.train.checkpoint.retention import Retention

CHECKPOINT = '"kind": "checkpoint"'
STORE_TRY_S = 60.0
"""The longest that a failing store takes to report that it fails."""


class Saver:
    """Decides when a checkpoint is due, and has it committed while training continues.

    Where saving goes by time, one that is due while another is being written waits for that one.
    Multiples of `checkpoint.every_steps`, and evaluated steps where the best are kept, are never
    passed over: these steps are guaranteed, so training waits there.

    Args:
        job: the job.
        assignment: the attempt.
        emit: appends a record.
        metrics: those that the task declares.
        home: where the run is kept; by default in the assignment's folder.
        kept: reads what a checkpoint holds besides the state of the loop.

    Raises:
        RunError: a new run finds checkpoints of another one of its name.
        StorageError: the store does not respond.
    """

    def __init__(
        self,
        job: Job,
        assignment: Assignment,
        emit: Emit,
        metrics: Sequence[Metric] = (),
        home: Home | None = None,
        *,
        kept: Callable[[], Mapping[str, Tensor]] = dict,
    ) -> None:
        self._kept = kept
        self._spec, self._emit = job.checkpoint.ranked(metrics), emit
        self._assignment = assignment
        self._facts = identity(job, assignment.dataset_folder)
        self.patience_s = patience_s(job.retry)
        """How long saving may take while the store fails as often as it may."""
        self._home = home or SharedHome(assignment)
        self._store = self._home.open_store()
        self._retention = Retention(self._store, self._spec)
        self._writer = BackgroundWriter(
            self._commit,
            job.retry.storage,
            longest_s=job.retry.longest_backoff,
            report_failure=self._report_failure,
        )
        self._saved_at, self._saved_step = time.monotonic(), -1
        self._measured: tuple[int, Mapping[str, float]] = (-1, {})
        self._safe_step = self._begin_after(list_names(self._store))

    def prepare(self, state: State) -> None:
        """Allocate memory for snapshots before the first step, so that all take equally long."""
        self._writer.prepare(self._whole(state))

    def is_due_by_time(self) -> bool:
        """Whether a checkpoint is due because of the time, or because writing one has failed."""
        if self._writer.has_failed:
            return True
        is_time = time.monotonic() - self._saved_at > self._spec.every
        return is_time and not self._writer.is_busy

    def note_evaluation(self, step: int, metrics: Mapping[str, float]) -> None:
        """Store what was measured after `step`: a checkpoint of that step will contain it.

        Raises:
            RunError: `checkpoint.best_metric` is not one of these.
        """
        self._measured = step, dict(metrics)
        if self._spec.keep_best and self._spec.best_metric not in metrics:
            raise RunError(
                f"checkpoint.best_metric: found {self._spec.best_metric}, but the evaluation gives "
                f"{', '.join(metrics)}; name one of these"
            )

    def save(self, state: State) -> None:
        """Take a snapshot, which is committed in the background, unless this step has one.

        Raises:
            StorageSpentError: checkpoints could not be written for too long.
            StaleAttemptError: a newer attempt has taken the run over.
        """
        if state.step == self._saved_step and not self._writer.has_failed:
            return
        facts = {**state.facts, **self._facts}
        step, metrics = self._measured
        if step == state.step:
            facts["metrics"] = metrics
        self._writer.hand_over(replace(self._whole(state), facts=facts))
        self._saved_at, self._saved_step = time.monotonic(), state.step

    def _whole(self, state: State) -> State:
        return replace(state, optimizer={**state.optimizer, **self._kept()})

    def flush(self) -> None:
        """Wait until what was handed to `save` is committed.

        Raises:
            StorageSpentError: checkpoints could not be written for too long.
            StaleAttemptError: a newer attempt has taken the run over.
        """
        self._writer.flush()

    def close(self) -> None:
        """End the writing thread: a commit in progress is finished, a retry is cancelled."""
        self._writer.close()

    def _commit(self, taken: Taken) -> None:
        """Write one checkpoint; called in the writing thread, as are the two below."""
        written = write_checkpoint(
            self._store,
            taken.state,
            attempt=self._assignment.attempt,
            allow=self._home.require_newest,
        )
        self._safe_step = taken.state.step
        record = {**self._record(written.name), "num_bytes": written.num_bytes}
        record |= {"stall_seconds": taken.stall_s, "seconds": time.monotonic() - taken.began}
        self._emit(record)
        # It is safe by now: what cannot be removed goes after the next one.
        with suppress(OSError, StorageError):
            self._retention.prune()

    def _report_failure(self, step: int, reason: str, wait_s: float) -> None:
        before = "there is no earlier one"
        if self._safe_step is not None:
            before = f"the one of step {self._safe_step} is intact"
        text = f"checkpoint of step {step} could not be written: {reason}; {before}; "
        self._emit({"kind": "note", "text": f"{text}tried again in {wait_s:g} s"})

    def _record(self, name: str) -> Record:
        return {"kind": "checkpoint", "step": step_of(name), "folder": self._store.address(name)}

    def _begin_after(self, names: list[str]) -> int | None:
        """Check the existing checkpoints; returns the step of the newest one."""
        if not names:
            return None
        if not self._assignment.is_resumed:
            raise RunError(
                f"{self._store.address()}: found checkpoints of another run with this name; "
                "choose another --name, or remove them"
            )
        step = step_of(names[-1])
        if not _is_recorded(self._assignment.folder.metrics, step):
            # An attempt was killed after the commit, before it emitted the record.
            attempt = read_attempt(self._store, names[-1])
            self._emit({**self._record(names[-1]), "attempt": attempt})
        return step


class NullSaver:
    """Saves nothing: for all ranks but one."""

    patience_s = STARTING_LIMIT_S

    def prepare(self, state: State) -> None:
        """Nothing is needed."""

    def flush(self) -> None:
        """Nothing is on its way."""

    def is_due_by_time(self) -> bool:
        """Another rank decides that."""
        return False

    def note_evaluation(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keep nothing."""

    def save(self, state: State) -> None:
        """Save nothing."""


def is_due_by_step(spec: Checkpoint, step: int, is_evaluated: bool) -> bool:
    """Whether a checkpoint is due after `step`, whatever the time; the same on every worker."""
    is_multiple = spec.every_steps is not None and step % spec.every_steps == 0
    return is_multiple or (bool(spec.keep_best) and is_evaluated)


def patience_s(retry: Retry) -> float:
    """How long a checkpoint may take when the store fails, slowly, as often as it may."""
    waits = (min(retry.storage.backoff * 2.0**n, retry.longest_backoff) for n in range(64))
    rest = max(retry.storage.times - 64, 0) * retry.longest_backoff
    tries = retry.storage.times * STORE_TRY_S
    return STARTING_LIMIT_S + sum(islice(waits, retry.storage.times)) + rest + tries


def _is_recorded(metrics: Path, step: int) -> bool:
    if not metrics.is_file():
        return False
    lines = metrics.read_text("utf-8", "replace").splitlines()
    return any(CHECKPOINT in line and f'"step": {step},' in line for line in lines)
