"""Where the samples of a job come from: its dataset, or the task itself."""

from contextlib import closing
from pathlib import Path
from typing import Any

from distnet.data.evaluation_split import evaluation_split, final_split
from distnet.data.folds import stored_split
from distnet.data.manifest import Manifest
from distnet.data.opening import build_sampler, build_view, count_samples
from distnet.data.order import Batches
from distnet.data.samples import Samples
from distnet.errors import UnknownPartError
from distnet.spec.sections.job import Job
from distnet.tasks.task import Task
from distnet.train.feed import (
    DatasetEvaluationFeed,
    DatasetFeed,
    EvaluationFeed,
    Feed,
    checked_evaluation_feed,
    checked_feed,
)


def open_samples(  # noqa: PLR0917
    job: Job, dataset: Path, data: Manifest, split: str, folder: Path, *, seed: int | None
) -> Samples:
    """Open one split for reading, as the job says; `folder` is that of the job file."""
    view = build_view(job, data, folder)
    sampler = build_sampler(job, dataset, data, split, folder=folder, seed=seed)
    memory, split = job.data.memory, stored_split(job, split)
    return Samples(dataset, data, split, memory_bytes=memory, seed=seed, view=view, sampler=sampler)


def build_feed(  # noqa: PLR0917
    job: Job, dataset: Path | None, data: Manifest | None, folder: Path, task: Task, draws: int
) -> Feed:
    """What gives each slice its samples: the task's own feed, or the dataset's.

    Raises:
        UnknownPartError: the task has none, and there is no dataset.
    """
    make: Any = getattr(task, "feed", None)
    if make is not None:
        return checked_feed(make(job))
    if dataset is None or data is None:
        raise UnknownPartError(f"task {job.task.kind}: needs a dataset; set data.source")
    samples = open_samples(job, dataset, data, "train", folder, seed=job.train.seed)
    num_samples, size = samples.order.num_samples, job.train.batch_size * draws
    return DatasetFeed(samples, Batches(num_samples, size, job.num_slices), draws)


def build_evaluation_feed(
    job: Job, dataset: Path | None, data: Manifest | None, folder: Path, task: Task
) -> EvaluationFeed | None:
    """The samples that are measured while a job trains; None where there are none."""
    make: Any = getattr(task, "evaluation_feed", None)
    if make is not None:
        return checked_evaluation_feed(make(job))
    return _split_feed(job, dataset, data, folder, evaluation_split(job, data))


def build_final_feed(
    job: Job, dataset: Path | None, data: Manifest | None, folder: Path, task: Task
) -> EvaluationFeed | None:
    """The samples that are measured once, at the end; None where there are no others."""
    split = None if hasattr(task, "evaluation_feed") else final_split(job, data)
    return _split_feed(job, dataset, data, folder, split)


def _split_feed(
    job: Job, dataset: Path | None, data: Manifest | None, folder: Path, split: str | None
) -> EvaluationFeed | None:
    if dataset is None or data is None or split is None:
        return None
    samples = open_samples(job, dataset, data, split, folder, seed=None)
    return DatasetEvaluationFeed(samples, job.evaluate.samples)


def num_evaluated(job: Job, data: Manifest | None, task: Task, folder: Path) -> int:
    """The samples of an evaluation, or episodes where the task plays; 0 where there are none.

    The files of the user's own view are in `folder`.
    """
    make: Any = getattr(task, "evaluation_feed", None)
    if make is not None:
        with closing(checked_evaluation_feed(make(job))) as feed:
            return feed.length
    return _num_in(evaluation_split(job, data), job, data, folder)


def num_final(job: Job, data: Manifest | None, folder: Path) -> int:
    """The samples of the measurement at the end; 0 where there is none."""
    return _num_in(final_split(job, data), job, data, folder)


def _num_in(split: str | None, job: Job, data: Manifest | None, folder: Path) -> int:
    found = count_samples(job, data, split, folder)
    return min(found, job.evaluate.samples or found)
