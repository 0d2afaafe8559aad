"""Which samples are used when: a pure function of (dataset, seed, epoch).

A split is read in windows. One window covers a split that fits in memory; a larger split has many,
each of a few row groups. In each epoch the row groups are put in a new order, cut into windows,
and the rows of each window are shuffled. So the position in an epoch determines the sample, and
only one window has to be in memory.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from distnet.data.column import Ints
from distnet.data.manifest import Manifest
from distnet.data.samplers.sampler import Sampler
from distnet.data.shuffle import shuffled
from distnet.errors import DataError

WINDOWS_IN_MEMORY = 8  # one in use, one being read, the rest for the reader's own copies


@dataclass(frozen=True)
class Window:
    """Row groups to hold at once, and the rows of their concatenation in the order of use."""

    first: int
    """Position in the epoch of the window's first sample."""
    groups: Ints
    rows: Ints


@dataclass(frozen=True, eq=False)  # compared by identity: hashing all groups would take long
class Order:
    """The order of one split.

    Args:
        groups: samples in each row group, in the order of the shards.
        window: row groups a window.
        seed: of the shuffles; None leaves the samples in the order of the dataset.
        sampler: lists the samples of an epoch instead, where there is one window.
    """

    groups: tuple[int, ...]
    window: int
    seed: int | None
    sampler: Sampler | None = None

    @cached_property
    def num_samples(self) -> int:
        """Samples of an epoch."""
        return sum(self.groups) if self.sampler is None else self.sampler.num_samples

    @cached_property
    def num_windows(self) -> int:
        """Windows of an epoch."""
        return -(-len(self.groups) // self.window)

    def window_at(self, epoch: int, position: int) -> int:
        """The window that holds the sample at `position` of `epoch`."""
        if self.num_windows == 1:
            return 0
        starts = _window_starts(self, epoch)
        return int(np.searchsorted(starts, position, side="right")) - 1

    def read_window(self, epoch: int, index: int) -> Window:
        """The groups and rows of window `index` of `epoch`."""
        if self.sampler is not None:
            everything = np.arange(len(self.groups), dtype=np.int64)
            return Window(0, everything, self.sampler.ids(epoch))
        groups = _group_order(self, epoch)[index * self.window : (index + 1) * self.window]
        if self.num_windows == 1:
            groups = np.sort(groups)  # held once for all epochs: only the rows are shuffled
        rows = np.arange(sum(self.groups[g] for g in groups), dtype=np.int64)
        if self.seed is not None:
            rows = shuffled(rows, self.seed, epoch, index)
        return Window(int(_window_starts(self, epoch)[index]), groups, rows)

    def window_ids(self, window: Window) -> Ints:
        """The samples of a window in the order of use, by their index in the split."""
        if self.num_windows == 1:
            return window.rows
        firsts = np.concatenate([[0], np.cumsum(self.groups)])
        ids = [np.arange(firsts[g], firsts[g + 1], dtype=np.int64) for g in window.groups]
        return np.concatenate(ids)[window.rows]

    def ids(self, epoch: int, low: int, high: int) -> Ints:
        """The samples at positions `low` to `high` (exclusive) of `epoch`, as `window_ids`."""
        first, last = self.window_at(epoch, low), self.window_at(epoch, high - 1)
        windows = [self.read_window(epoch, index) for index in range(first, last + 1)]
        start = low - windows[0].first
        return np.concatenate([self.window_ids(w) for w in windows])[start : start + high - low]


def order_of(
    manifest: Manifest,
    split: str,
    *,
    memory_bytes: int,
    seed: int | None,
    sampler: Sampler | None = None,
) -> Order:
    """The order of a split, from the manifest alone.

    Args:
        manifest: of the dataset.
        split: the split's name.
        memory_bytes: a split up to this size is one window.
        seed: of the shuffles; None leaves the samples in the order of the dataset.
        sampler: lists the samples of an epoch instead.

    Raises:
        DataError: there is no such split, or it does not fit in memory where a sampler needs that.
    """
    groups, window_bytes = manifest.split(split).groups, memory_bytes // WINDOWS_IN_MEMORY
    window, total = len(groups), manifest.memory_bytes(split)
    if sampler is not None and total > memory_bytes:
        raise DataError(
            f"dataset {manifest.name!r}: the split {split} takes {total:,} bytes in memory, but "
            f"data.memory is {memory_bytes:,}; a view or sampler needs all of it: raise data.memory"
        )
    if total > memory_bytes:
        window = window_bytes * sum(groups) // (max(groups) * total)
    return Order(groups, max(1, window), seed, sampler)


@dataclass(frozen=True)
class Batches:
    """How an epoch is cut into batches, and a batch into slices.

    Every sample is used exactly once an epoch. A remainder too small to give each slice two samples
    joins the batch before it, so no slice is ever empty.
    """

    num_samples: int
    batch_size: int
    slices: int

    @cached_property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch; the last may be smaller, or larger by a small remainder."""
        full, rest = divmod(self.num_samples, self.batch_size)
        return max(1, full + (rest >= 2 * self.slices))

    def batch(self, step: int) -> tuple[int, int]:
        """First position and end of batch `step` (counted from 0 within the epoch)."""
        last = step == self.steps_per_epoch - 1
        low = step * self.batch_size
        return low, self.num_samples if last else low + self.batch_size

    def slice(self, step: int, index: int) -> tuple[int, int]:
        """First position and end of slice `index` of batch `step`."""
        low, high = self.batch(step)
        size = high - low
        return low + index * size // self.slices, low + (index + 1) * size // self.slices

    @property
    def smallest_slice(self) -> int:
        """Samples of the smallest slice of an epoch."""
        sizes = [high - low for low, high in map(self.batch, {0, self.steps_per_epoch - 1})]
        return min(sizes) // self.slices


@lru_cache(maxsize=4)
def _group_order(order: Order, epoch: int) -> Ints:
    groups = np.arange(len(order.groups), dtype=np.int64)
    return groups if order.seed is None else shuffled(groups, order.seed, epoch)


@lru_cache(maxsize=4)
def _window_starts(order: Order, epoch: int) -> Ints:
    sizes = np.array([order.groups[g] for g in _group_order(order, epoch)], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    return starts[:: order.window]
