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

BOXES, LABELS, DIFFICULT = "boxes", "labels", "difficult"


class BoxesField(Field):
    """float32 [num_boxes, 5]: left, top, right and bottom in pixels, and the index of the class.

    A box covers the pixels from left to right and top to bottom, both ends exclusive at the right
    and bottom, as torchvision's do. The Parquet column is a struct of two lists, `boxes` and
    `labels`, of equal length.

    Where `has_difficult` is set there is a third list, `difficult`, and a sample is float32
    [num_boxes, 6] with 1 for objects that are difficult to recognise. Those are neither trained on
    nor counted, as in Pascal VOC.
    """

    kind: ClassVar[str] = "boxes"
    dtype: ClassVar[str] = "float32"
    facts: ClassVar[frozenset[str]] = frozenset({"classes", "num_values"})

    has_difficult: bool = False
    """Whether some objects are marked as difficult."""

    @property
    def num_bytes(self) -> int:
        """Bytes of one box."""
        return (5 + self.has_difficult) * 4

    def arrow_type(self) -> pa.DataType:
        """A struct of lists."""
        lists = {BOXES: plain(np.dtype(np.float32), (4,)), LABELS: pa.int32()}
        if self.has_difficult:
            lists[DIFFICULT] = pa.uint8()
        return pa.struct([pa.field(n, ragged(t), nullable=False) for n, t in lists.items()])

    def to_arrow(self, column: Column) -> pa.Array:
        """Store corners and classes apart."""
        assert isinstance(column, RaggedArray)
        corners = np.ascontiguousarray(column.values[:, :4], np.float32)
        numbers = [corners, column.values[:, 4].astype(np.int32)]
        if self.has_difficult:
            numbers.append(column.values[:, 5].astype(np.uint8))
        parts = [store_ragged(RaggedArray(part, column.lengths)) for part in numbers]
        return pa.StructArray.from_arrays(parts, fields=list(self.arrow_type()))

    def from_arrow(self, stored: pa.Array) -> Column:
        """Join corners, classes, and which are difficult."""
        corners, labels, *difficult = stored.flatten()
        boxes = read_ragged(corners, np.dtype(np.float32), (4,))
        numbers = [read_ragged(labels, np.dtype(np.int32))]
        numbers += [read_ragged(part, np.dtype(np.uint8)) for part in difficult]
        if any(not np.array_equal(boxes.lengths, part.lengths) for part in numbers):
            raise ValueError("the boxes and labels of a sample differ in number")
        columns = [boxes.values, *(part.values[:, None].astype(np.float32) for part in numbers)]
        return RaggedArray(np.concatenate(columns, axis=1), boxes.lengths)

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
