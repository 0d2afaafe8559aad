"""What the class of a sample and the classes of its pixels have in common."""

from collections.abc import Mapping
from typing import Any, ClassVar

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields.field import Field
from distnet.data.statistics import ClassCounts, Facts


class Indices(Field):
    """Indices of `classes`, with how often each occurs."""

    is_repetitive: ClassVar[bool] = True

    def statistics(self) -> ClassCounts:
        """Samples, or pixels, of each class."""
        return ClassCounts(len(self.classes))

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """Those of every split."""
        return {"class_counts": {split: part.counts() for split, part in statistics.items()}}

    def fault(self, column: Column) -> str | None:
        """Find an index that is out of range."""
        assert not isinstance(column, RaggedArray)
        return out_of_range(column, len(self.classes), "label", "classes")


def out_of_range(values: Array, limit: int, what: str, whole: str) -> str | None:
    """Describe the first index outside of [0, limit); None if there is none."""
    if not values.size or (values.min() >= 0 and values.max() < limit):
        return None
    wrong = int(values.max() if values.max() >= limit else values.min())
    return f"{what} {wrong} of {limit} {whole}"
