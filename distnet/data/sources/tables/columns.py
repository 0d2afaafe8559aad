"""Find the faults of feature columns, with their location."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from distnet.data.csv.dialect import WITH_COMMA
from distnet.data.images.formats import SUFFIXES
from distnet.data.sources.tables.cells import (
    LARGEST,
    holds_numbers,
    parse_numbers,
    without_booleans,
)
from distnet.data.sources.tables.precision import Precision
from distnet.errors import DataError
from distnet.spec.plural import listed

MOST_FAULTS = 10
LONGEST_EXAMPLE = 30
Location = Callable[[int], str]
"""Describe the position of row n (counted from 0) of a file, for messages."""


class ColumnCheck:
    """Faults of one feature column, counted; with the location of the first of each kind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.precision = Precision(name)
        self._num_rows = self._num_missing = self._num_bad = self._num_booleans = 0
        self._may_be_text = False
        self._missing_at = self._bad_at = self._bad_cell = self._boolean_at = ""

    @property
    def is_text(self) -> bool:
        """Whether most of the cells are not numbers."""
        return self._may_be_text and self._num_bad * 2 > self._num_rows - self._num_missing

    @property
    def is_boolean(self) -> bool:
        """Whether the cells are `true` and `false`, in text."""
        return self._num_booleans > 0

    @property
    def example(self) -> str:
        """The name, and a cell that is not a number."""
        return f"{self.name!r} (such as {self._bad_cell[:LONGEST_EXAMPLE]!r})"

    @property
    def names_images(self) -> bool:
        """Whether the cells may be names of image files."""
        return Path(self._bad_cell).suffix.lower() in SUFFIXES

    @property
    def has_commas(self) -> bool:
        """Whether the cells may be numbers with a decimal comma."""
        return re.match(WITH_COMMA, self._bad_cell) is not None

    def add(self, column: pa.Array, first: int, location: Location) -> None:
        """Check some cells, of which the first is in row `first` of its file."""
        may_be_text = not holds_numbers(column.type)
        column, is_boolean = without_booleans(column)
        numbers, missing = parse_numbers(column)
        bad = ~missing & ~(np.abs(numbers) <= LARGEST)
        if missing.any() and not self._missing_at:
            self._missing_at = location(first + int(missing.argmax()))
        if bad.any() and not self._bad_at:
            self._bad_at = location(first + int(bad.argmax()))
            self._bad_cell = str(column[int(bad.argmax())].as_py())
        if is_boolean.any() and not self._boolean_at:
            self._boolean_at = location(first + int(is_boolean.argmax()))
        self._may_be_text |= may_be_text
        self._num_rows += len(column)
        self._num_missing += int(missing.sum())
        self._num_bad += int(bad.sum())
        self._num_booleans += int(is_boolean.sum())
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
        if 0 < self._num_booleans < self._num_rows - self._num_missing - self._num_bad:
            count = f"{self._num_booleans} of {self._num_rows} rows"
            yield (
                f"{self._boolean_at}: {self.name!r} is true or false, but a number in other rows "
                f"({count})"
            )


def raise_faults(path: Path, checks: Sequence[ColumnCheck]) -> None:
    """Report all faults in one error.

    Raises:
        DataError: a column holds text, gaps, or numbers that are not finite.
    """
    texts = [check for check in checks if check.is_text]
    ranges = [f"{path}: {c.precision.fault}" for c in checks if not c.is_text and c.precision.fault]
    faults = [fault for check in checks if not check.is_text for fault in check.faults()]
    lines = faults[:MOST_FAULTS]
    if len(faults) > MOST_FAULTS:
        lines.append(f"and {len(faults) - MOST_FAULTS} more columns with such cells")
    if faults:
        lines.append("fill in those cells, remove their rows, or drop the columns: --drop NAME")
    if texts:
        lines.append(_text_columns(path, texts))
    if any(check.names_images for check in texts):
        lines.append("if these are names of images: put those of each class into one folder")
    if any(check.has_commas for check in checks):
        lines.append("if a comma is the decimal mark of the file, set it with --decimal ,")
    lines += ranges[:MOST_FAULTS]
    if lines:
        raise DataError("\n".join(lines))


def _text_columns(path: Path, texts: Sequence[ColumnCheck]) -> str:
    shown = texts[:MOST_FAULTS]
    examples = listed([check.example for check in texts], MOST_FAULTS)
    return (
        f"{path}: columns of something other than numbers cannot be features: "
        f"{examples}; convert them to numbers, or drop "
        "them: "
        + " ".join(f"--drop {check.name!r}" for check in shown)
        + f"; to learn from one of them as text, import with: --text {shown[0].name!r}"
    )
