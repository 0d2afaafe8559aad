"""A text (or another sequence) as the indices of its tokens, of any length."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields._arrow import ragged, read_ragged, store_ragged
from distnet.data.fields._indices import out_of_range
from distnet.data.fields.field import Field
from distnet.data.statistics import Facts, NoStatistics, Statistics, ValueCounts
from distnet.errors import DataError

__all__ = ("TokensField",)

CAPTION_TOKENS = 24


class TokensField(Field):
    """int32 [length]: indices into `vocabulary`. With a shape, all samples have that length."""

    kind: ClassVar[str] = "tokens"
    dtype: ClassVar[str] = "int32"
    facts: ClassVar[frozenset[str]] = frozenset({"shape", "num_values"})
    is_repetitive: ClassVar[bool] = True

    vocabulary: tuple[str, ...] = ()
    """The text of each token."""
    longest: int = 0
    """Tokens of the longest sample of any split."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[V]: a token is one of V, as a vector with a single 1 would say."""
        return (len(self.vocabulary),)

    def encode(self, text: str) -> Array:
        """Turn a text into tokens, one for each character.

        Raises:
            KeyError: a character is not in the vocabulary.
        """
        return np.array([self._index[character] for character in text], np.int32)

    def decode(self, tokens: Array) -> str:
        """Turn tokens into a text."""
        return "".join(self.vocabulary[int(token)] for token in tokens)

    def arrow_type(self) -> pa.DataType:
        """A list of any length, unless all have one."""
        return super().arrow_type() if self.shape else ragged(pa.int32())

    def to_arrow(self, column: Column) -> pa.Array:
        """Store lists of tokens."""
        if not isinstance(column, RaggedArray):
            return super().to_arrow(column)
        return store_ragged(RaggedArray(column.values.astype(np.int32, copy=False), column.lengths))

    def from_arrow(self, stored: pa.Array) -> Column:
        """Read lists of tokens."""
        if self.shape:
            return super().from_arrow(stored)
        return read_ragged(stored, np.dtype(self.dtype))

    def statistics(self) -> Statistics:
        """How many tokens there are."""
        return NoStatistics() if self.shape else ValueCounts()

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """The tokens of every split, and those of the longest sample."""
        if self.shape:
            return {}
        longest = max((part.longest for part in statistics.values()), default=0)
        counts = {split: part.num_values for split, part in statistics.items()}
        return {"num_values": counts, "longest": longest}

    def fault(self, column: Column) -> str | None:
        """Find a token that is not in the vocabulary."""
        values = column.values if isinstance(column, RaggedArray) else column
        limit = len(self.vocabulary) or 2**31
        return out_of_range(values, limit, "token", "in the vocabulary")

    def read_file(self, path: Path, *, as_is: bool = False) -> Column:  # noqa: ARG002
        """Read a text file as one sample."""
        try:
            return RaggedArray.of([self.encode(path.read_text(encoding="utf-8"))])
        except KeyError as error:
            raise DataError(
                f"{path}: found the character {error.args[0]!r}, which is not among the "
                f"{len(self.vocabulary)} of the vocabulary; remove it"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as UTF-8 text: {error}") from None

    def caption(self, sample: Array) -> str:
        """The beginning of the text."""
        text = self.decode(sample[:CAPTION_TOKENS]) if self.vocabulary else str(sample.tolist())
        return text + "..." * (len(sample) > CAPTION_TOKENS)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {token: index for index, token in enumerate(self.vocabulary)}
