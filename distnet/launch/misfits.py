"""Refuse jobs that slices, checkpoints, data or this machine do not allow."""

from distnet.data.manifest import Manifest
from distnet.errors import NotEnoughResourcesError, RunError
from distnet.spec.read import JobFile
from distnet.train.checkpoint.store import check_store
from distnet.train.device.device import count_gpus, describe_gpus


def refuse_misfits(file: JobFile, data: Manifest | None, num_workers: int, *, inline: bool) -> None:
    """Refuse what the job's slices, its data or this machine do not allow.

    Raises:
        DistnetError: one of them does not.
    """
    job = file.job
    if num_workers > job.num_slices:
        raise file.fault(
            "train.slices",
            f"found {num_workers} workers for {job.num_slices} slices of a batch, but every worker "
            f"needs one; set train.slices to {num_workers} or more (a multiple is best)",
        )
    try:
        check_store(job.checkpoint.store, job_folder=file.folder)
    except RunError as error:
        raise file.fault("checkpoint.store", str(error)) from None
    _refuse_split(file, data)
    if job.data.augment and not _has_images(data):
        raise file.fault(
            "data.augment", "found augmentations, but this job has no images; remove them"
        )
    if job.resources.gpus and inline and not count_gpus():
        found = f"{describe_gpus()}; set it to 0"
        raise NotEnoughResourcesError(str(file.fault("resources.gpus", found)))


def _refuse_split(file: JobFile, data: Manifest | None) -> None:
    split = file.job.evaluate.split
    if data is None or split is None:
        return
    if split not in data.splits:
        expected = f"one of {', '.join(data.splits)}"
        raise file.fault("evaluate.split", f"found {split!r}, expected {expected}")


def _has_images(data: Manifest | None) -> bool:
    return data is not None and any(field.kind == "image" for field in data.fields.values())
