"""Arrow's arrays from NumPy's, and back without a copy."""

from math import prod
from typing import Any

import numpy as np
import pyarrow as pa

from distnet.data.column import Array, RaggedArray


def plain(dtype: np.dtype[Any], shape: tuple[int, ...] = ()) -> pa.DataType:
    """The type of samples of one shape: numbers, or fixed-size lists of them, without nulls."""
    item = pa.from_numpy_dtype(dtype)
    return pa.list_(_element(item), prod(shape)) if shape else item


def ragged(item: pa.DataType) -> pa.DataType:
    """The type of samples of different lengths."""
    return pa.list_(_element(item))


def store_plain(values: Array) -> pa.Array:
    """Store samples [n, ...] of one shape."""
    numbers = pa.Array.from_buffers(
        pa.from_numpy_dtype(values.dtype), values.size, [None, pa.py_buffer(values)]
    )
    if values.ndim == 1:
        return numbers
    return pa.FixedSizeListArray.from_arrays(numbers, type=plain(values.dtype, values.shape[1:]))


def read_plain(stored: pa.Array, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """Read samples of one shape, [n, *shape], from numbers, fixed-size lists or fixed-size binary.

    Raises:
        ValueError: there are nulls.
    """
    if stored.null_count:
        raise ValueError(f"{stored.null_count} values are missing (null)")
    if pa.types.is_fixed_size_list(stored.type):
        return read_plain(stored.flatten(), dtype, ()).reshape(len(stored), *shape)
    # Numbers, or the fixed-size binaries of format 1. Not by to_numpy(), which imports pandas.
    size = len(stored) * prod(shape)
    if size == 0:
        return np.empty((len(stored), *shape), dtype)  # Arrow may have no buffer then
    first = stored.offset * prod(shape) * dtype.itemsize
    flat: Array = np.frombuffer(stored.buffers()[1], dtype, count=size, offset=first)
    return flat.reshape(len(stored), *shape)


def store_ragged(column: RaggedArray) -> pa.Array:
    """Store samples of different lengths as lists of numbers, or of fixed-size lists."""
    values = store_plain(np.ascontiguousarray(column.values))
    offsets = store_plain(column.offsets.astype(np.int32))
    return pa.ListArray.from_arrays(offsets, values, type=ragged(values.type))


def read_ragged(stored: pa.Array, dtype: np.dtype[Any], shape: tuple[int, ...] = ()) -> RaggedArray:
    """Read samples of different lengths, whose values have one shape.

    Raises:
        ValueError: there are nulls.
    """
    lengths = read_plain(stored.value_lengths(), np.dtype(np.int32), ())
    return RaggedArray(read_plain(stored.flatten(), dtype, shape), lengths.astype(np.int64))


def store_binaries(column: RaggedArray) -> pa.Array:
    """Store samples of bytes."""
    offsets = pa.py_buffer(column.offsets.astype(np.int32))
    values = pa.py_buffer(np.ascontiguousarray(column.values))
    return pa.Array.from_buffers(pa.binary(), len(column), [None, offsets, values])


def read_binaries(stored: pa.Array) -> RaggedArray:
    """Read samples of bytes.

    Raises:
        ValueError: there are nulls.
    """
    if stored.null_count:
        raise ValueError(f"{stored.null_count} values are missing (null)")
    _, offsets, values = stored.buffers()
    if len(stored) == 0 or values is None:
        return RaggedArray(np.empty(0, np.uint8), np.zeros(len(stored), np.int64))
    bounds = np.frombuffer(offsets, np.int32)[stored.offset : stored.offset + len(stored) + 1]
    content = np.frombuffer(values, np.uint8)[bounds[0] : bounds[-1]]
    return RaggedArray(content, np.diff(bounds).astype(np.int64))


def _element(item: pa.DataType) -> pa.Field:
    return pa.field("element", item, nullable=False)
