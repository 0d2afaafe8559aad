"""A text (or another sequence) as the indices of its tokens, of any length."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields._arrow import ragged, read_ragged, store_ragged
from distnet.data.fields._indices import out_of_range
from distnet.data.fields._tokenizers import UNKNOWN, Tokenizer, learn_tokens, make_tokenizer
from distnet.data.fields.field import Field
from distnet.data.statistics import Facts, NoStatistics, Statistics, ValueCounts
from distnet.errors import DataError
from distnet.run_folder.figures import Figure, Texts
from distnet.spec.plural import counted, listed

__all__ = ("TokensField",)

CAPTION_LETTERS = 200
PARTIAL = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer of bytes ends with where a character is not complete."""
MOST_NAMES = 20  # of tokens, in messages


class TokensField(Field):
    """int32 [length]: indices into `vocabulary`. With a shape, all samples have that length."""

    kind: ClassVar[str] = "tokens"
    dtype: ClassVar[str] = "int32"
    facts: ClassVar[frozenset[str]] = frozenset({"shape", "num_values"})
    is_repetitive: ClassVar[bool] = True
    called: ClassVar[str] = "Texts"
    """What samples are, in the titles of figures."""
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    """Of the names of files that a generated sample can be written to."""

    tokenizer: Tokenizer = "characters"
    """What a token is; see `_tokenizers.py`."""
    vocabulary: tuple[str, ...] = ()
    """The text of each token; parts of words as GPT-2 writes them, with `\u0120` for a space."""
    merges: tuple[tuple[str, str], ...] = ()
    """Of parts of words: which two tokens become one, in this order."""
    longest: int = 0
    """Tokens of the longest sample of any split."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[V]: a token is one of V, as a vector with a single 1 would say."""
        return (len(self.vocabulary),)

    @property
    def start(self) -> str:
        """What a text without a beginning of its own follows."""
        return "\n"

    @classmethod
    def learned(cls, texts: Iterable[str], *, tokenizer: Tokenizer, most: int) -> "TokensField":
        """The field whose tokens occur most in some texts, at most `most` of them.

        Raises:
            DataError: the vocabulary is too small for this tokenizer.
            UnknownPartError: its package is not installed.
        """
        return cls(**learn_tokens(tokenizer, texts, most))

    def encode(self, text: str) -> Array:
        """Turn a text into tokens; what is not in the vocabulary becomes the unknown token.

        Raises:
            KeyError: a character is not in the vocabulary, and there is no unknown token.
            UnknownPartError: the package for other tokens than characters is not installed.
        """
        if self.tokenizer != "characters":
            return np.array(self._tokenizer.encode(text).ids, np.int32)
        index, unknown = self._index, self._index.get(UNKNOWN)
        if unknown is None:
            return np.array([index[character] for character in text], np.int32)
        return np.array([index.get(character, unknown) for character in text], np.int32)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """The letters of a text that each of its tokens stands for; the second is exclusive."""
        if self.tokenizer != "characters":
            found: list[tuple[int, int]] = self._tokenizer.encode(text).offsets
            return found
        return [(letter, letter + 1) for letter in range(len(text))]

    def decode(self, tokens: Array) -> str:
        """Turn tokens into a text; the words of a text come back with spaces between them."""
        if self.tokenizer == "bpe":
            text: str = self._tokenizer.decode(tokens.tolist(), skip_special_tokens=False)
            return text
        between = " " if self.tokenizer == "words" else ""
        return between.join(self.vocabulary[int(token)] for token in tokens)

    def stream(self, tokens: Iterable[int], *, after: Sequence[int] = ()) -> Iterator[str]:
        """Turn tokens into text as they come, whole characters only.

        A token is decoded behind those before it, which decide whether there is a space between.

        Args:
            tokens: as they are made.
            after: the tokens before the first one.
        """
        last, new = list(after[-1:]), list[int]()
        for token in tokens:
            new.append(token)
            before, text = (self.decode(np.array(t, np.int32)) for t in (last, last + new))
            if not text.endswith(PARTIAL):
                yield text[len(before) :]
                last, new = new, []

    def unlike(self, other: Field) -> tuple[str, str] | None:
        """How many tokens there are and what they are, if the same index is not the same token."""
        if not isinstance(other, TokensField) or self._meaning == other._meaning:
            return super().unlike(other)
        odd = sorted(map(repr, {*self.vocabulary} ^ {*other.vocabulary}))
        differ = f"only one of them has {listed(odd, MOST_NAMES)}" if odd else "made otherwise"
        sizes = [
            f"{counted(len(each.vocabulary), 'token')} ({each.tokenizer})" for each in (self, other)
        ]
        return sizes[0], f"{sizes[1]}, and {differ}"

    def of_length(self, length: int) -> "TokensField":
        """The same tokens, for samples that all have one length."""
        return self.model_copy(update={"shape": (length,), "num_values": {}, "longest": 0})

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
        """The text, or its beginning."""
        first = sample[: CAPTION_LETTERS + 1]  # a token has a letter at least
        text = self.decode(first) if self.vocabulary else str(first.tolist())
        return text if len(text) <= CAPTION_LETTERS else text[:CAPTION_LETTERS] + "..."

    def figure(
        self, title: str, prompts: Sequence[Sequence[int]], made: Sequence[Sequence[int]]
    ) -> Figure:
        """Show some texts, each a prompt and the tokens that were made behind it."""
        texts = tuple("".join(self.stream(m, after=p)) for p, m in zip(prompts, made, strict=True))
        return Texts(title, texts, tuple(self.decode(np.array(p, np.int32)) for p in prompts))

    def require_file(self, suffix: str) -> None:
        """Check that `to_file` knows such files, before a text is generated for one.

        Args:
            suffix: of the file's name, such as `.txt`.

        Raises:
            ValueError: there is no such file of samples of this kind.
        """
        if suffix.lower() not in self.suffixes:
            found, expected = suffix or "none", " or ".join(self.suffixes)
            raise ValueError(f"found the suffix {found}, expected {expected}")

    def to_file(self, text: str, suffix: str) -> bytes:
        """The content of a file that holds a generated text.

        Args:
            text: as `stream` gives it.
            suffix: of the file's name, such as `.txt`.

        Raises:
            ValueError: there is no such file of samples of this kind.
        """
        self.require_file(suffix)
        return text.encode()

    @property
    def _meaning(self) -> dict[str, Any]:
        """What decides which text a sample stands for."""
        return self.model_dump(exclude={"shape", "num_values", "longest"})

    @cached_property
    def _index(self) -> dict[str, int]:
        return {token: index for index, token in enumerate(self.vocabulary)}

    @cached_property
    def _tokenizer(self) -> Any:
        return make_tokenizer(self.tokenizer, self.vocabulary, self.merges)
