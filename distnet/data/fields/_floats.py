"""What numbers to learn from and numbers to predict have in common."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

import numpy as np

from distnet.data.column import Column, RaggedArray
from distnet.data.fields.field import Field
from distnet.data.statistics import Facts, FloatStatistics


class Floats(Field):
    """float32, with mean and deviation of each number."""

    dtype: ClassVar[str] = "float32"
    facts: ClassVar[frozenset[str]] = frozenset({"shape", "names", "origin", "mean", "std"})

    def statistics(self) -> FloatStatistics:
        """Mean and deviation of each number."""
        return FloatStatistics(prod(self.shape))

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """Those of the training split."""
        return statistics["train"].moments() if "train" in statistics else {}

    def fault(self, column: Column) -> str | None:
        """Find numbers that are not finite."""
        assert not isinstance(column, RaggedArray)
        return None if np.isfinite(column).all() else "numbers that are not finite"
