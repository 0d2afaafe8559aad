"""Which classes are predicted as which: the counts of a confusion matrix that are not 0.

Letters: K classes, c cells of the matrix with any samples.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
CELL = np.dtype("<i8")
"""How a cell is written where it is collected."""


@dataclass(frozen=True)
class Confused:
    """The samples in each cell of a confusion matrix."""

    num_classes: int
    """K."""
    cells: Counts
    """[c], ascending: actual * K + predicted."""
    counts: Counts
    """[c]: the samples in each of them."""

    @cached_property
    def actual(self) -> Counts:
        """[K]: samples of each class."""
        return self._add_up(self.cells // self.num_classes, self.counts)

    @cached_property
    def predicted(self) -> Counts:
        """[K]: samples that were predicted as each class."""
        return self._add_up(self.cells % self.num_classes, self.counts)

    @cached_property
    def right(self) -> Counts:
        """[K]: samples of each class that were predicted as it."""
        actual, predicted = np.divmod(self.cells, self.num_classes)
        return self._add_up(actual, np.where(actual == predicted, self.counts, 0))

    def dense(self) -> tuple[tuple[int, ...], ...]:
        """The whole matrix, [actual][predicted]."""
        matrix = np.zeros(self.num_classes**2, np.int64)
        matrix[self.cells] = self.counts
        return tuple(map(tuple, matrix.reshape(self.num_classes, -1).tolist()))

    def pairs(self, most: int) -> list[tuple[int, int, int]]:
        """(actual, predicted, samples) of pairs of unlike classes, most samples first."""
        actual, predicted = np.divmod(self.cells, self.num_classes)
        wrong = np.flatnonzero(actual != predicted)
        order = wrong[np.argsort(-self.counts[wrong], kind="stable")][:most]
        columns = actual[order].tolist(), predicted[order].tolist(), self.counts[order].tolist()
        return list(zip(*columns, strict=True))

    def _add_up(self, classes: Counts, counts: Counts) -> Counts:
        # Sums of floats are exact up to 2**53 samples.
        return np.bincount(classes, counts, self.num_classes).astype(np.int64)
