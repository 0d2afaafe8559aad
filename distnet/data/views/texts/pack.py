"""Windows of one length over all token rows of a split, joined: what a language model learns from.

Every token but the first is the target of exactly one sample. The last window is filled up, with
targets that are ignored: the weight of a sample is its number of valid tokens.
"""

import numpy as np

from distnet.data.column import Columns, Ints, RaggedArray
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest
from distnet.spec.sections.section import PositiveInt

__all__ = ("Pack",)

IGNORED = -100
"""The target of a position without a next token; torch's losses leave it out by default."""


class Pack:
    """Fields `input` and `target` [length]: tokens, and the token that follows each.

    Args:
        length: tokens of a sample.
        field: the field of tokens; by default the only one.

    Raises:
        ValueError: the dataset has no such field, or its samples do not allow this length.
    """

    def __init__(
        self, data: Manifest, *, length: PositiveInt = 64, field: str | None = None
    ) -> None:
        tokens = {
            n: f for n, f in data.fields.items() if isinstance(f, TokensField) and not f.shape
        }
        name = field or (next(iter(tokens)) if len(tokens) == 1 else "")
        if name not in tokens:
            raise ValueError(
                f"view pack needs a field of tokens; found {field or 'none, or several,'} among "
                f"{', '.join(f'{n} ({f.kind})' for n, f in data.fields.items())}"
            )
        self._name, self._length, self._num_values = name, length, tokens[name].num_values
        window = tokens[name].of_length(length)
        self.fields = {"input": window, "target": window}
        self.reads = (name,)

    def num_samples(self, split: str) -> int:
        """Windows of a split."""
        return max(0, -(-(self._num_values.get(split, 0) - 1) // self._length))

    def take(self, columns: Columns, ids: Ints, split: str) -> Columns:
        """Cut the windows with these indices."""
        rows = columns[self._name]
        assert isinstance(rows, RaggedArray)
        positions = ids[:, None] * self._length + np.arange(self._length + 1)
        windows = rows.values.take(np.minimum(positions, len(rows.values) - 1))
        is_beyond = positions[:, 1:] >= len(rows.values)
        target = np.where(is_beyond, np.int32(IGNORED), windows[:, 1:])
        return {"input": np.ascontiguousarray(windows[:, :-1]), "target": target}
