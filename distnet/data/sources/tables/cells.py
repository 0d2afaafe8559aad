"""Cells of a column of any type, as numbers."""

import re
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LARGEST = float(np.finfo(np.float32).max)
FAR = 2.0**20
"""A column this many times farther from 0 than its numbers are apart is subtracted exactly."""
SHORT = 15
"""As many decimal digits always fit in float64."""
DIGITS = 80  # enough for any difference of two numbers of 64 bits, or of Arrow's decimals
NUMBER = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|infinity)", re.I)
"""A number in text. Python's own rule also takes `1_000` and digits of other scripts."""
_WHOLE = r"^-?[0-9]+$"
_MISSING = pa.array(["", "?", "-", "na", "n/a", "nan", "null", "none"])

_BOOLEANS = {"true": "1", "false": "0"}

Numbers = NDArray[np.float64]


def parse_numbers(column: pa.Array) -> tuple[Numbers, NDArray[np.bool_]]:
    """Read the cells of a column as numbers.

    Returns:
        The numbers [rows], NaN where a cell is not a number, and whether each cell is missing.
    """
    column = plain(column)
    if is_text(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        absent = pc.is_in(pc.utf8_lower(trimmed), value_set=_MISSING.cast(trimmed.type))
        column = pc.if_else(absent, None, trimmed)
    numbers = _as_floats(column)
    missing = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return numbers, missing


def without_booleans(column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Write `true` and `false` in text, in any case, as the numbers 1 and 0.

    Returns:
        The cells, and whether each of them was a boolean in text.
    """
    column = plain(column)
    if not is_text(column.type):
        return column, np.zeros(len(column), bool)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(column)).fill_null("")
    for word, number in _BOOLEANS.items():
        column = pc.if_else(pc.equal(words, word), number, column)
    names = pa.array(list(_BOOLEANS), words.type)
    return column, pc.is_in(words, value_set=names).to_numpy(zero_copy_only=False)


def subtract(column: pa.Array, numbers: Numbers, origin: float) -> Numbers:
    """Subtract a number near to all cells, without what float64 loses of a cell.

    Args:
        column: the cells.
        numbers: the same from `parse_numbers`.
        origin: the number.

    Returns:
        The differences [rows], NaN where a cell is not a number.
    """
    if origin == 0:
        return numbers
    near: Numbers = numbers - origin
    column = plain(column)
    is_far = abs(origin) >= FAR * np.fmax.reduce(np.abs(near), initial=0.0)
    if not is_far or _is_short(column):
        return near
    whole = _as_whole(column)
    if whole is not None:
        return _difference_of_halves(whole, origin)
    if is_text(column.type) or pa.types.is_decimal(column.type):
        return _difference_of_decimals(column, numbers, origin)
    return near


def to_float32(column: pa.Array, origin: float) -> NDArray[np.float32]:
    """Read the cells of a column of numbers relative to its origin, as they are stored."""
    column, _ = without_booleans(column)
    numbers, _ = parse_numbers(column)
    return subtract(column, numbers, origin).astype(np.float32)


def holds_numbers(kind: pa.DataType) -> bool:
    """Whether a type of columns allows nothing but numbers."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def is_float(kind: pa.DataType) -> bool:
    """Whether a column of this type may hold NaN and infinity."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_floating(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in tests)


def plain(column: pa.Array) -> pa.Array:
    """The cells themselves, where they are stored as indices of a dictionary or as views."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    views = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return column.cast(views[column.type]) if column.type in views else column


def _as_floats(column: pa.Array) -> Numbers:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    try:
        numbers = column.cast(pa.float64(), safe=False)
    except pa.ArrowInvalid:
        numbers = pa.array([_as_float(cell) for cell in column.to_pylist()], pa.float64())
    except pa.ArrowNotImplementedError:
        numbers = pa.nulls(len(column), pa.float64())
    values: Numbers = numbers.to_numpy(zero_copy_only=False)
    return values


def _as_float(cell: Any) -> float | None:
    if isinstance(cell, str):
        return float(cell) if NUMBER.fullmatch(cell) else None
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _is_short(column: pa.Array) -> bool:
    """Whether float64 holds every digit of the cells."""
    if is_text(column.type):
        return (pc.max(pc.utf8_length(column)).as_py() or 0) <= SHORT
    if pa.types.is_decimal(column.type):
        return bool(column.type.precision <= SHORT)
    return not pa.types.is_integer(column.type) or column.type.bit_width < 64


def _as_whole(column: pa.Array) -> NDArray[Any] | None:
    """The cells as int64 or uint64, missing ones as 0; None where some are not whole numbers."""
    if is_text(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        if not pc.all(pc.match_substring_regex(trimmed, _WHOLE)).as_py():
            return None
        try:
            column = trimmed.cast(pa.int64())
        except pa.ArrowInvalid:
            return None
    if not pa.types.is_integer(column.type):
        return None
    if column.type != pa.uint64():
        column = column.cast(pa.int64())
    whole: NDArray[Any] = column.fill_null(0).to_numpy(zero_copy_only=False)
    return whole


def _difference_of_halves(whole: NDArray[Any], origin: float) -> Numbers:
    """Subtract the upper and the lower 32 bits on their own, so that only the sum is rounded."""
    high, low = divmod(int(origin), 2**32)
    upper = (whole >> 32).astype(np.int64) - high
    lower = (whole & 0xFFFFFFFF).astype(np.int64) - low
    return np.asarray(upper * 2.0**32 + lower - (origin - int(origin)), np.float64)


def _difference_of_decimals(column: pa.Array, numbers: Numbers, origin: float) -> Numbers:
    with localcontext(prec=DIGITS):
        zero = Decimal(origin)
        differences = [
            float(Decimal(cell) - zero) if is_number else np.nan
            for cell, is_number in zip(column.to_pylist(), np.isfinite(numbers), strict=True)
        ]
    return np.array(differences, np.float64)
