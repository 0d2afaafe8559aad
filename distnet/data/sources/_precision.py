"""What float32 loses of a column of numbers, and how the column is stored so that it is kept."""

from collections.abc import Iterable
from math import log2

import numpy as np
import pyarrow as pa

from distnet.data.import_summary import Findings
from distnet.data.sources._cells import LARGEST, Numbers, subtract

MOST_LOST = 2.0**-17
"""The rounding error, as a part of the column's standard deviation, up to which a column is stored
as it is."""
MOST_LOST_OF_WHOLE = 2.0**-22
"""The same for whole numbers, where people expect each to be kept."""
EXACT = 2**24
"""Up to here, float32 holds every whole number."""
SMALLEST_SPREAD, LARGEST_SPREAD = 1e-37, 1e37
"""Between these, a network can divide by the standard deviation in float32."""


class Precision:
    """Measures the numbers of one column, relative to a number of its own.

    Args:
        name: of the column.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._near = 0.0
        self._num = 0
        self._total = self._squares = self._squared_errors = 0.0
        self._largest_error = self._farthest = 0.0
        self._is_whole = True

    def add(self, column: pa.Array, numbers: Numbers) -> None:
        """Measure some cells; `numbers` are the same from `parse_numbers`."""
        usable = np.abs(numbers) <= LARGEST
        if not usable.any():
            return
        if self._num == 0:
            middle = int(usable.sum()) // 2
            self._near = float(np.partition(numbers[usable], middle)[middle])
        apart = subtract(column, numbers, self._near)[usable]
        rounded = numbers[usable].astype(np.float32).astype(np.float64)
        errors = (rounded - self._near) - apart
        self._num += len(apart)
        self._total += float(apart.sum())
        self._squares += float((apart**2).sum())
        self._squared_errors += float((errors**2).sum())
        self._largest_error = max(self._largest_error, float(np.abs(errors).max()))
        self._farthest = max(self._farthest, float(np.abs(apart).max()))
        self._is_whole &= self._near.is_integer() and bool((apart == np.floor(apart)).all())

    @property
    def spread(self) -> float:
        """The standard deviation."""
        num = max(self._num, 1)
        return float(max(self._squares / num - (self._total / num) ** 2, 0.0) ** 0.5)

    @property
    def origin(self) -> float:
        """What to subtract before rounding to float32; 0 where that keeps the column as it is."""
        if self.spread == 0 or self._largest_error == 0:
            return 0.0
        lost = (self._squared_errors / self._num) ** 0.5 / self.spread
        most = MOST_LOST_OF_WHOLE if self._is_whole else MOST_LOST
        return self._round_number if self._becomes_exact or lost > most else 0.0

    @property
    def _step(self) -> float:
        """The power of two next to the standard deviation."""
        return float(2.0 ** round(log2(self.spread)))

    @property
    def _round_number(self) -> float:
        """A number near the column that stays the same when a few rows are added."""
        return round(self._near / self._step) * self._step

    @property
    def _becomes_exact(self) -> bool:
        """Whether float32 holds every difference from the round number."""
        return self._is_whole and self._farthest + self._step <= EXACT

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
        """Report how the numbers are stored, where that is not as they are."""
        rounding = (
            f"{self.name}: float32 rounds it by up to {self._largest_error:.3g}; its standard "
            f"deviation is {self.spread:.3g}"
        )
        origin = self.origin
        if origin:
            findings.guessed(
                "storage of columns far from 0",
                "as the difference from a number of the column",
                "float32 would lose what varies; predict and export subtract the same number",
                example=f"{rounding}; minus {origin!r}",
            )
        if self._is_whole and self._largest_error and not (origin and self._becomes_exact):
            findings.warned(
                "columns of whole numbers that float32 rounds",
                "float32 holds 24 bits; as sizes they are precise enough, as identifiers not",
                example=rounding,
                option="--drop NAME",
            )


def origins_of(columns: Iterable[Precision]) -> tuple[float, ...]:
    """The origins of columns that are stored side by side; empty where all are 0."""
    origins = tuple(column.origin for column in columns)
    return origins if any(origins) else ()
