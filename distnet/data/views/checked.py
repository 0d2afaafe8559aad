"""A user's own view, whose samples are checked each time they are made."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from distnet.data.column import Columns, Ints, RaggedArray
from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest
from distnet.errors import PartError
from distnet.spec.code.own_errors import described, own_errors, refusal, require_members

MEMBERS = ("fields", "reads", "num_samples", "take")


class CheckedView:
    """Passes on the samples of a view.

    Args:
        view: the user's own.
        data: the manifest of the dataset whose rows it reads.
        what: the view, for errors.

    Raises:
        PartError: it is incomplete, or makes something other than it declares.
    """

    def __init__(self, view: Any, data: Manifest, what: str) -> None:
        require_members(view, what, MEMBERS)
        self._own, self._what, name = view, what, type(view).__name__
        fields, reads = view.fields, view.reads
        is_mapping = isinstance(fields, Mapping) and bool(fields)
        if not is_mapping or not all(isinstance(field, Field) for field in fields.values()):
            expected = "a dict of names and fields of distnet.data.fields"
            raise PartError(f"{name}.fields: found {described(fields)}, expected {expected}")
        if not isinstance(reads, list | tuple) or not set(reads) <= data.fields.keys():
            expected = f"a tuple of fields of the dataset ({', '.join(data.fields)})"
            raise PartError(f"{name}.reads: found {described(reads)}, expected {expected}")
        self.fields: Mapping[str, Field] = dict(fields)
        self.whole: Mapping[str, Field] = dict(getattr(view, "whole", fields))
        self.reads = tuple(reads)

    def num_samples(self, split: str) -> int:
        """Samples of a split."""
        with own_errors(self._what):
            count = self._own.num_samples(split)
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise refusal(self._own, "num_samples", count, "a whole number")
        return int(count)

    def take(self, columns: Columns, ids: Ints, split: str) -> Columns:
        """The samples with these indices."""
        with own_errors(self._what):
            found = self._own.take(columns, ids, split)
        if not isinstance(found, Mapping) or found.keys() != self.fields.keys():
            expected = f"a dict of the columns {', '.join(self.fields)}"
            raise refusal(self._own, "take", found, expected)
        for name, column in found.items():
            self._require_column(name, column, len(ids))
        return dict(found)

    def _require_column(self, name: str, column: Any, count: int) -> None:
        shape = self.fields[name].shape
        if not isinstance(column, np.ndarray | RaggedArray) or len(column) != count:
            expected = f"as {name} an array of {count} samples"
            raise refusal(self._own, "take", column, expected)
        if isinstance(column, np.ndarray) and shape and column.shape[1:] != tuple(shape):
            expected = f"as {name} an array {[count, *shape]}, as the field declares"
            raise refusal(self._own, "take", column, expected)
