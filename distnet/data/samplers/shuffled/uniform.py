"""Every sample once an epoch, in a new order each time."""

import numpy as np

from distnet.data.column import Ints
from distnet.data.samplers.sampler import SplitIndex
from distnet.data.shuffle import shuffled

__all__ = ("Uniform",)


class Uniform:
    """A permutation of all samples; without a seed the order of the dataset."""

    def __init__(self, index: SplitIndex, seed: int | None) -> None:
        self.num_samples, self._seed = index.num_samples, seed

    def ids(self, epoch: int) -> Ints:
        """All samples, shuffled."""
        samples = np.arange(self.num_samples, dtype=np.int64)
        return samples if self._seed is None else shuffled(samples, self._seed, epoch, 0)
