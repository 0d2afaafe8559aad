"""One class of several, as its index."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import model_validator

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields.field import Field
from distnet.data.statistics import ClassCounts, Facts

__all__ = ("ClassField",)


class ClassField(Field):
    """int32: the index of one of `classes`."""

    kind: ClassVar[str] = "class"
    dtype: ClassVar[str] = "int32"
    facts: ClassVar[frozenset[str]] = frozenset({"classes", "class_counts"})
    is_repetitive: ClassVar[bool] = True

    @model_validator(mode="after")
    def _fits(self) -> "ClassField":
        if not self.classes:
            raise ValueError("a class field needs the names of its classes")
        return self

    def statistics(self) -> ClassCounts:
        """Samples of each class."""
        return ClassCounts(len(self.classes))

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """Those of every split."""
        return {"class_counts": {split: part.counts() for split, part in statistics.items()}}

    def fault(self, column: Column) -> str | None:
        """Find an index that is out of range."""
        assert not isinstance(column, RaggedArray)
        return out_of_range(column, len(self.classes), "label", "classes")

    def caption(self, sample: Array) -> str:
        """The name of the class."""
        return self.classes[int(sample)]


def out_of_range(values: Array, limit: int, what: str, whole: str) -> str | None:
    """Describe the first index outside of [0, limit); None if there is none."""
    if not values.size or (values.min() >= 0 and values.max() < limit):
        return None
    wrong = int(values.max() if values.max() >= limit else values.min())
    return f"{what} {wrong} of {limit} {whole}"
