"""Name the samples of a poison step: one that fails the same way again and again."""

from pathlib import Path

from distnet.data.manifest import read_manifest
from distnet.data.order import Batches, order_of
from distnet.errors import DistnetError, PoisonStepError
from distnet.launch.retries import SAME_STEP
from distnet.run_folder.assignment import Assignment
from distnet.spec.sections.job import Job
from distnet.train.step.step_index import Place

MAX_SHOWN = 8


def poison_error(error: DistnetError, assignment: Assignment, step: int) -> PoisonStepError:
    """Make the error that names the step after `step`, and the samples of its slices."""
    try:
        slices = samples_of_step(assignment.job, Path(assignment.dataset), step + 1)
    except DistnetError as unreadable:
        samples = f"unknown, because {unreadable}"
    else:
        samples = "; ".join(f"slice {i}: {_some(ids)}" for i, ids in enumerate(slices))
    return PoisonStepError(
        f"step {step + 1} failed {SAME_STEP} times in the same way, so it is not retried. "
        f"Check its samples (rows of the train split, counted from 0): {samples}\n{error}"
    )


def samples_of_step(job: Job, dataset: Path, step: int) -> list[list[int]]:
    """List the samples of each slice of `step` (counted from 1), as rows of the train split.

    Raises:
        DataError: the dataset is missing or damaged.
    """
    manifest = read_manifest(dataset)
    order = order_of(manifest, "train", memory_bytes=job.data.memory, seed=job.train.seed)
    batches = Batches(order.num_samples, job.train.batch_size, job.num_slices)
    index = Place.of(batches, step - 1)
    bounds = [batches.slice(index.batch, part) for part in range(job.num_slices)]
    return [order.ids(index.epoch, low, high).tolist() for low, high in bounds]


def _some(ids: list[int]) -> str:
    shown = ", ".join(map(str, ids[:MAX_SHOWN]))
    return shown + (f" and {len(ids) - MAX_SHOWN} more" if len(ids) > MAX_SHOWN else "")
