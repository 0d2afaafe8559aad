"""Shuffles and random numbers that are pure functions of a key.

They sort by a hash rather than draw from a library's generator, whose streams change between
versions. Source of the hash: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
Generators" (2014), as SplitMix64.
"""

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Ints

GOLDEN = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio: the increment of SplitMix64."""
_MASK = (1 << 64) - 1


def mix(*numbers: int) -> int:
    """Hash whole numbers into one of 64 bits."""
    state = 0
    for number in numbers:
        state = _scramble_one((state ^ (number & _MASK)) + GOLDEN)
    return state


def shuffled(numbers: Ints, *key: int) -> Ints:
    """Put distinct `numbers` [n] in an order that depends on them and on `key` alone."""
    start = np.uint64(mix(*key))
    with np.errstate(over="ignore"):
        hashes = scramble(numbers.astype(np.uint64) * np.uint64(GOLDEN) + start)
    return numbers[np.argsort(hashes, kind="stable")]


def uniform(ids: Ints, count: int, *key: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), [n, count], that depend on each id [n] and on `key` alone."""
    with np.errstate(over="ignore"):
        starts = scramble(ids.astype(np.uint64) * np.uint64(GOLDEN) + np.uint64(mix(*key)))
        states = starts[:, None] + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        hashes = scramble(states)
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


def scramble(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of each number of 64 bits [n]: the last part of SplitMix64."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _scramble_one(state: int) -> int:
    state &= _MASK
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
    return state ^ (state >> 31)
