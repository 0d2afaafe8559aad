"""Check, before training, that the evaluation measures the job's `best_metric`."""

from distnet.data.evaluation_split import evaluation_split
from distnet.data.manifest import Manifest
from distnet.spec.metric import LOSS
from distnet.spec.read import JobFile
from distnet.spec.reading.faults import unknown
from distnet.tasks.task import Task


def refuse_unknown_metric(file: JobFile, data: Manifest | None, task: Task) -> None:
    """Refuse to keep the best checkpoints by a metric that the task does not measure.

    Raises:
        JobFileError: the evaluation does not measure it, or nothing is evaluated.
    """
    job = file.job
    if not job.checkpoint.keep_best:
        return
    if not hasattr(task, "evaluation_feed") and evaluation_split(job, data) is None:
        raise file.fault(
            "checkpoint.keep_best",
            f"found {job.checkpoint.keep_best}, but the dataset has no split to evaluate on; "
            "set it to 0",
        )
    metric, names = job.checkpoint.best_metric, [LOSS.name, *(m.name for m in task.metrics)]
    if metric not in names:
        raise file.fault("checkpoint.best_metric", unknown("metric", metric, names))
