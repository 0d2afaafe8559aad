"""A class for each pixel of an image."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import model_validator

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields._indices import Indices
from distnet.data.fields.field import Field, Pixels
from distnet.data.statistics import ClassCounts

__all__ = ("MaskField",)

MAX_CLASSES = 256
VOID = 255
"""Marks the pixels that have no class."""
GREY = 128


class MaskField(Indices):
    """uint8 [height, width]: the index of one of `classes` for each pixel.

    Where `ignore_index` is set, pixels with that value have no class, as the outlines of Pascal VOC
    and the void of Cityscapes: they are neither trained on nor counted.
    """

    kind: ClassVar[str] = "mask"
    dtype: ClassVar[str] = "uint8"
    facts: ClassVar[frozenset[str]] = frozenset({"shape", "classes", "class_counts"})
    is_visible: ClassVar[bool] = True

    ignore_index: Literal[255] | None = None
    """The value of pixels without a class; None: each has one."""

    @model_validator(mode="after")
    def _fits(self) -> "MaskField":
        if len(self.shape) != 2:
            raise ValueError(f"a mask has a height and a width, not the shape {list(self.shape)}")
        most = MAX_CLASSES if self.ignore_index is None else self.ignore_index
        if not 0 < len(self.classes) <= most:
            raise ValueError(f"a mask needs between 1 and {most} classes")
        return self

    def unlike(self, other: Field) -> tuple[str, str] | None:
        """Whether only these masks have pixels without a class."""
        has_void = self.ignore_index is not None
        if not isinstance(other, MaskField) or not has_void or other.ignore_index is not None:
            return super().unlike(other)
        return "masks with pixels of no class (--ignore-index)", "masks whose pixels all have one"

    def statistics(self) -> ClassCounts:
        """Pixels of each class."""
        return ClassCounts(len(self.classes), void=self.ignore_index)

    def fault(self, column: Column) -> str | None:
        """Find a value that is no class."""
        assert not isinstance(column, RaggedArray)
        has_class = column if self.ignore_index is None else column[column != self.ignore_index]
        return super().fault(has_class)

    def thumbnail(self, sample: Array) -> Pixels:
        """Classes from black to white; grey where there is none."""
        pixels = (sample * (255 // max(1, len(self.classes) - 1))).astype(np.uint8)
        return pixels if self.ignore_index is None else np.where(sample == VOID, GREY, pixels)
