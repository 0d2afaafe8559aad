"""Find out what the feature columns of a table hold, and their faults, with their location."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from distnet.data.csv.dialect import WITH_COMMA, thousands_of
from distnet.data.features.dates import FORMS
from distnet.data.features.feature import Feature
from distnet.data.images.formats import SUFFIXES
from distnet.data.sources.tables.cells import (
    LARGEST,
    NUMBER,
    holds_numbers,
    parse_numbers,
    without_booleans,
)
from distnet.data.sources.tables.other_columns import OtherColumn
from distnet.data.sources.tables.precision import Precision
from distnet.errors import DataError
from distnet.spec.plural import counted, listed

MOST_FAULTS = 10
LONGEST_EXAMPLE = 30
FIRST = 100
"""Cells of each batch whose words are counted."""
OTHER_DATE = re.compile(r"\s*[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}")
Location = Callable[[int], str]
"""Describe the position of row n (counted from 0) of a file, for messages."""


class ColumnCheck:
    """What one feature column holds; its faults, counted, with the location of the first.

    Args:
        name: of the column.
        given: what it holds, where that is known beforehand.
        is_category: whether the user says that it holds categories.
    """

    def __init__(
        self, name: str, given: Feature | None = None, *, is_category: bool = False
    ) -> None:
        self.name = name
        self.precision = Precision(name)
        self.other = OtherColumn(name, given, is_category=is_category)
        self.num_words = 0
        """Of some cells, as many of each column."""
        self._num_rows = self._num_missing = self._num_bad = self._num_booleans = 0
        self._may_be_text = False
        self._missing_at = self._bad_at = self._bad_cell = self._boolean_at = ""

    @property
    def is_number(self) -> bool:
        """Whether the column is one of numbers, or of numbers with a few faults."""
        if self.other.given is not None:
            return self.other.given.kind == "number"
        return not self.other.is_certain and not self.is_text

    @property
    def is_text(self) -> bool:
        """Whether most of the cells are not numbers, or none is but `true` and `false`."""
        num_present = self._num_rows - self._num_missing
        is_mixed = 0 < self._num_bad == num_present - self._num_booleans
        return self._may_be_text and (is_mixed or self._num_bad * 2 > num_present)

    @property
    def is_boolean(self) -> bool:
        """Whether the cells are `true` and `false`, in text."""
        return self.is_number and self._num_booleans > 0

    @property
    def has_gaps(self) -> bool:
        """Whether numbers are missing, which the mean takes the place of."""
        return self.num_missing > 0 and self.feature.kind != "category" and not self.feature.fill

    @property
    def num_missing(self) -> int:
        """How many cells are missing."""
        return self._num_missing if self.is_number else self.other.num_missing

    @property
    def first_missing(self) -> str:
        """The location of the first cell that is missing, and how many are."""
        at = self._missing_at if self.is_number else self.other.missing_at
        return f"{at} {self.name!r}: first of {self.num_missing:,} in {self._num_rows:,} rows"

    @property
    def feature(self) -> Feature:
        """What the column is; that of a faulty one means nothing."""
        number = Feature(name=self.name) if self.other.given is None else self.other.given
        return number if self.is_number else (self.other.feature or number)

    @property
    def example(self) -> str:
        """The name, and a cell that is not a number."""
        return f"{self.name!r} (such as {self._bad_cell[:LONGEST_EXAMPLE]!r})"

    @property
    def names_images(self) -> bool:
        """Whether the cells may be names of image files."""
        return Path(self._bad_cell).suffix.lower() in SUFFIXES

    @property
    def may_be_dates(self) -> bool:
        """Whether the cells may be dates in another form than ISO 8601."""
        return OTHER_DATE.match(self._bad_cell) is not None

    @property
    def has_commas(self) -> bool:
        """Whether the cells may be numbers with a decimal comma."""
        return re.match(WITH_COMMA, self._bad_cell) is not None

    @property
    def thousands(self) -> str:
        """The mark of thousands that the cells may have; else empty."""
        return thousands_of(self._bad_cell)

    @property
    def has_no_use(self) -> bool:
        """Whether the column holds something that is neither numbers nor categories."""
        return not self.is_number and self.other.feature is None and not self.other.fault

    def add(self, column: pa.Array, first: int, location: Location, *, split: str) -> None:
        """Look at some cells, of which the first is in row `first` of its file."""
        self.other.add(column, first, location, split=split)
        self._num_rows += len(column)
        if self.other.is_certain:
            return
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
        self.num_words += _num_words(column) if may_be_text else 0
        self._num_missing += int(missing.sum())
        self._num_bad += int(bad.sum())
        self._num_booleans += int(is_boolean.sum())
        self.precision.add(column, numbers)

    def faults(self) -> Iterator[str]:
        """Yield a line for each kind of fault."""
        if not self.is_number:
            yield from filter(None, [self.other.fault])
            return
        given = self.other.given
        if self._missing_at and self._num_missing == self._num_rows:
            yield f"{self._missing_at}: {self.name!r} is missing in all {self._num_rows} rows"
        elif self._missing_at and given is not None and not given.fill:
            yield f"{self._missing_at}: {self.name!r} is missing; it never is in the other dataset"
        if self._bad_at:
            count = f"{self._num_bad} of {self._num_rows} rows"
            is_number = NUMBER.fullmatch(self._bad_cell.strip())
            largest = f" of at most {LARGEST:.2g}" if is_number else ""
            expected = f"expected a finite number{largest}"
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
        DataError: a column holds text, nothing, or numbers that are not finite.
    """
    texts = [check for check in checks if check.has_no_use]
    numbers = [check for check in checks if check.is_number]
    ranges = [f"{path}: {c.precision.fault}" for c in numbers if c.precision.fault]
    faults = [fault for check in checks if not check.has_no_use for fault in check.faults()]
    lines = faults[:MOST_FAULTS]
    if len(faults) > MOST_FAULTS:
        lines.append(f"and {counted(len(faults) - MOST_FAULTS, 'more column')} with such cells")
    if faults:
        lines.append(
            "correct those cells, remove their rows, name what stands for a missing value with "
            "--missing WORD, or drop the columns: --drop NAME"
        )
    if texts:
        lines.append(_text_columns(path, texts))
    if any(check.names_images for check in texts):
        lines.append("if these are names of images: --kind image-table")
    if any(check.may_be_dates for check in texts):
        lines.append(f"if these are dates: they are read in the form {FORMS}")
    if any(check.has_commas for check in checks):
        lines.append("if a comma is the decimal mark of the file, set it with --decimal ,")
    if mark := next((check.thousands for check in checks if check.thousands), ""):
        lines.append(f"if these are marks of thousands, set them with --thousands {mark!r}")
    lines += ranges[:MOST_FAULTS]
    if lines:
        raise DataError("\n".join(lines))


def _num_words(column: pa.Array) -> int:
    """Of the first cells: enough to see which column holds texts."""
    cells = [cell for cell in column[:FIRST].to_pylist() if isinstance(cell, str)]
    return sum(len(cell.split()) for cell in cells)


def _text_columns(path: Path, texts: Sequence[ColumnCheck]) -> str:
    shown, wordiest = texts[:MOST_FAULTS], max(texts, key=lambda check: check.num_words)
    examples = listed([check.example for check in texts], MOST_FAULTS)
    return (
        f"{path}: columns of something other than numbers, dates or a few categories cannot be "
        f"features: {examples}; convert them to numbers, or drop them: "
        + " ".join(f"--drop {check.name!r}" for check in shown)
        + f"; to take one as categories all the same: --category {shown[0].name!r}; to learn from "
        f"one of them as text, import with: --text {wordiest.name!r}"
    )
