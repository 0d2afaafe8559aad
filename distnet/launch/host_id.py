"""The identity of what processes must have in common to share memory."""

import os
import socket
from pathlib import Path


def host_id() -> str:
    """Name this machine or container, so that equal names see one another's /dev/shm.

    The kernel's boot tells machines apart, the namespaces and the memory file system tell the
    containers of one machine apart, and the host name tells machines apart that were cloned while
    they ran. To be wrongly apart costs speed, to be wrongly together would hang.
    """
    facts = [socket.gethostname(), *(_link(f"/proc/self/ns/{kind}") for kind in ("mnt", "ipc"))]
    for read in (_boot, _memory):
        try:
            facts.append(read())
        except OSError:
            facts.append("?")
    return "/".join(facts)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return "?"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _memory() -> str:
    shared = os.stat("/dev/shm")
    return f"{shared.st_dev}:{shared.st_ino}"
