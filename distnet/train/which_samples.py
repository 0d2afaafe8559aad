"""Which samples a step uses, from the job and the dataset's manifest alone."""

from pathlib import Path

from distnet.data.manifest import read_manifest
from distnet.data.order import Batches, order_of
from distnet.spec.job import Job
from distnet.train.place import Place


def samples_of_step(job: Job, dataset: Path, step: int) -> list[list[int]]:
    """Tell the samples of each slice of `step` (counted from 1), by their places in the split.

    Raises:
        DataError: the dataset is missing or damaged.
    """
    manifest = read_manifest(dataset)
    order = order_of(manifest, "train", memory_bytes=job.data.memory, seed=job.train.seed)
    batches = Batches(order.num_samples, job.train.batch_size, job.num_slices)
    place = Place.of(batches, step - 1)
    bounds = [batches.slice(place.batch, index) for index in range(job.num_slices)]
    return [order.ids(place.epoch, low, high).tolist() for low, high in bounds]
