"""Numbers to predict, in any shape; a single one is of shape (1,)."""

from math import prod
from typing import ClassVar

import pyarrow as pa
from pydantic import model_validator

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields._floats import Floats

__all__ = ("NumberField",)


class NumberField(Floats):
    """float32 of any shape; a single number is stored as such, not as a list of one."""

    kind: ClassVar[str] = "number"

    @model_validator(mode="after")
    def _fits(self) -> "NumberField":
        if not self.shape:
            raise ValueError("numbers need a shape; that of a single number is (1,)")
        if len(self.mean) not in (0, prod(self.shape)):
            raise ValueError(f"mean and std need {prod(self.shape)} numbers each")
        return self

    def arrow_type(self) -> pa.DataType:
        """A number, or a fixed-size list of numbers."""
        return pa.float32() if self.shape == (1,) else super().arrow_type()

    def to_arrow(self, column: Column) -> pa.Array:
        """Store numbers; a single one not as a list."""
        assert not isinstance(column, RaggedArray)
        return super().to_arrow(column.reshape(len(column)) if self.shape == (1,) else column)

    def caption(self, sample: Array) -> str:
        """The first number."""
        number = self.in_units(sample.reshape(self.shape)).flat[0]
        return f"{number:.12g}" if self.origin else f"{number:.4g}"
