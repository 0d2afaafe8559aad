"""Arrays of numbers as float32 that keeps what varies."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from distnet.data.sources.tables.cells import subtract
from distnet.data.sources.tables.precision import Precision, origins_of
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

COLUMNS = 64  # copied at a time: memory is read once, and little of it is held twice
Stored = dict[str, NDArray[np.float32]]


def store_numbers(
    arrays: Mapping[str, NDArray[Any]], name: str, findings: Findings
) -> tuple[Stored, tuple[float, ...]]:
    """Round the numbers [n, *shape] of all splits to float32, relative to an origin each.

    Args:
        arrays: the numbers, by the location that they come from.
        name: of the numbers, for messages.
        findings: takes what is stored relative to an origin.

    Returns:
        The arrays by the same locations, and the origins; none if all are 0.

    Raises:
        DataError: a number is NaN, infinite, or outside of the range of float32.
    """
    flat = {location: _flat(values) for location, values in arrays.items()}
    for location, values in flat.items():
        _check_range(arrays[location], values, location)
    width = next(iter(flat.values())).shape[1]
    precisions = [Precision(f"{name}[{index}]") for index in range(width)]
    for values in flat.values():
        for precision, column in zip(precisions, _columns(values), strict=True):
            precision.add(pa.array(column), column.astype(np.float64))
    for precision in precisions:
        if precision.fault:
            raise DataError(f"{next(iter(arrays))}: {precision.fault}")
        precision.report(findings)
    origins = origins_of(precisions)
    return {at: _stored(flat[at], origins, arrays[at].shape) for at in arrays}, origins


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers [n, k] of a type that Arrow knows."""
    kind = values.dtype
    is_long = kind.kind == "f" and kind.itemsize > 8
    native = values.astype(np.float64 if is_long else kind.newbyteorder("="), copy=False)
    return native.reshape(len(values), -1)


def _columns(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Go through the columns of an array, as contiguous memory."""
    for first in range(0, values.shape[1], COLUMNS):
        yield from np.ascontiguousarray(values[:, first : first + COLUMNS].T)


def _stored(
    values: NDArray[Any], origins: tuple[float, ...], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    stored = np.ascontiguousarray(values, np.float32)
    for index, origin in enumerate(origins):
        if origin:
            column = np.ascontiguousarray(values[:, index])
            numbers = column.astype(np.float64)
            stored[:, index] = subtract(pa.array(column), numbers, origin)
    return stored.reshape(shape)


def _check_range(values: NDArray[Any], flat: NDArray[Any], location: str) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        bad = np.argwhere(~np.isfinite(flat.astype(np.float32)).reshape(values.shape))
    if len(bad):
        at = ", ".join(map(str, bad[0]))
        raise DataError(
            f"{location}[{at}]: {values[tuple(bad[0])]} is not a finite float32 number "
            f"({len(bad)} such values in all); replace them or remove their samples"
        )
