"""A column of a table that names image files, and where these are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from distnet.data.images.formats import SUFFIXES
from distnet.data.sources.tables.cells import is_text, plain
from distnet.data.sources.tables.table import Table
from distnet.errors import DataError
from distnet.spec.plural import listed

MOST_NAMES, LOOKED_AT = 20, 50


def find_column(table: Table, columns: Sequence[str]) -> str | None:
    """The first column whose first cells are all names of images; None where there is none."""
    batch = next(iter(table.batches(columns)), None) if columns else None
    if batch is None or not batch.num_rows:
        return None
    for name in columns:
        cells = plain(batch.column(name).slice(0, LOOKED_AT))
        if is_text(cells.type) and all(map(_is_image, cells.to_pylist())):
            return name
    return None


def find_root(table: Table, column: str, folder: str | None) -> Path:
    """The folder from which the names are read.

    Args:
        table: beside whose file it is looked for.
        column: of the names.
        folder: where the user says that the images are, as seen from the table's folder.

    Raises:
        DataError: the first image is in none of the folders there.
    """
    beside = table.path.parent
    batch = next(iter(table.batches((column,))))
    first = str(plain(batch.column(column))[0].as_py())
    folders = [beside, *sorted(p for p in beside.iterdir() if p.is_dir())]
    if folder is not None:
        folders = [beside / folder]
    found = [each for each in folders if (each / first).is_file()]
    if not found:
        looked = listed([str(each) for each in folders], MOST_NAMES)
        raise DataError(
            f"{table.location(0)} {column}: found {first!r}, but no such file in {looked}; say "
            "where the images are: --images FOLDER"
        )
    return found[0]


def named_files(batch: pa.RecordBatch, column: str, root: Path) -> Iterator[Path | None]:
    """The file that each row names; None where the cell is empty."""
    for name in plain(batch.column(column)).to_pylist():
        yield root / name if name and name.strip() else None


def _is_image(cell: object) -> bool:
    return isinstance(cell, str) and Path(cell).suffix.lower() in SUFFIXES
