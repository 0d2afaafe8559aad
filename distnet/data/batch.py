"""A batch: some samples, as one named column for each field.

Columns come in three forms: a tensor where all samples have one shape, a ragged tensor where they
differ in length (tokens, boxes), and a list where they differ in several dimensions (images of
unlike size).

Letters: n samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Ragged:
    """Samples of different lengths, one after the other.

    Args:
        values: of all samples, [sum of lengths, ...].
        lengths: of each sample, int64 [n].
    """

    values: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> "Ragged":
        """Join one tensor [length, ...] for each sample; there must be at least one."""
        return cls(torch.cat(list(parts)), torch.tensor([len(part) for part in parts]))

    def __len__(self) -> int:
        """The number of samples, not of values."""
        return len(self.lengths)

    @cached_property
    def offsets(self) -> Tensor:
        """Where the values of each sample begin and those of the last one end, int64 [n + 1]."""
        offsets = self.lengths.new_zeros(len(self.lengths) + 1)
        torch.cumsum(self.lengths, 0, out=offsets[1:])
        return offsets

    @cached_property
    def sample_of_value(self) -> Tensor:
        """The sample that each value belongs to, int64 [sum of lengths]."""
        samples = torch.arange(len(self.lengths), device=self.lengths.device)
        return samples.repeat_interleave(self.lengths, output_size=len(self.values))

    def split(self) -> list[Tensor]:
        """One tensor [length, ...] for each sample: views of `values`."""
        return list(self.values.split_with_sizes(self.lengths.tolist()))

    def slice(self, low: int, high: int) -> "Ragged":
        """The samples `low` to `high` (exclusive)."""
        low, high, _ = slice(low, high).indices(len(self))
        first, last = self.offsets[low].item(), self.offsets[max(low, high)].item()
        return Ragged(self.values[int(first) : int(last)], self.lengths[low:high])

    def select(self, samples: Tensor) -> "Ragged":
        """The samples with these indices, int64 [m], in their order."""
        lengths = self.lengths[samples]
        starts = (self.offsets[:-1][samples] - lengths.cumsum(0) + lengths).repeat_interleave(
            lengths
        )
        rows = starts + torch.arange(len(starts), device=starts.device)
        return Ragged(self.values.index_select(0, rows), lengths)

    def padded(self, filler: float = 0) -> Tensor:
        """The samples as one tensor [n, longest, ...], short ones filled up with `filler`."""
        longest = int(self.lengths.max()) if len(self) else 0
        shape = (len(self), longest, *self.values.shape[1:])
        padded = self.values.new_full(shape, filler)
        padded[self.mask()] = self.values
        return padded

    def mask(self) -> Tensor:
        """Which entries of `padded()` are values, bool [n, longest]."""
        longest = int(self.lengths.max()) if len(self) else 0
        return torch.arange(longest, device=self.lengths.device) < self.lengths[:, None]

    def to(self, device: torch.device | str) -> "Ragged":
        """The same on `device`."""
        return Ragged(self.values.to(device), self.lengths.to(device))


Column = Tensor | Ragged | list[Tensor]


@dataclass(frozen=True, eq=False)
class Batch:
    """Some samples, of which each field is one column of equal length.

    Raises:
        ValueError: the columns differ in length, or there are none.
    """

    fields: Mapping[str, Column]

    def __post_init__(self) -> None:
        lengths = {name: _length(column) for name, column in self.fields.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"found columns of {lengths} samples, expected one length")

    def __len__(self) -> int:
        """The number of samples."""
        return _length(next(iter(self.fields.values())))

    def __getitem__(self, name: str) -> Column:
        """The column of the field `name`.

        Raises:
            KeyError: there is no such field; the message lists the fields.
        """
        if name not in self.fields:
            raise KeyError(f"no field {name!r} in this batch; it has: {', '.join(self.fields)}")
        return self.fields[name]

    def tensor(self, name: str) -> Tensor:
        """The column of a field whose samples have one shape, [n, ...].

        Raises:
            TypeError: the samples of the field differ in shape.
        """
        column = self[name]
        if not isinstance(column, Tensor):
            raise TypeError(f"the samples of field {name!r} differ in shape, expected one tensor")
        return column

    def ragged(self, name: str) -> Ragged:
        """The column of a field whose samples differ in length.

        Raises:
            TypeError: it is of another form.
        """
        column = self[name]
        if not isinstance(column, Ragged):
            raise TypeError(f"field {name!r} is {type(column).__name__}, expected Ragged")
        return column

    def slice(self, low: int, high: int) -> "Batch":
        """The samples `low` to `high` (exclusive)."""
        return Batch({name: _slice(column, low, high) for name, column in self.fields.items()})

    def to(self, device: torch.device | str) -> "Batch":
        """The same on `device`."""
        return Batch({name: _to(column, device) for name, column in self.fields.items()})

    def joined(self, other: "Batch") -> "Batch":
        """These samples, followed by those of another batch of the same fields."""
        return Batch({name: _joined(column, other[name]) for name, column in self.fields.items()})

    def with_(self, **columns: Column) -> "Batch":
        """The same with some columns added or replaced."""
        return Batch({**self.fields, **columns})


def _length(column: Column) -> int:
    # len() of a tensor is a function in Python, called in every step.
    return column.shape[0] if isinstance(column, Tensor) and column.ndim else len(column)


def _joined(column: Column, other: Column) -> Column:
    if isinstance(column, Tensor) and isinstance(other, Tensor):
        return torch.cat([column, other])
    if isinstance(column, Ragged) and isinstance(other, Ragged):
        lengths = torch.cat([column.lengths, other.lengths])
        return Ragged(torch.cat([column.values, other.values]), lengths)
    if isinstance(column, list) and isinstance(other, list):
        return [*column, *other]
    raise TypeError(f"cannot join {type(column).__name__} and {type(other).__name__}")


def _slice(column: Column, low: int, high: int) -> Column:
    return column.slice(low, high) if isinstance(column, Ragged) else column[low:high]


def _to(column: Column, device: torch.device | str) -> Column:
    if isinstance(column, list):
        return [sample.to(device) for sample in column]
    return column.to(device)
