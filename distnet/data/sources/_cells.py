"""Cells of a column of any type, as numbers."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LARGEST = float(np.finfo(np.float32).max)
_MISSING = pa.array(["", "?", "-", "na", "n/a", "nan", "null", "none"])


def parse_numbers(column: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read the cells of a column as numbers.

    Returns:
        The numbers [rows], NaN where a cell is not a number, and whether each cell is missing.
    """
    column = _plain(column)
    if _is_text(column):
        trimmed = pc.utf8_trim_whitespace(column)
        absent = pc.is_in(pc.utf8_lower(trimmed), value_set=_MISSING.cast(trimmed.type))
        column = pc.if_else(absent, None, trimmed)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    return _as_floats(column), missing


def parse_texts(column: pa.Array) -> pa.Array:
    """Read the cells of a column as text without spaces around it."""
    column = _plain(column)
    return (pc.utf8_trim_whitespace(column) if _is_text(column) else column).cast(pa.string())


def holds_numbers(column: pa.Array) -> bool:
    """Whether the type of the column allows nothing but numbers."""
    kind = _plain(column).type
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _plain(column: pa.Array) -> pa.Array:
    is_encoded = pa.types.is_dictionary(column.type)
    return column.dictionary_decode() if is_encoded else column


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _as_floats(column: pa.Array) -> NDArray[np.float64]:
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    try:
        numbers = column.cast(pa.float64(), safe=False)
    except pa.ArrowInvalid:
        numbers = pa.array([_as_float(cell) for cell in column.to_pylist()], pa.float64())
    except pa.ArrowNotImplementedError:
        numbers = pa.nulls(len(column), pa.float64())
    values: NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    return values


def _as_float(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None
