"""The processes of a node, which carry its mark in their environment, and all below them."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from distnet.cluster.hosts.on_host.messages import Failure

MARK = "DISTNET_NODE"
"""The variable that carries the mark; the same as in `launch/ray/node.py`."""
OF_RAY = ".ray"
"""Ends the mark of Ray's processes; the same as in `cluster/node/ray_part.py`."""
PROC = Path("/proc")
GRACE_S = 20.0
KILL_S = 10.0
POLL_S = 0.1


def marked(mark: str) -> set[int]:
    """The ids of the processes with this mark, and of all below them; not of this process."""
    marks = {f"{MARK}={mark}{part}".encode() for part in ("", OF_RAY)}
    parents: dict[int, int] = {}
    found: set[int] = set()
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state == "Z":
                continue
            parents[int(folder.name)] = int(parent)
            if marks.intersection((folder / "environ").read_bytes().split(b"\0")):
                found.add(int(folder.name))
    while below := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= below
    return found - {os.getpid()}


def end(pid: int | None, mark: str) -> int:
    """End the node's processes, and wait until they are gone; returns how many there were.

    Args:
        pid: of the node's own process, which ends the others gracefully.
        mark: of the node.
    """
    found = marked(mark)
    if pid in found:
        assert pid is not None
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: pid not in marked(mark), GRACE_S)
    deadline = time.monotonic() + KILL_S
    while True:
        left = marked(mark)
        found |= left
        # One that is ending has no environment any more, but still holds its ports.
        if not left and not any(map(is_alive, found)):
            return len(found)
        if time.monotonic() > deadline:
            remedy = "end them by hand, or restart the host"
            raise Failure("still-running", f"processes {sorted(found)} do not end", remedy)
        for other in left:
            with suppress(OSError):
                os.kill(other, signal.SIGKILL)
        time.sleep(POLL_S)


def is_alive(pid: int) -> bool:
    """Whether a process has not ended; a zombie has."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(is_so: Callable[[], bool], timeout_s: float) -> None:
    """Wait until something is so, at most for a time."""
    deadline = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(POLL_S)
