"""Mean and deviation of a training split, in one pass, in an order that the shards fix.

Samples come row group by row group, so an import and a later check add the same numbers in the
same order.
"""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from distnet.data.manifest import Input


class Statistics(Protocol):
    """Sums over the samples seen so far."""

    def add(self, x: NDArray[Any]) -> None:
        """Count the samples x [rows, *shape]."""
        ...

    def apply(self, x: Input) -> Input:
        """Fill in `mean` and `std`; the deviation is 1 where nothing varies."""
        ...


def start_statistics(x: Input) -> Statistics:
    """Begin with no samples."""
    return _OfBytes(x.shape[0]) if x.dtype == "uint8" else _OfFloats(x.shape[0])


class _OfBytes:
    """A histogram a channel: whole numbers, hence exact."""

    def __init__(self, num_channels: int) -> None:
        self._counts = np.zeros((num_channels, 256), np.int64)

    def add(self, x: NDArray[Any]) -> None:
        for channel in range(len(self._counts)):
            self._counts[channel] += np.bincount(x[:, channel].reshape(-1), minlength=256)

    def apply(self, x: Input) -> Input:
        moments = [_moments([int(count) for count in counts]) for counts in self._counts]
        return _filled(x, [mean for mean, _ in moments], [std for _, std in moments])


class _OfFloats:
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

    def add(self, x: NDArray[Any]) -> None:
        if self._num == 0:
            self._first = x[0].astype(np.float64)
        values = x.astype(np.float64) - self._first
        mean = values.mean(axis=0)
        num = self._num + len(x)
        step = mean - self._mean
        self._squares += ((values - mean) ** 2).sum(axis=0)
        self._squares += step**2 * (self._num * len(x) / num)
        self._mean += step * (len(x) / num)
        self._num = num

    def apply(self, x: Input) -> Input:
        std = np.sqrt(self._squares / max(self._num, 1))
        return _filled(x, (self._first + self._mean).tolist(), std.tolist())


def _moments(counts: list[int]) -> tuple[float, float]:
    num = max(sum(counts), 1)
    total = sum(value * count for value, count in enumerate(counts))
    squares = sum(value * value * count for value, count in enumerate(counts))
    return total / (num * 255), math.sqrt(squares * num - total * total) / (num * 255)


def _filled(x: Input, mean: list[float], std: list[float]) -> Input:
    return x.model_copy(update={"mean": tuple(mean), "std": tuple(s or 1.0 for s in std)})
