"""Columns of a table that are not features: they number the rows, or are constant in `train`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Column, RaggedArray
from distnet.data.survey.summary import Findings

FEWEST_ROWS = 10
"""Of which a column may be said to number the rows."""
FAR = 10
Numbers = NDArray[np.float64]


@dataclass
class _Sums:
    """Of the columns of one split."""

    last: NDArray[Any]
    num_rows: int = 0
    low: Numbers = field(default_factory=lambda: np.array(np.inf))
    high: Numbers = field(default_factory=lambda: np.array(-np.inf))
    total: Numbers = field(default_factory=lambda: np.array(0.0))
    squares: Numbers = field(default_factory=lambda: np.array(0.0))


class ColumnSurvey:
    """Finds columns whose numbers say which row it is, and columns that are constant in `train`.

    Args:
        names: of the columns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._counts_up = np.ones(len(names), bool)
        self._is_whole = np.ones(len(names), bool)
        self._splits: dict[str, _Sums] = {}

    def add(self, split: str, column: Column) -> None:
        """Add some rows [n, columns] of a split."""
        if not self._names or isinstance(column, RaggedArray) or not len(column):
            return
        sums = self._splits.setdefault(split, _Sums(column[:1] - 1))
        steps = np.diff(np.concatenate([sums.last, column]), axis=0)
        self._counts_up &= (steps == 1).all(axis=0)
        self._is_whole &= (column == np.floor(column)).all(axis=0)
        sums.last = column[-1:]
        sums.num_rows += len(column)
        sums.low = np.minimum(sums.low, column.min(axis=0))
        sums.high = np.maximum(sums.high, column.max(axis=0))
        sums.total = sums.total + column.sum(axis=0, dtype=np.float64)
        sums.squares = sums.squares + (column.astype(np.float64) ** 2).sum(axis=0)

    def report(self, findings: Findings) -> None:
        """Report each of them."""
        if self._splits:
            self._report_numbering(findings)
            self._report_others(findings)

    def _report_numbering(self, findings: Findings) -> None:
        if sum(sums.num_rows for sums in self._splits.values()) < FEWEST_ROWS:
            return
        is_numbering = self._counts_up | (self._is_whole & self._is_permutation())
        for index in map(int, np.flatnonzero(is_numbering)):
            name = self._names[index]
            why = "their numbers say which row it is, not what it holds"
            option = f"--drop {name!r}"
            findings.warned("columns that number the rows", why, example=repr(name), option=option)

    def _is_permutation(self) -> NDArray[np.bool_]:
        """Whether the whole numbers of a column in all splits follow one another, once each.

        They do if their range, their sum and the sum of their squares are those of such numbers.
        """
        every = self._splits.values()
        num = sum(sums.num_rows for sums in every)
        low = np.min([sums.low for sums in every], axis=0)
        high = np.max([sums.high for sums in every], axis=0)
        total = np.sum([sums.total for sums in every], axis=0)
        squares = np.sum([sums.squares for sums in every], axis=0)
        middle = (low + high) / 2
        # Relative to the middle, so that the sums stay small beside what must agree.
        spread = squares - 2 * middle * total + num * middle**2
        expected = num * (num**2 - 1) / 12
        is_range = high - low == num - 1
        agrees = np.isclose(total, num * middle) & np.isclose(spread, expected, rtol=1e-6)
        return np.asarray(is_range & agrees, bool)

    def _report_others(self, findings: Findings) -> None:
        """Report columns whose numbers in another split are none that could be learned."""
        train = self._splits.get("train")
        for split, sums in self._splits.items() if train else ():
            assert train is not None
            is_constant = train.low == train.high
            is_new = is_constant & ((sums.low != train.low) | (sums.high != train.high))
            self._warn(
                findings,
                is_new,
                f"columns that vary in {split}, but not in train",
                "what they mean cannot be learned",
                "--drop NAME, or split the samples otherwise",
            )
            mean, margin = sums.total / sums.num_rows, FAR * (train.high - train.low)
            is_far = (mean < train.low - margin) | (mean > train.high + margin)
            self._warn(
                findings,
                is_far & ~is_constant,
                f"columns that are far from train in {split}",
                f"their mean there is {FAR} times the range of train away, as in another unit",
                "give all files one unit",
            )

    def _warn(
        self, findings: Findings, columns: NDArray[np.bool_], what: str, why: str, option: str
    ) -> None:
        for index in map(int, np.flatnonzero(columns)):
            findings.warned(what, why, example=repr(self._names[index]), option=option)
