"""Batches of P classes with K samples each, from which metric learning makes its pairs.

Source: Hermans, Beyer and Leibe, "In Defense of the Triplet Loss for Person Re-Identification"
(2017), section 2.
"""

from functools import cached_property

import numpy as np

from distnet.data.column import Ints, RaggedArray
from distnet.data.samplers.sampler import SplitIndex
from distnet.data.shuffle import shuffled
from distnet.errors import DataError
from distnet.spec.sections.section import PositiveInt

__all__ = ("Identities",)


class Identities:
    """Groups of `identities` classes with `samples` each; a class with fewer repeats its own.

    Args:
        identities: P, the classes of a group.
        samples: K, the samples of each of them.
        field: the field of the classes.

    Raises:
        ValueError: the batch size is not a multiple of P x K, or there are too few samples.
    """

    def __init__(
        self,
        index: SplitIndex,
        seed: int,
        *,
        identities: PositiveInt = 8,
        samples: PositiveInt = 4,
        field: str = "y",
    ) -> None:
        self._size = identities * samples
        if index.batch_size % self._size:
            raise ValueError(
                f"found a batch_size of {index.batch_size}, expected {self._size} = {identities} "
                f"identities x {samples} samples, or a multiple"
            )
        if index.num_samples < self._size:
            raise ValueError(f"found {index.num_samples} samples, expected {self._size} or more")
        self._index, self._seed, self._field = index, seed, field
        self._identities, self._samples = identities, samples
        self.num_samples = index.num_samples // self._size * self._size

    def ids(self, epoch: int) -> Ints:
        """The groups of an epoch, one after the other."""
        groups = range(self.num_samples // self._size)
        return np.concatenate([self._group(epoch, group) for group in groups])

    def _group(self, epoch: int, group: int) -> Ints:
        classes = shuffled(np.arange(len(self._members), dtype=np.int64), self._seed, epoch, group)
        return np.concatenate(
            [
                np.resize(shuffled(self._members[c], self._seed, epoch, group, 1), self._samples)
                for c in classes[: self._identities]
            ]
        )

    @cached_property
    def _members(self) -> list[Ints]:
        """The samples of each class that has any."""
        labels = self._index.column(self._field)
        if isinstance(labels, RaggedArray) or labels.ndim != 1 or labels.dtype.kind != "i":
            raise DataError(f"sampler identities: the field {self._field!r} holds no classes")
        members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        if len(members) < self._identities:
            raise DataError(
                f"sampler identities: found {len(members)} classes among the samples, expected "
                f"{self._identities} or more"
            )
        return members
