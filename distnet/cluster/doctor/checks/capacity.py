"""Memory, disks and limits."""

from collections.abc import Iterator

from distnet.cluster.doctor.facts import Folder, Node
from distnet.cluster.doctor.finding import Finding, fault, note, ok, warning
from distnet.cluster.doctor.registry import on_node
from distnet.cluster.doctor.units import size

SHARED_FEW, SHARED_ENOUGH = 128_000_000, 1_000_000_000
"""Docker gives 64 MB. Ray wants 79 MB, and workers exchange their gradients there."""
MEMORY_FEW = 2_000_000_000
"""A Ray node and one worker take about that."""
DISK_FEW, DISK_ENOUGH = 200_000_000, 5_000_000_000
FILES_FEW = 10_000
OPEN_FILES_FEW, OPEN_FILES_ENOUGH = 4_096, 65_536
"""Ray raises the soft limit to 65,536 by itself where the hard limit allows it."""
RUNS_ELSEWHERE = "remove old runs, or choose another disk"


@on_node
def shared_memory(node: Node) -> Iterator[Finding]:
    """Workers of one machine exchange gradients, and Ray keeps objects, in /dev/shm."""
    if node.shared_memory_bytes is None:
        yield warning("found no /dev/shm", "a memory file system", "mount -t tmpfs none /dev/shm")
        return
    free = node.shared_memory_free_bytes or 0
    what = f"/dev/shm has {size(free)} free of {size(node.shared_memory_bytes)}"
    larger = "docker run --shm-size=8g, or: mount -o remount,size=8G /dev/shm"
    if free < SHARED_FEW:
        yield fault(what, f"{size(SHARED_ENOUGH)} free or more", larger)
    elif free < SHARED_ENOUGH:
        yield warning(what, f"{size(SHARED_ENOUGH)} free or more", larger)
    else:
        yield ok(what)


@on_node
def memory(node: Node) -> Iterator[Finding]:
    """There is memory for a Ray node and a worker."""
    what = f"{size(node.memory_free_bytes)} of {size(node.memory_bytes)} memory are free"
    if node.memory_free_bytes < MEMORY_FEW:
        remedy = "end what uses it (ps aux --sort=-rss | head), or raise the container's limit"
        yield warning(what, f"{size(MEMORY_FEW)} free or more", remedy)
    else:
        yield ok(what)


@on_node
def disk(node: Node) -> Iterator[Finding]:
    """Runs, packages and temporary files have space, and may be written."""
    for folder in node.folders:
        yield _space(folder)


@on_node
def inodes(node: Node) -> Iterator[Finding]:
    """The disks take more files."""
    for folder in node.folders:
        if folder.free_files is not None and folder.free_files < FILES_FEW:
            what = f"{folder.path} ({folder.purpose}) takes {folder.free_files:,} more files"
            yield fault(what, f"{FILES_FEW:,} or more", RUNS_ELSEWHERE)


@on_node
def open_files(node: Node) -> Iterator[Finding]:
    """Ray may open the files and sockets that it needs."""
    hard = node.open_files[1]
    if hard < 0 or hard >= OPEN_FILES_ENOUGH:
        yield ok(f"a process may open {'any number of' if hard < 0 else f'{hard:,}'} files")
        return
    remedy = f"add to /etc/security/limits.conf: * hard nofile {OPEN_FILES_ENOUGH}; log in again"
    what = f"a process may open {hard:,} files"
    kind = warning if hard < OPEN_FILES_FEW else note
    yield kind(what, f"{OPEN_FILES_ENOUGH:,} for large clusters", remedy)


def _space(folder: Folder) -> Finding:
    what = f"{folder.path} ({folder.purpose}) has {size(folder.free_bytes)} free"
    what += f" of {size(folder.total_bytes)}"
    if not folder.is_writable:
        found = f"{folder.path} ({folder.purpose}) may not be written by this user"
        return fault(
            found, "a folder of this user", f"change its owner: chown -R $USER {folder.path}"
        )
    if folder.free_bytes < DISK_FEW:
        return fault(what, f"{size(DISK_ENOUGH)} or more", RUNS_ELSEWHERE)
    if folder.free_bytes < DISK_ENOUGH:
        return warning(what, f"{size(DISK_ENOUGH)} or more", RUNS_ELSEWHERE)
    return ok(what)
