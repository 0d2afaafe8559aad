"""What a simple rule reaches on the split that the result of a job stands on, before it starts."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from distnet.data.batch import Batch
from distnet.data.evaluation_split import evaluation_split, final_split
from distnet.data.folds import stored_split
from distnet.data.manifest import Manifest
from distnet.data.opening import build_sampler
from distnet.data.samples import Samples
from distnet.errors import PartError
from distnet.spec.code.own_errors import described, own_errors
from distnet.spec.metric import Baseline
from distnet.spec.read import JobFile
from distnet.tasks.baseline import Known
from distnet.tasks.task import Task

AT_ONCE = 4096


def plan_baseline(
    file: JobFile, dataset: Path | None, data: Manifest | None, task: Task
) -> dict[str, Any] | None:
    """The split, the rule, its metrics and their formats; None where there is no rule.

    A view makes other samples than those that are stored, of which a rule would know nothing.

    Raises:
        JobFileError: the task's own rule raised an error.
    """
    job, find = file.job, getattr(task, "baseline", None)
    split = final_split(job, data) or evaluation_split(job, data)
    if find is None or dataset is None or data is None or split is None or job.data.view:
        return None
    known = Known(
        train=partial(_batches, file, dataset, data, "train", None),
        measured=partial(_batches, file, dataset, data, split, job.evaluate.samples),
    )
    what = f"task {job.task.kind}"
    try:
        with own_errors(what):
            found = find(known)
    except PartError as error:
        raise file.fault("task", str(error)) from error
    if found is None:
        return None
    if not isinstance(found, Baseline):
        fault = f"{what}: baseline returned {described(found)}, expected a Baseline or None"
        raise file.fault("task", fault)
    formats = {metric.name: metric.format for metric in task.metrics}
    return {"split": split, **found.to_dict(), "formats": formats}


def _batches(  # noqa: PLR0917
    file: JobFile, dataset: Path, data: Manifest, split: str, most: int | None, *fields: str
) -> Iterator[Batch]:
    """The first `most` samples of a split, some at a time, with these fields."""
    job = file.job
    samples = Samples(
        dataset,
        data,
        stored_split(job, split),
        memory_bytes=job.data.memory,
        seed=None,
        fields=fields,
        sampler=build_sampler(job, dataset, data, split, folder=file.code_folder, seed=None),
    )
    with closing(samples):
        num_samples = min(samples.order.num_samples, most or samples.order.num_samples)
        for low in range(0, num_samples, AT_ONCE):
            yield samples.take(0, low, min(low + AT_ONCE, num_samples))
