"""What float32 loses of a column of numbers, and how the column is stored so that it is kept."""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import pyarrow as pa

from distnet.data.import_summary import Findings
from distnet.data.sources._cells import LARGEST, Numbers, subtract

MOST_LOST = 2.0**-17
"""The rounding error, as a part of the column's standard deviation, up to which a column is stored
as it is."""
MOST_LOST_OF_WHOLE = 2.0**-22
"""The same for whole numbers, each of which users expect to be kept."""
EXACT = 2**24
"""Up to here, float32 holds every whole number."""
SMALLEST_SPREAD, LARGEST_SPREAD = 1e-37, 1e37
"""Between these, a network can divide by the standard deviation in float32."""
SAMPLE = 4096
"""The first numbers, of which it is counted how many stay different."""


class Precision:
    """Measures the numbers of one column, relative to the middle one of the first of them.

    Args:
        name: of the column.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._middle = 0.0
        self._num = 0
        self._total = self._squares = self._squared_errors = 0.0
        self._largest_error = self._farthest = 0.0
        self._is_whole = True
        self._sample: Numbers = np.zeros(0)  # different ones, by size

    def add(self, column: pa.Array, numbers: Numbers) -> None:
        """Measure some cells; `numbers` are the same from `parse_numbers`."""
        usable = np.abs(numbers) <= LARGEST
        if not usable.any():
            return
        is_first = self._num == 0
        if is_first:
            middle = int(usable.sum()) // 2
            self._middle = float(np.partition(numbers[usable], middle)[middle])
        apart = subtract(column, numbers, self._middle)[usable]
        if is_first:
            self._sample = np.unique(apart[:SAMPLE])
        errors = _rounded(numbers[usable]) - self._middle - apart
        self._num += len(apart)
        self._total += float(apart.sum())
        self._squares += float((apart**2).sum())
        self._squared_errors += float((errors**2).sum())
        self._largest_error = max(self._largest_error, float(np.abs(errors).max()))
        self._farthest = max(self._farthest, float(np.abs(apart).max()))
        self._is_whole &= self._middle.is_integer() and bool((apart == np.floor(apart)).all())

    @property
    def spread(self) -> float:
        """The standard deviation."""
        num = max(self._num, 1)
        return float(max(self._squares / num - (self._total / num) ** 2, 0.0) ** 0.5)

    @cached_property
    def origin(self) -> float:
        """What to subtract before rounding to float32; 0 where that keeps the column as it is."""
        if self.spread == 0 or self._largest_error == 0:
            return 0.0
        lost = (self._squared_errors / self._num) ** 0.5 / self.spread
        most = MOST_LOST_OF_WHOLE if self._is_whole else MOST_LOST
        needed = (
            self._becomes_exact or lost > most or self._become_equal(self._sample + self._middle)
        )
        return self._middle if needed else 0.0

    @property
    def fault(self) -> str | None:
        """Why the column cannot be used in float32 at all; None if it can."""
        if self.spread == 0 or SMALLEST_SPREAD <= self.spread <= LARGEST_SPREAD:
            return None
        return (
            f"{self.name!r} has a standard deviation of {self.spread:.3g}, expected "
            f"{SMALLEST_SPREAD:g} to {LARGEST_SPREAD:g}, the range of float32; multiply or divide "
            "the column by a power of ten"
        )

    def report(self, findings: Findings) -> None:
        """Report how the numbers are stored, where that is not as they are, and what is lost."""
        origin, deviation = self.origin, f"its standard deviation is {self.spread:.3g}"
        rounding = f"{self.name}: float32 rounds it by up to {self._largest_error:.3g}; {deviation}"
        if origin:
            findings.guessed(
                "storage of columns far from 0",
                "as the difference from a number of the column",
                "float32 would lose what varies; predict and export subtract the same number",
                example=f"{rounding}; minus {origin!r}",
            )
        if self.spread and self._become_equal(self._normalised):
            num, left = len(self._sample), _num_different(_rounded(self._normalised))
            findings.warned(
                "columns in which different numbers become equal",
                "other numbers of the column are too far away for float32",
                example=f"{self.name}: of the first {num} different numbers {left} are left; "
                f"{deviation}",
                option="replace numbers that stand for a missing one, such as 0; take the "
                "logarithm; or --drop NAME",
            )
        elif self.spread and self._is_whole and self._largest_error and not self._becomes_exact:
            findings.warned(
                "columns of whole numbers that float32 rounds",
                "float32 holds 24 bits; as sizes they are precise enough, as identifiers not",
                example=rounding,
                option="--drop NAME",
            )

    @property
    def _becomes_exact(self) -> bool:
        """Whether float32 holds every difference from the middle."""
        return self._is_whole and self._farthest <= EXACT

    @property
    def _normalised(self) -> Numbers:
        """The first numbers as a network sees them, but for a factor."""
        stored = self._sample + (0.0 if self.origin else self._middle)
        mean = self._total / self._num + (0.0 if self.origin else self._middle)
        return _rounded(stored) - _rounded(np.array(mean))

    def _become_equal(self, numbers: Numbers) -> bool:
        """Whether rounding leaves at most half of the different ones among the first numbers."""
        return _num_different(_rounded(numbers)) * 2 <= len(numbers)


def origins_of(columns: Iterable[Precision]) -> tuple[float, ...]:
    """The origins of columns that are stored side by side; empty where all are 0."""
    origins = tuple(column.origin for column in columns)
    return origins if any(origins) else ()


def _rounded(numbers: Numbers) -> Numbers:
    return numbers.astype(np.float32).astype(np.float64)


def _num_different(in_order: Numbers) -> int:
    return 1 + int(np.count_nonzero(np.diff(in_order)))
