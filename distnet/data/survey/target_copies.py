"""Columns of a table that hold the target itself, such as its code beside its name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields.field import Field
from distnet.data.survey.summary import Findings

FEWEST_ROWS = 10
MOST_NUMBERS = 10**6
"""Numbers kept, of all classes and columns together; with more, nothing is looked for."""


class TargetCopies:
    """Finds columns in which every class has one number of its own, or that equal the target.

    Args:
        fields: of the samples, the first of which is `x`.
    """

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._x, self._y = next(iter(fields.values())), fields.get("y")
        self._names = self._x.names
        num_classes = len(self._y.classes) if self._y is not None else 0
        is_small = num_classes * len(self._names) <= MOST_NUMBERS
        self._is_copy = np.full(len(self._names), is_small and self._y is not None)
        self._numbers = np.full((num_classes, len(self._names) if is_small else 0), np.nan)
        self._num_rows = 0

    def add(self, columns: Columns) -> None:
        """Add some samples."""
        x = columns[next(iter(columns))]
        if not self._is_copy.any() or isinstance(x, RaggedArray) or not len(x):
            return
        self._num_rows += len(x)
        self._is_copy &= (x == self._expected(x, np.asarray(columns["y"]))).all(axis=0)

    def report(self, findings: Findings) -> None:
        """Report each of them."""
        if self._num_rows < FEWEST_ROWS:
            return
        for index in map(int, np.flatnonzero(self._is_copy)):
            if self._differs_by_class(index):
                findings.warned(
                    "columns that hold the target",
                    "each of its values has one number there, in every row",
                    example=repr(self._names[index]),
                    option=f"--drop {self._names[index]!r}",
                )

    def _expected(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """What a copy of the target holds in each row, as it is stored: [n, columns]."""
        assert self._y is not None
        if self._y.kind != "class":
            target = self._y.in_units(y).reshape(len(y), -1)[:, :1]
            return np.asarray(target - self._x.origins, np.float32)
        classes, first = np.unique(y, return_index=True)
        is_new = np.isnan(self._numbers[classes])
        self._numbers[classes] = np.where(is_new, x[first], self._numbers[classes])
        return np.asarray(self._numbers[y])

    def _differs_by_class(self, index: int) -> bool:
        if self._y is None or self._y.kind != "class":
            return True
        numbers = self._numbers[:, index]
        numbers = numbers[~np.isnan(numbers)]
        return len(numbers) > 1 and len(np.unique(numbers)) == len(numbers)
