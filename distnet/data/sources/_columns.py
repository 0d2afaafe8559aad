"""Find the faults of feature columns, with their location."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from distnet.data.sources._cells import LARGEST, holds_numbers, parse_numbers
from distnet.data.sources._precision import Precision
from distnet.errors import DataError

MOST_FAULTS = 10
Location = Callable[[int], str]
"""Describe the position of row n (counted from 0) of a file, for messages."""


class ColumnCheck:
    """Faults of one feature column, counted; with the location of the first of each kind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.precision = Precision(name)
        self._num_rows = self._num_missing = self._num_bad = 0
        self._may_be_text = False
        self._missing_at = self._bad_at = self._bad_cell = ""

    @property
    def is_text(self) -> bool:
        """Whether most of the cells are not numbers."""
        return self._may_be_text and self._num_bad * 2 > self._num_rows - self._num_missing

    def add(self, column: pa.Array, first: int, location: Location) -> None:
        """Check some cells, of which the first is in row `first` of its file."""
        numbers, missing = parse_numbers(column)
        bad = ~missing & ~(np.abs(numbers) <= LARGEST)
        if missing.any() and not self._missing_at:
            self._missing_at = location(first + int(missing.argmax()))
        if bad.any() and not self._bad_at:
            self._bad_at = location(first + int(bad.argmax()))
            self._bad_cell = str(column[int(bad.argmax())].as_py())
        self._may_be_text |= not holds_numbers(column.type)
        self._num_rows += len(column)
        self._num_missing += int(missing.sum())
        self._num_bad += int(bad.sum())
        self.precision.add(column, numbers)

    def faults(self) -> Iterator[str]:
        """Yield a line for each kind of fault."""
        if self._missing_at:
            count = f"{self._num_missing} of {self._num_rows} rows"
            yield f"{self._missing_at}: {self.name!r} is missing ({count})"
        if self._bad_at:
            count = f"{self._num_bad} of {self._num_rows} rows"
            expected = f"expected a finite number of at most {LARGEST:.2g}"
            yield f"{self._bad_at}: {self.name!r} is {self._bad_cell!r}, {expected} ({count})"


def raise_faults(path: Path, checks: Sequence[ColumnCheck]) -> None:
    """Report all faults in one error.

    Raises:
        DataError: a column holds text, gaps, or numbers that are not finite.
    """
    texts = [check.name for check in checks if check.is_text]
    ranges = [f"{path}: {c.precision.fault}" for c in checks if not c.is_text and c.precision.fault]
    faults = [fault for check in checks if not check.is_text for fault in check.faults()]
    lines = faults[:MOST_FAULTS]
    if len(faults) > MOST_FAULTS:
        lines.append(f"and {len(faults) - MOST_FAULTS} more columns with such cells")
    if faults:
        lines.append("fill in those cells, remove their rows, or drop the columns: --drop NAME")
    if texts:
        drops = " ".join(f"--drop {name!r}" for name in texts[:MOST_FAULTS])
        lines.append(
            f"{path}: columns of text (or dates) cannot be features: {', '.join(texts)}; "
            f"convert them to numbers with a decimal point, or drop them: {drops}"
        )
    lines += ranges[:MOST_FAULTS]
    if lines:
        raise DataError("\n".join(lines))
