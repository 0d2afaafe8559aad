"""One class of several, as its index."""

from typing import ClassVar

from pydantic import model_validator

from distnet.data.column import Array
from distnet.data.fields._indices import Indices

__all__ = ("ClassField",)


class ClassField(Indices):
    """int32: the index of one of `classes`."""

    kind: ClassVar[str] = "class"
    dtype: ClassVar[str] = "int32"
    facts: ClassVar[frozenset[str]] = frozenset({"classes", "class_counts"})

    @model_validator(mode="after")
    def _fits(self) -> "ClassField":
        if not self.classes:
            raise ValueError("a class field needs the names of its classes")
        return self

    def caption(self, sample: Array) -> str:
        """The name of the class."""
        return self.classes[int(sample)]
