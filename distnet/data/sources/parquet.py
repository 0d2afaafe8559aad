"""Parquet tables: columns of numbers, or a column of encoded images beside a label.

One file, or a folder whose files begin with `train` and `test`. An image column is binary, or a
struct with a field `bytes`, as the datasets on Hugging Face have it.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from distnet.data.column import Columns
from distnet.data.fields.image import ImageField
from distnet.data.image_survey import ImageSurvey
from distnet.data.images import Colours, Size, read_header, read_image
from distnet.data.import_summary import Findings
from distnet.data.manifest import MANIFEST
from distnet.data.sources._classes import Encode
from distnet.data.sources._parquet_table import SUFFIXES, ParquetTable, is_parquet
from distnet.data.sources._splits import split_files
from distnet.data.sources._tables import (
    LIKELY_TARGETS,
    MOST_NAMES,
    batches_of,
    choose_targets,
    common_columns,
    read_tables,
    train_first,
)
from distnet.data.sources._targets import TargetSurvey
from distnet.data.sources.source import Chunks, RawData
from distnet.errors import DataError

BATCH_IMAGES = 64


def detect(path: Path) -> bool:
    """Whether it is a file called `.parquet`, or a folder with such files."""
    files = path.iterdir() if path.is_dir() else [path]
    return any(map(is_parquet, files))


def read(
    path: Path,
    *,
    target: Sequence[str] = (),
    target_kind: str | None = None,
    classes: Sequence[str] = (),
    drop: Sequence[str] = (),
    size: Size | None = None,
    colours: Colours | None = None,
) -> RawData:
    """Read the table, and the headers of its images.

    Args:
        path: the file or folder.
        target: the columns to learn; else the one called `target`, `label`, `class` or `y`.
        target_kind: `class` or `number`; else decided by the content.
        classes: names of the classes, in the order of their index.
        drop: columns of numbers to leave out.
        size: height and width that all images get, by scaling and cutting out the middle.
        colours: `grey` or `rgb`; else grey where all images are.

    Raises:
        DataError: a file is damaged, a cell is missing or invalid.
    """
    if (path / MANIFEST).is_file():
        raise DataError(f"{path}: already a distnet dataset; use it directly")
    findings = Findings()
    splits = {
        split: [ParquetTable(file) for file in files]
        for split, files in split_files(path, SUFFIXES, findings).items()
    }
    tables = train_first(splits)
    first = tables[0]
    if not classes and target_kind != "number":
        classes = _noted_classes(tables, target, findings)
    if image_columns := _image_columns(first, target, drop):
        return _read_images(
            splits,
            _one_of(image_columns, first),
            target,
            target_kind,
            classes,
            size=size,
            colours=colours,
            findings=findings,
        )
    if size or colours:
        raise DataError(f"{first.path}: no column of images, so --size and --colours do not apply")
    return read_tables(
        splits,
        target=target,
        target_kind=target_kind,
        classes=classes,
        drop=drop,
        findings=findings,
    )


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


def _read_images(  # noqa: PLR0917
    splits: dict[str, list[ParquetTable]],
    image: str,
    target: Sequence[str],
    target_kind: str | None,
    classes: Sequence[str],
    *,
    size: Size | None,
    colours: Colours | None,
    findings: Findings,
) -> RawData:
    tables = train_first(splits)
    columns = common_columns(tables)
    targets = choose_targets(tables[0].path, columns, target, findings)
    _report_unused(columns, (image, *targets), findings)
    images = ImageSurvey(findings)
    survey = TargetSurvey(targets, kind=target_kind, classes=classes, findings=findings)
    for split, table, first, batch in batches_of(splits, (image, *targets), findings):
        survey.add(batch, first, table, split=split)
        for row, content in enumerate(_contents(batch.column(image), table, first), first):
            location = f"{table.location(row)}, column {image!r}"
            images.add(read_header(content, location=location), location=location)
    shape = images.shape(size, colours)
    y, encode = survey.finish()
    return RawData(
        fields={"x": ImageField(shape=shape), "y": y},
        splits={
            split: _chunks(part, image, targets, shape, encode, resize=size is not None)
            for split, part in splits.items()
        },
        num_samples=survey.num_rows,
        findings=findings,
    )


def _one_of(image_columns: Sequence[str], table: ParquetTable) -> str:
    if len(image_columns) > 1:
        raise DataError(
            f"{table.path}: more than one column of images: {', '.join(image_columns)}; "
            "keep one, and leave out the others with --drop NAME"
        )
    return image_columns[0]


def _report_unused(columns: Sequence[str], used: Sequence[str], findings: Findings) -> None:
    for name in columns:
        if name not in used:
            why = "beside a column of images, only the target is read"
            findings.left_out("columns", why, example=repr(name))
    findings.read("columns", len(used))


def _contents(column: pa.Array, table: ParquetTable, first: int) -> Iterator[io.BytesIO]:
    for row, cell in enumerate(column, first):
        content = cell["bytes"].as_py() if pa.types.is_struct(column.type) else cell.as_py()
        if not content:
            raise DataError(f"{table.location(row)}: the image is missing; remove the row")
        yield io.BytesIO(content)


def _chunks(
    tables: Sequence[ParquetTable],
    image: str,
    targets: tuple[str, ...],
    shape: tuple[int, ...],
    encode: Encode,
    *,
    resize: bool,
) -> Chunks:
    def chunks() -> Iterator[Columns]:
        for table in tables:
            first = 0
            for batch in table.batches((image, *targets), BATCH_IMAGES):
                contents = _contents(batch.column(image), table, first)
                pictures = [
                    read_image(content, location=table.location(row), shape=shape, resize=resize)
                    for row, content in enumerate(contents, first)
                ]
                yield {"x": np.stack(pictures), "y": encode(batch)}
                first += batch.num_rows

    return chunks
