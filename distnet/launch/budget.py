"""How often a run may fail: one budget for each kind of failure, given back by progress."""

from dataclasses import dataclass, field
from pathlib import Path

from distnet.data.manifest import read_manifest
from distnet.data.order import Batches, order_of
from distnet.errors import DistnetError, PoisonStepError
from distnet.run_folder.assignment import Assignment
from distnet.spec.sections.job import Job
from distnet.spec.sections.retry import Budget, Retry
from distnet.tasks.task import phases_of
from distnet.train.compute.trainee import build_task
from distnet.train.compute.turn import num_draws

SHOWN = 8


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


def describe_poison(error: DistnetError, assignment: Assignment, step: int) -> PoisonStepError:
    """Name the step after `step`, and the samples of its slices by their places in the split."""
    try:
        slices = _samples_of(assignment, step + 1)
    except DistnetError as unreadable:
        samples = f"cannot be told: {unreadable}"
    else:
        samples = "; ".join(f"slice {i}: {_some(ids)}" for i, ids in enumerate(slices))
    return PoisonStepError(
        f"step {step + 1} failed {SAME_STEP} times in the same way, so it is not tried again. "
        f"Look at its samples (rows of the train split, counted from 0): {samples}\n{error}"
    )


def _samples_of(assignment: Assignment, step: int) -> list[list[int]]:
    if assignment.dataset_folder is None:
        return []
    folder = Path(assignment.job_folder)
    return samples_of_step(assignment.job, assignment.dataset_folder, step, folder=folder)


def _some(ids: list[int]) -> str:
    shown = ", ".join(map(str, ids[:SHOWN]))
    return shown + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")


def samples_of_step(
    job: Job, dataset: Path, step: int, *, folder: Path = Path()
) -> list[list[int]]:
    """Tell the samples of each slice of `step` (counted from 1), by their places in the split.

    Raises:
        DataError: the dataset is missing or damaged.
    """
    manifest = read_manifest(dataset)
    draws = num_draws(phases_of(build_task(job.task, manifest, folder)))
    order = order_of(manifest, "train", memory_bytes=job.data.memory, seed=job.train.seed)
    batches = Batches(order.num_samples, job.train.batch_size * draws, job.num_slices)
    epoch, batch = divmod(step - 1, batches.steps_per_epoch)
    bounds = [batches.slice(batch, index) for index in range(job.num_slices)]
    return [order.ids(epoch, low, high).tolist() for low, high in bounds]
