"""Whether the job's `best_metric` is one that its evaluation gives, known before training."""

import torch

from distnet.data.manifest import Manifest
from distnet.spec.read import JobFile
from distnet.spec.reading.faults import unknown
from distnet.tasks.task import Task


def refuse_unknown_metric(file: JobFile, manifest: Manifest, task: Task) -> None:
    """Refuse to keep the best checkpoints by a metric that the task does not measure.

    Raises:
        JobFileError: the evaluation gives no such metric, or nothing is evaluated.
    """
    job = file.job
    if not job.checkpoint.keep_best:
        return
    if job.evaluate.split not in manifest.splits:
        raise file.fault(
            "checkpoint.keep_best",
            f"found {job.checkpoint.keep_best}, but the dataset has no split "
            f"{job.evaluate.split!r} to measure on; set it to 0",
        )
    metric, names = job.checkpoint.best_metric, _names(manifest, task)
    if names and metric not in names:
        raise file.fault("checkpoint.best_metric", unknown("metric", metric, names))


def _names(manifest: Manifest, task: Task) -> list[str]:
    """The metrics of a sample of zeros; a task of the user's own may need real ones."""
    number = torch.zeros(1, *manifest.y.shape)
    target = torch.zeros(1, dtype=torch.int64) if manifest.y.kind == "class" else number
    try:
        return list(task.metrics(task.tally(torch.zeros(1, task.num_outputs), target)))
    except (RuntimeError, ValueError, TypeError, IndexError, ArithmeticError):
        return []  # the first evaluation will tell
