"""Mean and deviation of a training split, in one pass, in an order that the shards fix.

Samples come row group by row group, so an import and a later check add the same numbers in the
same order.
"""

import math
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from distnet.data.manifest import Input, Target


@dataclass(frozen=True)
class Moments:
    """`mean` and `std`, a channel or a number each; the deviation is 1 where nothing varies."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class Statistics:
    """Of the samples seen so far: their inputs, and their targets where these are numbers."""

    def __init__(self, x: Input, y: Target) -> None:
        self._x: _Sums = _OfBytes(x.shape[0]) if x.dtype == "uint8" else _OfFloats(x.shape[0])
        self._y = _OfFloats(prod(y.shape)) if y.kind == "number" else None

    def add(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Count the samples x [rows, *shape] with their targets y [rows, *shape]."""
        self._x.add(x)
        if self._y is not None:
            self._y.add(y.reshape(len(y), -1))

    def of_x(self) -> Moments:
        """The moments of the inputs."""
        return self._x.moments()

    def of_y(self) -> Moments:
        """The moments of the targets; empty for classes."""
        return Moments((), ()) if self._y is None else self._y.moments()


class _Sums(Protocol):
    def add(self, values: NDArray[Any]) -> None: ...

    def moments(self) -> Moments: ...


class _OfBytes:
    """A histogram a channel: whole numbers, hence exact."""

    def __init__(self, num_channels: int) -> None:
        self._counts = np.zeros((num_channels, 256), np.int64)

    def add(self, values: NDArray[Any]) -> None:
        for channel in range(len(self._counts)):
            self._counts[channel] += np.bincount(values[:, channel].reshape(-1), minlength=256)

    def moments(self) -> Moments:
        moments = [_of_counts([int(count) for count in counts]) for counts in self._counts]
        return _moments([mean for mean, _ in moments], [std for _, std in moments])


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

    def add(self, values: NDArray[Any]) -> None:
        if self._num == 0:
            self._first = values[0].astype(np.float64)
        values = values.astype(np.float64) - self._first
        mean = values.mean(axis=0)
        num = self._num + len(values)
        step = mean - self._mean
        self._squares += ((values - mean) ** 2).sum(axis=0)
        self._squares += step**2 * (self._num * len(values) / num)
        self._mean += step * (len(values) / num)
        self._num = num

    def moments(self) -> Moments:
        std = np.sqrt(self._squares / max(self._num, 1))
        return _moments((self._first + self._mean).tolist(), std.tolist())


def _of_counts(counts: list[int]) -> tuple[float, float]:
    num = max(sum(counts), 1)
    total = sum(value * count for value, count in enumerate(counts))
    squares = sum(value * value * count for value, count in enumerate(counts))
    return total / (num * 255), math.sqrt(squares * num - total * total) / (num * 255)


def _moments(mean: list[float], std: list[float]) -> Moments:
    return Moments(tuple(mean), tuple(deviation or 1.0 for deviation in std))
