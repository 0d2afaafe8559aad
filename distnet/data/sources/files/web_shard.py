"""A shard of the WebDataset convention: a plain tar file, read as a table with a row a sample.

Files that follow one another under one key are one sample. The key is their path up to the first
dot of the name; what follows that dot is the column: `0001.jpg` and `0001.cls` are the columns
`jpg` and `cls` of the sample `0001`. Text, numbers and truth values in a `.json` are columns of
their own.

Source: webdataset.github.io, "The WebDataset Format".
"""

import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from distnet.data.images.formats import SUFFIXES as OF_IMAGES
from distnet.errors import DataError

SUFFIX = ".tar"
IMAGE = "image"
"""The column of the images, whatever their formats are."""
BATCH_SAMPLES = 64
BLOCK = tarfile.BLOCKSIZE
Extent = tuple[int, int]
"""Offset and size of a file in the shard."""


@dataclass(frozen=True)
class Sample:
    """Where the files of one sample are."""

    key: str
    files: dict[str, Extent] = field(default_factory=dict)
    """By column."""


class WebShard:
    """One shard.

    Raises:
        DataError: it is damaged or cut off, or a sample has two files of one kind.
    """

    index: tuple[str, ...] = ()
    has_types = False

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._samples = list(_samples(path, file))
                found = dict.fromkeys(name for sample in self._samples for name in sample.files)
                keys = self._json_keys(file) if "json" in found else ()
        except (OSError, tarfile.TarError) as error:
            raise DataError(f"{path}: damaged or cut off, as a tar file: {error}") from None
        self._keys = tuple(key for key in keys if key not in found)
        self.columns = (*found, *self._keys)

    def location(self, row: int) -> str:
        """The key of a sample."""
        return f"{self.path}: sample {self._samples[row].key!r}"

    def batches(
        self, columns: Sequence[str], batch_rows: int = BATCH_SAMPLES
    ) -> Iterator[pa.RecordBatch]:
        """Go through the samples: images as they are stored, everything else as text."""
        with self.path.open("rb") as file:
            for first in range(0, len(self._samples), batch_rows):
                rows = range(first, min(first + batch_rows, len(self._samples)))
                cells = [self._column(file, name, rows) for name in columns]
                yield pa.RecordBatch.from_arrays(cells, names=list(columns))

    def _column(self, file: BinaryIO, name: str, rows: range) -> pa.Array:
        if name == IMAGE:
            return pa.array([self._content(file, row, name) for row in rows], pa.binary())
        read = self._of_json if name in self._keys else self._text
        return pa.array([read(file, row, name) for row in rows], pa.string())

    def _content(self, file: BinaryIO, row: int, name: str) -> bytes | None:
        if name not in self._samples[row].files:
            return None
        offset, size = self._samples[row].files[name]
        file.seek(offset)
        return file.read(size)

    def _text(self, file: BinaryIO, row: int, name: str) -> str | None:
        content = self._content(file, row, name)
        try:
            return None if content is None else content.decode().strip()
        except UnicodeDecodeError:
            wrong = f"the file .{name} holds no UTF-8 text, so it cannot be learned"
            raise DataError(f"{self.location(row)}: {wrong}") from None

    def _of_json(self, file: BinaryIO, row: int, name: str) -> str | None:
        value = self._json(file, row).get(name)
        return value if value is None or isinstance(value, str) else json.dumps(value)

    def _json(self, file: BinaryIO, row: int) -> dict[str, Any]:
        text = self._text(file, row, "json")
        try:
            found = {} if text is None else json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.location(row)}: its .json is damaged: {error}") from None
        return found if isinstance(found, dict) else {}

    def _json_keys(self, file: BinaryIO) -> tuple[str, ...]:
        """The keys of the first sample's `.json` that can be columns."""
        row = next(row for row, sample in enumerate(self._samples) if "json" in sample.files)
        facts = self._json(file, row).items()
        return tuple(key for key, value in facts if isinstance(value, str | int | float))


def holds_samples(path: Path) -> bool:
    """Whether the first files of a tar file are an image, and something else about it."""
    try:
        with path.open("rb") as file:
            first = next(_samples(path, file), None)
    except (OSError, tarfile.TarError, DataError):
        return False
    return first is not None and IMAGE in first.files and len(first.files) > 1


def _samples(path: Path, file: BinaryIO) -> Iterator[Sample]:
    sample, end = None, 0
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined] # it keeps all that it has seen
            end = member.offset_data + -(-member.size // BLOCK) * BLOCK if member.isreg() else end
            key, column = _key_and_column(member.name)
            if not member.isreg() or not key:
                continue
            if sample is None or sample.key != key:
                if sample is not None:
                    yield sample
                sample = Sample(key)
            if column in sample.files:
                raise DataError(f"{path}: sample {key!r}: found two files of the kind {column}")
            sample.files[column] = member.offset_data, member.size
    _check_end(file, end)
    if sample is not None:
        yield sample


def _key_and_column(name: str) -> tuple[str, str]:
    """Split a name at its first dot; the key is empty where it belongs to no sample."""
    folder, slash, file = name.rpartition("/")
    stem, _, ending = file.partition(".")
    if not stem or not ending or stem.startswith("__"):
        return "", ""
    ending = ending.lower()
    return f"{folder}{slash}{stem}", IMAGE if f".{ending}" in OF_IMAGES else ending


def _check_end(file: BinaryIO, end: int) -> None:
    """A tar file ends in blocks of zeros; one that was cut between two files lacks them."""
    file.seek(end)
    if file.read(BLOCK) != bytes(BLOCK):
        raise tarfile.ReadError("its end is missing")
