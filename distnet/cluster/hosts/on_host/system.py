"""What a machine has: CPU, memory, disks, limits, clock."""

import ctypes
import os
import platform
import resource
import time
from pathlib import Path

from distnet.cluster.hosts.on_host.probe import cpus, existing

CPU_INFO, MEMORY_INFO = Path("/proc/cpuinfo"), Path("/proc/meminfo")
CGROUP, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
SHARED_MEMORY = Path("/dev/shm")
AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma"}
AVX2 = {"avx2", "fma"}
TIMEX_BYTES = 512
"""More than the kernel's `struct timex` has."""
UNSYNCHRONISED = 5
UNLIMITED_BYTES = 1 << 60
"""What version 1 of cgroups shows where there is no limit is larger."""


def system(folders: dict[str, str]) -> dict[str, object]:
    """List the facts.

    Args:
        folders: those whose disk space matters, by what they are for.
    """
    limit, period = quota()
    shared = space(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu": cpu_info().get("vendor_id") or platform.machine(),
        "instruction_set": instruction_set(),
        "num_cpus": cpus(),
        "cpu_quota": None if limit is None else limit / period,
        **memory(),
        "shared_memory_bytes": shared and shared["total_bytes"],
        "shared_memory_free_bytes": shared and shared["free_bytes"],
        "open_files": list(resource.getrlimit(resource.RLIMIT_NOFILE)),
        "folders": [{"purpose": name, **space(Path(p))} for name, p in folders.items()],
        "is_clock_synchronised": is_clock_synchronised(),
        "time": time.time(),
    }


def cpu_info() -> dict[str, str]:
    """What the kernel says of the first CPU."""
    try:
        first = CPU_INFO.read_text().split("\n\n", 1)[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def instruction_set() -> str:
    """What torch uses of this CPU, by torch's own rule: `AVX512`, `AVX2`, `DEFAULT`."""
    forced = os.environ.get("ATEN_CPU_CAPABILITY")
    if forced:
        return forced.upper()
    info = cpu_info()
    flags = set(info.get("flags", "").split())
    if flags >= AVX512:
        return "AVX512"
    if flags >= AVX2:
        return "AVX2"
    return "SVE" if "sve" in info.get("Features", "").split() else "DEFAULT"


def memory() -> dict[str, int]:
    """The memory that processes here may use, and how much of it is free."""
    try:
        lines = (line.split() for line in MEMORY_INFO.read_text().splitlines())
        known = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1}
    except (OSError, ValueError):
        known = {}
    total, free = known.get("MemTotal", 0), known.get("MemAvailable", 0)
    limit = least("memory.max", "memory/memory.limit_in_bytes")
    if limit is not None and limit < min(total, UNLIMITED_BYTES):
        used = least("memory.current", "memory/memory.usage_in_bytes") or 0
        total, free = limit, min(free, max(0, limit - used))
    return {"memory_bytes": total, "memory_free_bytes": free}


def quota() -> tuple[int | None, int]:
    """The microseconds of CPU that a container may use in a period; None: any."""
    for folder in own_cgroups():
        words = text(folder / "cpu.max").split()
        if len(words) == 2 and words[0].isdigit():
            return int(words[0]), int(words[1])
    limit = text(CGROUPS / "cpu" / "cpu.cfs_quota_us")
    period = text(CGROUPS / "cpu" / "cpu.cfs_period_us")
    return (int(limit), int(period)) if limit.isdigit() and period.isdigit() else (None, 1)


def least(name: str, first_version: str) -> int | None:
    """The least number of a file in this process's cgroups; None: there is none."""
    texts = [text(folder / name) for folder in own_cgroups()] or [text(CGROUPS / first_version)]
    return min((int(each) for each in texts if each.isdigit()), default=None)


def own_cgroups() -> list[Path]:
    """The folders of this process's cgroups of version 2, the innermost first."""
    for line in text(CGROUP).splitlines():
        if line.startswith("0::") and (CGROUPS / "cgroup.controllers").exists():
            own = CGROUPS / line[3:].lstrip("/")
            return [
                own,
                *(folder for folder in own.parents if CGROUPS in (folder, *folder.parents)),
            ]
    return []


def space(path: Path) -> dict[str, object]:
    """The space on the disk of a folder, or of the nearest above it that exists."""
    folder = existing(path.expanduser().absolute())
    found = os.statvfs(folder)
    return {
        "path": str(path),
        "total_bytes": found.f_blocks * found.f_frsize,
        "free_bytes": found.f_bavail * found.f_frsize,
        "free_files": found.f_favail if found.f_files else None,
        "is_writable": os.access(folder, os.W_OK | os.X_OK),
    }


def is_clock_synchronised() -> bool | None:
    """Whether NTP keeps the clock right, as the kernel knows it; None: it does not say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != UNSYNCHRONISED


def text(path: Path) -> str:
    """The content of a small file; empty if it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
