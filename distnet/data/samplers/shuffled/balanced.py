"""Classes alike: samples of rare classes come more often in an epoch, those of frequent ones less.

A class goes through all of its samples, in a new order each time, before any comes again, also
beyond the end of an epoch: over a run all samples of a class are used equally often.

Source: Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition",
section 3: class-balanced (q = 0) and square-root sampling (q = 1/2).
"""

from functools import cached_property

import numpy as np

from distnet.data.column import Ints, RaggedArray
from distnet.data.samplers.sampler import SplitIndex
from distnet.data.shuffle import shuffled
from distnet.errors import DataError
from distnet.spec.sections.section import Fraction

__all__ = ("Balanced",)


class Balanced:
    """As many samples an epoch as the split has, and of each class as many as its share.

    Args:
        power: q. The share of a class of n samples is that of n ** q: with 0 all classes are alike,
            with 0.5 a class of four times as many has twice as many.
        field: the field of the classes.
    """

    def __init__(
        self, index: SplitIndex, seed: int, *, power: Fraction = 0.0, field: str = "y"
    ) -> None:
        self._index, self._seed = index, seed
        self._power, self._field = power, field
        self.num_samples = index.num_samples

    def ids(self, epoch: int) -> Ints:
        """The samples of an epoch, in a random order."""
        chosen = [self._of_class(label, epoch) for label in range(len(self._members))]
        # Positions are shuffled, and not samples, of which the same ones would stay together.
        positions = shuffled(np.arange(self.num_samples, dtype=np.int64), self._seed, epoch)
        return np.concatenate(chosen)[positions]

    def _of_class(self, label: int, epoch: int) -> Ints:
        """The samples of a class in an epoch: those that follow the ones of the epoch before."""
        members, count = self._members[label], self._counts[label]
        first, end = epoch * count, (epoch + 1) * count
        rounds = range(first // len(members), -(-end // len(members)))
        orders = [shuffled(members, self._seed, label, number) for number in rounds]
        skipped = first - rounds.start * len(members)
        return np.concatenate([members[:0], *orders])[skipped : skipped + count]

    @cached_property
    def _counts(self) -> list[int]:
        """Samples of each class in an epoch; what is left over goes to the largest remainders."""
        weights = np.array([len(members) for members in self._members]) ** self._power
        exact = weights / weights.sum() * self.num_samples
        counts = exact.astype(np.int64)
        largest = np.argsort(counts - exact, kind="stable")[: self.num_samples - counts.sum()]
        counts[largest] += 1
        found: list[int] = counts.tolist()
        return found

    @cached_property
    def _members(self) -> list[Ints]:
        """The samples of each class that has any."""
        labels = self._index.column(self._field)
        if isinstance(labels, RaggedArray) or labels.ndim != 1 or labels.dtype.kind != "i":
            raise DataError(f"sampler balanced: the field {self._field!r} holds no classes")
        return [np.flatnonzero(labels == label) for label in np.unique(labels)]
