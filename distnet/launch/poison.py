"""Name the samples of a poison step: one that fails the same way again and again."""

from pathlib import Path

from distnet.data.manifest import read_manifest
from distnet.data.opening import build_order, build_view, viewed
from distnet.data.order import Batches
from distnet.errors import DistnetError, PoisonStepError
from distnet.launch.retries import SAME_STEP
from distnet.run_folder.assignment import Assignment
from distnet.spec.plural import listed
from distnet.spec.sections.job import Job
from distnet.tasks.task import phases_of
from distnet.train.compute.parts import build_task
from distnet.train.compute.turn import num_draws

MAX_SHOWN = 8


def poison_error(error: DistnetError, assignment: Assignment, step: int) -> PoisonStepError:
    """Make the error that names the step after `step`, and the samples of its slices."""
    try:
        slices = _samples_of(assignment, step + 1)
    except DistnetError as unreadable:
        samples = f"unknown, because {unreadable}"
    else:
        samples = "; ".join(f"slice {i}: {listed(ids, MAX_SHOWN)}" for i, ids in enumerate(slices))
    return PoisonStepError(
        f"step {step + 1} failed {SAME_STEP} times in the same way, so it is not retried. "
        f"Check its samples (rows of the train split, counted from 0): {samples}\n{error}"
    )


def samples_of_step(
    job: Job, dataset: Path, step: int, *, folder: Path = Path()
) -> list[list[int]]:
    """List the samples of each slice of `step` (counted from 1), as rows of the train split.

    Raises:
        DataError: the dataset is missing or damaged.
    """
    manifest = read_manifest(dataset)
    order = build_order(job, dataset, manifest, "train", folder=folder, seed=job.train.seed)
    seen = viewed(manifest, build_view(job, manifest, folder))
    draws = num_draws(phases_of(build_task(job, seen, folder)))
    batches = Batches(order.num_samples, job.train.batch_size * draws, job.num_slices)
    epoch, batch = divmod(step - 1, batches.steps_per_epoch)
    bounds = [batches.slice(batch, index) for index in range(job.num_slices)]
    return [order.ids(epoch, low, high).tolist() for low, high in bounds]


def _samples_of(assignment: Assignment, step: int) -> list[list[int]]:
    if assignment.dataset_folder is None:
        return []
    folder = assignment.code_folder
    return samples_of_step(assignment.job, assignment.dataset_folder, step, folder=folder)
