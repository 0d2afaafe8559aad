"""The samples that records of a run should name: computed from job and manifest, not read."""

from functools import lru_cache
from typing import Protocol

import numpy as np

from distnet.data.column import Ints
from distnet.data.order import Batches, Order
from distnet.data.sample_hash import digest_of
from distnet.run_folder.sample_digest import SampleDigest


class Expected(Protocol):
    """Which samples each step of a run takes."""

    slices: int
    steps_per_epoch: int
    num_samples: int
    """Of an epoch."""

    def first_steps(self, epoch: int, count: int) -> SampleDigest:
        """Those of the first `count` steps of an epoch, counted from 0."""
        ...

    def step(self, epoch: int, step: int) -> SampleDigest:
        """Those of one step of an epoch."""
        ...


class OfDataset:
    """Every sample of a dataset once an epoch.

    Args:
        order: the order of the samples.
        batches: the batches of an epoch.
    """

    def __init__(self, order: Order, batches: Batches) -> None:
        self._order, self._batches = order, batches
        self.slices, self.steps_per_epoch = batches.slices, batches.steps_per_epoch
        self.num_samples = order.num_samples

    def first_steps(self, epoch: int, count: int) -> SampleDigest:
        """Those of the first `count` steps of an epoch."""
        if count == 0:
            return SampleDigest()
        if count == self.steps_per_epoch:
            return self._whole_epoch(epoch)
        return digest_of(_ids(self._order, epoch)[: self._batches.batch(count - 1)[1]])

    def step(self, epoch: int, step: int) -> SampleDigest:
        """Those of one step of an epoch."""
        low, high = self._batches.batch(step)
        return digest_of(_ids(self._order, epoch)[low:high])

    def _whole_epoch(self, epoch: int) -> SampleDigest:
        if self._order.sampler is not None:
            return digest_of(_ids(self._order, epoch))
        return digest_of(np.arange(self._order.num_samples, dtype=np.int64))


class OfNoDataset:
    """None: the task makes its own samples, which are in no dataset."""

    num_samples = 0

    def __init__(self, slices: int, steps_per_epoch: int) -> None:
        self.slices, self.steps_per_epoch = slices, steps_per_epoch

    def first_steps(self, epoch: int, count: int) -> SampleDigest:  # noqa: ARG002
        """Empty."""
        return SampleDigest()

    def step(self, epoch: int, step: int) -> SampleDigest:  # noqa: ARG002
        """Empty."""
        return SampleDigest()


@lru_cache(maxsize=2)
def _ids(order: Order, epoch: int) -> Ints:
    """The samples of an epoch, in the order of use."""
    return order.ids(epoch, 0, order.num_samples)
