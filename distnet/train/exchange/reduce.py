"""The sum over all slices of all workers: the same bits everywhere.

Every worker writes the vector of each of its slices into a row of `rows` [S, n], adds up what it
can by itself, and calls the sum, which gives every worker the same total. The additions are those
of `tree.py`; only the transport of the rows differs:

    Alone          one worker: no rows travel
    SharedMemory   workers of one host see one another's rows
    Links          hosts (or GPUs) send one another the rows that they are left with

Short vectors: every worker receives all rows that are left and adds them up, in one round. Long
vectors: every worker adds up one stretch of the vector, then the stretches are gathered, which
moves no more bytes than a ring all-reduce (Thakur et al. 2005, "Optimization of Collective
Communication Operations in MPICH").
"""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor

from distnet.train.exchange.links import Links
from distnet.train.exchange.shared_memory import SharedRows
from distnet.train.exchange.tree import SHORT_BYTES, Addition, Tree, own_slices, stretch_of
from distnet.train.exchange.worker_group import WorkerGroup


class Sum(Protocol):
    """Adds the rows of all slices along the one tree."""

    @property
    def rows(self) -> Tensor:
        """[S, n]: where the vectors of this worker's slices are to be written for this step."""
        ...

    def add_own(self, index: int) -> None:
        """Row `index` is written: make the additions that this completes."""
        ...

    def __call__(self) -> Tensor:
        """Wait for all workers and return the total [n], valid until the next call."""
        ...

    def close(self) -> None:
        """Release shared memory."""
        ...


def build_sum(
    group: WorkerGroup,
    slices: int,
    length: int,
    *,
    dtype: torch.dtype = torch.float32,
    mode: str = "exact",
) -> Sum:
    """Choose how rows travel between these workers.

    Args:
        group: the workers.
        slices: S.
        length: n, the numbers of a row.
        dtype: of the rows.
        mode: `exact`, or `fast` for torch's own all-reduce, whose bits depend on the workers.
    """
    parts = tuple(own_slices(rank, group.size, slices) for rank in range(group.size))
    tree = Tree(slices, parts)
    if mode == "fast" or group.size == 1:
        rows = torch.zeros(slices, length, dtype=dtype, device=group.device)
        return OwnSum(rows, tree, group)
    return TravellingSum(tree, group, length, dtype)


class OwnSum:
    """The rows of one worker; with more workers, their totals go through torch's all-reduce."""

    def __init__(self, rows: Tensor, tree: Tree, group: WorkerGroup) -> None:
        self.rows = rows
        self._own = tree.parts[group.rank]
        self._completed = _by_completion(tree, group.rank)
        self._roots = tree.roots[group.rank]
        self._workers = group.size

    def add_own(self, index: int) -> None:
        """Make the additions that row `index` completes."""
        _add(self.rows, self._completed.get(index, ()))

    def __call__(self) -> Tensor:
        """Return the total [n]."""
        first, *others = self._roots
        total = self.rows[first]
        for row in others:
            total.add_(self.rows[row])
        if self._workers > 1:
            dist.all_reduce(total)
        return total

    def close(self) -> None:
        """Nothing to release."""


class TravellingSum:
    """Rows of several workers, through shared memory on a host and links between hosts."""

    def __init__(self, tree: Tree, group: WorkerGroup, length: int, dtype: torch.dtype) -> None:
        itemsize = torch.empty(0, dtype=dtype).element_size()
        self._is_short = length * itemsize <= SHORT_BYTES
        self._completed = _by_completion(tree, group.rank)
        self._shared = SharedRows(group, tree.slices, length, dtype, pages=1 + self._is_short)
        hosts = _parts_of_hosts(tree, self._shared.hosts)
        self._links = Links(hosts, group, self._shared.hosts)
        self._tree = tree
        self._rank_on_host = self._shared.hosts[self._shared.host].index(group.rank)
        self._total = torch.zeros(length, dtype=dtype, device=group.device)
        self._spare: dict[int, Tensor] = {}

    @property
    def rows(self) -> Tensor:
        """[S, n]: the page of this step."""
        return self._shared.rows

    def add_own(self, index: int) -> None:
        """Make the additions that row `index` completes."""
        _add(self.rows, self._completed.get(index, ()))

    def __call__(self) -> Tensor:
        """Wait for all workers and return the total [n]."""
        total = self._sum_short() if self._is_short else self._sum_long()
        self._shared.turn_page()
        return total

    def close(self) -> None:
        """Release the shared memory."""
        self._shared.close()

    def _sum_short(self) -> Tensor:
        """Add up all rows that are left, into other memory: other workers still read them."""
        rows = self.rows
        self._shared.wait()
        if self._links.num_hosts > 1:
            if self._rank_on_host == 0:
                self._links.share_rows(rows, self._tree.roots)
            self._shared.wait()
        sums: dict[int, Tensor] = {}
        for left, right in self._tree.across:
            out = self._buffer(left)
            torch.add(sums.get(left, rows[left]), sums.get(right, rows[right]), out=out)
            sums[left] = out
        return sums[0]

    def _sum_long(self) -> Tensor:
        """Each worker of a host adds up its stretch of what the host can; hosts do the rest."""
        rows = self.rows
        self._shared.wait()
        hosts = self._shared.hosts
        low, high = stretch_of(self._rank_on_host, len(hosts[self._shared.host]), rows.shape[1])
        stretch = rows[:, low:high]
        _add(stretch, self._links.on_host(self._tree.across))
        self._shared.wait()
        if self._links.num_hosts > 1:
            if self._rank_on_host == 0:
                self._links.sum_rows(rows)
            self._shared.wait()
        self._total.copy_(rows[0])
        self._shared.wait()
        return self._total

    def _buffer(self, row: int) -> Tensor:
        if row not in self._spare:
            self._spare[row] = torch.empty_like(self._total)
        return self._spare[row]


def _by_completion(tree: Tree, rank: int) -> dict[int, tuple[Addition, ...]]:
    """For each own row, the additions that become possible once it is written, in order."""
    completed: dict[int, list[Addition]] = {}
    ends = {row: row for row in tree.parts[rank]}
    for left, right in tree.inside[rank]:
        ends[left] = ends[right]
        completed.setdefault(ends[right], []).append((left, right))
    return {row: tuple(made) for row, made in completed.items()}


def _add(rows: Tensor, pairs: Sequence[Addition]) -> None:
    for left, right in pairs:
        rows[left].add_(rows[right])


def _parts_of_hosts(tree: Tree, groups: Sequence[Sequence[int]]) -> tuple[range, ...]:
    return tuple(range(tree.parts[g[0]].start, tree.parts[g[-1]].stop) for g in groups)
