"""A CSV or Parquet file of samples -> the inputs of a network that learned from a table."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from distnet.data.csv.dialect import WITH_COMMA, parse_decimal, parse_delimiter
from distnet.data.csv.table import CsvTable
from distnet.data.features.feature import Feature, list_lengths
from distnet.data.features.form import TableForm
from distnet.data.fields.field import Field
from distnet.data.fields.vector import VectorField
from distnet.data.sources.tables.cells import LARGEST
from distnet.data.sources.tables.missing import with_missing
from distnet.data.sources.tables.parquet_table import ParquetTable, is_parquet
from distnet.data.sources.tables.table import Table
from distnet.errors import DataError, DataWarning
from distnet.spec.plural import counted, listed
from distnet.spec.printable import printable

MOST_NAMES = 20


def read_rows(
    path: Path,
    data: Field,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    form: TableForm | None = None,
) -> NDArray[np.float32]:
    """Read the rows of a file as samples, float32 [rows, elements], as the data stores them.

    Columns are found by their names in the data, and others (such as the target) are ignored;
    data without names takes all columns in their order. Delimiter and decimal mark are
    recognised if they are None. A category that the data does not have is warned of.

    Raises:
        DataError: the file cannot be read, a column is missing, or a cell is of another kind.
    """
    if not isinstance(data, VectorField):
        raise DataError(
            f"{path}: found a table, but the network learned from images of shape "
            f"{list(data.shape)}; give image files"
        )
    table = _open(path, delimiter, decimal, form or TableForm())
    features = data.features or tuple(map(_number, table.columns))
    names = _columns(path, table.columns, data, features)
    unknown = _Unknown()
    rows: list[NDArray[np.float32]] = []
    for batch in table.batches(names):
        first = sum(map(len, rows))
        rows.append(np.empty((batch.num_rows, data.shape[0]), np.float32))
        low = 0
        for name, feature in zip(names, features, strict=True):
            column, part = batch.column(name), slice(low, low + feature.width)
            numbers = feature.encode(column, data.origins[part])
            _check(table, first, feature, column, numbers)
            rows[-1][:, part], low = numbers, part.stop
            unknown.add(table, first, feature, column)
    if not sum(map(len, rows)):
        raise DataError(f"{path}: found no rows under the header, expected one for each sample")
    unknown.warn(path)
    return np.concatenate(rows)


def _number(name: str) -> Feature:
    return Feature(name=name)


def _open(path: Path, delimiter: str | None, decimal: str | None, form: TableForm) -> Table:
    if is_parquet(path):
        return with_missing(ParquetTable(path), form.missing)
    table = CsvTable(
        path,
        None if delimiter is None else parse_delimiter(delimiter),
        None if decimal is None else parse_decimal(decimal),
        thousands=form.thousands,
        has_header=form.has_header,
    )
    return with_missing(table, form.missing)


def _columns(
    path: Path, found: tuple[str, ...], data: Field, features: Sequence[Feature]
) -> tuple[str, ...]:
    """The columns that the network learned from, in their order; spaces around names are ignored.

    A CSV file never has these, a Parquet file may.
    """
    known = {name.strip(): name for name in found}
    missing = [f.name for f in features if f.name.strip() not in known]
    at = path if is_parquet(path) else f"{path}:1"
    twice = [name for name in known if [each.strip() for each in found].count(name) > 1]
    if twice:
        raise DataError(f"{at}: two columns are called {twice[0]!r}; rename one")
    if missing:
        raise DataError(
            f"{at}: found no column {', '.join(map(repr, missing[:5]))}, which the network "
            f"learned from; there are: {', '.join(found[:MOST_NAMES])}"
        )
    if sum(feature.width for feature in features) != data.shape[0]:
        raise DataError(
            f"{at}: found {counted(len(found), 'column')}, expected {data.shape[0]}, the numbers "
            "of one sample in their order"
        )
    return tuple(known[feature.name.strip()] for feature in features)


def _check(
    table: Table, first: int, feature: Feature, column: pa.Array, numbers: NDArray[np.float64]
) -> None:
    """Check that all cells are of the feature's kind.

    Raises:
        DataError: one is not, or is missing where none was in the training.
    """
    if feature.kind == "list" and (other := list_lengths(column) - {feature.length}):
        lengths = listed(sorted(map(str, other)), 3)
        raise DataError(
            f"{table.path}: {feature.name!r} has lists of {lengths} numbers, expected "
            f"{feature.length}"
        )
    bad = ~(np.abs(numbers) <= LARGEST).all(axis=1)
    if bad.any():
        at = int(bad.argmax())
        cell = column[at].as_py()
        has_comma = isinstance(cell, str) and re.match(WITH_COMMA, cell)
        hint = "; if the comma is the decimal mark, set it with --decimal ," if has_comma else ""
        raise DataError(
            f"{table.location(first + at)} {feature.name}: found {cell!r}, expected "
            f"{feature.expected}{hint}"
        )


class _Unknown:
    """Categories that the network did not learn."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._lines: list[str] = []

    def add(self, table: Table, first: int, feature: Feature, column: pa.Array) -> None:
        """Note those in some cells, and where each occurs first."""
        if feature.kind != "category":
            return
        for row, category in feature.unknown(column):
            count = self._counts.get((feature.name, category), 0)
            self._counts[feature.name, category] = count + 1
            if not count and len(self._lines) < MOST_NAMES:
                known = listed([c or "(missing)" for c in feature.categories], MOST_NAMES)
                self._lines.append(
                    f"{table.location(first + row)} {feature.name}: found "
                    f"{category or 'a missing value'!r}, which the network did not learn; it "
                    f"learned {known}"
                )

    def warn(self, path: Path) -> None:
        """Name them."""
        if self._lines:
            num_cells = sum(self._counts.values())
            cells = counted(num_cells, "cell is", "cells are")
            text = f"{path}: {cells} taken as none of the categories"
            lines = printable("; ".join(self._lines))
            warnings.warn(f"{lines}; {text}", DataWarning, stacklevel=2)
