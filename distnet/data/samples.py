"""Samples as tensors, by their position in an epoch: from memory, or streamed window by window."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property, reduce
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.data.order import Ints, Window, order_of
from distnet.data.sample_hash import running_hashes
from distnet.data.shards import ShardReader
from distnet.run_folder.sample_digest import MASK, SampleDigest


class Samples:
    """The samples of one split, taken by their position in an epoch.

    Windows are read one ahead of use in a thread, so memory holds two of them, whatever the size
    of the split; a split of one window is read once and kept.

    Args:
        folder: the dataset's folder.
        manifest: its manifest.
        split: the split's name.
        memory_bytes: a split up to this size is one window.
        seed: of the order; None leaves the samples in the order of the dataset.

    Raises:
        DataError: a shard is missing or damaged.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, split: str, *, memory_bytes: int, seed: int | None
    ) -> None:
        self._reader = ShardReader(folder, manifest, split)
        self.order = order_of(manifest, split, memory_bytes=memory_bytes, seed=seed)
        self._pool = ThreadPoolExecutor(1, "distnet-read")
        self._ahead: dict[tuple[int, int], Future[_Rows]] = {}
        self._held: dict[tuple[int, int], _Rows] = {}

    def take(self, epoch: int, low: int, high: int) -> Batch:
        """Take positions `low` to `high` (exclusive) of `epoch`.

        Returns:
            x [n, ...] as stored (uint8 or float32) and y, int64 [n] or float32 [n, ...].
        """
        parts = [rows.take(low, high) for rows in self._windows(epoch, low, high)]
        if len(parts) == 1:
            x, y = parts[0]
        else:
            x, y = torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])
        return Batch({"x": x, "y": y})

    def digest(self, epoch: int, low: int, high: int) -> SampleDigest:
        """SampleDigest what `take` gives for the same positions."""
        first, *others = [rows.digest(low, high) for rows in self._windows(epoch, low, high)]
        return reduce(SampleDigest.plus, others, first)

    def close(self) -> None:
        """Let go of the reading thread."""
        self._pool.shutdown(cancel_futures=True)

    def _windows(self, epoch: int, low: int, high: int) -> Iterable["_Rows"]:
        """The windows that hold these positions."""
        first = self.order.window_at(epoch, low)
        last = self.order.window_at(epoch, high - 1)
        # Positions only grow: a window that was passed is not needed again.
        self._held = {(epoch, w): self._rows(epoch, w) for w in range(first, last + 1)}
        return self._held.values()

    def _rows(self, epoch: int, index: int) -> "_Rows":
        key = (epoch, index)
        if key not in self._held:
            rows = self._ahead.pop(key).result() if key in self._ahead else self._read(epoch, index)
            self._held[key] = rows
            self._read_ahead(epoch, index)
        return self._held[key]

    def _read_ahead(self, epoch: int, index: int) -> None:
        windows = self.order.num_windows
        after = (epoch, index + 1) if index + 1 < windows else (epoch + 1, 0)
        if windows > 1:
            self._ahead = {after: self._pool.submit(self._read, *after)}

    def _read(self, epoch: int, index: int) -> "_Rows":
        window = self.order.read_window(epoch, index)
        ids = self.order.window_ids(window)
        held = next(iter(self._held.values()), None)
        if self.order.num_windows == 1 and held is not None:
            return _Rows(window, ids, held.x, held.y)
        if self.order.num_windows == 1:
            x, y = self._reader.read_all()
        else:
            x, y = self._read_groups(window.groups)
        return _Rows(window, ids, as_tensor(x), as_tensor(y))

    def _read_groups(self, groups: Ints) -> tuple[np.ndarray, np.ndarray]:
        """Read row groups into arrays made beforehand: one copy of a window, not two."""
        counts = [self.order.groups[g] for g in groups]
        arrays: tuple[np.ndarray, ...] = ()
        end = 0
        for group, count in zip(groups, counts, strict=True):
            read = self._reader.read_group(int(group))
            if not arrays:
                arrays = tuple(np.empty((sum(counts), *a.shape[1:]), a.dtype) for a in read)
            for array, part in zip(arrays, read, strict=True):
                array[end : end + count] = part
            end += count
        return arrays[0], arrays[1]


class _Rows:
    """The rows of one window, and the order in which they are used."""

    def __init__(self, window: Window, ids: Ints, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y
        self._first, self._rows, self._ids = window.first, torch.from_numpy(window.rows), ids

    def take(self, low: int, high: int) -> tuple[Tensor, Tensor]:
        rows = self._rows[max(low - self._first, 0) : high - self._first]
        return self.x.index_select(0, rows), self.y.index_select(0, rows)

    def digest(self, low: int, high: int) -> SampleDigest:
        start, stop = max(low - self._first, 0), min(high - self._first, len(self._ids))
        hashes = self._running_hashes
        return SampleDigest(stop - start, (hashes.item(stop) - hashes.item(start)) & MASK)

    @cached_property
    def _running_hashes(self) -> NDArray[np.uint64]:
        return running_hashes(self._ids)


def as_tensor(array: np.ndarray) -> Tensor:
    """Wrap an array; classes become int64, as torch's losses want them."""
    if array.dtype == np.int32:
        return torch.from_numpy(array.astype(np.int64))
    # Memory of Arrow is read-only, which torch's tensors cannot express.
    return torch.from_numpy(array if array.flags.writeable else array.copy())
