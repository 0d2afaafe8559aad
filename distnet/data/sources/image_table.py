"""A table that names image files beside what is to be learned of them, such as `labels.csv`.

One CSV or Parquet file, or a folder with a file for each split. The names are those of files in the
folder of the table, or in one of the folders there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Columns
from distnet.data.csv.dialect import parse_delimiter
from distnet.data.csv.file import SUFFIXES as CSV
from distnet.data.csv.file import is_csv
from distnet.data.csv.table import CsvTable
from distnet.data.features.form import TableForm
from distnet.data.fields.image import ImageField
from distnet.data.images.decode import Colours, Size, read_header, read_image
from distnet.data.sources._splits import split_files, split_of
from distnet.data.sources.csv import Header
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.images.decoding import decode_files
from distnet.data.sources.images.named_files import find_column, find_root, named_files
from distnet.data.sources.source import Chunks, RawData
from distnet.data.sources.tables.classes import Encode
from distnet.data.sources.tables.parquet_table import SUFFIXES as PARQUET
from distnet.data.sources.tables.parquet_table import ParquetTable, is_parquet
from distnet.data.sources.tables.table import Table
from distnet.data.sources.tables.tables import (
    batches_of,
    choose_targets,
    common_columns,
    train_first,
)
from distnet.data.sources.tables.targets import TargetSurvey
from distnet.data.survey.images import ImageSurvey
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

MORE_THAN = "csv"


@dataclass(frozen=True)
class _Rows:
    """Reads the rows of tables: the images that they name, and what is to be learned."""

    name: str
    """The column of names."""
    targets: tuple[str, ...]
    encode: Encode
    folder: str | None
    headers: ImageSurvey
    unreadable: Unreadable
    findings: Findings

    def read(self, tables: Sequence[Table]) -> tuple[list[Path], NDArray[Any]]:
        """The files of the rows whose image can be read, by its header, and their targets."""
        files: list[Path] = []
        targets: list[NDArray[Any]] = []
        for table in tables:
            root, first = find_root(table, self.name, self.folder), 0
            if self.folder is None:
                why = "the first image is there"
                where = str(root.relative_to(table.path.parent))
                self.findings.guessed("folder of images", where, why, option="--images FOLDER")
            for batch in table.batches((self.name, *self.targets)):
                found = list(named_files(batch, self.name, root))
                kept = [r for r, f in enumerate(found) if self._is_good(f, table, first + r)]
                files += [file for row in kept if (file := found[row]) is not None]
                targets.append(self.encode(batch)[kept])
                first += batch.num_rows
        return files, np.concatenate(targets)

    def _is_good(self, file: Path | None, table: Table, row: int) -> bool:
        location = f"{table.location(row)} {self.name}"
        try:
            if file is None or not file.is_file():
                found = "an empty cell" if file is None else f"{str(file)!r}, but no such file"
                raise DataError(f"{location}: found {found}; expected the name of an image")
            self.headers.add(read_header(file, location=str(file)), location=str(file))
        except DataError as error:
            self.unreadable.add(location if file is None else str(file), error, "rows")
            return False
        return True


def detect(path: Path) -> bool:
    """Whether it is a CSV file with a column that names images, or a folder with such a file."""
    if path.is_dir():
        files = [f for f in sorted(path.iterdir()) if split_of(f.name) == "train" and is_csv(f)]
    else:
        files = [path] if is_csv(path) else []
    return any(map(_names_images, files[:1]))


def read(
    path: Path,
    *,
    target: Sequence[str] = (),
    target_kind: str | None = None,
    classes: Sequence[str] = (),
    images: str | None = None,
    size: Size | None = None,
    colours: Colours | None = None,
    header: Header | None = None,
    delimiter: str | None = None,
    skip_unreadable: bool = False,
) -> RawData:
    """Read the table, and the headers of the images that it names.

    Args:
        path: the file or folder.
        target: the columns to learn; else the one called `target`, `label`, `class` or `y`.
        target_kind: `class` or `number`; else decided by the content.
        classes: names of the classes, in the order of their index.
        images: the folder of the images, as seen from the table; else found.
        size: height and width that all images get, by scaling and cutting out the middle.
        colours: `grey` or `rgb`; else grey where all images are.
        header: `no` if the first line of CSV names no columns; they are called 1, 2, ... then.
        delimiter: between the cells of CSV: one character, or `tab`; else recognised.
        skip_unreadable: leave out, and count, the rows whose image cannot be read.

    Raises:
        DataError: an image or a target is missing or damaged, or sizes differ.
    """
    findings, has_header = Findings(), header != "no"
    splits = _opened(path, delimiter, findings, has_header=has_header)
    tables = train_first(splits)
    name, targets = _columns(tables, target, findings)
    survey = TargetSurvey(targets, kind=target_kind, classes=classes, findings=findings)
    for split, table, first, batch in batches_of(splits, targets, findings):
        survey.add(batch, first, table, split=split)
    y, encode = survey.finish()
    headers, unreadable = ImageSurvey(findings), Unreadable(findings, skip=skip_unreadable)
    rows = _Rows(name, targets, encode, images, headers, unreadable, findings)
    parts = {split: rows.read(part) for split, part in splits.items()}
    unreadable.check()
    shape = headers.shape(size, colours)
    chunks = partial(_chunks, shape=shape, unreadable=unreadable, resize=size is not None)
    return RawData(
        fields={"x": ImageField(shape=shape), "y": y},
        splits={split: chunks(*part) for split, part in parts.items()},
        num_samples=sum(len(files) for files, _ in parts.values()),
        table=TableForm(column=name, has_header=has_header),
        findings=findings,
    )


def _opened(
    path: Path, delimiter: str | None, findings: Findings, *, has_header: bool
) -> dict[str, list[Table]]:
    """The tables of each split."""
    delimiter = None if delimiter is None else parse_delimiter(delimiter)

    def table(file: Path) -> Table:
        if is_parquet(file):
            return ParquetTable(file)
        return CsvTable(file, delimiter, has_header=has_header)

    files = split_files(path, (*CSV, *PARQUET), findings)
    return {split: list(map(table, found)) for split, found in files.items()}


def _columns(
    tables: Sequence[Table], target: Sequence[str], findings: Findings
) -> tuple[str, tuple[str, ...]]:
    """The column of names, and those to learn; others are left out."""
    columns = common_columns(tables)
    name = find_column(tables[0], columns)
    if name is None:
        raise DataError(f"{tables[0].path}: found no column whose cells are names of images")
    findings.guessed("column of images", name, "its cells are names of images", option="--kind csv")
    others = tuple(other for other in columns if other != name)
    if not target and len(others) == 1:
        findings.guessed("target column", others[0], "the only other one", option="--target NAME")
        target = others
    targets = choose_targets(tables[0].path, others, target, findings)
    for other in others:
        if other not in targets:
            why = "beside names of images, only the target is read"
            findings.left_out("columns", why, example=repr(other), option="--target NAME")
    return name, targets


def _names_images(file: Path) -> bool:
    """Whether a file is a table with a column of names of images."""
    try:
        table = CsvTable(file)
        has_one_name_each = len({*table.columns}) == len(table.columns)
        return has_one_name_each and find_column(table, table.columns) is not None
    except DataError:
        return False


def _chunks(
    files: Sequence[Path],
    targets: NDArray[Any],
    *,
    shape: tuple[int, ...],
    unreadable: Unreadable,
    resize: bool,
) -> Chunks:
    """Decode the images of a split; those that fail after all are an error."""

    def read_one(file: Path) -> NDArray[np.uint8]:
        return read_image(file, location=str(file), shape=shape, resize=resize)

    def chunks() -> Iterator[Columns]:
        for indices, images in decode_files(files, read_one, unreadable):
            yield {"x": np.stack(images), "y": targets[indices]}
        unreadable.check()

    return chunks
