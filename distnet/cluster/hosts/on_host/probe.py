"""Find out what a host is and offers; nothing is changed."""

import ipaddress
import json
import os
import platform
import shutil
import socket
import subprocess
import time
from pathlib import Path

from distnet.cluster.hosts.on_host.messages import Given, reply

NVIDIA = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
AMD = Path("/sys/class/kfd/kfd/topology/nodes")
ELSEWHERE = "192.0.2.1"
"""RFC 5737: reserved for documentation."""


def probe(given: Given) -> dict[str, object]:
    """List the facts.

    Args:
        given: `folder` of the cluster on this host; `towards`, the address of the head.
    """
    folder = Path(given["folder"]).expanduser()
    base = existing(folder)
    gpus, driver = nvidia_gpus()
    return {
        "folder": str(folder),
        "base": str(base),
        "is_writable": os.access(base, os.W_OK | os.X_OK),
        "free_bytes": shutil.disk_usage(base).free,
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": cpus(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": gpus or amd_gpus(),
        "driver": driver,
        "address": own_address(given["towards"]) if given["towards"] else reached_address(),
        "cluster": read(folder / "cluster.json"),
        "node": read(folder / "node.json"),
        "time": time.time(),
    }


def nvidia_gpus() -> tuple[list[str], str | None]:
    """Names of NVIDIA's GPUs, and the version of their driver."""
    try:
        found = subprocess.check_output(NVIDIA, stderr=subprocess.DEVNULL, timeout=20, text=True)
    except (OSError, subprocess.SubprocessError):
        return [], None
    rows = [line.split(", ") for line in found.strip().splitlines()]
    return [row[0] for row in rows], rows[0][-1] if rows else None


def amd_gpus() -> list[str]:
    """A name for each GPU that AMD's driver shows."""
    found = []
    for path in AMD.glob("*/properties"):
        try:
            facts = dict(line.split(" ", 1) for line in path.read_text().splitlines())
        except (OSError, ValueError):
            continue
        if int(facts.get("simd_count", "0")):  # CPUs have none
            found.append("AMD GPU")
    return found


def cpus() -> int:
    """The CPUs that this user may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def existing(path: Path) -> Path:
    """The folder, or the one nearest to it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def own_address(towards: str) -> str | None:
    """This host's address on the way to another; nothing is sent."""
    try:
        family = socket.getaddrinfo(towards, 9, type=socket.SOCK_DGRAM)[0][0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((towards, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def reached_address() -> str | None:
    """The address at which ssh reached this host; if that was on itself, that of its network."""
    words = os.environ.get("SSH_CONNECTION", "").split()
    if len(words) == 4 and not ipaddress.ip_address(words[2].partition("%")[0]).is_loopback:
        return words[2]
    return own_address(ELSEWHERE)


def read(path: Path) -> object:
    """The JSON of a file; None if there is none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


if __name__ == "__main__":
    reply(probe)
