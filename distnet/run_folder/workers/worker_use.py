"""What a worker uses of its node, as it measures itself: CPU time, memory, its GPU."""

import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GpuLoad = Callable[[], float | None]
"""Returns how busy the worker's GPU is now, 0 to 1; None if that is unknown."""

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of one ru_maxrss
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class WorkerUse:
    """What the process of a worker has used since it started."""

    cpu_s: float = 0.0
    """User and system time of all its threads."""
    peak_bytes: int = 0
    """The most memory that it had at once (resident)."""
    node_bytes: int = 0
    """The memory of its node, or of its container."""
    gpu_s: float | None = None
    """Seconds in which its GPU computed; None if that is unknown."""


class UseMeter:
    """Measures this process; a call costs a few microseconds.

    Args:
        gpu_load: of its GPU; None without one, or if its load cannot be read.
    """

    def __init__(self, gpu_load: GpuLoad | None = None) -> None:
        self._gpu_load = gpu_load
        self._gpu_s: float | None = None
        self._node_bytes = _node_bytes()

    def __call__(self, passed_s: float) -> WorkerUse:
        """Measure now; the GPU is taken to have been as busy as it is now for `passed_s`."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        load = self._gpu_load() if self._gpu_load is not None else None
        if load is not None:
            self._gpu_s = (self._gpu_s or 0.0) + load * passed_s
        return WorkerUse(
            cpu_s=used.ru_utime + used.ru_stime,
            peak_bytes=used.ru_maxrss * RSS_UNIT,
            node_bytes=self._node_bytes,
            gpu_s=self._gpu_s,
        )


def to_numbers(use: WorkerUse) -> tuple[int, int, int, int]:
    """Write a use as whole numbers: milliseconds and bytes."""
    gpu_ms = UNKNOWN if use.gpu_s is None else round(use.gpu_s * 1e3)
    return round(use.cpu_s * 1e3), use.peak_bytes, use.node_bytes, gpu_ms


def from_numbers(cpu_ms: int, peak_bytes: int, node_bytes: int, gpu_ms: int) -> WorkerUse:
    """Read what `to_numbers` wrote."""
    return WorkerUse(
        cpu_s=cpu_ms / 1e3,
        peak_bytes=peak_bytes,
        node_bytes=node_bytes,
        gpu_s=None if gpu_ms == UNKNOWN else gpu_ms / 1e3,
    )


def _node_bytes() -> int:
    node = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # `max` if the container has no limit
        return min(node, int(CGROUP_LIMIT.read_text()))
    return node
