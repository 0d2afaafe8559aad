"""Which samples were taken, as two numbers: how many, and the sum of a hash of each.

The sum modulo 2^64 is the same in any order and adds up over slices, workers and attempts; a sample
that is taken twice or left out changes it. Source: Clarke et al. 2003, "Incremental Multiset Hash
Functions and Their Application to Memory Integrity Checking" (as AdHash). It finds faults; against
someone who looks for collisions it is no protection.
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from distnet.data.order import Ints, scramble

MASK = (1 << 64) - 1
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Tally(NamedTuple):
    """A multiset of samples, told by their ids: their places in the split, shard after shard."""

    num_samples: int = 0
    hash: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """These samples and those."""
        return Tally(self.num_samples + other.num_samples, (self.hash + other.hash) & MASK)

    def minus(self, other: "Tally") -> "Tally":
        """These samples without those."""
        return Tally(self.num_samples - other.num_samples, (self.hash - other.hash) & MASK)

    @property
    def hexadecimal(self) -> str:
        """The hash as 16 digits."""
        return f"{self.hash:016x}"

    @classmethod
    def of(cls, ids: Ints) -> Self:
        """Tally samples by their ids [n]."""
        return cls(len(ids), int(hashes(ids).sum(dtype=np.uint64)))


def hashes(ids: Ints) -> NDArray[np.uint64]:
    """A hash of 64 bits for each id [n], by SplitMix64."""
    with np.errstate(over="ignore"):
        return scramble((ids.astype(np.uint64) + np.uint64(1)) * GOLDEN)


def running_hashes(ids: Ints) -> NDArray[np.uint64]:
    """[n + 1]: sums of the hashes of the first 0, 1, ... n ids."""
    sums = np.zeros(len(ids) + 1, dtype=np.uint64)
    np.cumsum(hashes(ids), out=sums[1:])
    return sums
