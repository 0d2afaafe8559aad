"""Columns of samples as NumPy arrays: plain where all samples have one shape, else ragged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RaggedArray:
    """Samples of different lengths, one after the other.

    Args:
        values: of all samples, [sum of lengths, ...].
        lengths: of each sample, int64 [n].
    """

    values: Array
    lengths: Ints

    @classmethod
    def of(cls, parts: Sequence[Array]) -> "RaggedArray":
        """Join one array [length, ...] for each sample; there must be at least one."""
        return cls(np.concatenate(parts), np.array([len(part) for part in parts], np.int64))

    def __len__(self) -> int:
        """The number of samples, not of values."""
        return len(self.lengths)

    @cached_property
    def offsets(self) -> Ints:
        """Where the values of each sample begin and those of the last one end, int64 [n + 1]."""
        return np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)

    def __getitem__(self, sample: int) -> Array:
        """The values of one sample, [length, ...]."""
        return self.values[self.offsets[sample] : self.offsets[sample + 1]]

    def slice(self, low: int, high: int) -> "RaggedArray":
        """The samples `low` to `high` (exclusive), as views."""
        low, high, _ = slice(low, high).indices(len(self))
        values = self.values[self.offsets[low] : self.offsets[max(low, high)]]
        return RaggedArray(values, self.lengths[low:high])

    def select(self, samples: Ints) -> "RaggedArray":
        """The samples with these indices [m], in their order."""
        lengths = self.lengths[samples]
        starts = self.offsets[:-1][samples] - np.cumsum(lengths) + lengths
        rows = np.repeat(starts, lengths) + np.arange(lengths.sum())
        return RaggedArray(self.values.take(rows, axis=0), lengths)


Column = Array | RaggedArray
Columns = dict[str, Column]


def cut(column: Column, low: int, high: int) -> Column:
    """The samples `low` to `high` (exclusive) of a column, as views."""
    return column.slice(low, high) if isinstance(column, RaggedArray) else column[low:high]


def select(column: Column, samples: Ints) -> Column:
    """The samples with these indices [m], in their order, as new memory."""
    if isinstance(column, RaggedArray):
        return column.select(samples)
    return column.take(samples, axis=0)


def join(columns: Sequence[Column]) -> Column:
    """One column of the samples of several; at least one, all of one field."""
    if len(columns) == 1:
        return columns[0]
    values = np.concatenate([c.values if isinstance(c, RaggedArray) else c for c in columns])
    ragged = [column.lengths for column in columns if isinstance(column, RaggedArray)]
    return RaggedArray(values, np.concatenate(ragged)) if ragged else values


class Joiner:
    """Joins columns of one field as they come, with one copy of their values, not two.

    Args:
        num_samples: of all of them together.
    """

    def __init__(self, num_samples: int) -> None:
        self._num_samples, self._filled = num_samples, 0
        self._array: Array | None = None
        self._ragged: list[Column] = []

    def add(self, column: Column) -> None:
        """Append some samples."""
        if isinstance(column, RaggedArray):
            self._ragged.append(column)
            return
        if self._array is None:
            self._array = np.empty((self._num_samples, *column.shape[1:]), column.dtype)
        self._array[self._filled : self._filled + len(column)] = column
        self._filled += len(column)

    def joined(self) -> Column:
        """All samples; at least one column was added."""
        return join(self._ragged) if self._array is None else self._array


def samples_of(column: Column) -> Iterable[Array]:
    """Go through the samples of a column."""
    return (np.asarray(column[index]) for index in range(len(column)))


def num_samples(columns: Columns) -> int:
    """How many samples columns of equal length hold."""
    return len(next(iter(columns.values())))
