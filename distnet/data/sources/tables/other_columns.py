"""Columns of a table that are no numbers: categories, dates, lists.

A column of text holds dates where all cells do, else categories where it has at most 100 different
ones, each twice on average, of fewer than three words on average. Lists and dates of typed files
are known by their type.
"""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from distnet.data.features.dates import FORMS, as_days, holds_dates
from distnet.data.features.feature import (
    MISSING,
    Feature,
    category_texts,
    holds_lists,
    list_lengths,
)
from distnet.data.sources.tables.cells import holds_numbers, plain
from distnet.data.sources.tables.classes import in_order
from distnet.data.sources.tables.labels import LabelError
from distnet.spec.plural import listed

MOST_CATEGORIES, MOST_NAMED_CATEGORIES = 100, 10_000
"""What is recognised, and what a user may say."""
MOST_SHOWN = 5
FIRST = 50
"""Cells that are dates before all are looked at."""
FEWEST_WORDS = 3
"""Of texts that somebody has written, rather than chosen among a few."""


class OtherColumn:
    """What a column may be besides numbers.

    Args:
        name: of the column.
        given: what it holds, where that is known beforehand.
        is_category: whether the user says that it holds categories.
    """

    def __init__(self, name: str, given: Feature | None, *, is_category: bool) -> None:
        self.name, self.given = name, given
        self.is_said = is_category or given is not None
        """Whether it is known beforehand what the column holds."""
        self._is_category = is_category or (given is not None and given.kind == "category")
        self._most = MOST_NAMED_CATEGORIES if self._is_category else MOST_CATEGORIES
        self._kind = "" if given is None else given.kind
        self._categories: dict[str, set[str]] = {}
        self._lengths: set[int] = set()
        self._num_rows = self._num_dates = 0
        self.num_missing = 0
        self.missing_at = self._not_date_at = ""

    @property
    def is_certain(self) -> bool:
        """Whether the column is no number, whatever its cells are."""
        return self._is_category or self._kind in ("date", "list")

    def add(
        self, column: pa.Array, first: int, location: Callable[[int], str], *, split: str
    ) -> None:
        """Look at some cells, of which the first is in row `first` of its file."""
        if holds_numbers(column.type) and not self._is_category:
            return
        self._num_rows += len(column)
        if not self._is_category and (holds_lists(column.type) or holds_dates(column.type)):
            self._kind = "list" if holds_lists(column.type) else "date"
        if self._kind == "list":
            self._lengths |= list_lengths(column) if holds_lists(column.type) else {0}
            is_missing = column.is_null()
        else:
            is_missing = self._add_texts(column, first, location, split)
        self.num_missing += pc.sum(is_missing).as_py() or 0
        if not self.missing_at and (at := pc.index(is_missing, True).as_py()) >= 0:
            self.missing_at = location(first + at)

    def _add_texts(
        self, column: pa.Array, first: int, location: Callable[[int], str], split: str
    ) -> pa.Array:
        """Collect categories and dates; whether each cell is missing."""
        has_dates = self._num_dates == self._num_rows - len(column)
        if has_dates and (self._kind == "date" or bool(pc.all(_are_dates(column[:FIRST])).as_py())):
            is_date = _are_dates(column)
            self._num_dates += pc.sum(is_date).as_py() or 0
            if self._kind == "date" and (at := pc.index(is_date, False).as_py()) >= 0:
                self._not_date_at = self._not_date_at or location(first + at)
        elif len(self._categories) > self._most:
            return pa.nulls(len(column), pa.bool_())  # it is neither
        try:
            texts = category_texts(column)
        except LabelError:
            return column.is_null()
        if len(self._categories) <= self._most:
            for text in pc.unique(texts)[: self._most + 1].to_pylist():
                self._categories.setdefault(text, set()).add(split)
        return pc.equal(texts, MISSING)

    @property
    def feature(self) -> Feature | None:
        """What the column is; None where it is none of these."""
        if self.given is not None:
            return self.given
        num_present = self._num_rows - self.num_missing
        if not num_present:
            return None
        if self._kind == "list":
            return Feature(name=self.name, kind="list", length=max(1, *self._lengths))
        if not self._is_category and self._num_dates == self._num_rows:
            return Feature(name=self.name, kind="date")
        present = self._present
        num_words = sum(len(text.split()) for text in present)
        is_few = len(present) * 2 <= num_present and num_words < FEWEST_WORDS * len(present)
        is_few |= self._is_category
        if not present or len(self._categories) > self._most or not is_few:
            return None
        missing = (MISSING,) if self._is_known(MISSING) else ()
        return Feature(name=self.name, kind="category", categories=(*in_order(present), *missing))

    @property
    def fault(self) -> str:
        """What is wrong with the column, where it is certain what it is; else empty."""
        known = set() if self.given is None else {self.given.length}
        if self._kind == "list" and len(self._lengths | known) > 1:
            lengths = listed(sorted(map(str, self._lengths | known)), MOST_SHOWN)
            return f"{self.name!r} has lists of unlike length: {lengths}"
        if self._kind == "list" and self._lengths <= {0}:
            return f"{self.name!r} has no numbers in its lists"
        if self._not_date_at:
            return f"{self._not_date_at}: {self.name!r} is no date such as {FORMS}"
        if self._is_category and len(self._categories) > self._most:
            return f"{self.name!r} has more than {self._most:,} different categories"
        return ""

    @property
    def new(self) -> list[str]:
        """Categories that `train` does not have."""
        known = self.given.categories if self.given else None
        return [
            text or "(missing)"
            for text in self._categories
            if not (self._is_known(text) if known is None else text in known)
        ]

    @property
    def _present(self) -> list[str]:
        return [text for text in self._categories if text and self._is_known(text)]

    def _is_known(self, text: str) -> bool:
        """Whether a category is one of the training split, where there is one."""
        splits = self._categories.get(text, set())
        has_train = any("train" in each for each in self._categories.values())
        return "train" in splits or (bool(splits) and not has_train)


def _are_dates(column: pa.Array) -> pa.BooleanArray:
    """Whether each cell is a date, or missing."""
    return pc.is_finite(as_days(plain(column))).fill_null(True)
