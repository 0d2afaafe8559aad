"""Sums over the samples of a split, in one pass, in an order that the shards fix.

Samples come row group by row group, so an import and a later check add the same numbers in the
same order.
"""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Column, RaggedArray

Facts = dict[str, Any]
"""What a field's record says of its samples, such as `mean` and `std`."""


class Statistics(Protocol):
    """Of one field and one split."""

    def add(self, column: Column) -> None:
        """Count some samples."""
        ...


class ByteStatistics:
    """A histogram of bytes a channel: whole numbers, hence exact."""

    def __init__(self, num_channels: int) -> None:
        self._counts = np.zeros((num_channels, 256), np.int64)

    def add(self, column: Column) -> None:
        """Count images [n, channels, ...] of uint8."""
        assert not isinstance(column, RaggedArray)
        for channel in range(len(self._counts)):
            self._counts[channel] += np.bincount(column[:, channel].reshape(-1), minlength=256)

    def moments(self) -> Facts:
        """Mean and deviation of each channel, a byte b counting as b / 255."""
        moments = [_of_counts([int(count) for count in counts]) for counts in self._counts]
        return _moments([mean for mean, _ in moments], [std for _, std in moments])


class FloatStatistics:
    """Means and squared distances from them, group by group, in float64.

    Numbers are taken relative to the first sample, so an element that never changes has a
    deviation of exactly 0. Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise
    algorithm for computing sample variances" (1979).
    """

    def __init__(self, size: int) -> None:
        self._num = 0
        self._first = np.zeros(size)
        self._mean = np.zeros(size)
        self._squares = np.zeros(size)

    def add(self, column: Column) -> None:
        """Count vectors [n, ...] of `size` numbers each."""
        assert not isinstance(column, RaggedArray)
        column = column.reshape(len(column), -1)
        if self._num == 0:
            self._first = column[0].astype(np.float64)
        values = column.astype(np.float64) - self._first
        mean = values.mean(axis=0)
        num = self._num + len(values)
        step = mean - self._mean
        self._squares += ((values - mean) ** 2).sum(axis=0)
        self._squares += step**2 * (self._num * len(values) / num)
        self._mean += step * (len(values) / num)
        self._num = num

    def moments(self) -> Facts:
        """Mean and deviation of each number."""
        std = np.sqrt(self._squares / max(self._num, 1))
        return _moments((self._first + self._mean).tolist(), std.tolist())


class ClassCounts:
    """How many samples (or pixels, or values of ragged samples) each class has.

    Args:
        num_classes: of the field.
        void: a value that is no class, and above all that are.
    """

    def __init__(self, num_classes: int, *, void: int | None = None) -> None:
        self._counts: NDArray[np.int64] = np.zeros(num_classes, np.int64)
        self._void = void

    def add(self, column: Column) -> None:
        """Count the classes [n, ...], all within range."""
        values = column.values if isinstance(column, RaggedArray) else column
        counts = np.bincount(values.reshape(-1), minlength=len(self._counts))
        self._counts += counts if self._void is None else counts[: len(self._counts)]

    def counts(self) -> tuple[int, ...]:
        """Of each class."""
        return tuple(self._counts.tolist())


class ValueCounts:
    """How many values the samples of a ragged column have."""

    def __init__(self) -> None:
        self.num_values = self.longest = 0

    def add(self, column: Column) -> None:
        """Count the values of some samples."""
        assert isinstance(column, RaggedArray)
        self.num_values += len(column.values)
        self.longest = max(self.longest, int(column.lengths.max(initial=0)))


class AmplitudeStatistics:
    """Mean and deviation of recordings of int16, in whole numbers; 32768 counts as 1."""

    def __init__(self) -> None:
        self.num_values = self.longest = 0
        self._total = self._squares = 0

    def add(self, column: Column) -> None:
        """Count some recordings."""
        assert isinstance(column, RaggedArray)
        values = column.values.astype(np.int64)
        self.num_values += len(values)
        self.longest = max(self.longest, int(column.lengths.max(initial=0)))
        self._total += int(values.sum())
        self._squares += int((values * values).sum())

    def moments(self) -> Facts:
        """Mean and deviation."""
        num = max(self.num_values, 1)
        spread = math.sqrt(self._squares * num - self._total * self._total)
        return _moments([self._total / (num * 32768)], [spread / (num * 32768)])


class NoStatistics:
    """Of a field that needs none."""

    def add(self, column: Column) -> None:
        """Count nothing."""


def _of_counts(counts: list[int]) -> tuple[float, float]:
    num = max(sum(counts), 1)
    total = sum(value * count for value, count in enumerate(counts))
    squares = sum(value * value * count for value, count in enumerate(counts))
    return total / (num * 255), math.sqrt(squares * num - total * total) / (num * 255)


def _moments(mean: list[float], std: list[float]) -> Facts:
    return {"mean": tuple(mean), "std": tuple(deviation or 1.0 for deviation in std)}
