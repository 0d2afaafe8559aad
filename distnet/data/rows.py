"""A CSV or Parquet file of samples -> the inputs of a network that learned from a table."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from distnet.data.csv.dialect import WITH_COMMA, parse_decimal, parse_delimiter
from distnet.data.csv.table import CsvTable
from distnet.data.fields.field import Field
from distnet.data.sources.tables.cells import LARGEST, parse_numbers, subtract, without_booleans
from distnet.data.sources.tables.parquet_table import ParquetTable, is_parquet
from distnet.data.sources.tables.table import Table
from distnet.errors import DataError


def read_rows(
    path: Path, data: Field, *, delimiter: str | None = None, decimal: str | None = None
) -> NDArray[np.float32]:
    """Read the rows of a file as samples, float32 [rows, elements], as the data stores them.

    Columns are found by their names in the data, and others (such as the target) are ignored;
    data without names takes all columns in their order. Delimiter and decimal mark are
    recognised if they are None.

    Raises:
        DataError: the file cannot be read, a column is missing, or a cell is not a number.
    """
    if data.kind != "vector":
        raise DataError(
            f"{path}: found a table, but the network learned from images of shape "
            f"{list(data.shape)}; give image files"
        )
    table = _open(path, delimiter, decimal)
    names = _columns(path, table.columns, data)
    rows: list[NDArray[np.float32]] = []
    for batch in table.batches(names):
        first = sum(map(len, rows))
        rows.append(np.empty((batch.num_rows, len(names)), np.float32))
        for index, (name, origin) in enumerate(zip(names, data.origins, strict=True)):
            column, _ = without_booleans(batch.column(name))
            numbers = _numbers(table, first, name, column)
            rows[-1][:, index] = subtract(column, numbers, origin)
    if not sum(map(len, rows)):
        raise DataError(f"{path}: found no rows under the header, expected one for each sample")
    return np.concatenate(rows)


def _open(path: Path, delimiter: str | None, decimal: str | None) -> Table:
    if is_parquet(path):
        return ParquetTable(path)
    return CsvTable(
        path,
        None if delimiter is None else parse_delimiter(delimiter),
        None if decimal is None else parse_decimal(decimal),
    )


def _columns(path: Path, found: tuple[str, ...], data: Field) -> tuple[str, ...]:
    """The columns that the network learned from, in their order; spaces around names are ignored.

    A CSV file never has these, a Parquet file may.
    """
    known = {name.strip(): name for name in found}
    missing = [name for name in data.names if name.strip() not in known]
    at = path if is_parquet(path) else f"{path}:1"
    twice = [name for name in known if [each.strip() for each in found].count(name) > 1]
    if twice:
        raise DataError(f"{at}: two columns are called {twice[0]!r}; rename one")
    if missing:
        raise DataError(
            f"{at}: found no column {', '.join(map(repr, missing[:5]))}, which the network "
            f"learned from; there are: {', '.join(found[:20])}"
        )
    if not data.names and len(found) != data.shape[0]:
        raise DataError(
            f"{at}: found {len(found)} columns, expected {data.shape[0]}, the numbers of one "
            "sample in their order"
        )
    return tuple(known[name.strip()] for name in data.names) or found


def _numbers(table: Table, first: int, name: str, column: pa.Array) -> NDArray[np.float64]:
    numbers, _ = parse_numbers(column)
    bad = ~(np.abs(numbers) <= LARGEST)
    if bad.any():
        at = int(bad.argmax())
        cell = column[at].as_py()
        has_comma = isinstance(cell, str) and re.match(WITH_COMMA, cell)
        hint = "; if the comma is the decimal mark, set it with --decimal ," if has_comma else ""
        raise DataError(
            f"{table.location(first + at)} {name}: found {cell!r}, expected a finite number{hint}"
        )
    return numbers
