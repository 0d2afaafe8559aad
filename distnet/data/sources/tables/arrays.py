"""Whole arrays of raw data: class labels, chunks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Columns, cut, num_samples
from distnet.data.sources.files.class_names import check_names
from distnet.data.sources.source import Chunks
from distnet.errors import DataError

CHUNK_ROWS = 4096
MAX_CLASSES = 100_000


def as_chunks(columns: Columns) -> Chunks:
    """Go through columns that are in memory, a few thousand rows at a time."""

    def chunks() -> Iterator[Columns]:
        for low in range(0, num_samples(columns), CHUNK_ROWS):
            yield {n: cut(column, low, low + CHUNK_ROWS) for n, column in columns.items()}

    return chunks


def class_names(labels: Mapping[str, NDArray[Any]], names: Sequence[str]) -> tuple[str, ...]:
    """Name the classes of labels 0, 1, ...; as themselves where no names are given.

    Args:
        labels: whole-number labels [n] by the location that they come from.
        names: of all classes, in the order of the labels.

    Raises:
        DataError: a label is negative, or larger than there are names.
    """
    check_names(names)
    for location, values in labels.items():
        limit = len(names) or MAX_CLASSES
        bad = np.flatnonzero((values < 0) | (values >= limit))
        if bad.size:
            raise DataError(
                f"{location}: label {values[bad[0]]} at position {bad[0]} (counted from 0) is out "
                f"of range; labels go from 0 to {limit - 1}"
                + (f", as {len(names)} classes are named" if names else "")
            )
    most = 1 + max((int(values.max()) for values in labels.values()), default=0)
    return tuple(names) or tuple(map(str, range(most)))
