"""Parquet tables: columns of numbers, or a column of encoded images beside a label.

One file, or a folder whose files begin with `train` and `test`. An image column is binary, or a
struct with a field `bytes`, as the datasets on Hugging Face have it.
"""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from distnet.data.column import Columns
from distnet.data.fields.image import ImageField
from distnet.data.image_survey import ImageSurvey
from distnet.data.images import Colours, Size, read_header, read_image
from distnet.data.import_summary import Findings
from distnet.data.manifest import MANIFEST
from distnet.data.sources._index_columns import pandas_index
from distnet.data.sources._splits import split_files
from distnet.data.sources._tables import (
    batches_with_rows,
    choose_targets,
    common_columns,
    read_tables,
)
from distnet.data.sources._targets import Encode, TargetSurvey
from distnet.data.sources.source import Chunks, RawData
from distnet.errors import DataError

SUFFIXES = (".parquet", ".pq")
BATCH_ROWS = 4096
BATCH_IMAGES = 64


def detect(path: Path) -> bool:
    """Whether it is a file called `.parquet`, or a folder with such files."""
    files = path.iterdir() if path.is_dir() else [path]
    return any(file.suffix.lower() in SUFFIXES for file in files)


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
    first = next(iter(splits.values()))[0]
    if first.image_columns:
        names = tuple(classes) or first.class_names(target)
        return _read_images(
            splits, target, target_kind, names, size=size, colours=colours, findings=findings
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


class ParquetTable:
    """One file.

    Raises:
        DataError: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reading(path):
            self._schema = pq.read_schema(path)
        self.columns = tuple(self._schema.names)
        self.index = pandas_index(self._schema)
        self.image_columns: list[str] = [
            field.name for field in self._schema if _is_image(field.type)
        ]

    def batches(
        self, columns: Sequence[str], batch_rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Go through the rows of some columns."""
        with _reading(self.path), pq.ParquetFile(self.path, memory_map=True) as file:
            yield from file.iter_batches(batch_rows, columns=list(columns), use_threads=False)

    def location(self, row: int) -> str:
        """The number of a row."""
        return f"{self.path}: row {row} (counted from 0)"

    def class_names(self, target: Sequence[str]) -> tuple[str, ...]:
        """Names of the classes, where `datasets` of Hugging Face wrote them into the file."""
        name = choose_targets(self.path, self.columns, target)[0]
        notes = json.loads((self._schema.metadata or {}).get(b"huggingface", b"{}"))
        feature = notes.get("info", {}).get("features", {}).get(name, {})
        return tuple(feature.get("names", ())) if isinstance(feature, dict) else ()


def _read_images(
    splits: dict[str, list[ParquetTable]],
    target: Sequence[str],
    target_kind: str | None,
    classes: Sequence[str],
    *,
    size: Size | None,
    colours: Colours | None,
    findings: Findings,
) -> RawData:
    tables = [table for part in splits.values() for table in part]
    columns = common_columns(tables)
    targets = choose_targets(tables[0].path, columns, target)
    image = _one_image_column(tables[0])
    for name in columns:
        if name not in (image, *targets):
            why = "beside a column of images, only the target is read"
            findings.left_out("columns", why, example=repr(name))
    images, survey = ImageSurvey(findings), TargetSurvey(targets, kind=target_kind, classes=classes)
    for table in tables:
        for first, batch in batches_with_rows(table, (image, *targets)):
            survey.add(batch, first, table.location)
            for row, content in enumerate(_contents(batch.column(image), table, first), first):
                location = table.location(row)
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


def _one_image_column(table: ParquetTable) -> str:
    if len(table.image_columns) != 1:
        raise DataError(
            f"{table.path}: more than one column of images: {', '.join(table.image_columns)}; "
            "keep only one of them in the file"
        )
    return table.image_columns[0]


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


def _is_image(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        return "bytes" in names and _is_image(kind.field(names.index("bytes")).type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: damaged: {str(error).splitlines()[0]}") from None
