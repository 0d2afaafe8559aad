"""What float32 loses of a column of numbers, and how the column is stored so that it is kept."""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from distnet.data.sources.tables.cells import LARGEST, Numbers, subtract
from distnet.data.survey.summary import Findings

MOST_LOST = 2.0**-17
"""The rounding error, as a part of the column's standard deviation, up to which a column is stored
as it is."""
MOST_LOST_OF_WHOLE = 2.0**-22
"""The same for whole numbers, each of which users expect to be kept."""
EXACT = 2**24
"""Up to here, float32 holds every whole number."""
SMALLEST_SPREAD, LARGEST_SPREAD = 1e-37, 1e37
"""Between these, a network can divide by the standard deviation in float32."""
FAR_FROM_OTHERS, FEWEST_OTHERS = 20, 3
"""A number is reported if it is this many times as far from the others as their range is wide, and
there are this many of them."""
PART, RUN, MOST_RUNS = 4096, 1024, 8
"""How many numbers stay different is counted in a sample: the first RUN of each PART numbers, of
MOST_RUNS such runs at most, spread evenly over the column."""


class Precision:
    """Measures the numbers of one column, relative to the middle one of those that come first.

    The middle is that of the different numbers, in the first rows in which there are any: a number
    that stands for a missing one, such as 0, is not chosen because it is frequent.

    Args:
        name: of the column.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._middle = 0.0
        # The middle is a float64, which may be far from numbers of more than 53 bits. Their sums
        # are taken relative to the first of them.
        self._shift = 0.0
        self._first: tuple[pa.Array, Numbers] | None = None
        """The first cell as long as all are equal, and its number."""
        self._num = self._num_equal = 0
        self._total = self._squares = self._squared_errors = 0.0
        self._largest_error = self._farthest = 0.0
        self._is_whole = True
        self._runs: list[Numbers] = []
        self._num_parts, self._every = 0, 1

    def add(self, column: pa.Array, numbers: Numbers) -> None:
        """Measure some cells; `numbers` are the same from `parse_numbers`."""
        usable = np.abs(numbers) <= LARGEST
        if not usable.any():
            return
        if self._num == 0:
            at = int(usable.argmax())
            self._first = self._first or (column[at : at + 1], numbers[at : at + 1])
            if _are_equal(self._first, column, numbers, usable):
                self._num_equal += int(usable.sum())
                return
            different = np.unique(np.append(numbers[usable], self._first[1]))
            self._middle = float(different[len(different) // 2])
            if self._num_equal:
                self._measure(*self._first, usable=np.ones(1, bool), times=self._num_equal)
        self._measure(column, numbers, usable)

    def _measure(
        self, column: pa.Array, numbers: Numbers, usable: NDArray[np.bool_], times: int = 1
    ) -> None:
        """Count the usable numbers, each of them `times` times."""
        apart = subtract(column, numbers, self._middle)[usable]
        errors = _rounded(numbers[usable]) - self._middle - apart
        if self._num == 0:
            self._shift = float(apart[0])
        self._num += times * len(apart)
        self._total += times * float((apart - self._shift).sum())
        self._squares += times * float(((apart - self._shift) ** 2).sum())
        self._squared_errors += times * float((errors**2).sum())
        self._largest_error = max(self._largest_error, float(np.abs(errors).max()))
        self._farthest = max(self._farthest, float(np.abs(apart).max()))
        self._is_whole &= self._middle.is_integer() and bool((apart == np.floor(apart)).all())
        self._take_sample(apart)

    def _take_sample(self, apart: Numbers) -> None:
        for low in range(0, len(apart), PART):
            if self._num_parts % self._every == 0:
                self._runs.append(apart[low : low + RUN].copy())
            self._num_parts += 1
            if len(self._runs) > MOST_RUNS:
                del self._runs[1::2]
                self._every *= 2

    @property
    def spread(self) -> float:
        """The standard deviation."""
        num = max(self._num, 1)
        return float(max(self._squares / num - (self._total / num) ** 2, 0.0) ** 0.5)

    @property
    def is_constant(self) -> bool:
        """Whether all numbers are equal."""
        return self._num == 0 and self._num_equal > 0

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
        if self.is_constant:
            findings.warned(
                "columns in which all numbers are equal",
                "nothing can be learned from them",
                example=self.name,
                option="remove them; from tables with --drop NAME",
            )
        elif self.spread and self._become_equal(self._normalised):
            num, left = len(self._sample), _num_different(_rounded(self._normalised))
            findings.warned(
                "columns in which different numbers become equal",
                "other numbers of the column are too far away for float32",
                example=f"{self.name}: of {num} different numbers in a sample {left} are left; "
                f"{deviation}",
                option="replace numbers that stand for a missing one, such as 0; take the "
                "logarithm; or --drop NAME",
            )
        elif self.spread and self._alone is not None:
            findings.warned(
                "columns with a number that is far from all others",
                "it may stand for a missing one",
                example=f"{self.name}: {self._alone:.7g}",
                option="remove its rows, or replace it",
            )
        elif self.spread and self._is_whole and self._largest_error and not self._becomes_exact:
            findings.warned(
                "columns of whole numbers that float32 rounds",
                "float32 holds 24 bits; as sizes they are precise enough, as identifiers not",
                example=rounding,
                option="--drop NAME",
            )

    @cached_property
    def _sample(self) -> Numbers:
        """Different numbers of the column relative to the middle, by size."""
        return np.unique(np.concatenate(self._runs))

    @property
    def _alone(self) -> float | None:
        """The number of the sample that is far from all others; None if there is none."""
        sample = self._sample
        if len(sample) < FEWEST_OTHERS + 1:
            return None
        if sample[1] - sample[0] > FAR_FROM_OTHERS * (sample[-1] - sample[1]):
            return float(sample[0] + self._middle)
        if sample[-1] - sample[-2] > FAR_FROM_OTHERS * (sample[-2] - sample[0]):
            return float(sample[-1] + self._middle)
        return None

    @property
    def _becomes_exact(self) -> bool:
        """Whether float32 holds every difference from the middle."""
        return self._is_whole and self._farthest <= EXACT

    @property
    def _normalised(self) -> Numbers:
        """The numbers of the sample as a network sees them, but for a factor."""
        stored = self._sample + (0.0 if self.origin else self._middle)
        mean = self._total / self._num + self._shift + (0.0 if self.origin else self._middle)
        return _rounded(stored) - _rounded(np.array(mean))

    def _become_equal(self, numbers: Numbers) -> bool:
        """Whether rounding leaves at most half of the different numbers."""
        return _num_different(_rounded(numbers)) * 2 <= len(numbers)


def origins_of(columns: Iterable[Precision]) -> tuple[float, ...]:
    """The origins of columns that are stored side by side; empty where all are 0."""
    origins = tuple(column.origin for column in columns)
    return origins if any(origins) else ()


def _are_equal(
    first: tuple[pa.Array, Numbers], column: pa.Array, numbers: Numbers, usable: NDArray[np.bool_]
) -> bool:
    """Whether all usable cells are the first one, to the last digit."""
    origin = float(first[1][0])
    (apart,) = subtract(*first, origin)
    return bool((subtract(column, numbers, origin)[usable] == apart).all())


def _rounded(numbers: Numbers) -> Numbers:
    return numbers.astype(np.float32).astype(np.float64)


def _num_different(in_order: Numbers) -> int:
    return 1 + int(np.count_nonzero(np.diff(in_order)))
