"""A text as it was written: to show it, and to compare it with other texts."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields._arrow import read_binaries, store_binaries
from distnet.data.fields.field import Field
from distnet.data.statistics import Facts, ValueCounts

__all__ = ("TextField",)

CAPTION_LETTERS = 200


class TextField(Field):
    """uint8 [length]: a text in UTF-8. Networks learn from `tokens` beside it."""

    kind: ClassVar[str] = "text"
    dtype: ClassVar[str] = "uint8"
    facts: ClassVar[frozenset[str]] = frozenset({"num_values"})

    @staticmethod
    def encode(texts: Iterable[str]) -> RaggedArray:
        """The column of some texts; there must be at least one."""
        return RaggedArray.of([np.frombuffer(text.encode(), np.uint8) for text in texts])

    @staticmethod
    def decode(sample: Array) -> str:
        """The text of one sample."""
        return sample.tobytes().decode()

    def arrow_type(self) -> pa.DataType:
        """A string."""
        return pa.string()

    def to_arrow(self, column: Column) -> pa.Array:
        """Store texts."""
        assert isinstance(column, RaggedArray)
        return store_binaries(column).view(pa.string())

    def from_arrow(self, stored: pa.Array) -> Column:
        """Read texts."""
        return read_binaries(stored)

    def statistics(self) -> ValueCounts:
        """How many bytes there are."""
        return ValueCounts()

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """The bytes of every split."""
        return {"num_values": {split: part.num_values for split, part in statistics.items()}}

    def fault(self, column: Column) -> str | None:
        """Find a text that is not UTF-8."""
        try:
            self.to_arrow(column).validate(full=True)
        except pa.ArrowInvalid as error:
            return f"not UTF-8: {error}"
        return None

    def caption(self, sample: Array) -> str:
        """The text, or its beginning."""
        text = self.decode(sample)
        return text if len(text) <= CAPTION_LETTERS else text[:CAPTION_LETTERS] + "..."
