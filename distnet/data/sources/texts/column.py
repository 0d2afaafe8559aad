"""A column of texts: rows without a text are faults, or left out."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.tables.cells import is_text, plain
from distnet.data.sources.tables.table import Table
from distnet.data.survey.summary import Findings
from distnet.errors import DataError


class TextColumn:
    """The texts of one column.

    Args:
        name: of the column.
        findings: of the import.
        skip: leave out rows without a text.
    """

    def __init__(self, name: str, findings: Findings, *, skip: bool) -> None:
        self.name = name
        self._unreadable = Unreadable(findings, skip=skip)

    @property
    def num_skipped(self) -> int:
        """Rows that are left out."""
        return len(self._unreadable.locations)

    def add(self, batch: pa.RecordBatch, first: int, table: Table) -> None:
        """Check some rows, of which the first is row `first` of its table.

        Raises:
            DataError: the column holds something other than text.
        """
        kind = plain(batch.column(self.name)).type
        if not is_text(kind):
            raise DataError(
                f"{table.path}: the column {self.name!r} is of type {kind}, expected text; name "
                "another one with --text"
            )
        for row in pc.indices_nonzero(self._is_empty(batch)).to_pylist():
            location = table.location(first + row)
            found = f"{location}: the text {self.name!r} is empty; fill it in or remove the row"
            self._unreadable.add(location, DataError(found), "rows")

    def check(self) -> None:
        """Report the rows that are not left out.

        Raises:
            DataError: there are some.
        """
        self._unreadable.check()

    def kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows with a text."""
        return batch.filter(pc.invert(self._is_empty(batch)))

    def texts(self, batch: pa.RecordBatch) -> list[str]:
        """The texts of rows that were kept."""
        texts: list[str] = plain(batch.column(self.name)).to_pylist()
        return texts

    def all_texts(self, table: Table) -> Iterator[str]:
        """Go through the texts of a table."""
        for batch in table.batches((self.name,)):
            yield from self.texts(self.kept(batch))

    def _is_empty(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        texts = pc.utf8_trim_whitespace(plain(batch.column(self.name)))
        return pc.fill_null(pc.equal(texts, ""), True)
