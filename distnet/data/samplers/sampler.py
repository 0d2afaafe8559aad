"""What a sampler is: it lists the samples of an epoch, and so makes up the batches.

A sampler is constructed as `Sampler(index, seed, **options)`; the options are those of the job
file's `data.sampler`. Its lists depend on the dataset, the seed and the epoch alone, so any worker
finds its samples by their positions, and an audit can recompute the lists.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from distnet.data.column import Column, Ints


@dataclass(frozen=True)
class SplitIndex:
    """What a sampler can read of a split."""

    num_samples: int
    batch_size: int
    column: Callable[[str], Column]
    """Reads one field of all samples."""


class Sampler(Protocol):
    """Lists the samples of an epoch; a split must fit in memory for that."""

    num_samples: int
    """Of an epoch, the same for every epoch; known without reading samples."""

    def ids(self, epoch: int) -> Ints:
        """The samples of an epoch [num_samples] in the order of use, by their index."""
        ...
