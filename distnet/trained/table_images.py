"""The images of a table to predict: in a column of Parquet, or named in a column."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from distnet.data.csv.dialect import parse_delimiter
from distnet.data.csv.file import is_csv
from distnet.data.csv.table import CsvTable
from distnet.data.features.form import TableForm
from distnet.data.sources.images.named_files import find_root, named_files
from distnet.data.sources.images.table_images import as_file, image_cells
from distnet.data.sources.tables.parquet_table import ParquetTable, is_parquet
from distnet.data.sources.tables.table import Table
from distnet.errors import DataError
from distnet.spec.plural import listed
from distnet.trained.reading import Reading

BATCH_IMAGES = 64
MOST_NAMES = 20
Images = Iterator[tuple[Path | str, BinaryIO | None]]
"""The file of each image; or its location and content, where it is in no file of its own."""


def holds_images(file: Path, form: TableForm) -> bool:
    """Whether a table can be read by a network of images that learned from such a table."""
    return is_parquet(file) or (is_csv(file) and bool(form.column))


def table_images(file: Path, form: TableForm, how: Reading) -> Images:
    """Go through the images of a table, row by row.

    Raises:
        DataError: there is no such column, or an image is missing.
    """
    if is_parquet(file):
        table = ParquetTable(file)
        if form.column not in table.columns or form.column in table.binary_columns:
            yield from _stored(table, form.column)
            return
        yield from _named(table, form.column)
        return
    delimiter = None if how.delimiter is None else parse_delimiter(how.delimiter)
    yield from _named(CsvTable(file, delimiter, has_header=form.has_header), form.column)


def _stored(table: ParquetTable, learned: str) -> Images:
    columns = table.binary_columns
    if learned not in columns and len(columns) != 1:
        name = f" {learned!r}" if learned else ""
        raise DataError(
            f"{table.path}: found {len(columns)} columns of images, expected the column{name} that "
            f"the network learned from; there are: {listed(table.columns, MOST_NAMES)}"
        )
    name, first = learned if learned in columns else columns[0], 0
    for batch in table.batches((name,), BATCH_IMAGES):
        for content, location in image_cells(batch, name, table, first):
            yield location, as_file(content, location)
        first += batch.num_rows


def _named(table: Table, name: str) -> Images:
    if name not in table.columns:
        raise DataError(
            f"{table.path}: found no column {name!r}, which named the images of the training; "
            f"there are: {listed(table.columns, MOST_NAMES)}"
        )
    root, first = find_root(table, name, None), 0
    for batch in table.batches((name,)):
        for row, file in enumerate(named_files(batch, name, root), start=first):
            if file is None or not file.is_file():
                raise DataError(f"{table.location(row)} {name}: found no such image: {file}")
            yield file, None
        first += batch.num_rows
