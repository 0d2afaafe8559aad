"""A Parquet file as a table, with what pandas and Hugging Face wrote beside its columns."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from distnet.data.sources.tables.index_columns import pandas_index
from distnet.errors import DataError

BATCH_ROWS = 4096
SUFFIXES = (".parquet", ".pq")


def is_parquet(path: Path) -> bool:
    """Whether the name is that of a Parquet file."""
    return path.suffix.lower() in SUFFIXES


class ParquetTable:
    """One file.

    Args:
        path: the file.
        partition: columns that the names of its folders say, with their one value; None is missing.

    Raises:
        DataError: it is damaged.
    """

    has_types = True

    def __init__(self, path: Path, partition: Mapping[str, str | None] | None = None) -> None:
        self.path, self._partition = path, dict(partition or {})
        with _reading(path):
            self._schema = pq.read_schema(path)
        self.columns = (*self._schema.names, *self._partition)
        self.index = pandas_index(self._schema)
        self.binary_columns = tuple(field.name for field in self._schema if _is_binary(field.type))

    def batches(
        self, columns: Sequence[str], batch_rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Go through the rows of some columns."""
        with _reading(self.path), pq.ParquetFile(self.path, memory_map=True) as file:
            own = [name for name in columns if name not in self._partition]
            for batch in file.iter_batches(batch_rows, columns=own, use_threads=False):
                yield self._with_partition(batch, columns)

    def _with_partition(self, batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        if not self._partition:
            return batch
        cells = [
            pa.array([self._partition[name]] * batch.num_rows, pa.string())
            if name in self._partition
            else batch.column(name)
            for name in columns
        ]
        return pa.RecordBatch.from_arrays(cells, names=list(columns))

    def location(self, row: int) -> str:
        """The number of a row."""
        return f"{self.path}: row {row} (counted from 0)"

    def class_names(self, column: str) -> tuple[str, ...]:
        """Names of the classes of a column, where Hugging Face `datasets` wrote them."""
        try:
            notes: Any = json.loads((self._schema.metadata or {}).get(b"huggingface", b"{}"))
            return tuple(notes["info"]["features"][column]["names"])
        except (ValueError, KeyError, TypeError):
            return ()


def _is_binary(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        return "bytes" in names and _is_binary(kind.field(names.index("bytes")).type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: damaged: {str(error).splitlines()[0]}") from None
