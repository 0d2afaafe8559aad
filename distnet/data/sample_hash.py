"""The hash of a sample, by its id: its index in the split, shard after shard."""

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Ints
from distnet.data.shuffle import GOLDEN, scramble
from distnet.run_folder.sample_digest import SampleDigest


def digest_of(ids: Ints) -> SampleDigest:
    """Digest samples by their ids [n]."""
    return SampleDigest(len(ids), int(hashes(ids).sum(dtype=np.uint64)))


def running_hashes(ids: Ints) -> NDArray[np.uint64]:
    """[n + 1]: sums of the hashes of the first 0, 1, ... n ids."""
    sums = np.zeros(len(ids) + 1, dtype=np.uint64)
    np.cumsum(hashes(ids), out=sums[1:])
    return sums


def hashes(ids: Ints) -> NDArray[np.uint64]:
    """A hash of 64 bits for each id [n], by SplitMix64."""
    with np.errstate(over="ignore"):
        return scramble((ids.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))
