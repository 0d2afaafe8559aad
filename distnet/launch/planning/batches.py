"""The batches of an epoch, checked against the dataset before anything is written or started."""

from pathlib import Path

from distnet.data.manifest import Manifest
from distnet.data.opening import build_order, build_sampler
from distnet.data.order import Batches
from distnet.data.samplers.checked import CheckedSampler, require_repeatable
from distnet.errors import DataError, DistnetError
from distnet.launch.rehearsal.probe import Probe
from distnet.spec.plural import counted
from distnet.spec.read import JobFile


def plan_batches(file: JobFile, dataset: Path, data: Manifest, found: Probe) -> Batches:
    """How the training samples of a dataset are cut into batches and slices.

    Raises:
        JobFileError: there are too few samples, or the sampler does not fit them.
    """
    job = file.job
    if "train" not in data.splits:
        raise file.fault(
            "data.source",
            f"found the splits {', '.join(data.splits)}, expected one named train",
        )
    num_samples = _num_train_samples(file, dataset, data)
    if num_samples < job.num_slices * found.draws:
        raise file.fault(
            "train.slices",
            f"found {counted(job.num_slices, 'slice')}, but the dataset has "
            f"{counted(num_samples, 'training sample')}; use fewer workers and slices",
        )
    batches = Batches(num_samples, job.train.batch_size * found.draws, job.num_slices)
    _refuse_tiny_slices(file, batches, found)
    return batches


def _num_train_samples(file: JobFile, dataset: Path, data: Manifest) -> int:
    job = file.job
    try:
        folder, seed = file.code_folder, job.train.seed
        order = build_order(job, dataset, data, "train", folder=folder, seed=seed)
    except DistnetError as error:
        key = "data.memory" if isinstance(error, DataError) else "data.sampler"
        raise file.fault(key, str(error)) from None
    try:
        if isinstance(order.sampler, CheckedSampler):
            again = build_sampler(job, dataset, data, "train", folder=folder, seed=seed)
            require_repeatable(order.sampler, again)
        elif order.sampler is not None:
            order.sampler.ids(0)
    except DistnetError as error:
        raise file.fault("data.sampler", str(error)) from None
    return order.num_samples


def _refuse_tiny_slices(file: JobFile, batches: Batches, found: Probe) -> None:
    """Batch normalisation cannot compute a deviation from one sample."""
    smallest = batches.smallest_slice // found.draws // file.job.train.accumulate
    if smallest < 2 and found.has_batch_norm:
        raise file.fault(
            "train.batch_size",
            "found pieces of a slice with 1 sample, but batch normalisation needs 2; "
            "use a larger batch_size, fewer slices, or a smaller accumulate",
        )
