"""A vector of numbers, such as the features of a table's row."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from distnet.data.features.feature import Feature
from distnet.data.fields._floats import Floats
from distnet.data.fields.field import Field
from distnet.data.statistics import Facts

__all__ = ("VectorField",)

MOST_NAMES = 10


class VectorField(Floats):
    """float32 [n]."""

    kind: ClassVar[str] = "vector"

    columns: tuple[Feature, ...] = ()
    """Those of the source, where one is something else than a single number in each row."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of the source; none where it does not name them."""
        return self.columns or tuple(Feature(name=name) for name in self.names)

    @model_validator(mode="after")
    def _fits(self) -> "VectorField":
        if len(self.shape) != 1:
            raise ValueError(f"a vector has one dimension, not the shape {list(self.shape)}")
        if len(self.mean) not in (0, self.shape[0]):
            raise ValueError(f"mean and std need {self.shape[0]} numbers each")
        if self.columns and sum(column.width for column in self.columns) != self.shape[0]:
            raise ValueError(f"columns must give {self.shape[0]} numbers together")
        return self

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """Mean and deviation of each number; those of a category stay 0 and 1.

        A category that is rare has a deviation near 0: divided by it, its 1 would outweigh all
        other inputs.
        """
        facts = super().described_by(statistics)
        if not facts or not self.columns:
            return facts
        is_category = [c.kind == "category" for c in self.columns for _ in range(c.width)]
        mean, std = (np.array(facts[name]) for name in ("mean", "std"))
        mean[is_category], std[is_category] = 0, 1
        return {"mean": tuple(mean.tolist()), "std": tuple(std.tolist())}

    def unlike(self, other: Field) -> tuple[str, str] | None:
        """What is different in form, or in the categories of a column."""
        differ = super().unlike(other)
        if differ is not None or not isinstance(other, VectorField):
            return differ
        known = {column.name: column for column in other.features}
        for column in self.columns:
            of_other = known.get(column.name)
            if of_other is not None and of_other.names != column.names:
                pair = [", ".join(each.names[:MOST_NAMES]) for each in (column, of_other)]
                return f"numbers of {pair[0]}", pair[1]
        return None
