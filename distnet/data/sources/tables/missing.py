"""A table in which words of the user stand for missing values, such as `-999` or `unknown`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from distnet.data.sources.tables.cells import holds_numbers, is_text, plain
from distnet.data.sources.tables.labels import numbers_of
from distnet.data.sources.tables.table import Table


def with_missing(table: Table, words: Sequence[str]) -> Table:
    """The table, in which cells that hold one of the words are missing."""
    return _WithMissing(table, words) if words else table


class _WithMissing:
    """Words are compared as they are written; with numbers of typed columns by their value."""

    def __init__(self, table: Table, words: Sequence[str]) -> None:
        self._table, self._words = table, pa.array(words, pa.string())
        self._numbers = pa.array(map(float, numbers_of(words).values()), pa.float64())
        self.path: Path = table.path
        self.columns, self.index, self.has_types = table.columns, table.index, table.has_types

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Go through the rows of some columns."""
        for batch in self._table.batches(columns):
            cells = [self._without(column) for column in batch.columns]
            yield pa.RecordBatch.from_arrays(cells, names=batch.schema.names)

    def location(self, row: int) -> str:
        """The location of row `row` (counted from 0), for messages."""
        return self._table.location(row)

    def _without(self, column: pa.Array) -> pa.Array:
        cells = plain(column)
        if is_text(cells.type):
            is_missing = pc.is_in(
                pc.utf8_trim_whitespace(cells), value_set=self._words.cast(cells.type)
            )
        elif holds_numbers(cells.type) and not pa.types.is_boolean(cells.type):
            numbers = cells.cast(pa.float64(), safe=False)
            is_missing = pc.is_in(numbers, value_set=self._numbers)
        else:
            return column
        return pc.if_else(is_missing, pa.scalar(None, cells.type), cells)
