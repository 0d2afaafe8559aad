"""One-hot labels: in every row one number is 1, and the others are 0."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from distnet.data.fields.class_ import ClassField
from distnet.data.sources.tables.cells import parse_numbers
from distnet.data.sources.tables.classes import Encode


def other_rows(values: NDArray[Any]) -> NDArray[np.int64]:
    """The rows of an array that do not hold one 1 and else 0."""
    if values.ndim != 2 or values.shape[1] < 2 or values.dtype.kind not in "uifb":
        return np.arange(len(values))
    is_bit = ((values == 0) | (values == 1)).all(axis=1)
    return np.flatnonzero(~is_bit | ((values != 0).sum(axis=1) != 1))


class OneHotColumns:
    """Target columns of a table that may be one-hot: then each is a class.

    Args:
        names: of the columns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self.is_possible = len(names) > 1
        """Whether all rows so far are one-hot."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Check some rows."""
        if self.is_possible and batch.num_rows:
            self.is_possible = other_rows(self._numbers(batch)).size == 0

    def classes(self) -> tuple[ClassField, Encode]:
        """The names of the columns as classes."""
        return ClassField(classes=self._names), self._encode

    def _encode(self, batch: pa.RecordBatch) -> NDArray[np.int32]:
        return np.asarray(self._numbers(batch).argmax(axis=1), np.int32)

    def _numbers(self, batch: pa.RecordBatch) -> NDArray[np.float64]:
        return np.stack([parse_numbers(batch.column(name))[0] for name in self._names], axis=1)
