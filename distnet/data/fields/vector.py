"""A vector of numbers, such as the features of a table's row."""

from pathlib import Path
from typing import ClassVar

from pydantic import model_validator

from distnet.data.column import Column
from distnet.data.fields._floats import Floats
from distnet.data.rows import read_rows

__all__ = ("VectorField",)


class VectorField(Floats):
    """float32 [n]."""

    kind: ClassVar[str] = "vector"

    @model_validator(mode="after")
    def _fits(self) -> "VectorField":
        if len(self.shape) != 1:
            raise ValueError(f"a vector has one dimension, not the shape {list(self.shape)}")
        if len(self.mean) not in (0, self.shape[0]):
            raise ValueError(f"mean and std need {self.shape[0]} numbers each")
        return self

    def read_file(self, path: Path, *, as_is: bool = False) -> Column:  # noqa: ARG002
        """Read the rows of a CSV or Parquet file."""
        return read_rows(path, self)
