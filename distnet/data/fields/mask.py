"""A class for each pixel of an image."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields.class_ import out_of_range
from distnet.data.fields.field import Field, Pixels
from distnet.data.statistics import ClassCounts, Facts

__all__ = ("MaskField",)

MAX_CLASSES = 256


class MaskField(Field):
    """uint8 [height, width]: the index of one of `classes` for each pixel."""

    kind: ClassVar[str] = "mask"
    dtype: ClassVar[str] = "uint8"
    facts: ClassVar[frozenset[str]] = frozenset({"shape", "classes", "class_counts"})
    is_repetitive: ClassVar[bool] = True
    is_visible: ClassVar[bool] = True

    @model_validator(mode="after")
    def _fits(self) -> "MaskField":
        if len(self.shape) != 2:
            raise ValueError(f"a mask has a height and a width, not the shape {list(self.shape)}")
        if not 0 < len(self.classes) <= MAX_CLASSES:
            raise ValueError(f"a mask needs between 1 and {MAX_CLASSES} classes")
        return self

    def statistics(self) -> ClassCounts:
        """Pixels of each class."""
        return ClassCounts(len(self.classes))

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """Those of every split."""
        return {"class_counts": {split: part.counts() for split, part in statistics.items()}}

    def fault(self, column: Column) -> str | None:
        """Find an index that is out of range."""
        assert not isinstance(column, RaggedArray)
        return out_of_range(column, len(self.classes), "label", "classes")

    def thumbnail(self, sample: Array) -> Pixels:
        """Classes from black to white."""
        return (sample * (255 // max(1, len(self.classes) - 1))).astype(np.uint8)
