"""The one tree: which worker adds which rows, for any number of workers.

S slice vectors are summed along a fixed binary tree, `sum(lo, hi) = sum(lo, mid) + sum(mid, hi)`
with `mid = (lo + hi) // 2`. Floating-point addition is not associative, so this order, and not the
number of workers, decides the last bits. An addition is written (left, right): row `right` is
added to row `left`, and the row of slice 0 ends up with the sum of all.
"""

from dataclasses import dataclass
from functools import cached_property

Addition = tuple[int, int]
ALIGNED = 16
"""Numbers of fp32 in 64 bytes."""
SHORT_BYTES = 1 << 20
"""Rows up to this size travel whole, in one round; longer ones in stretches, in two."""


def own_slices(rank: int, workers: int, slices: int) -> range:
    """The contiguous slices of one worker; `workers` need not divide `slices`."""
    return range(rank * slices // workers, (rank + 1) * slices // workers)


def stretch_of(index: int, count: int, length: int) -> tuple[int, int]:
    """First number and end of part `index` of `count` nearly equal parts of a vector.

    All parts begin at a multiple of 64 bytes, which NCCL and vector units move fastest.
    """
    return _bound(index, count, length), _bound(index + 1, count, length)


def _bound(index: int, count: int, length: int) -> int:
    return length if index == count else index * length // count // ALIGNED * ALIGNED


def additions(low: int, high: int) -> list[Addition]:
    """All additions of the tree over slices low..high, children before parents."""
    if high - low < 2:
        return []
    middle = (low + high) // 2
    return [*additions(low, middle), *additions(middle, high), (low, middle)]


@dataclass(frozen=True)
class Tree:
    """The tree over S slices, divided among consecutive groups of them (workers, or hosts)."""

    slices: int
    parts: tuple[range, ...]
    """The slices of each group, in order, covering all."""

    @cached_property
    def inside(self) -> tuple[tuple[Addition, ...], ...]:
        """The additions that each group can make by itself."""
        nodes = _nodes(0, self.slices)
        return tuple(
            tuple(
                addition for addition, low, high in nodes if part.start <= low and high <= part.stop
            )
            for part in self.parts
        )

    @cached_property
    def across(self) -> tuple[Addition, ...]:
        """The additions that need rows of several groups."""
        made = {addition for part in self.inside for addition in part}
        return tuple(a for a in additions(0, self.slices) if a not in made)

    @cached_property
    def roots(self) -> tuple[tuple[int, ...], ...]:
        """The rows that each group is left with after its own additions."""
        return tuple(
            tuple(row for row in part if row not in {right for _, right in made})
            for part, made in zip(self.parts, self.inside, strict=True)
        )


def _nodes(low: int, high: int) -> list[tuple[Addition, int, int]]:
    if high - low < 2:
        return []
    middle = (low + high) // 2
    return [*_nodes(low, middle), *_nodes(middle, high), ((low, middle), low, high)]
