"""Measure a trained network on a split of a dataset."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from distnet.data.evaluation_split import DEFAULT_SPLIT, evaluation_split, final_split
from distnet.data.folds import stored_split, without_fold
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.opening import build_view, viewed
from distnet.data.shipped import find_dataset
from distnet.errors import DataError, RunError
from distnet.run_folder.evaluation import EvaluationRecord
from distnet.run_folder.workers.heartbeat import Stage
from distnet.spec.code.own_errors import own_errors
from distnet.spec.sections.job import Job
from distnet.train.compute.evaluate import Evaluation, Evaluator
from distnet.train.compute.feeds import build_evaluation_feed, open_samples
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.feed import DatasetEvaluationFeed, EvaluationFeed
from distnet.trained.as_learned import as_learned
from distnet.trained.load import Trained, load_trained
from distnet.trained.other_data import refuse_other_kind, warn_of_other_data

Progress = Callable[[int, int], None]
"""Called with the samples that are measured, and how many there are."""


def evaluate(
    run: Path,
    *,
    split: str | None = None,
    data: str | None = None,
    checkpoint: str | int | None = None,
    progress: Progress = lambda _done, _all: None,
) -> dict[str, Any]:
    """Measure a run's network on a split as its job does, each sample once, in fp32.

    Args:
        run: the run folder.
        split: by default that of the job's `evaluate` section.
        data: a dataset's name or folder; by default the one it was trained on.
        checkpoint: whose weights: `newest`, `best` by the job's `best_metric`, or a step.
            Default: the best if the job keeps it (`checkpoint.keep_best`), else the newest.
        progress: called after each batch.

    Returns:
        Plain values, as in the run's `evaluation.json`, and `run` and `dataset`.

    Raises:
        DistnetError: the run or the data is missing, damaged, or they do not fit together.
    """
    trained = load_trained(run, checkpoint=checkpoint, use="evaluation")
    dataset, split, evaluation = _measured(trained, split, data, progress)
    record = EvaluationRecord(
        split=split,
        step=trained.step,
        num_samples=evaluation.num_samples,
        task=trained.job.task.kind,
        metrics=evaluation.metrics,
        declared=trained.task.metrics,
        figures=evaluation.summary.figures,
    )
    names = {"run": trained.folder.path.resolve().name, "dataset": dataset}
    figures: dict[str, Any] = json.loads(record.to_json())
    return names | figures


def _measured(
    trained: Trained, split: str | None, data: str | None, progress: Progress
) -> tuple[str, str, Evaluation]:
    """Measure on a dataset, or on what the task makes; which, its split, and what was found."""
    if hasattr(trained.task, "evaluation_feed"):
        _refuse_dataset(trained, split, data)
        return (
            "",
            evaluation_split(trained.job, None) or DEFAULT_SPLIT,
            _measure_own(trained, progress),
        )
    source, folder = (data, Path.cwd()) if data else (trained.job.data.source, trained.job_folder)
    dataset = find_dataset(source or "", folder=folder)
    if data is None:
        warn_of_other_data(trained.folder.path, dataset, trained.data)
    job = trained.job if data is None else without_fold(trained.job)
    split = split or _split(job, read_manifest(dataset))
    return str(dataset.resolve()), split, _measure_split(trained, job, dataset, split, progress)


def _refuse_dataset(trained: Trained, split: str | None, data: str | None) -> None:
    """Refuse a dataset or a split for a task that makes what it is measured on.

    Raises:
        RunError: one is given.
    """
    given = [f"--{name}" for name, value in (("split", split), ("data", data)) if value]
    if given:
        raise RunError(
            f"{trained.folder.path}: found {' and '.join(given)}, but the task "
            f"{trained.job.task.kind} makes the samples that it is measured on; leave it out"
        )


def _measure_own(trained: Trained, progress: Progress) -> Evaluation:
    feed = build_evaluation_feed(trained.job, None, None, trained.code_folder, trained.task)
    assert feed is not None
    return _measure(trained, feed, progress)


def _measure_split(
    trained: Trained, job: Job, dataset: Path, split: str, progress: Progress
) -> Evaluation:
    manifest = read_manifest(dataset)
    refuse_other_kind(dataset, manifest, trained.data)
    if manifest.split(stored_split(job, split)).num_samples == 0:
        raise DataError(f"{dataset}: the split {split!r} has no samples to evaluate on")
    code = trained.code_folder
    samples = open_samples(job, dataset, manifest, split, code, seed=None)
    learned, found = (viewed(d, build_view(job, d, code)) for d in (trained.data, manifest))
    made = {n: f for n, f in learned.fields.items() if f is not trained.data.fields.get(n)}
    refuse_other_kind(dataset, found, learned.model_copy(update={"fields": made}))
    feed = DatasetEvaluationFeed(samples, job.evaluate.samples)
    return _measure(trained, as_learned(learned, found, feed), progress)


def _measure(trained: Trained, feed: EvaluationFeed, progress: Progress) -> Evaluation:
    size, num_batches = trained.job.evaluate.batch_size, count()

    def stay(stage: Stage) -> None:
        if stage == Stage.EVALUATING:
            progress(min(next(num_batches) * size, feed.length), feed.length)

    evaluator = Evaluator(
        feed, trained.task, trained.prepare, WorkerGroup(), slices=1, batch_size=size
    )
    try:
        with own_errors(f"task {trained.job.task.kind}", is_any=False):
            return evaluator(trained.networks, stay)
    finally:
        evaluator.close()


def _split(job: Job, data: Manifest) -> str:
    """The split that the result of the job stands on.

    Raises:
        DataError: there is none.
    """
    split = final_split(job, data) or evaluation_split(job, data)
    if split is None:
        raise DataError(
            f"found no split to evaluate on in the dataset {data.name}, which has: "
            f"{', '.join(data.splits)}; name one with --split"
        )
    return split
