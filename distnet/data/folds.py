"""k folds: a part of the training samples is left out of the training, and evaluated on.

`data.fold: 2/5` cuts the training split into five parts. The second one is the split `fold`, whose
samples are those of `train` in the dataset; the others remain `train`. Which sample is in which
part depends on the number of samples and on `train.seed` alone.
"""

import numpy as np

from distnet.data.column import Ints
from distnet.data.samplers.sampler import Sampler
from distnet.data.shuffle import shuffled
from distnet.spec.sections.job import Job

TRAIN = "train"
FOLD = "fold"
KEY = 0xF01D
"""Distinguishes this shuffle from those of the epochs."""


def stored_split(job: Job, split: str) -> str:
    """The split of the dataset that holds the samples of a split of the job."""
    return TRAIN if job.data.fold is not None and split == FOLD else split


def rows_of(job: Job, split: str, num_rows: int) -> Ints | None:
    """The rows of the stored split that a split of the job has, in order; None for all of them.

    Args:
        job: the job.
        split: of the job: `train`, `fold` or another one.
        num_rows: of the stored split.
    """
    if job.data.fold is None or split not in (TRAIN, FOLD):
        return None
    number, num_folds = map(int, job.data.fold.split("/"))
    order = shuffled(np.arange(num_rows, dtype=np.int64), job.train.seed, KEY)
    begin, end = ((number - 1) * num_rows // num_folds, number * num_rows // num_folds)
    left_out = order[begin:end]
    rows = left_out if split == FOLD else np.concatenate([order[:begin], order[end:]])
    return np.sort(rows)


def without_fold(job: Job) -> Job:
    """The same job on another dataset, of which no part was left out."""
    return job.model_copy(update={"data": job.data.model_copy(update={"fold": None})})


class OfRows:
    """Lists samples as another sampler does, which numbers the given rows from 0.

    Args:
        sampler: of as many samples as there are rows.
        rows: their indices in the stored split.
    """

    def __init__(self, sampler: Sampler, rows: Ints) -> None:
        self._sampler, self._rows = sampler, rows
        self.num_samples = sampler.num_samples

    def ids(self, epoch: int) -> Ints:
        """The samples of an epoch."""
        return self._rows[self._sampler.ids(epoch)]
