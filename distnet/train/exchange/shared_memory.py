"""Rows that all workers of one host share: one mapped file in shared memory, and a barrier in it.

gloo's all-reduce of 52 KB costs about 0.5 ms between two processes of one machine; the sum through
these rows about 0.01 ms (`python -m tests.bench.exchange`). The barrier is one counter a worker, on
its own cache line, that the others read until it has caught up. That is enough on x86, where
stores are seen in program order; elsewhere, and on GPUs, the rows of every worker are private and
`links.py` sends them.
"""

import mmap
import os
import platform
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from distnet.errors import WorkerFailedError
from distnet.train.exchange.worker_group import WorkerGroup

SHARED_MEMORY = Path("/dev/shm")
LINE = 8  # int64 counters apart: one cache line of 64 bytes each
SPINS = 2000  # about 0.1 ms of spinning before the processor is yielded
PATIENCE_S = 86_400.0
"""Only a last resort: the launcher detects stuck workers earlier, from the heartbeats."""


class SharedRows:
    """Pages of rows [S, n], shared within groups of ranks.

    With two pages a worker may write the next step's rows while others still read this step's.
    """

    def __init__(
        self, group: WorkerGroup, slices: int, length: int, dtype: torch.dtype, *, pages: int
    ) -> None:
        itemsize = torch.empty(0, dtype=dtype).element_size()
        padded = -(-length * itemsize // 64) * 64 // itemsize  # every row begins a cache line
        num_bytes = pages * slices * padded * itemsize
        self.hosts = _ranks_by_host(group, num_bytes)
        self.host = next(i for i, ranks in enumerate(self.hosts) if group.rank in ranks)
        ranks = self.hosts[self.host]
        memory = _open(group, self.hosts, num_bytes)
        if len(ranks) > 1:
            numbers = torch.frombuffer(memory, dtype=dtype, offset=_header(len(ranks)))
        else:
            numbers = torch.zeros(pages * slices * padded, dtype=dtype, device=group.device)
        self._pages = numbers.view(pages, slices, padded)[:, :, :length]
        self._page = self._count = 0
        self._me, self._ranks = ranks.index(group.rank), ranks
        self._counters = memoryview(memory).cast("B")[: _header(len(ranks))].cast("q")
        self._others = [i * LINE for i in range(len(ranks)) if i != self._me]
        self._yields_at_once = len(ranks) > (os.cpu_count() or 1)

    @property
    def rows(self) -> Tensor:
        """[S, n]: the page of this step."""
        return self._pages[self._page]

    def turn_page(self) -> None:
        """Switch to the page of the next step."""
        self._page = (self._page + 1) % len(self._pages)

    def wait(self) -> None:
        """Wait until every worker of the host has called this as often as this one.

        Raises:
            WorkerFailedError: one did not arrive within a day.
        """
        self._count += 1
        counters, count = self._counters, self._count
        counters[self._me * LINE] = count
        for counter in self._others:
            spins = SPINS if not self._yields_at_once else 0
            while counters[counter] < count and spins:
                spins -= 1
            if counters[counter] < count:
                self._wait_long(counter)

    def close(self) -> None:
        """Release the memory; the file behind it was unlinked when all had opened it."""
        self._counters = memoryview(bytearray(8)).cast("q")

    def _wait_long(self, counter: int) -> None:
        began = time.monotonic()
        while self._counters[counter] < self._count:
            waited = time.monotonic() - began
            time.sleep(0 if waited < 0.01 else 0.0002)
            if waited > PATIENCE_S:
                rank = self._ranks[counter // LINE]
                raise WorkerFailedError(
                    f"worker {rank} did not arrive at the sum within {PATIENCE_S:.0f} s; "
                    f"see logs/worker-{rank}.log in the run folder"
                )


def _ranks_by_host(group: WorkerGroup, num_bytes: int) -> tuple[tuple[int, ...], ...]:
    """Ranks that can share memory, in order; each rank alone where they cannot."""
    alone = tuple((rank,) for rank in range(group.size))
    if group.device != "cpu" or platform.machine() not in ("x86_64", "AMD64"):
        return alone
    groups: list[list[int]] = []
    for rank, host in enumerate(group.hosts):
        if groups and group.hosts[groups[-1][-1]] == host:
            groups[-1].append(rank)
        else:
            groups.append([rank])
    # Containers often have 64 MB of shared memory; all workers must decide alike.
    fits: list[bool] = [False] * group.size
    dist.all_gather_object(fits, _free_bytes() > num_bytes + (1 << 20))
    return tuple(map(tuple, groups)) if all(fits) else alone


def _free_bytes() -> int:
    try:
        stat = os.statvfs(SHARED_MEMORY)
    except OSError:
        return 0
    return stat.f_bavail * stat.f_frsize


def _open(group: WorkerGroup, groups: tuple[tuple[int, ...], ...], num_bytes: int) -> mmap.mmap:
    """Map the file of this rank's host, made by the host's first rank and unlinked at once."""
    ranks = next(g for g in groups if group.rank in g)
    total = _header(len(ranks)) + num_bytes
    if len(groups) == group.size:
        return mmap.mmap(-1, _header(1))
    path = ""
    if group.rank == ranks[0]:
        handle, path = tempfile.mkstemp(prefix="distnet-", dir=SHARED_MEMORY)
        os.posix_fallocate(handle, 0, total)
        os.close(handle)
    paths: list[str] = [""] * group.size
    dist.all_gather_object(paths, path)
    with open(paths[ranks[0]], "r+b") as file:
        memory = mmap.mmap(file.fileno(), total)
    dist.barrier()
    if group.rank == ranks[0]:
        os.unlink(path)
    return memory


def _header(workers: int) -> int:
    return workers * LINE * 8
