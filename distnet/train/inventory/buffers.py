"""Buffers of a network: constants, and statistics that change while it trains.

Their changes travel with the row of a slice, and their mean over the slices is applied; the buffers
themselves stay in their own types. So what does not change keeps its value to the last bit.

    in the row, as fp32       changes of up to 32 bits of a float, and small ones of integers
    in a sum of its own       only in steps where a float64 has changed, or an integer by much

An integer moves by the rounded mean. A change that is NaN or infinite is found in the sum, as in a
loss; an infinite constant, as in a mask, does not change.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from distnet.train.inventory.entries import Entry
from distnet.train.inventory.requirements import require_same

LARGEST_IN_ROW = 1 << 12
"""Changes of integers up to here are exact in fp32, added up over 4,096 slices."""
LONG = (torch.int32, torch.int64, torch.uint32, torch.uint64)
LOW = (1 << 32) - 1


class Change(NamedTuple):
    """By how much the buffers have changed on one slice, or on all of them."""

    row: Tensor
    """[B]: fp32; ends with 1 for a slice whose change needs `wide`."""
    wide: Tensor
    """[W]: float64; each float64, then the higher and the lower half of each integer."""


class Buffers:
    """Some buffers of a network; a network may put new tensors of the same form there.

    Letters: B numbers in the row, W in the wide sum; a complex number counts as two.

    Args:
        entries: where they are.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._sizes: list[list[int]] = [[], [], []]
        for entry in entries:
            self._sizes[_kind(entry.tensor)].append(_numbers(entry.tensor.detach()).numel())
        small, long, double = map(sum, self._sizes)
        self.num_wide = double + 2 * long
        """W."""
        self.num_numbers = small + long + bool(self.num_wide)
        """B."""

    def read(self) -> list[Tensor]:
        """Copy all buffers, each in its own type."""
        return [buffer.clone() for buffer in self._now()]

    def write(self, values: list[Tensor]) -> None:
        """Set all buffers."""
        for buffer, value in zip(self._now(), values, strict=True):
            buffer.copy_(value)

    def change_since(self, before: list[Tensor]) -> Change:
        """By how much each number has changed; what was NaN and is so still has not."""
        now, then = _joined(self._now()), _joined(before)
        small, double = _difference(now[0], then[0]), _difference(now[2], then[2])
        if not self.num_wide:
            return Change(small, double)
        long = now[1] - then[1]
        is_large = (long > LARGEST_IN_ROW) | (long < -LARGEST_IN_ROW)
        # 0 x infinity is NaN: what is not finite is found in the row.
        is_wide = (is_large.any() | (double != 0).any()) + (double * 0).sum()
        row = torch.cat([small, long.float(), is_wide.float()[None]])
        return Change(row, torch.cat([double, (long >> 32).double(), (long & LOW).double()]))

    def move(self, before: list[Tensor], row: Tensor, wide: Tensor | None, slices: int) -> None:
        """Set all to the values `before` plus the mean change.

        Args:
            before: the values at the beginning of the step.
            row: [B], added up over all slices.
            wide: [W], added up as well; None where the row says all.
            slices: how many there are.
        """
        num_small, num_long, num_double = map(sum, self._sizes)
        small, long = row[:num_small], row[num_small : num_small + num_long].long()
        double = row.new_zeros(num_double, dtype=torch.float64)
        if wide is not None:
            double, high, low = torch.split(wide, [num_double, num_long, num_long])
            long = (high.long() << 32) + low.long()
        means = small / slices, _rounded_mean(long, slices), double / slices
        parts = [iter(torch.split(*each)) for each in zip(means, self._sizes, strict=True)]
        self.write([_moved(then, next(parts[_kind(then)])) for then in before])

    def parts(self) -> list[tuple[str, int]]:
        """The name of each buffer and how many numbers it has, in the order of the row."""
        named: list[list[str]] = [[], [], []]
        for entry in self._entries:
            named[_kind(entry.tensor)].append(entry.name)
        found = [pair for k in range(2) for pair in zip(named[k], self._sizes[k], strict=True)]
        return [*found, (" or ".join(named[2] or named[1]), 1)] if self.num_wide else found

    def _now(self) -> list[Tensor]:
        found = []
        for entry in self._entries:
            buffer = entry.now
            if buffer is None or (buffer.shape, buffer.dtype) != (entry.shape, entry.dtype):
                buffer = require_same(entry, buffer)
            found.append(buffer.detach())
        return found


def _kind(buffer: Tensor) -> int:
    """0: what fp32 holds exactly; 1: long integers; 2: float64."""
    if buffer.dtype == torch.float64:
        return 2
    return 1 if buffer.dtype in LONG else 0


def _numbers(buffer: Tensor) -> Tensor:
    """The numbers of a buffer as fp32, int64 or float64."""
    if buffer.is_complex():
        return torch.view_as_real(buffer.resolve_conj())
    return buffer.to((torch.float32, torch.int64, torch.float64)[_kind(buffer)])


def _joined(buffers: list[Tensor]) -> list[Tensor]:
    """All numbers of each kind as one vector."""
    parts = [[torch.empty(0, device=buffers[0].device)] for _ in range(3)]
    for buffer in buffers:
        parts[_kind(buffer)].append(_numbers(buffer).reshape(-1))
    types = torch.float32, torch.int64, torch.float64
    return [torch.cat([each.to(t) for each in part]) for part, t in zip(parts, types, strict=True)]


def _difference(now: Tensor, then: Tensor) -> Tensor:
    is_same = (now == then) | (now.isnan() & then.isnan())
    return (now - then).masked_fill_(is_same, 0.0)


def _rounded_mean(total: Tensor, count: int) -> Tensor:
    """The nearest integers to total / count; halves go to the even one."""
    mean = torch.div(total, count, rounding_mode="floor")
    rest = 2 * (total - mean * count)
    return mean + ((rest > count) | ((rest == count) & (mean % 2 == 1)))


def _moved(buffer: Tensor, change: Tensor) -> Tensor:
    numbers = _numbers(buffer)
    change = change.view(numbers.shape)
    if buffer.is_complex():
        return torch.view_as_complex(numbers + change)
    if not buffer.is_floating_point() and change.is_floating_point():
        change = change.round()
    return (numbers + change).to(buffer.dtype)
