"""A column of encoded images in a table, beside the columns to learn."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from distnet.data.column import Columns
from distnet.data.features.form import TableForm
from distnet.data.fields.image import ImageField
from distnet.data.images.decode import Colours, Size, read_header, read_image
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.source import Chunks, RawData
from distnet.data.sources.tables.classes import Encode
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

BATCH_IMAGES = 64


class ImageTable(Table, Protocol):
    """A table whose rows can be read a few at a time, as images are large."""

    def batches(self, columns: Sequence[str], batch_rows: int = ...) -> Iterator[pa.RecordBatch]:
        """Go through the rows of some columns."""
        ...


@dataclass(frozen=True)
class TargetOptions:
    """What is learned, as far as it is set."""

    columns: Sequence[str]
    kind: str | None
    classes: Sequence[str]


@dataclass(frozen=True)
class ImageOptions:
    """How images are read, as far as it is set."""

    size: Size | None
    colours: Colours | None
    skip_unreadable: bool


@dataclass(frozen=True)
class _Column:
    """The images of all tables."""

    name: str
    shape: tuple[int, ...]
    is_resized: bool
    unreadable: Unreadable

    def read(
        self, batch: pa.RecordBatch, table: ImageTable, first: int
    ) -> tuple[list[NDArray[np.uint8]], list[int]]:
        """Decode the images of some rows; those that cannot be read are left out.

        Returns:
            The images, and the indices of their rows in the batch.
        """
        images, rows = [], []
        for index, (content, location) in enumerate(image_cells(batch, self.name, table, first)):
            if location in self.unreadable.locations:
                continue
            try:
                file = as_file(content, location)
                image = read_image(
                    file, location=location, shape=self.shape, resize=self.is_resized
                )
            except DataError as error:
                self.unreadable.add(location, error, "rows")
                continue
            images.append(image)
            rows.append(index)
        return images, rows


def read_images(
    splits: Mapping[str, Sequence[ImageTable]],
    image: str,
    target: TargetOptions,
    options: ImageOptions,
    findings: Findings,
) -> RawData:
    """Read the headers of all images, and what is to be learned.

    Raises:
        DataError: images or targets are missing or damaged, or sizes differ.
    """
    tables = train_first(splits)
    columns = common_columns(tables)
    targets = choose_targets(tables[0].path, columns, target.columns, findings)
    _report_unused(columns, (image, *targets), findings)
    images, unreadable = ImageSurvey(findings), Unreadable(findings, skip=options.skip_unreadable)
    survey = TargetSurvey(targets, kind=target.kind, classes=target.classes, findings=findings)
    for split, table, first, batch in batches_of(splits, (image, *targets), findings):
        survey.add(batch, first, table, split=split)
        for content, location in image_cells(batch, image, table, first):
            try:
                images.add(
                    read_header(as_file(content, location), location=location), location=location
                )
            except DataError as error:
                unreadable.add(location, error, "rows")
    unreadable.check()
    column = _Column(
        image, images.shape(options.size, options.colours), options.size is not None, unreadable
    )
    y, encode = survey.finish()
    return RawData(
        fields={"x": ImageField(shape=column.shape), "y": y},
        splits={
            split: _chunks(part, column, targets, encode, is_last=split == list(splits)[-1])
            for split, part in splits.items()
        },
        num_samples=survey.num_rows,
        table=TableForm(column=image),
        findings=findings,
    )


def _report_unused(columns: Sequence[str], used: Sequence[str], findings: Findings) -> None:
    for name in columns:
        if name not in used:
            why = "beside a column of images, only the target is read"
            findings.left_out("columns", why, example=repr(name))
    findings.read("columns", len(used))


def image_cells(
    batch: pa.RecordBatch, image: str, table: ImageTable, first: int
) -> Iterator[tuple[bytes | None, str]]:
    """The content and the location of each image."""
    column = batch.column(image)
    is_struct = pa.types.is_struct(column.type)
    for row, cell in enumerate(column, first):
        content = cell["bytes"].as_py() if is_struct and cell.is_valid else cell.as_py()
        yield content, f"{table.location(row)}, column {image!r}"


def as_file(content: bytes | None, location: str) -> io.BytesIO:
    """The content of a cell as a file.

    Raises:
        DataError: there is none.
    """
    if not content:
        raise DataError(f"{location}: the image is missing; remove the row")
    return io.BytesIO(content)


def _chunks(
    tables: Sequence[ImageTable],
    column: _Column,
    targets: tuple[str, ...],
    encode: Encode,
    *,
    is_last: bool,
) -> Chunks:
    """Decode the images of a split; after the last split, those that failed are an error."""

    def chunks() -> Iterator[Columns]:
        for table in tables:
            first = 0
            for batch in table.batches((column.name, *targets), BATCH_IMAGES):
                images, rows = column.read(batch, table, first)
                if rows:
                    yield {"x": np.stack(images), "y": encode(batch.take(pa.array(rows)))}
                first += batch.num_rows
        if is_last:
            column.unreadable.check()

    return chunks
