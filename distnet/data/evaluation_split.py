"""Which split of a dataset is measured while a run trains, and which at its end."""

from collections.abc import Sequence

from distnet.data.folds import FOLD
from distnet.data.manifest import Manifest
from distnet.spec.sections.job import Job

DEFAULT_SPLIT = "test"
VALIDATION = ("val", "valid", "validation", "dev", "eval")
"""Other names of a split to measure on, in the order of preference."""
SET_ASIDE = "distnet data import SOURCE OUT --test-fraction 0.1"
WITH_VALIDATION = "distnet data import SOURCE OUT --validation-fraction 0.1"


def evaluation_split(job: Job, data: Manifest | None) -> str | None:
    """The split that is measured while a job trains: as it says, else by `default_split`.

    Of a job with folds it is the part of the training samples that is left out.

    Args:
        job: the job.
        data: the dataset's manifest; None for a task that makes its own samples.
    """
    if job.data.fold is not None:
        return FOLD
    if job.evaluate.split is not None or data is None:
        return job.evaluate.split
    return default_split([name for name in data.splits if _has_samples(data, name)])


def final_split(job: Job, data: Manifest | None) -> str | None:
    """The split that is measured once, at the end; None if that is the one measured all along.

    What is chosen by an evaluation (when to stop, which checkpoint to keep) looks better on its
    samples than on others, so the result of a run stands on samples that chose nothing.
    """
    measured = evaluation_split(job, data)
    found = job.evaluate.final
    if found is None and job.evaluate.split is None and measured in VALIDATION and data is not None:
        found = DEFAULT_SPLIT if _has_samples(data, DEFAULT_SPLIT) else None
    return None if found == measured else found


def default_split(splits: Sequence[str]) -> str | None:
    """The split that is measured where a job names none: for validation, else `test`, else the one.

    Args:
        splits: those with samples.
    """
    others = [name for name in splits if name != "train"]
    named = [name for name in (*VALIDATION, DEFAULT_SPLIT) if name in others]
    return next(iter(named or (others if len(others) == 1 else ())), None)


def split_note(job: Job, data: Manifest | None) -> str:
    """Say that nothing is measured, or that it is not measured on `test`; empty otherwise."""
    if data is None or job.evaluate.split is not None:
        return ""
    if job.data.fold is not None:
        return (
            f"measured on fold {job.data.fold} of the training samples, which is left out of them"
        )
    split = evaluation_split(job, data)
    if split is None:
        return nothing_measured(data)
    if split == DEFAULT_SPLIT or final_split(job, data) is not None:
        return ""
    return (
        f"measured on the split {split}, because the dataset has no split {DEFAULT_SPLIT}; "
        f"to choose another, set evaluate.split"
    )


def nothing_measured(data: Manifest) -> str:
    """Say that there is no split to measure on, and how to change that."""
    others = [name for name in data.splits if name != "train"]
    choose = f"set evaluate.split to one of {', '.join(others)}, or " if others else ""
    return (
        f"nothing is measured: the dataset {data.name} has no split {DEFAULT_SPLIT} (it has: "
        f"{', '.join(data.splits)}); {choose}set aside a part of the samples with: {SET_ASIDE}"
    )


def _has_samples(data: Manifest, split: str) -> bool:
    return split in data.splits and data.splits[split].num_samples > 0
