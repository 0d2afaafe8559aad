"""Which samples were taken, as two numbers: how many, and the sum of a hash of each.

The sum modulo 2^64 is the same in any order and adds up over slices, workers and attempts; a sample
that is taken twice or left out changes it. Source: Clarke et al. 2003, "Incremental Multiset Hash
Functions and Their Application to Memory Integrity Checking" (as AdHash). It finds faults; it does
not protect against somebody who searches for collisions. The hash is in `sample_hash.py`.
"""

from typing import NamedTuple

MASK = (1 << 64) - 1


class SampleDigest(NamedTuple):
    """A multiset of samples."""

    num_samples: int = 0
    hash: int = 0

    def plus(self, other: "SampleDigest") -> "SampleDigest":
        """These samples and those."""
        return SampleDigest(self.num_samples + other.num_samples, (self.hash + other.hash) & MASK)

    def minus(self, other: "SampleDigest") -> "SampleDigest":
        """These samples without those."""
        return SampleDigest(self.num_samples - other.num_samples, (self.hash - other.hash) & MASK)

    @property
    def hexadecimal(self) -> str:
        """The hash as 16 digits."""
        return f"{self.hash:016x}"
