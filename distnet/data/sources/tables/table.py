"""What a table is, in any kind of file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa


class Table(Protocol):
    """One file of rows and named columns."""

    path: Path
    columns: tuple[str, ...]
    index: tuple[str, ...]
    """The columns that the file itself says only number the rows."""
    has_types: bool
    """Whether text is known to be text; else all cells are read as text."""

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Go through the rows of some columns."""
        ...

    def location(self, row: int) -> str:
        """The location of row `row` (counted from 0), for messages."""
        ...
