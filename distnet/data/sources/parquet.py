"""Parquet tables: columns of numbers, categories, dates, lists, or encoded images beside a label.

One file, or a folder whose files begin with `train` and `test`, or one that Hive, Spark or Hugging
Face wrote (`parquet_folders.py`). An image column is binary, or a
struct with a field `bytes`, as the datasets on Hugging Face have it.
"""

from collections.abc import Sequence
from pathlib import Path

from distnet.data.features.form import TableForm
from distnet.data.images.decode import Colours, Size
from distnet.data.manifest import MANIFEST
from distnet.data.sources._like import Like
from distnet.data.sources.images.table_images import ImageOptions, TargetOptions, read_images
from distnet.data.sources.source import RawData
from distnet.data.sources.tables.parquet_folders import has_parquet, open_parquet
from distnet.data.sources.tables.parquet_table import ParquetTable
from distnet.data.sources.tables.tables import (
    LIKELY_TARGETS,
    MOST_NAMES,
    TableOptions,
    choose_targets,
    read_tables,
    train_first,
)
from distnet.data.survey.summary import Findings
from distnet.errors import DataError


def detect(path: Path) -> bool:
    """Whether it is a file called `.parquet`, or a folder with such files, also in its folders."""
    return has_parquet(path)


def read(
    path: Path,
    *,
    target: Sequence[str] = (),
    target_kind: str | None = None,
    classes: Sequence[str] = (),
    drop: Sequence[str] = (),
    category: Sequence[str] = (),
    missing: Sequence[str] = (),
    size: Size | None = None,
    colours: Colours | None = None,
    skip_unreadable: bool = False,
    like: Like | None = None,
) -> RawData:
    """Read the table, and the headers of its images.

    Args:
        path: the file or folder.
        target: the columns to learn; else the one called `target`, `label`, `class` or `y`.
        target_kind: `class` or `number`; else decided by the content.
        classes: names of the classes, in the order of their index.
        drop: columns to leave out.
        category: columns that hold categories, whatever their cells are.
        missing: what stands for a missing value besides empty cells and the usual words.
        size: height and width that all images get, by scaling and cutting out the middle.
        colours: `grey` or `rgb`; else grey where all images are.
        skip_unreadable: leave out, and count, the rows whose image cannot be read.
        like: the fields of a dataset whose categories, and means for missing numbers, are taken.

    Raises:
        DataError: a file is damaged, a cell is missing or invalid.
    """
    if (path / MANIFEST).is_file():
        raise DataError(f"{path}: already a distnet dataset; use it directly")
    findings = Findings()
    splits = open_parquet(path, findings)
    tables = train_first(splits)
    first = tables[0]
    if not classes and target_kind != "number":
        classes = _noted_classes(tables, target, findings)
    if image_columns := _image_columns(first, target, drop):
        return read_images(
            splits,
            _one_of(image_columns, first),
            TargetOptions(target, target_kind, classes),
            ImageOptions(size, colours, skip_unreadable=skip_unreadable),
            findings,
        )
    if size or colours or skip_unreadable:
        options = "--size, --colours and --skip-unreadable do not apply"
        raise DataError(f"{first.path}: no column of images, so {options}")
    form = TableForm(missing=tuple(missing))
    said = TableOptions(target, target_kind, classes, drop, category, form)
    return read_tables(splits, said, findings, like)


def _noted_classes(
    tables: Sequence[ParquetTable], target: Sequence[str], findings: Findings
) -> tuple[str, ...]:
    """Names of the classes, where `datasets` of Hugging Face wrote them into the files.

    Raises:
        DataError: the names in two files differ, so that one index means two classes.
    """
    first, *others = tables
    targets = choose_targets(first.path, first.columns, target, Findings())
    names = first.class_names(targets[0]) if len(targets) == 1 else ()
    for table in others:
        found = table.class_names(targets[0]) if len(targets) == 1 else ()
        if found != names:
            raise DataError(
                f"{table.path}: Hugging Face datasets wrote other names of the classes of "
                f"{targets[0]!r} into this file, {_listed(found)}, than into {first.path.name}, "
                f"{_listed(names)}; write both files with the same names, or give --classes"
            )
    if names:
        why = "written into the file by Hugging Face datasets"
        findings.guessed("names of the classes", f"{len(names)} names", why, option="--classes")
    return names


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) or "none"


def _image_columns(
    table: ParquetTable, target: Sequence[str], drop: Sequence[str]
) -> tuple[str, ...]:
    """Columns of images: encoded bytes, unless they are the target."""
    return tuple(
        name
        for name in table.binary_columns
        if name not in drop and not (name in target if target else name.lower() in LIKELY_TARGETS)
    )


def _one_of(image_columns: Sequence[str], table: ParquetTable) -> str:
    if len(image_columns) > 1:
        raise DataError(
            f"{table.path}: more than one column of images: {', '.join(image_columns)}; "
            "keep one, and leave out the others with --drop NAME"
        )
    return image_columns[0]
