"""Samples as batches, by their position in an epoch: from memory, or streamed window by window."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property, reduce
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from distnet.data.batch import Batch, Ragged
from distnet.data.batch import Column as BatchColumn
from distnet.data.column import Array, Column, Ints, RaggedArray, join, select
from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest
from distnet.data.order import Window, order_of
from distnet.data.sample_hash import running_hashes
from distnet.data.samplers.sampler import Sampler
from distnet.data.shards import ShardReader
from distnet.data.views.view import View
from distnet.run_folder.sample_digest import MASK, SampleDigest

Loaded = dict[str, Column | Tensor]
"""Columns of a window; those of one shape are tensors."""


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
        fields: those that are needed, and read; None for all.
        view: makes samples of the rows; None where each row is one.
        sampler: lists the samples of an epoch; None for each of them once.

    Raises:
        DataError: a shard is missing or damaged.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        split: str,
        *,
        memory_bytes: int,
        seed: int | None,
        fields: Sequence[str] | None = None,
        view: View | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        self._view, self._split = view, split
        self._reader = ShardReader(folder, manifest, split, fields if view is None else view.reads)
        self._fields = self._reader.fields if view is None else view.fields
        self.order = order_of(
            manifest, split, memory_bytes=memory_bytes, seed=seed, sampler=sampler
        )
        self._pool = ThreadPoolExecutor(1, "distnet-read")
        self._ahead: dict[tuple[int, int], Future[_Rows]] = {}
        self._held: dict[tuple[int, int], _Rows] = {}

    def take(self, epoch: int, low: int, high: int) -> Batch:
        """Take positions `low` to `high` (exclusive) of `epoch`.

        Returns:
            Each field as stored; indices of classes and tokens are int64.
        """
        parts = [rows.take(low, high) for rows in self._windows(epoch, low, high)]
        columns = parts[0] if len(parts) == 1 else _joined(parts)
        return Batch({n: as_tensors(columns[n], f) for n, f in self._fields.items()})

    def digest(self, epoch: int, low: int, high: int) -> SampleDigest:
        """Digest of the samples that `take` gives for the same positions."""
        first, *others = [rows.digest(low, high) for rows in self._windows(epoch, low, high)]
        return reduce(SampleDigest.plus, others, first)

    def close(self) -> None:
        """Stop the reading thread."""
        self._pool.shutdown(cancel_futures=True)

    def _windows(self, epoch: int, low: int, high: int) -> list["_Rows"]:
        """The windows that hold these positions."""
        if self.order.num_windows == 1 and (epoch, 0) in self._held:
            return [self._held[epoch, 0]]
        first = self.order.window_at(epoch, low)
        last = self.order.window_at(epoch, high - 1)
        # Positions only grow: a window that was passed is not needed again.
        self._held = {(epoch, w): self._rows(epoch, w) for w in range(first, last + 1)}
        return list(self._held.values())

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
        if self.order.num_windows == 1 and self._held:
            (held,) = self._held.values()
            return self._of(window, ids, held.columns)
        columns: Loaded = dict(self._reader.read(window.groups.tolist()))
        if self._view is None:  # as tensors, which are quicker to index than arrays
            columns = {n: _tensor(c) if _is_plain(c) else c for n, c in columns.items()}
        return self._of(window, ids, columns)

    def _of(self, window: Window, ids: Ints, columns: Loaded) -> "_Rows":
        return _Rows(window, ids, columns, self._view, self._split)


class _Rows:
    """The rows of one window, and the order in which they are used."""

    def __init__(  # noqa: PLR0917
        self, window: Window, ids: Ints, columns: Loaded, view: View | None, split: str
    ) -> None:
        self.columns, self._view, self._split = columns, view, split
        self._first, self._ids = window.first, ids
        self._rows = torch.from_numpy(window.rows)

    def take(self, low: int, high: int) -> Loaded:
        rows = self._rows[max(low - self._first, 0) : high - self._first]
        if self._view is not None:
            return dict(self._view.take(self.columns, rows.numpy(), self._split))  # type: ignore[arg-type]
        return {
            name: column.index_select(0, rows)
            if isinstance(column, Tensor)
            else select(column, rows.numpy())
            for name, column in self.columns.items()
        }

    def digest(self, low: int, high: int) -> SampleDigest:
        start, stop = max(low - self._first, 0), min(high - self._first, len(self._ids))
        hashes = self._running_hashes
        return SampleDigest(stop - start, (hashes.item(stop) - hashes.item(start)) & MASK)

    @cached_property
    def _running_hashes(self) -> NDArray[np.uint64]:
        return running_hashes(self._ids)


def as_tensors(column: Column | Tensor, field: Field) -> BatchColumn:
    """Wrap samples, decoded where they are encoded; indices become int64, as torch wants them."""
    if isinstance(column, Tensor):
        return column
    decoded = field.decoded(column)
    if isinstance(decoded, RaggedArray):
        return Ragged(_tensor(decoded.values), torch.from_numpy(decoded.lengths))
    if isinstance(decoded, list):
        return [_tensor(sample) for sample in decoded]
    return _tensor(decoded)


def _joined(parts: Sequence[Loaded]) -> Loaded:
    """Put the samples of several windows one after the other."""
    joined: Loaded = {}
    for name, first in parts[0].items():
        columns: Any = [part[name] for part in parts]
        joined[name] = torch.cat(columns) if isinstance(first, Tensor) else join(columns)
    return joined


def _is_plain(column: Column | Tensor) -> TypeGuard[Array]:
    """Whether all samples of a column have one shape and are stored as numbers."""
    return isinstance(column, np.ndarray)


def _tensor(array: Array) -> Tensor:
    # Memory of Arrow is read-only, which torch's tensors cannot express.
    tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
    return tensor.long() if array.dtype == np.int32 else tensor
