"""A vector of numbers, such as the features of a table's row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from distnet.data.column import Column, RaggedArray
from distnet.data.fields.field import Field
from distnet.data.rows import read_rows
from distnet.data.statistics import Facts, FloatStatistics

__all__ = ("VectorField",)


class VectorField(Field):
    """float32 [n]."""

    kind: ClassVar[str] = "vector"
    dtype: ClassVar[str] = "float32"
    facts: ClassVar[frozenset[str]] = frozenset({"shape", "names", "origin", "mean", "std"})

    @model_validator(mode="after")
    def _fits(self) -> "VectorField":
        if len(self.shape) != 1:
            raise ValueError(f"a vector has one dimension, not the shape {list(self.shape)}")
        if len(self.mean) not in (0, self.shape[0]):
            raise ValueError(f"mean and std need {self.shape[0]} numbers each")
        return self

    def statistics(self) -> FloatStatistics:
        """Mean and deviation of each element."""
        return FloatStatistics(self.shape[0])

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """Those of the training split."""
        return statistics["train"].moments() if "train" in statistics else {}

    def fault(self, column: Column) -> str | None:
        """Find numbers that are not finite."""
        assert not isinstance(column, RaggedArray)
        return None if np.isfinite(column).all() else "numbers that are not finite"

    def read_file(self, path: Path, *, as_is: bool = False) -> Column:  # noqa: ARG002
        """Read the rows of a CSV or Parquet file."""
        return read_rows(path, self)
