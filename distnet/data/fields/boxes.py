"""Boxes around the objects of an image, each with its class; any number a sample."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields._arrow import plain, ragged, read_ragged, store_ragged
from distnet.data.fields._indices import out_of_range
from distnet.data.fields.field import Field
from distnet.data.statistics import Facts, ValueCounts

__all__ = ("BoxesField",)

BOXES, LABELS = "boxes", "labels"


class BoxesField(Field):
    """float32 [num_boxes, 5]: left, top, right and bottom in pixels, and the index of the class.

    A box covers the pixels from left to right and top to bottom, both ends exclusive at the right
    and bottom, as torchvision's do. The Parquet column is a struct of two lists, `boxes` and
    `labels`, of equal length.
    """

    kind: ClassVar[str] = "boxes"
    dtype: ClassVar[str] = "float32"
    facts: ClassVar[frozenset[str]] = frozenset({"classes", "num_values"})

    @property
    def num_bytes(self) -> int:
        """Bytes of one box."""
        return 5 * 4

    def arrow_type(self) -> pa.DataType:
        """A struct of two lists."""
        boxes = pa.field(BOXES, ragged(plain(np.dtype(np.float32), (4,))), nullable=False)
        return pa.struct([boxes, pa.field(LABELS, ragged(pa.int32()), nullable=False)])

    def to_arrow(self, column: Column) -> pa.Array:
        """Store corners and classes apart."""
        assert isinstance(column, RaggedArray)
        corners = np.ascontiguousarray(column.values[:, :4], np.float32)
        labels = column.values[:, 4].astype(np.int32)
        parts = [store_ragged(RaggedArray(part, column.lengths)) for part in (corners, labels)]
        return pa.StructArray.from_arrays(parts, fields=list(self.arrow_type()))

    def from_arrow(self, stored: pa.Array) -> Column:
        """Join corners and classes."""
        parts = dict(zip((BOXES, LABELS), stored.flatten(), strict=True))
        boxes = read_ragged(parts[BOXES], np.dtype(np.float32), (4,))
        labels = read_ragged(parts[LABELS], np.dtype(np.int32))
        if not np.array_equal(boxes.lengths, labels.lengths):
            raise ValueError("the boxes and labels of a sample differ in number")
        values = np.concatenate([boxes.values, labels.values[:, None].astype(np.float32)], axis=1)
        return RaggedArray(values, boxes.lengths)

    def statistics(self) -> ValueCounts:
        """How many boxes there are."""
        return ValueCounts()

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """The boxes of every split."""
        return {"num_values": {split: part.num_values for split, part in statistics.items()}}

    def fault(self, column: Column) -> str | None:
        """Find empty boxes, and classes out of range."""
        assert isinstance(column, RaggedArray)
        corners = column.values[:, :4]
        if not np.isfinite(corners).all() or (corners[:, :2] >= corners[:, 2:]).any():
            return "an empty box: right must be above left, and bottom above top"
        limit = len(self.classes) or 2**24  # beyond, float32 skips whole numbers
        return out_of_range(column.values[:, 4], limit, "label", "classes")

    def caption(self, sample: Array) -> str:
        """How many boxes there are."""
        return f"{len(sample)} box" + "es" * (len(sample) != 1)
