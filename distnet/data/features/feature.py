"""One column of a table, and how its cells become numbers of a sample."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from distnet.data.features.dates import FORMS, as_days
from distnet.data.fields.field import Positive, Record
from distnet.data.sources.tables.cells import parse_numbers, plain, subtract, without_booleans
from distnet.data.sources.tables.labels import label_texts

MISSING = ""
"""The category of missing cells."""
Numbers = NDArray[np.float64]


class Feature(Record):
    """A column: a number (also `true` and `false`), a date, one of several categories, or a list.

    A category is one-hot: it has a number for each category, of which that of the cell is 1 and
    the others are 0. A cell of none of the categories is 0 in all of them.
    """

    name: str
    kind: Literal["number", "date", "category", "list"] = "number"
    categories: tuple[str, ...] = ()
    """Those of a category; the empty one stands for missing cells."""
    length: Positive = 1
    """Of the lists."""
    fill: tuple[float, ...] = ()
    """What takes the place of missing numbers, as it is stored: means of the training part."""

    @property
    def width(self) -> int:
        """How many numbers of a sample the column gives."""
        return len(self.categories) if self.kind == "category" else self.length

    @property
    def names(self) -> tuple[str, ...]:
        """The names of these numbers."""
        if self.kind == "category":
            return tuple(
                f"{self.name}={c}" if c else f"{self.name} is missing" for c in self.categories
            )
        if self.kind == "list":
            return tuple(f"{self.name}[{index}]" for index in range(self.length))
        return (self.name,)

    @property
    def expected(self) -> str:
        """What a cell must hold, for messages."""
        of_list = f"a list of {self.length} finite numbers"
        return {"date": f"a date such as {FORMS}", "list": of_list}.get(
            self.kind, "a finite number"
        )

    def encode(self, column: pa.Array, origins: Numbers) -> Numbers:
        """The numbers [rows, width] of some cells, relative to the origins.

        Missing ones are NaN unless there is something to fill in; cells of another kind are not
        finite.
        """
        if self.kind == "category":
            return self._one_hot(column)
        numbers = np.empty((len(column), self.width))
        for index, (cells, origin) in enumerate(zip(self.elements(column), origins, strict=True)):
            found, missing = parse_numbers(cells)
            numbers[:, index] = subtract(cells, found, origin)
            numbers[missing, index] = np.nan
            if self.fill:
                numbers[missing, index] = self.fill[index]
        return numbers

    def elements(self, column: pa.Array) -> list[pa.Array]:
        """The cells as columns of numbers, one for each number of a sample."""
        if self.kind == "date":
            return [as_days(plain(column))]
        if self.kind == "list":
            return list(_elements_of_lists(column, self.length))
        return [without_booleans(column)[0]]

    def unknown(self, column: pa.Array) -> Iterator[tuple[int, str]]:
        """The rows of a category whose cells are none of those that are known, and these cells."""
        texts = category_texts(column)
        is_known = pc.is_in(texts, value_set=pa.array(self.categories, pa.string()))
        for row in pc.indices_nonzero(pc.invert(is_known)).to_pylist():
            yield row, texts[row].as_py()

    def _one_hot(self, column: pa.Array) -> Numbers:
        known = pa.array(self.categories, pa.string())
        found = pc.index_in(category_texts(column), value_set=known)
        indices = found.fill_null(-1).to_numpy(zero_copy_only=False)
        return np.asarray(indices[:, None] == np.arange(self.width), np.float64)


def category_texts(column: pa.Array) -> pa.Array:
    """The cells of a category as text, without the spaces around it; missing ones are empty."""
    return pc.utf8_trim_whitespace(label_texts(column)).fill_null(MISSING)


def holds_lists(kind: pa.DataType) -> bool:
    """Whether a type of columns is that of lists of numbers."""
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    is_list = is_list or pa.types.is_fixed_size_list(kind)
    if not is_list:
        return False
    inner = kind.value_type
    return bool(pa.types.is_integer(inner) or pa.types.is_floating(inner))


def list_lengths(column: pa.Array) -> set[int]:
    """The different lengths of lists, without those that are missing."""
    return set(pc.unique(pc.list_value_length(column).drop_null()).to_pylist())


def _elements_of_lists(column: pa.Array, length: int) -> Iterator[pa.Array]:
    """Number 0, 1, ... of all lists; null where a list is missing."""
    is_whole = pc.equal(pc.list_value_length(column), length).fill_null(False)
    rows = pc.indices_nonzero(is_whole)
    flat = pc.list_flatten(column.take(rows))
    at = np.full(len(column), -1)
    at[rows.to_numpy()] = np.arange(len(rows)) * length
    for index in range(length):
        yield flat.take(pa.array(np.maximum(at, 0) + index, mask=at < 0))
