"""A part of a text: which tokens of another field it is."""

from typing import ClassVar

import numpy as np

from distnet.data.column import Array, Column
from distnet.data.fields.field import Field, Positive

__all__ = ("SpanField",)


class SpanField(Field):
    """int32 [2]: the first and the last token of the part, counted from 0."""

    kind: ClassVar[str] = "span"
    dtype: ClassVar[str] = "int32"
    facts: ClassVar[frozenset[str]] = frozenset({"shape"})

    shape: tuple[Positive, ...] = (2,)
    of: str
    """The field of tokens that it is a part of."""

    def fault(self, column: Column) -> str | None:
        """Find a part that ends before it begins."""
        first, last = np.asarray(column).T
        wrong = np.flatnonzero((first < 0) | (last < first))
        if not wrong.size:
            return None
        return f"a span from token {first[wrong[0]]} to {last[wrong[0]]}"

    def caption(self, sample: Array) -> str:
        """The tokens by their numbers."""
        first, last = sample.tolist()
        return f"token {first}" if first == last else f"tokens {first} to {last}"
