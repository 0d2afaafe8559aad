"""A class for each pixel of an image."""

from typing import ClassVar

import numpy as np
from pydantic import model_validator

from distnet.data.column import Array
from distnet.data.fields._indices import Indices
from distnet.data.fields.field import Pixels

__all__ = ("MaskField",)

MAX_CLASSES = 256


class MaskField(Indices):
    """uint8 [height, width]: the index of one of `classes` for each pixel."""

    kind: ClassVar[str] = "mask"
    dtype: ClassVar[str] = "uint8"
    facts: ClassVar[frozenset[str]] = frozenset({"shape", "classes", "class_counts"})
    is_visible: ClassVar[bool] = True

    @model_validator(mode="after")
    def _fits(self) -> "MaskField":
        if len(self.shape) != 2:
            raise ValueError(f"a mask has a height and a width, not the shape {list(self.shape)}")
        if not 0 < len(self.classes) <= MAX_CLASSES:
            raise ValueError(f"a mask needs between 1 and {MAX_CLASSES} classes")
        return self

    def thumbnail(self, sample: Array) -> Pixels:
        """Classes from black to white."""
        return (sample * (255 // max(1, len(self.classes) - 1))).astype(np.uint8)
